package httpx_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/meseta/meseta/internal/httpx"
)

// echo answers with the body it was sent, or with why it could not read it.
func echo(limits httpx.BodyLimits) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := httpx.ReadBody(w, r, limits)
		if err != nil {
			httpx.WriteError(r.Context(), w, silent, err)
			return
		}
		_, _ = w.Write(body)
	})
}

func gzipped(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := io.WriteString(z, text); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestReadBody(t *testing.T) {
	t.Parallel()
	const tooLarge = "the request body is larger than the limit of 1000 bytes"
	for _, test := range []struct {
		name, encoding, body string
		chunked              bool
		status               int
		want                 string
	}{
		{"a plain body is read", "", "hello", false, 200, "hello"},
		{"an empty body is read", "", "", false, 200, ""},
		{"a chunked body is read", "", "hello", true, 200, "hello"},
		{"identity is no encoding", "identity", "hello", false, 200, "hello"},
		{"gzip is unpacked", "gzip", gzipped(t, "hello"), false, 200, "hello"},
		{"gzip is unpacked from chunks", "GZIP", gzipped(t, "hello"), true, 200, "hello"},
		{"a body of the limit passes", "", strings.Repeat("x", 1000), false, 200, strings.Repeat("x", 1000)},
		{"an announced body above the limit is refused", "", strings.Repeat("x", 1001), false, 413, tooLarge},
		{"a chunked body above the limit is refused", "", strings.Repeat("x", 1001), true, 413, tooLarge},
		{"a small body that unpacks to a large one is refused", "gzip", gzipped(t, strings.Repeat("x", 100_000)), false, 413, tooLarge},
		{"what is not gzip is refused", "gzip", "hello, I am not gzip", false, 400, "the request body is not valid gzip"},
		{"half a gzip header is refused", "gzip", gzipped(t, "hello")[:5], false, 400, "the request body is cut off"},
		{"half a gzip body is refused", "gzip", gzipped(t, "hello")[:14], false, 400, "the request body is cut off"},
		{"no gzip at all is refused", "gzip", "", false, 400, "the request body is cut off"},
		{"other encodings are refused", "br", "hello", false, 400, "Content-Encoding 'br' is not supported; send the body plain or as gzip"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			request := httptest.NewRequest("POST", "/", strings.NewReader(test.body))
			if test.chunked {
				request.ContentLength = -1
			}
			if test.encoding != "" {
				request.Header.Set("Content-Encoding", test.encoding)
			}
			response := httptest.NewRecorder()
			echo(httpx.BodyLimits{MaxBytes: 1000}).ServeHTTP(response, request)
			if response.Code != test.status || response.Body.String() != test.want {
				t.Errorf("got %d %.100q, want %d %.100q", response.Code, response.Body, test.status, test.want)
			}
		})
	}
}

func TestABodyThatDoesNotArriveIsGivenUp(t *testing.T) {
	t.Parallel()
	const refusal = "the request body did not arrive: 15s of silence or 2m0s in all are allowed"
	for _, test := range []struct {
		name string
		drip time.Duration
		took time.Duration
	}{
		{"after a silence", 0, 15 * time.Second},
		{"after a total time, if it comes byte by byte", 5 * time.Second, 2 * time.Minute},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c := serve(t, echo(httpx.BodyLimits{}))
				c.send("POST / HTTP/1.1\nHost: x\nContent-Length: 1000\n\n{")
				var dripping sync.WaitGroup
				if test.drip > 0 {
					dripping.Go(func() {
						for {
							time.Sleep(test.drip)
							if _, err := io.WriteString(c.Conn, " "); err != nil {
								return
							}
						}
					})
				}
				began := time.Now()
				status, _, body := c.receive()
				if status != 408 || body != refusal {
					t.Errorf("got %d %q", status, body)
				}
				if took := time.Since(began); took != test.took {
					t.Errorf("it took %s, want %s", took, test.took)
				}
				if _, err := c.in.ReadByte(); err != io.EOF {
					t.Errorf("the connection is kept although the rest of the body is still on it: %v", err)
				}
				_ = c.Close()
				dripping.Wait()
			})
		})
	}
}

func TestABodyThatNobodyReadsDoesNotHoldTheConnection(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := serve(t, http.HandlerFunc(httpx.NotFound))
		c.send("POST /nope HTTP/1.1\nHost: x\nContent-Length: 1000\n\n{")
		began := time.Now()
		if status, _, body := c.receive(); status != 404 || body != "404 Not Found." {
			t.Errorf("got %d %q", status, body)
		}
		if _, err := c.in.ReadByte(); err != io.EOF {
			t.Errorf("the connection goes on: %v", err)
		}
		if took := time.Since(began); took > 20*time.Second {
			t.Errorf("the connection was held for %s", took)
		}
	})
}

func TestAConnectionIsReusedAfterABody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := serve(t, echo(httpx.BodyLimits{}))
		for i := range 3 {
			c.send(fmt.Sprintf("POST / HTTP/1.1\nHost: x\nContent-Length: 1\n\n%d", i))
			if status, _, body := c.receive(); status != 200 || body != fmt.Sprint(i) {
				t.Errorf("request %d: got %d %q", i, status, body)
			}
			time.Sleep(time.Minute) // longer than any deadline of a body
		}
	})
}

func TestTheRequestOutlivesTheDeadlinesOfItsBody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if _, err := httpx.ReadBody(w, r, httpx.BodyLimits{}); err != nil {
				t.Error(err)
			}
			select {
			case <-r.Context().Done():
				t.Error("the request was given up")
			case <-time.After(time.Hour):
			}
		}))
		c.send("POST / HTTP/1.1\nHost: x\nContent-Length: 1\n\nx")
		if status, _, _ := c.receive(); status != 200 {
			t.Errorf("got %d", status)
		}
	})
}
