// Package bench measures Meseta: a master with emulated agents and frameworks
// that speak real HTTP over loopback, all on the machine that runs the
// benchmark. docs/benchmarks.md records the results.
package bench

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"sync"
	"testing"

	"github.com/meseta/meseta/gen/schedulerv1"
	"github.com/meseta/meseta/internal/httpx"
	"github.com/meseta/meseta/internal/recordio"
	"github.com/meseta/meseta/master"
	"github.com/meseta/meseta/master/api"
)

// cluster is a master in this process that listens on loopback.
type cluster struct {
	tb      testing.TB
	master  *master.Master
	address string
}

// startMaster runs a master until the end of the benchmark.
func startMaster(tb testing.TB, opts master.Options) *cluster {
	tb.Helper()
	opts.Hostname = "localhost"
	opts.IP = netip.MustParseAddr("127.0.0.1")
	opts.Seed = 1
	m := master.New(opts)
	logger := slog.New(slog.DiscardHandler)
	router := httpx.NewRouter("/master")
	api.New(m, api.Options{Logger: logger}).Routes(router)
	server, err := httpx.Listen(tb.Context(), "127.0.0.1:0", router, httpx.ServerOptions{Logger: logger})
	if err != nil {
		tb.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = m.Run(ctx) })
	running.Go(func() { _ = server.Run(ctx) })
	tb.Cleanup(func() {
		cancel()
		running.Wait()
	})
	return &cluster{tb: tb, master: m, address: server.Addr().String()}
}

// open sends a call whose answer is a stream, on a connection of its own, and
// gives its records and the value of a header. The connection is closed at the
// end of the benchmark.
func (c *cluster) open(path, header string, call any) (*recordio.Reader, string, error) {
	conn, err := net.Dial("tcp", c.address)
	if err != nil {
		return nil, "", err
	}
	c.tb.Cleanup(func() { conn.Close() })
	body, err := json.Marshal(call)
	if err != nil {
		return nil, "", err
	}
	if _, err := conn.Write(request(path, "", "", body)); err != nil {
		return nil, "", err
	}
	response, err := http.ReadResponse(bufio.NewReaderSize(conn, 64<<10), nil)
	if err != nil {
		return nil, "", err
	}
	if response.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(response.Body)
		return nil, "", fmt.Errorf("%s: %s: %s", path, response.Status, text)
	}
	return recordio.NewReader(response.Body, 64<<20), response.Header.Get(header), nil
}

// request is one POST as bytes; header may be empty.
func request(path, header, value string, body []byte) []byte {
	var b bytes.Buffer
	b.Grow(len(body) + 200)
	b.WriteString("POST " + path + " HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\n")
	if header != "" {
		b.WriteString(header + ": " + value + "\r\n")
	}
	b.WriteString("Content-Length: " + strconv.Itoa(len(body)) + "\r\n\r\n")
	b.Write(body)
	return b.Bytes()
}

// pipe is one connection on which calls are pipelined. Answers other than 202
// are counted as failures.
type pipe struct {
	conn net.Conn
	out  *bufio.Writer
	mu   sync.Mutex
	in   chan struct{} // one slot for each call under way
	done chan error
}

// depth is how many calls may be under way on one connection.
const depth = 64

func (c *cluster) pipe() (*pipe, error) {
	conn, err := net.Dial("tcp", c.address)
	if err != nil {
		return nil, err
	}
	p := &pipe{conn: conn, out: bufio.NewWriterSize(conn, 64<<10), in: make(chan struct{}, depth), done: make(chan error, 1)}
	c.tb.Cleanup(func() { conn.Close() })
	go p.answers()
	return p, nil
}

func (p *pipe) answers() {
	r := bufio.NewReaderSize(p.conn, 16<<10)
	for {
		response, err := http.ReadResponse(r, nil)
		if err != nil {
			p.done <- err
			return
		}
		text, _ := io.ReadAll(response.Body)
		if response.StatusCode != http.StatusAccepted {
			p.done <- fmt.Errorf("%s: %s", response.Status, text)
			return
		}
		<-p.in
	}
}

// send writes one call; it waits while too many are under way.
func (p *pipe) send(raw []byte) error {
	select {
	case err := <-p.done:
		p.done <- err
		return err
	case p.in <- struct{}{}:
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, err := p.out.Write(raw); err != nil {
		return err
	}
	return p.out.Flush()
}

// subscribe opens a framework.
func (c *cluster) subscribe(call *schedulerv1.CallSubscribe) (*recordio.Reader, string, error) {
	return c.open("/api/v1/scheduler", api.StreamIDHeader, &schedulerv1.Call{Type: schedulerv1.CallTypeSubscribe, Subscribe: call})
}
