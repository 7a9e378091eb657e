package httpx

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/meseta/meseta/internal/fault"
)

// BodyLimits bound a request body. Zero fields take the defaults.
type BodyLimits struct {
	// MaxBytes bounds the body, before and after decompression; 16 MiB by
	// default.
	MaxBytes int64
	// ReadTimeout is the longest silence between two reads, 15 s by default.
	ReadTimeout time.Duration
	// TotalTimeout is how long the whole body may take, 2 min by default.
	TotalTimeout time.Duration
}

func (l BodyLimits) withDefaults() BodyLimits {
	if l.MaxBytes <= 0 {
		l.MaxBytes = 16 << 20
	}
	if l.ReadTimeout <= 0 {
		l.ReadTimeout = 15 * time.Second
	}
	if l.TotalTimeout <= 0 {
		l.TotalTimeout = 2 * time.Minute
	}
	return l
}

// ReadBody reads the whole body of a request, decompressed if it came with
// Content-Encoding: gzip. It blocks while the client sends, within the limits.
// Errors are for WriteError: TooLarge, TooSlow, or Invalid if the body is cut
// off, not gzip, or in another encoding. After an error the connection will be
// closed behind the response, since the rest of the body is still on it.
func ReadBody(w http.ResponseWriter, r *http.Request, limits BodyLimits) ([]byte, error) {
	limits = limits.withDefaults()
	control := http.NewResponseController(w)
	body, err := readBody(control, r, limits)
	if err != nil {
		w.Header().Set("Connection", "close")
		return nil, err
	}
	// The connection is watched for its end from now on, which has no deadline.
	_ = control.SetReadDeadline(time.Time{})
	return body, nil
}

func readBody(control *http.ResponseController, r *http.Request, limits BodyLimits) ([]byte, error) {
	if r.ContentLength > limits.MaxBytes {
		return nil, tooLarge(limits)
	}
	in := &patient{body: r.Body, control: control, silence: limits.ReadTimeout, end: time.Now().Add(limits.TotalTimeout)}

	switch encoding := r.Header.Get("Content-Encoding"); strings.ToLower(encoding) {
	case "", "identity":
		return readLimited(in, limits, r.ContentLength)
	case "gzip":
		// The compressed bytes are bounded as well: gzip may hold any number
		// of empty members.
		unzipped, err := gzip.NewReader(&io.LimitedReader{R: in, N: limits.MaxBytes + 1})
		if err != nil {
			return nil, bodyError(err, limits)
		}
		return readLimited(unzipped, limits, -1)
	default:
		return nil, fault.New(fault.Invalid, fmt.Sprintf("Content-Encoding '%s' is not supported; send the body plain or as gzip", encoding))
	}
}

// readLimited reads up to the limit and notices what lies beyond it.
func readLimited(in io.Reader, limits BodyLimits, announced int64) ([]byte, error) {
	var body bytes.Buffer
	const trusted = 1 << 20 // what a header alone may make us reserve
	if announced > 0 {
		// ReadFrom wants room for one more read to see the end.
		body.Grow(int(min(announced, trusted)) + bytes.MinRead)
	}
	if _, err := body.ReadFrom(io.LimitReader(in, limits.MaxBytes+1)); err != nil {
		return nil, bodyError(err, limits)
	}
	if int64(body.Len()) > limits.MaxBytes {
		return nil, tooLarge(limits)
	}
	return body.Bytes(), nil
}

func tooLarge(limits BodyLimits) error {
	return fault.New(fault.TooLarge, fmt.Sprintf("the request body is larger than the limit of %d bytes", limits.MaxBytes))
}

func bodyError(err error, limits BodyLimits) error {
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fault.Wrap(fault.TooSlow, fmt.Sprintf(
			"the request body did not arrive: %s of silence or %s in all are allowed", limits.ReadTimeout, limits.TotalTimeout), err)
	case errors.Is(err, gzip.ErrHeader), errors.Is(err, gzip.ErrChecksum):
		return fault.Wrap(fault.Invalid, "the request body is not valid gzip", err)
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return fault.Wrap(fault.Invalid, "the request body is cut off", err)
	default:
		return fault.Wrap(fault.Invalid, "the request body cannot be read", err)
	}
}

// patient is a body whose reads have deadlines. Where the connection has none,
// as in tests of handlers alone, it reads without.
type patient struct {
	body    io.Reader
	control *http.ResponseController
	silence time.Duration
	end     time.Time
}

func (p *patient) Read(into []byte) (int, error) {
	deadline := time.Now().Add(p.silence)
	if deadline.After(p.end) {
		deadline = p.end
	}
	if err := p.control.SetReadDeadline(deadline); err != nil && !errors.Is(err, errors.ErrUnsupported) {
		return 0, err
	}
	return p.body.Read(into)
}
