package contract

import (
	"bytes"
	"errors"
	"maps"
	"net/http"
)

// Middleware checks what passes through next. It also checks that each record
// of a stream is flushed by itself, because existing clients need a record to
// be a chunk.
func (k *Checker) Middleware(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e := k.begin(r)
		if e == nil {
			next.ServeHTTP(w, r)
			return
		}
		watched := &watchedWriter{ResponseWriter: w, exchange: e}
		next.ServeHTTP(watched, r)
		watched.end()
	})
}

// watchedWriter checks a response while it is being written, by one goroutine.
type watchedWriter struct {
	http.ResponseWriter
	exchange *exchange
	records  records
	header   http.Header // as sent
	whole    bytes.Buffer
	flushed  int // records that were complete at the last flush
}

func (w *watchedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *watchedWriter) WriteHeader(status int) {
	if w.header == nil && status >= http.StatusOK {
		w.header = maps.Clone(w.Header())
		w.records = records{exchange: w.exchange, status: status}
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *watchedWriter) Write(p []byte) (int, error) {
	if w.header == nil {
		w.WriteHeader(http.StatusOK)
	}
	w.records.add(p)
	if !w.records.streamed {
		w.whole.Write(p)
	}
	return w.ResponseWriter.Write(p)
}

// FlushError is where http.ResponseController learns of a flush.
func (w *watchedWriter) FlushError() error {
	if w.header == nil {
		// A flush sends the header, as a write does.
		w.WriteHeader(http.StatusOK)
	}
	if w.records.streamed {
		if w.records.partial() || w.records.count > w.flushed+1 {
			w.exchange.violation("a chunk of the stream", errors.New("it does not hold exactly one record"), nil)
		}
		w.flushed = w.records.count
	}
	return http.NewResponseController(w.ResponseWriter).Flush()
}

func (w *watchedWriter) end() {
	if w.header == nil {
		w.header = maps.Clone(w.Header())
		w.records = records{exchange: w.exchange, status: http.StatusOK}
	}
	w.exchange.checkResponse(w.records.status, w.header, w.whole.Bytes(), w.records.streamed)
}
