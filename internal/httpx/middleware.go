package httpx

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"
)

// recorder remembers what was answered. It hides no ability of the writer it
// wraps from http.ResponseController.
type recorder struct {
	http.ResponseWriter
	status int // 0 until the header is written
	bytes  int64
}

func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

func (r *recorder) WriteHeader(status int) {
	// Informational answers precede the real one.
	if r.status == 0 && status >= http.StatusOK {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(p []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	n, err := r.ResponseWriter.Write(p)
	r.bytes += int64(n)
	return n, err
}

// ReadFrom keeps the fast way of sending files.
func (r *recorder) ReadFrom(from io.Reader) (int64, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	n, err := io.Copy(r.ResponseWriter, from)
	r.bytes += n
	return n, err
}

// AccessLog notes each request when it has been answered, at debug level;
// those that failed on our side at warning level. Streams are noted when they
// end.
func AccessLog(logger *slog.Logger, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		// Within Recover the answer is recorded already.
		answer, ok := w.(*recorder)
		if !ok {
			answer = &recorder{ResponseWriter: w}
		}
		defer func() {
			level := slog.LevelDebug
			if answer.status >= http.StatusInternalServerError && answer.status != http.StatusNotImplemented {
				level = slog.LevelWarn
			}
			if !logger.Enabled(r.Context(), level) {
				return
			}
			logger.LogAttrs(r.Context(), level, "request", slog.String("method", r.Method), slog.String("path", r.URL.Path),
				slog.Int("status", answer.status), slog.Int64("bytes", answer.bytes),
				slog.String("remote", r.RemoteAddr), slog.Duration("dur", time.Since(began)))
		}()
		next.ServeHTTP(answer, r)
	})
}

// Recover ends a request whose handler panics, and only this request: with 500
// if nothing has been sent yet, by cutting the connection otherwise. The state
// that handlers share is immutable or belongs to an actor, whose own panics
// end the process.
func Recover(logger *slog.Logger, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer := &recorder{ResponseWriter: w}
		defer func() {
			reason := recover()
			if reason == nil {
				return
			}
			if reason == http.ErrAbortHandler { //nolint:errorlint // It is compared by identity, like net/http does.
				panic(reason)
			}
			logger.ErrorContext(r.Context(), "a handler panicked", "method", r.Method, "path", r.URL.Path,
				"err", fmt.Sprint(reason), "stack", string(debug.Stack()))
			if answer.status != 0 {
				panic(http.ErrAbortHandler)
			}
			w.Header().Set("Connection", "close")
			WriteText(w, http.StatusInternalServerError, "internal error; the server's log has the details")
		}()
		next.ServeHTTP(answer, r)
	})
}
