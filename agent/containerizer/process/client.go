package process

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"time"

	"github.com/meseta/meseta/agent/containerizer/process/wire"
)

// errLost says that the connection to a supervisor has ended before the
// answer came.
var errLost = errors.New("the connection to the supervisor was lost")

// writeTimeout is how long a supervisor may leave its socket unread before it
// is taken for stuck.
const writeTimeout = 30 * time.Second

// client is a connection to a supervisor. One goroutine reads it and ends
// when the connection does; calls may be made from any number of others.
type client struct {
	conn *net.UnixConn
	// lost is closed when the connection has ended.
	lost chan struct{}
	// exited is told, in order, of containers that end.
	exited func(wire.Container)

	mu      sync.Mutex
	out     *bufio.Writer
	seq     uint64
	pending map[uint64]chan wire.Reply
}

// dial connects to the socket in a supervisor's directory. The path of a
// socket may have no more than 108 bytes, so the directory is named by a
// descriptor.
func dial(dir string) (*client, error) {
	file, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	conn, err := net.DialUnix("unix", nil, socketAddress(file))
	if err != nil {
		return nil, err
	}
	return &client{conn: conn, lost: make(chan struct{}), out: bufio.NewWriter(conn), pending: map[uint64]chan wire.Reply{}}, nil
}

func socketAddress(dir *os.File) *net.UnixAddr {
	return &net.UnixAddr{Net: "unix", Name: fmt.Sprintf("/proc/self/fd/%d/%s", dir.Fd(), wire.SocketFile)}
}

// read distributes what arrives until the connection ends.
func (n *client) read() {
	in := bufio.NewReader(n.conn)
	for {
		var reply wire.Reply
		if err := wire.Read(in, &reply); err != nil {
			break
		}
		if reply.Seq == 0 {
			if reply.Exited != nil {
				n.exited(*reply.Exited)
			}
			continue
		}
		n.mu.Lock()
		answer := n.pending[reply.Seq]
		delete(n.pending, reply.Seq)
		n.mu.Unlock()
		if answer != nil {
			answer <- reply
		}
	}
	_ = n.conn.Close()
	close(n.lost)
}

// call sends a request and waits for its answer.
func (n *client) call(ctx context.Context, r wire.Request) (wire.Reply, error) {
	answer := make(chan wire.Reply, 1)
	n.mu.Lock()
	n.seq++
	r.Seq = n.seq
	n.pending[r.Seq] = answer
	_ = n.conn.SetWriteDeadline(time.Now().Add(writeTimeout))
	err := wire.Write(n.out, r)
	if err == nil {
		err = n.out.Flush()
	}
	n.mu.Unlock()
	if err != nil {
		// The stream may end within a frame, so the connection is of no more
		// use; read notices.
		_ = n.conn.Close()
	}
	select {
	case reply := <-answer:
		return reply, nil
	case <-n.lost:
		select {
		case reply := <-answer:
			return reply, nil
		default:
			return wire.Reply{}, errLost
		}
	case <-ctx.Done():
		n.mu.Lock()
		delete(n.pending, r.Seq)
		n.mu.Unlock()
		return wire.Reply{}, ctx.Err()
	}
}
