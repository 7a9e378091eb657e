package compat

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/textproto"
	"slices"
	"strconv"
	"strings"
	"time"
)

// maxChunk bounds one chunk of an answer: the state of a large cluster fits.
const maxChunk = 64 << 20

// rawRequest is a request that is sent exactly as it is described: the given
// headers plus Host and, if there is a body, Content-Length. net/http adds and
// canonicalises too much for a test of what the server does without them.
type rawRequest struct {
	Method  string
	Path    string
	Headers map[string]string
	Body    []byte // nil: no body
}

// rawResponse is the head of an answer and a reader of its body.
type rawResponse struct {
	Status  int
	Headers textproto.MIMEHeader

	conn    net.Conn
	in      *bufio.Reader
	chunked bool
	length  int64 // -1: until the connection ends
}

// open sends a request on a connection of its own and reads the head of the
// answer. The caller must close the response. Cancelling ctx closes the
// connection only while open runs.
func open(ctx context.Context, addr string, r rawRequest) (*rawResponse, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	response, err := exchange(conn, addr, r)
	if !stop() && err == nil {
		err = context.Cause(ctx)
	}
	if err != nil {
		conn.Close()
		if cause := context.Cause(ctx); cause != nil {
			err = cause
		}
		return nil, fmt.Errorf("%s %s: %w", r.Method, r.Path, err)
	}
	return response, nil
}

func exchange(conn net.Conn, addr string, r rawRequest) (*rawResponse, error) {
	var head strings.Builder
	fmt.Fprintf(&head, "%s %s HTTP/1.1\r\nHost: %s\r\n", r.Method, strings.ReplaceAll(r.Path, " ", "%20"), addr)
	for _, name := range slices.Sorted(maps.Keys(r.Headers)) {
		fmt.Fprintf(&head, "%s: %s\r\n", name, r.Headers[name])
	}
	if r.Body != nil || r.Method != "GET" {
		fmt.Fprintf(&head, "Content-Length: %d\r\n", len(r.Body))
	}
	head.WriteString("\r\n")
	// A server may answer and close before it has read a body it refuses, so
	// a failed write is only an error if no answer can be read either.
	_, writeErr := conn.Write(append([]byte(head.String()), r.Body...))
	response, err := readHead(conn, r.Method)
	return response, errors.Join(err, ignoreIf(err == nil, writeErr))
}

func ignoreIf(ignore bool, err error) error {
	if ignore {
		return nil
	}
	return err
}

func readHead(conn net.Conn, method string) (*rawResponse, error) {
	in := bufio.NewReader(conn)
	text := textproto.NewReader(in)
	for {
		line, err := text.ReadLine()
		if err != nil {
			return nil, fmt.Errorf("no answer: %w", err)
		}
		proto, rest, _ := strings.Cut(line, " ")
		code, _, _ := strings.Cut(rest, " ")
		status, err := strconv.Atoi(code)
		if err != nil || !strings.HasPrefix(proto, "HTTP/1.") {
			return nil, fmt.Errorf("malformed status line %q", line)
		}
		headers, err := text.ReadMIMEHeader()
		if err != nil {
			return nil, fmt.Errorf("headers of the answer: %w", err)
		}
		if status >= 100 && status < 200 {
			continue
		}
		response := &rawResponse{Status: status, Headers: headers, conn: conn, in: in, length: -1}
		response.chunked = strings.EqualFold(headers.Get("Transfer-Encoding"), "chunked")
		if length := headers.Get("Content-Length"); length != "" {
			if response.length, err = strconv.ParseInt(length, 10, 64); err != nil {
				return nil, fmt.Errorf("malformed Content-Length %q", length)
			}
		}
		if method == "HEAD" || status == 204 || status == 304 {
			response.chunked, response.length = false, 0
		}
		return response, nil
	}
}

func (r *rawResponse) close() { r.conn.Close() }

// body reads the rest of the answer, which must end before ctx does.
func (r *rawResponse) body(ctx context.Context) ([]byte, error) {
	stop := context.AfterFunc(ctx, func() { _ = r.conn.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	var body []byte
	for {
		part, err := r.next()
		body = append(body, part...)
		switch {
		case errors.Is(err, io.EOF):
			return body, nil
		case err != nil && ctx.Err() != nil:
			return body, fmt.Errorf("the answer does not end; so far it is %d %q", r.Status, body)
		case err != nil:
			return body, fmt.Errorf("body of the answer: %w", err)
		}
	}
}

// next returns the next chunk of a chunked body, or the whole of another one.
// At the end it returns io.EOF, alone.
func (r *rawResponse) next() ([]byte, error) {
	switch {
	case r.chunked:
		return r.chunk()
	case r.length == 0:
		return nil, io.EOF
	case r.length > 0:
		body := make([]byte, r.length)
		n, err := io.ReadFull(r.in, body)
		r.length = 0
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return body[:n], err
	default:
		body, err := io.ReadAll(r.in)
		r.length = 0
		return body, err
	}
}

// chunk reads one chunk of the chunked encoding.
func (r *rawResponse) chunk() ([]byte, error) {
	line, err := r.line()
	if err != nil {
		return nil, err
	}
	size, _, _ := strings.Cut(line, ";")
	n, err := strconv.ParseUint(strings.TrimSpace(size), 16, 31)
	if err != nil || n > maxChunk {
		return nil, fmt.Errorf("malformed chunk size %q", line)
	}
	if n == 0 {
		// Trailers, if any, up to the empty line.
		for {
			if line, err = r.line(); err != nil || line == "" {
				return nil, cleanEnd(err)
			}
		}
	}
	data := make([]byte, n+2)
	if _, err := io.ReadFull(r.in, data); err != nil {
		return nil, broken(err)
	}
	if string(data[n:]) != "\r\n" {
		return nil, fmt.Errorf("chunk of %d bytes is not followed by an end of line", n)
	}
	return data[:n], nil
}

func (r *rawResponse) line() (string, error) {
	line, err := r.in.ReadString('\n')
	if err != nil {
		return "", broken(err)
	}
	return strings.TrimRight(line, "\r\n"), nil
}

// broken marks an end of the connection before the end of the body.
func broken(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

func cleanEnd(err error) error {
	if err == nil {
		return io.EOF
	}
	return err
}
