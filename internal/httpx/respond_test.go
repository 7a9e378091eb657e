package httpx_test

import (
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/meseta/meseta/internal/fault"
	"github.com/meseta/meseta/internal/httpx"
)

func TestLargeBodiesAreCompressedWhenAskedFor(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, accept string
		size         int
		want         bool
	}{
		{"a large body on request", "gzip", 1024, true},
		{"a small body never", "gzip", 1023, false},
		{"a large body without request", "", 1024, false},
		{"a large body against the request", "gzip;q=0", 5000, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			body := strings.Repeat("x", test.size)
			request := httptest.NewRequest("GET", "/", nil)
			if test.accept != "" {
				request.Header.Set("Accept-Encoding", test.accept)
			}
			response := httptest.NewRecorder()
			httpx.WriteBody(response, request, 200, httpx.JSON, []byte(body))
			if got := response.Header().Get("Content-Encoding") == "gzip"; got != test.want {
				t.Errorf("compressed: %t, want %t", got, test.want)
			}
			var in io.Reader = response.Body
			if test.want {
				unzipped, err := gzip.NewReader(in)
				if err != nil {
					t.Fatal(err)
				}
				in = unzipped
			}
			if got, err := io.ReadAll(in); err != nil || string(got) != body {
				t.Errorf("received %d bytes (%v), sent %d", len(got), err, len(body))
			}
		})
	}
}

func TestJSONP(t *testing.T) {
	t.Parallel()
	value := map[string]string{"a": "<b>"}
	for _, test := range []struct{ name, target, mediaType, want string }{
		{"without a function it is JSON", "/version", httpx.JSON, `{"a":"<b>"}`},
		{"a function is called", "/version?jsonp=cb", "text/javascript", `cb({"a":"<b>"});`},
		{"a function may be a member", "/version?jsonp=f.g", "text/javascript", `f.g({"a":"<b>"});`},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			response := httptest.NewRecorder()
			if err := httpx.WriteJSONP(response, httptest.NewRequest("GET", test.target, nil), value); err != nil {
				t.Fatal(err)
			}
			if got := response.Header().Get("Content-Type"); got != test.mediaType {
				t.Errorf("the type is %q", got)
			}
			if got := response.Body.String(); got != test.want {
				t.Errorf("got %s", got)
			}
		})
	}
	err := httpx.WriteJSONP(httptest.NewRecorder(), httptest.NewRequest("GET", "/version?jsonp=alert(1)//", nil), value)
	if !fault.Is(err, fault.Invalid) {
		t.Errorf("a script is taken for a function: %v", err)
	}
}

func TestWriteError(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		err    error
		status int
		text   string
	}{
		{fault.New(fault.Invalid, "Framework cannot be found"), 400, "Framework cannot be found"},
		{fault.New(fault.Forbidden, "Framework is not subscribed"), 403, "Framework is not subscribed"},
		{fault.New(fault.NotFound, "no such file"), 404, "no such file"},
		{fault.New(fault.TooSlow, "slow"), 408, "slow"},
		{fault.New(fault.Conflict, "busy"), 409, "busy"},
		{fault.New(fault.TooLarge, "large"), 413, "large"},
		{fault.New(fault.Unauthenticated, "who"), 401, "who"},
		{fault.New(fault.Unimplemented, "not yet"), 501, "not yet"},
		{fault.New(fault.UnsupportedMedia, "not JSON"), 415, "not JSON"},
		{fault.Wrap(fault.Unavailable, "no leader", errors.New("secret")), 503, "no leader"},
		{fault.New(fault.Fenced, "another leader"), 503, "another leader"},
		{errors.New("secret"), 500, "internal error; the server's log has the details"},
	} {
		response := httptest.NewRecorder()
		httpx.WriteError(t.Context(), response, silent, test.err)
		if response.Code != test.status || response.Body.String() != test.text {
			t.Errorf("%v: got %d %q", test.err, response.Code, response.Body)
		}
		if got := response.Header().Get("Content-Type"); got != "text/plain; charset=utf-8" {
			t.Errorf("%v: the type is %q", test.err, got)
		}
	}
}

func TestMethodsThatAreNotListedAreRefused(t *testing.T) {
	t.Parallel()
	handler := httpx.Methods(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), "GET", "PUT")
	response := httptest.NewRecorder()
	handler.ServeHTTP(response, httptest.NewRequest("POST", "/", nil))
	if want := "405 Method Not Allowed. Expecting one of { 'GET', 'PUT' }, but received 'POST'."; response.Code != 405 || response.Body.String() != want {
		t.Errorf("got %d %q", response.Code, response.Body)
	}
	if allow := response.Header().Get("Allow"); allow != "GET, PUT" {
		t.Errorf("Allow is %q", allow)
	}
	response = httptest.NewRecorder()
	handler.ServeHTTP(response, httptest.NewRequest("PUT", "/", nil))
	if response.Code != 200 {
		t.Errorf("a listed method is answered with %d", response.Code)
	}
}

func TestStatusTexts(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]string{401: "401 Unauthorized.", 403: "403 Forbidden.", 404: "404 Not Found.", 501: "501 Not Implemented."} {
		response := httptest.NewRecorder()
		httpx.WriteStatus(response, status)
		if response.Code != status || response.Body.String() != want {
			t.Errorf("got %d %q", response.Code, response.Body)
		}
	}
}
