package httpx_test

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/meseta/meseta/internal/fault"
	"github.com/meseta/meseta/internal/httpx"
)

func TestAPanicEndsOnlyItsRequest(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(httpx.Recover(silent, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/before":
			panic("before the answer")
		case "/during":
			_, _ = io.WriteString(w, "half")
			_ = http.NewResponseController(w).Flush()
			panic("during the answer")
		}
	})))
	defer server.Close()
	defer server.Client().CloseIdleConnections()

	response, err := server.Client().Get(server.URL + "/before")
	if err != nil {
		t.Fatal(err)
	}
	if text, _ := io.ReadAll(response.Body); response.StatusCode != 500 || strings.Contains(string(text), "before") {
		t.Errorf("got %d %q", response.StatusCode, text)
	}
	_ = response.Body.Close()

	if response, err = server.Client().Get(server.URL + "/during"); err == nil {
		_, err = io.ReadAll(response.Body)
		_ = response.Body.Close()
	}
	if err == nil {
		t.Error("half an answer looks like a whole one")
	}

	if response, err = server.Client().Get(server.URL + "/after"); err != nil || response.StatusCode != 200 {
		t.Errorf("the server is not well: %v", err)
	} else {
		_ = response.Body.Close()
	}
}

func TestAccessLog(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		handler http.HandlerFunc
		level   slog.Level
		want    []string
	}{
		{"requests are noted for developers", func(w http.ResponseWriter, _ *http.Request) { httpx.WriteText(w, 202, "ok") }, slog.LevelDebug,
			[]string{"level=DEBUG", "msg=request", "method=GET", "path=/state", "status=202", "bytes=2"}},
		{"an implied status is noted", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("x")) }, slog.LevelDebug, []string{"status=200"}},
		{"our failures are noted for operators", func(w http.ResponseWriter, _ *http.Request) { httpx.WriteStatus(w, 500) }, slog.LevelInfo, []string{"level=WARN", "status=500"}},
		{"nothing else is", func(w http.ResponseWriter, _ *http.Request) { httpx.WriteStatus(w, 400) }, slog.LevelInfo, nil},
		{"what is not built yet is no failure", func(w http.ResponseWriter, _ *http.Request) { httpx.WriteStatus(w, 501) }, slog.LevelInfo, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var log bytes.Buffer
			logger := slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: test.level}))
			httpx.AccessLog(logger, test.handler).ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/state", nil))
			for _, want := range test.want {
				if !strings.Contains(log.String(), want) {
					t.Errorf("%s is missing in %q", want, log.String())
				}
			}
			if test.want == nil && log.Len() > 0 {
				t.Errorf("logged %q", log.String())
			}
		})
	}
}

func TestMiddlewareKeepsTheAbilitiesOfTheWriter(t *testing.T) {
	t.Parallel()
	var flushed error = errors.New("not called")
	handler := httpx.AccessLog(silent, httpx.Recover(silent, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		flushed = http.NewResponseController(w).Flush()
	})))
	handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
	if flushed != nil {
		t.Errorf("flushing through the middleware: %v", flushed)
	}
}

type authenticator struct {
	who *httpx.Principal
	err error
}

func (a authenticator) Authenticate(*http.Request) (*httpx.Principal, error) { return a.who, a.err }
func (authenticator) Challenge(realm string) string                          { return `Basic realm="` + realm + `"` }

func TestAuthentication(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		by     httpx.Authenticator
		status int
		body   string
	}{
		{"is off when told so", httpx.NoAuthentication{}, 200, "nobody"},
		{"names the principal", authenticator{who: &httpx.Principal{Name: "admin"}}, 200, "admin"},
		{"asks for credentials", authenticator{err: fault.New(fault.Unauthenticated, "x")}, 401, "401 Unauthorized."},
		{"refuses who is forbidden", authenticator{err: fault.New(fault.Forbidden, "x")}, 403, "403 Forbidden."},
		{"refuses everybody when it is broken", authenticator{err: io.ErrUnexpectedEOF}, 503, "503 Service Unavailable."},
		{"refuses a principal of claims only", authenticator{who: &httpx.Principal{Claims: map[string]string{"a": "b"}}}, 403,
			"The request's authenticated principal contains claims, but no value string. The master currently requires that principals have a value"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			handler := httpx.Authenticated(test.by, "mesos-master-readonly", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				name := "nobody"
				if who := httpx.PrincipalFrom(r.Context()); who != nil {
					name = who.Name
				}
				_, _ = io.WriteString(w, name)
			}))
			response := httptest.NewRecorder()
			request := httptest.NewRequest("GET", "/", nil)
			request.SetBasicAuth("", "")
			handler.ServeHTTP(response, request)
			if response.Code != test.status || response.Body.String() != test.body {
				t.Errorf("got %d %q, want %d %q", response.Code, response.Body, test.status, test.body)
			}
			if challenge := response.Header().Get("WWW-Authenticate"); (challenge == `Basic realm="mesos-master-readonly"`) != (test.status == 401) {
				t.Errorf("the challenge is %q", challenge)
			}
		})
	}
}

func TestAllowAll(t *testing.T) {
	t.Parallel()
	if allowed, err := (httpx.AllowAll{}).Authorize(t.Context(), nil, "register_frameworks", httpx.Object{Value: "*"}); !allowed || err != nil {
		t.Errorf("got %t, %v", allowed, err)
	}
}
