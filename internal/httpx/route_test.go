package httpx_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/meseta/meseta/internal/httpx"
)

func TestRouter(t *testing.T) {
	t.Parallel()
	router := httpx.NewRouter("/master")
	name := func(n string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, n+" "+r.PathValue(httpx.Rest))
		})
	}
	for _, path := range []string{"/api/v1", "/api/v1/scheduler", "/slaves", "/state"} {
		router.Handle(path, name(path))
	}
	router.HandleOnly("/version", name("/version"))
	router.HandleOnly("/", name("root"))
	for path, want := range map[string]string{
		"/api/v1":                   "/api/v1 ",
		"/api/v1/":                  "/api/v1 ",
		"/api/v1/scheduler":         "/api/v1/scheduler ",
		"/api/v1/scheduler/":        "/api/v1/scheduler ",
		"//api/v1/scheduler":        "/api/v1/scheduler ",
		"//api//v1///scheduler":     "/api/v1/scheduler ",
		"/api/v1/scheduler?a=b":     "/api/v1/scheduler ",
		"/api/v1/scheduler/x":       "/api/v1/scheduler x",
		"/api/v1/schedulers":        "/api/v1 schedulers",
		"/api/v1/executor":          "/api/v1 executor",
		"/api/v1/operator":          "/api/v1 operator",
		"/master/api/v1/scheduler":  "/api/v1/scheduler ",
		"/master/state/":            "/state ",
		"/slaves/S1":                "/slaves S1",
		"/slaves/S1/x/":             "/slaves S1/x",
		"/version":                  "/version ",
		"/":                         "root ",
		"//":                        "root ",
		"/master/version":           "",
		"/master":                   "",
		"/API/v1/scheduler":         "",
		"/api":                      "",
		"/api/v2":                   "",
		"/state.json":               "",
		"/nope":                     "",
		"/nope/state":               "",
		"/agent/api/v1":             "",
		"/master/master/state":      "",
		"/slaves/../state":          "/slaves ../state",
		"/%61pi/v1":                 "/api/v1 ",
		"http://host.test/api/v1/s": "/api/v1 s",
	} {
		response := httptest.NewRecorder()
		router.ServeHTTP(response, httptest.NewRequest("GET", path, nil))
		status := 200
		if want == "" {
			status, want = 404, "404 Not Found."
		}
		if got := response.Body.String(); response.Code != status || got != want {
			t.Errorf("%s: got %d %q, want %d %q", path, response.Code, got, status, want)
		}
	}
}

func TestARouteIsRegisteredOnce(t *testing.T) {
	t.Parallel()
	defer func() {
		if recover() == nil {
			t.Error("two handlers for one path are accepted")
		}
	}()
	router := httpx.NewRouter("/master")
	router.Handle("/state", http.NotFoundHandler())
	router.HandleOnly("/master/state/", http.NotFoundHandler())
}
