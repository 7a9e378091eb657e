package supervisor

import (
	"bufio"
	"net"
	"sync"
	"time"

	"github.com/meseta/meseta/agent/containerizer/process/wire"
)

// maxQueued bounds the replies that an agent has not read. An agent that
// stops reading is cut off; it hears of everything when it comes back.
const maxQueued = 16384

// session is one connection of an agent. Two goroutines serve it, one for
// each direction; both end when the connection does.
type session struct {
	conn *net.UnixConn
	wake chan struct{}
	// written is closed when the writing goroutine has ended.
	written chan struct{}

	mu     sync.Mutex
	queue  []wire.Reply
	closed bool
	// last says that nothing is queued any more: the connection is closed
	// once the queue is written.
	last bool
}

// accept serves connections until the listener is closed.
func (s *supervisor) accept(listener *net.UnixListener) {
	for {
		conn, err := listener.AcceptUnix()
		if err != nil {
			return
		}
		s.post(func() { s.connect(conn) })
	}
}

func newSession(conn *net.UnixConn, s *supervisor) *session {
	n := &session{conn: conn, wake: make(chan struct{}, 1), written: make(chan struct{})}
	go n.write()
	go func() {
		in := bufio.NewReader(conn)
		for {
			var r wire.Request
			if err := wire.Read(in, &r); err != nil {
				break
			}
			s.post(func() { s.handle(n, r) })
		}
		n.close()
		s.post(func() {
			if s.session == n {
				s.session = nil
			}
		})
	}()
	return n
}

// send queues a reply. It never blocks.
func (n *session) send(reply wire.Reply) {
	n.mu.Lock()
	full := len(n.queue) >= maxQueued
	if !full && !n.closed {
		n.queue = append(n.queue, reply)
	}
	n.mu.Unlock()
	if full {
		n.close()
	}
	n.signal()
}

func (n *session) signal() {
	select {
	case n.wake <- struct{}{}:
	default:
	}
}

func (n *session) close() {
	n.mu.Lock()
	n.closed = true
	n.mu.Unlock()
	_ = n.conn.Close()
	n.signal()
}

// finish writes what is queued, for a moment at most, and closes the
// connection.
func (n *session) finish() {
	_ = n.conn.SetWriteDeadline(time.Now().Add(lastWords))
	n.mu.Lock()
	n.last = true
	n.mu.Unlock()
	n.signal()
	<-n.written
	n.close()
}

func (n *session) write() {
	defer close(n.written)
	out := bufio.NewWriter(n.conn)
	for range n.wake {
		n.mu.Lock()
		batch, closed, last := n.queue, n.closed, n.last
		n.queue = nil
		n.mu.Unlock()
		if closed {
			return
		}
		for _, reply := range batch {
			if wire.Write(out, reply) != nil {
				n.close()
				return
			}
		}
		if out.Flush() != nil {
			n.close()
			return
		}
		if last {
			return
		}
	}
}
