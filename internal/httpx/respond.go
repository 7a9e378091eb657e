package httpx

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/meseta/meseta/internal/fault"
	"github.com/meseta/meseta/internal/mesosjson"
)

// compressFrom is the size in bytes from which a body is compressed for
// clients that ask for it.
const compressFrom = 1024

// WriteBody answers with a complete body, compressed if the client asks for
// gzip and the body is worth it. Streams never go through here.
func WriteBody(w http.ResponseWriter, r *http.Request, status int, mediaType string, body []byte) {
	h := w.Header()
	h.Set("Content-Type", mediaType)
	if len(body) >= compressFrom {
		h.Add("Vary", "Accept-Encoding")
		if AcceptsGzip(r.Header) {
			h.Set("Content-Encoding", "gzip")
			body = compress(body)
		}
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // a client that is gone is nobody's error
}

// WriteJSON answers 200 with v as the v1 API writes it. The error is one of
// encoding, before anything has been sent.
func WriteJSON(w http.ResponseWriter, r *http.Request, v any) error {
	body, err := mesosjson.Marshal(v)
	if err != nil {
		return fmt.Errorf("encoding a response of type %T: %w", v, err)
	}
	WriteBody(w, r, http.StatusOK, JSON, body)
	return nil
}

// WriteJSONP is WriteJSON for the unversioned read endpoints, which wrap the
// answer in a call of the function that the query parameter jsonp names. A
// name that is not one is refused with an Invalid error: it would let a
// stranger's link run any script in our origin.
func WriteJSONP(w http.ResponseWriter, r *http.Request, v any) error {
	function := r.URL.Query().Get("jsonp")
	if function == "" {
		return WriteJSON(w, r, v)
	}
	if strings.ContainsFunc(function, notInName) {
		return fault.New(fault.Invalid, "query parameter 'jsonp': only letters, digits, '_', '$' and '.' may be in the name of a function")
	}
	body, err := mesosjson.Marshal(v)
	if err != nil {
		return fmt.Errorf("encoding a response of type %T: %w", v, err)
	}
	wrapped := make([]byte, 0, len(function)+len(body)+3)
	wrapped = append(append(wrapped, function...), '(')
	wrapped = append(append(wrapped, body...), ");"...)
	WriteBody(w, r, http.StatusOK, "text/javascript", wrapped)
	return nil
}

func notInName(r rune) bool {
	switch {
	case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9', r == '_', r == '$', r == '.':
		return false
	}
	return true
}

// AcceptsGzip reports whether the client asks for compression. Qualities other
// than zero are not weighed.
func AcceptsGzip(h http.Header) bool {
	return allowed(strings.Join(h.Values("Accept-Encoding"), ","), func(pattern string) int {
		switch {
		case strings.EqualFold(pattern, "gzip"):
			return 2
		case pattern == "*":
			return 1
		default:
			return 0
		}
	})
}

// zippers are kept between responses, since one is much larger than most
// bodies.
var zippers = sync.Pool{New: func() any { return gzip.NewWriter(nil) }}

func compress(body []byte) []byte {
	var out bytes.Buffer
	out.Grow(len(body) / 4)
	zipper := zippers.Get().(*gzip.Writer)
	defer zippers.Put(zipper)
	zipper.Reset(&out)
	// Writing to memory cannot fail.
	_, _ = zipper.Write(body)
	_ = zipper.Close()
	return out.Bytes()
}
