package recordio

import (
	"bufio"
	"errors"
	"fmt"
	"io"
)

// DefaultMaxRecord is the largest record that a Reader accepts when it is not
// told otherwise: 64 MiB, enough for the state of a large cluster in one event.
const DefaultMaxRecord = 64 << 20

// Errors of a Reader. Each is final: the position of the next record is
// unknown after it, so the stream must be given up.
var (
	// ErrLength means that the bytes where a length must stand are not one.
	ErrLength = errors.New("malformed record length")
	// ErrTooLarge means that a record announces more bytes than allowed.
	ErrTooLarge = errors.New("record too large")
)

// growStep bounds how much memory a length alone can make the Reader reserve.
// A peer that announces much and sends little must not cost much.
const growStep = 1 << 20

// Reader takes records from a byte stream. It is strict: a length is decimal
// digits followed by one line feed and nothing else. After an error other than
// a clean io.EOF it keeps returning that error.
//
// A Reader is not safe for concurrent use.
type Reader struct {
	in  *bufio.Reader
	max uint64
	buf []byte
	err error
}

// NewReader reads records of up to maxRecord bytes from in; zero or less means
// DefaultMaxRecord. It may read ahead of the record it returns.
func NewReader(in io.Reader, maxRecord int) *Reader {
	if maxRecord <= 0 {
		maxRecord = DefaultMaxRecord
	}
	buffered, ok := in.(*bufio.Reader)
	if !ok {
		buffered = bufio.NewReader(in)
	}
	return &Reader{in: buffered, max: uint64(maxRecord)}
}

// Next returns the next record. The slice is valid until the following call.
// It blocks until the record is complete.
//
// At the end of the stream between two records it returns io.EOF; in the
// middle of a record io.ErrUnexpectedEOF. Malformed framing gives ErrLength or
// ErrTooLarge. An error of the underlying reader is returned as it is.
func (r *Reader) Next() ([]byte, error) {
	if r.err != nil {
		return nil, r.err
	}
	record, err := r.next()
	r.err = err
	return record, err
}

func (r *Reader) next() ([]byte, error) {
	length, err := r.length()
	if err != nil {
		return nil, err
	}
	r.buf = r.buf[:0]
	for rest := int(length); rest > 0; {
		step := min(rest, growStep)
		have := len(r.buf)
		r.buf = append(r.buf, make([]byte, step)...)
		if _, err := io.ReadFull(r.in, r.buf[have:]); err != nil {
			return nil, unexpected(err)
		}
		rest -= step
	}
	return r.buf, nil
}

// length reads the header up to and including its line feed.
func (r *Reader) length() (uint64, error) {
	var n uint64
	for digits := 0; ; digits++ {
		c, err := r.in.ReadByte()
		switch {
		case err != nil && digits == 0:
			return 0, err
		case err != nil:
			return 0, unexpected(err)
		case c == '\n' && digits > 0:
			return n, nil
		case c < '0' || c > '9':
			return 0, fmt.Errorf("%w: unexpected byte %q after %d digits", ErrLength, c, digits)
		case digits == maxHeader-1:
			return 0, fmt.Errorf("%w: more than %d digits", ErrLength, maxHeader-1)
		}
		n = n*10 + uint64(c-'0')
		// The limit is far below a tenth of the largest uint64, so n cannot
		// wrap around before it is caught here.
		if n > r.max {
			return 0, fmt.Errorf("%w: more than %d bytes announced", ErrTooLarge, r.max)
		}
	}
}

func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
