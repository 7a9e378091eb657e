package httpx_test

import (
	"bufio"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/meseta/meseta/internal/httpx"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var silent = slog.New(slog.DiscardHandler)

// memory is a listener on pipes, so that a server can run in virtual time.
type memory struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func (m *memory) Accept() (net.Conn, error) {
	select {
	case c := <-m.conns:
		return c, nil
	case <-m.done:
		return nil, net.ErrClosed
	}
}

func (m *memory) Close() error   { m.once.Do(func() { close(m.done) }); return nil }
func (m *memory) Addr() net.Addr { return &net.UnixAddr{Name: "memory"} }

// client is one connection to a server under test.
type client struct {
	net.Conn
	t  *testing.T
	in *bufio.Reader
}

// serve runs a server in memory until the end of the test and connects to it.
func serve(t *testing.T, handler http.Handler) *client {
	t.Helper()
	listener := &memory{conns: make(chan net.Conn, 1), done: make(chan struct{})}
	near, far := net.Pipe()
	listener.conns <- far
	server := httpx.NewServer(listener, handler, httpx.ServerOptions{Logger: silent})
	ran := make(chan error, 1)
	go func() { ran <- server.Run(t.Context()) }()
	t.Cleanup(func() {
		_ = near.Close()
		if err := <-ran; err != nil {
			t.Error(err)
		}
	})
	return &client{Conn: near, t: t, in: bufio.NewReader(near)}
}

// send writes raw bytes in the background, since a pipe has no buffer.
func (c *client) send(raw string) {
	go func() { _, _ = io.WriteString(c.Conn, strings.ReplaceAll(raw, "\n", "\r\n")) }()
}

// receive reads one response.
func (c *client) receive() (status int, header http.Header, body string) {
	c.t.Helper()
	response, err := http.ReadResponse(c.in, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return response.StatusCode, response.Header, string(text)
}
