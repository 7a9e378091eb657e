package oneshot

import (
	"bytes"
	"io"
	"sync"
)

// lineWriter puts a prefix before every line, so that the output of several
// tasks can be told apart, and passes on whole lines only. Without a prefix it
// passes everything on at once.
type lineWriter struct {
	to     io.Writer
	prefix []byte

	mu   sync.Mutex
	rest []byte
}

func newLineWriter(to io.Writer, prefix string) *lineWriter {
	return &lineWriter{to: to, prefix: []byte(prefix)}
}

func (w *lineWriter) Write(p []byte) (int, error) {
	if len(w.prefix) == 0 {
		return w.to.Write(p)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.rest = append(w.rest, p...)
	end := bytes.LastIndexByte(w.rest, '\n')
	if end < 0 {
		return len(p), nil
	}
	var out []byte
	for line := range bytes.Lines(w.rest[:end+1]) {
		out = append(append(out, w.prefix...), line...)
	}
	w.rest = append(w.rest[:0], w.rest[end+1:]...)
	_, err := w.to.Write(out)
	return len(p), err
}

// flush ends a last line that has no end.
func (w *lineWriter) flush() {
	w.mu.Lock()
	unfinished := len(w.rest) > 0
	w.mu.Unlock()
	if unfinished {
		// What cannot be written has been reported before.
		_, _ = w.Write([]byte("\n"))
	}
}
