package httpx

import (
	"io"
	"net"
	"sync"
)

// corkLimit is how much a corked connection holds back at most.
const corkLimit = 64 << 10

// conn is a connection of the server. It implements stream.Corker: several
// small chunks of a stream leave in one write to the socket.
//
// The mutex orders writers, of which net/http has one at a time; it is held
// while writing. Deadlines are set past it.
type conn struct {
	net.Conn

	mu     sync.Mutex
	corked bool
	held   []byte
	err    error // the first failure while corked
}

func (c *conn) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.corked {
		return c.Conn.Write(p)
	}
	if len(c.held)+len(p) > corkLimit {
		c.flush()
	}
	if c.err != nil {
		return 0, c.err
	}
	if len(p) > corkLimit {
		var n int
		n, c.err = c.Conn.Write(p)
		return n, c.err
	}
	c.held = append(c.held, p...)
	return len(p), nil
}

// ReadFrom keeps the kernel's copying of files for downloads: io.Copy finds the
// socket's own ReadFrom.
func (c *conn) ReadFrom(r io.Reader) (int64, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.flush()
	if c.err != nil {
		return 0, c.err
	}
	return io.Copy(c.Conn, r)
}

// Cork starts to hold back writes.
func (c *conn) Cork() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.corked = true
}

// Uncork writes what is held back, within the write deadline, and returns the
// first failure since Cork.
func (c *conn) Uncork() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.flush()
	err := c.err
	c.corked, c.err = false, nil
	// A connection that mostly waits should not keep its buffer.
	if cap(c.held) > corkLimit/16 {
		c.held = nil
	}
	return err
}

func (c *conn) flush() {
	if len(c.held) > 0 && c.err == nil {
		_, c.err = c.Conn.Write(c.held)
	}
	c.held = c.held[:0]
}

// listener hands out conns.
type listener struct{ net.Listener }

func (l listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &conn{Conn: c}, nil
}
