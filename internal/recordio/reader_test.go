package recordio

import (
	"errors"
	"io"
	"strings"
	"testing"
)

func TestAnAnnouncedLengthAloneReservesLittle(t *testing.T) {
	t.Parallel()
	r := NewReader(strings.NewReader("60000000\nshort"), 0)
	if _, err := r.Next(); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Fatalf("got %v, want the unexpected end", err)
	}
	if reserved := cap(r.buf); reserved > 2*growStep {
		t.Errorf("a record that never came reserved %d bytes", reserved)
	}
}
