package httpx

import (
	"context"
	"log/slog"
	"net/http"
	"strconv"
	"strings"

	"github.com/meseta/meseta/internal/fault"
)

// Status is the HTTP status of a kind of error. This is the only place where
// the two meet.
func Status(kind fault.Kind) int {
	switch kind {
	case fault.Invalid:
		return http.StatusBadRequest
	case fault.NotFound:
		return http.StatusNotFound
	case fault.Conflict:
		return http.StatusConflict
	case fault.Unauthenticated:
		return http.StatusUnauthorized
	case fault.Forbidden:
		return http.StatusForbidden
	case fault.Unavailable, fault.Fenced:
		return http.StatusServiceUnavailable
	case fault.TooSlow:
		return http.StatusRequestTimeout
	case fault.TooLarge:
		return http.StatusRequestEntityTooLarge
	case fault.Unimplemented:
		return http.StatusNotImplemented
	case fault.UnsupportedMedia:
		return http.StatusUnsupportedMediaType
	default:
		return http.StatusInternalServerError
	}
}

// WriteError answers with the status of err's kind and its message as plain
// text. Errors of ours are logged with their cause; the others are the
// client's to read.
func WriteError(ctx context.Context, w http.ResponseWriter, logger *slog.Logger, err error) {
	if kind := fault.KindOf(err); kind == fault.Internal {
		logger.ErrorContext(ctx, "a request failed", "err", fault.Detail(err))
	}
	WriteText(w, Status(fault.KindOf(err)), fault.Message(err))
}

// WriteText answers with plain text, as Mesos does for every refusal.
func WriteText(w http.ResponseWriter, status int, text string) {
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text)) // a client that is gone is nobody's error
}

// WriteStatus answers with the sentence that Mesos has for a status alone,
// such as "404 Not Found.".
func WriteStatus(w http.ResponseWriter, status int) {
	WriteText(w, status, strconv.Itoa(status)+" "+http.StatusText(status)+".")
}

// NotFound answers requests for paths that do not exist.
func NotFound(w http.ResponseWriter, _ *http.Request) { WriteStatus(w, http.StatusNotFound) }

// Methods lets only the listed methods through to next. The others get 405 in
// the words of Mesos.
func Methods(next http.Handler, methods ...string) http.Handler {
	allow := strings.Join(methods, ", ")
	quoted := "'" + strings.Join(methods, "', '") + "'"
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, m := range methods {
			if r.Method == m {
				next.ServeHTTP(w, r)
				return
			}
		}
		w.Header().Set("Allow", allow)
		WriteText(w, http.StatusMethodNotAllowed,
			"405 Method Not Allowed. Expecting one of { "+quoted+" }, but received '"+r.Method+"'.")
	})
}
