package contract

import (
	"bytes"
	"io"
	"net/http"
	"sync"
)

// Transport checks what passes through next, http.DefaultTransport if nil.
// Violations do not keep a request from being made. Bodies of answers are
// checked when the client has read them to the end, records of streams as soon
// as it has read them.
func (k *Checker) Transport(next http.RoundTripper) http.RoundTripper {
	if next == nil {
		next = http.DefaultTransport
	}
	return transport{k, next}
}

type transport struct {
	checker *Checker
	next    http.RoundTripper
}

func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	t.checker.reporter.Helper()
	// A RoundTripper must not change the request it is given.
	sent := r.Clone(r.Context())
	if r.GetBody != nil {
		// What has no body of its own to read from stays as it is.
		sent.Body, _ = r.GetBody()
	}
	e := t.checker.begin(sent)
	response, err := t.next.RoundTrip(sent)
	if r.Body != nil && r.GetBody != nil {
		_ = r.Body.Close()
	}
	if err != nil || e == nil {
		return response, err
	}
	response.Body = &watchedBody{
		ReadCloser: response.Body, response: response,
		records: records{exchange: e, status: response.StatusCode},
	}
	return response, nil
}

// watchedBody checks a body while it is being read, by one goroutine.
type watchedBody struct {
	io.ReadCloser
	response *http.Response
	records  records
	whole    bytes.Buffer // unless it is a stream
	finish   sync.Once
}

func (w *watchedBody) Read(p []byte) (int, error) {
	n, err := w.ReadCloser.Read(p)
	if n > 0 {
		w.records.add(p[:n])
		if !w.records.streamed {
			w.whole.Write(p[:n])
		}
	}
	if err == io.EOF {
		w.end(true)
	}
	return n, err
}

func (w *watchedBody) Close() error {
	w.end(false)
	return w.ReadCloser.Close()
}

// end checks what can only be checked at the end. A body that was closed
// before its end is only half a body, unless nobody could have read more.
func (w *watchedBody) end(complete bool) {
	w.finish.Do(func() {
		e := w.records.exchange
		switch {
		case w.records.streamed:
			e.checkResponse(w.response.StatusCode, w.response.Header, nil, true)
			if complete && w.records.partial() {
				e.violation("the end of the stream", io.ErrUnexpectedEOF, w.records.held)
			}
		case complete || w.response.ContentLength == 0:
			e.checkResponse(w.response.StatusCode, w.response.Header, w.whole.Bytes(), false)
		}
	})
}
