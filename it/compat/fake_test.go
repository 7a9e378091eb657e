package compat

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// fakeServer answers by path. A handler writes the raw bytes of its answer, so
// that framing errors can be produced.
type fakeServer struct {
	listener net.Listener
	answers  map[string]func(r received, w io.Writer)

	mu   sync.Mutex
	seen []received
	wait sync.WaitGroup
}

// received is a request as it was on the wire.
type received struct {
	line    string
	headers []string
	body    string
	gone    <-chan struct{} // closed when the client has gone
}

func startFake(t *testing.T, answers map[string]func(received, io.Writer)) *fakeServer {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &fakeServer{listener: listener, answers: answers}
	f.wait.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			f.wait.Go(func() { f.serve(conn) })
		}
	})
	t.Cleanup(func() {
		listener.Close()
		f.wait.Wait()
	})
	return f
}

func (f *fakeServer) serve(conn net.Conn) {
	defer conn.Close()
	in := bufio.NewReader(conn)
	var r received
	length := 0
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimRight(line, "\r\n")
		if line == "" {
			break
		}
		if r.line == "" {
			r.line = line
			continue
		}
		r.headers = append(r.headers, line)
		_, _ = fmt.Sscanf(line, "Content-Length: %d", &length)
	}
	body := make([]byte, length)
	if _, err := io.ReadFull(in, body); err != nil {
		return
	}
	r.body = string(body)
	gone := make(chan struct{})
	r.gone = gone
	f.wait.Go(func() {
		defer close(gone)
		_, _ = io.Copy(io.Discard, in)
	})
	f.mu.Lock()
	f.seen = append(f.seen, r)
	f.mu.Unlock()
	if answer := f.answers[strings.Fields(r.line)[1]]; answer != nil {
		answer(r, conn)
	} else {
		plain(404, "404 Not Found.")(r, conn)
	}
}

func (f *fakeServer) addr() string { return f.listener.Addr().String() }

func (f *fakeServer) requests() []received {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]received(nil), f.seen...)
}

// plain answers with a text.
func plain(status int, body string) func(received, io.Writer) {
	return func(_ received, w io.Writer) {
		fmt.Fprintf(w, "HTTP/1.1 %d %s\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: %d\r\n\r\n%s",
			status, http.StatusText(status), len(body), body)
	}
}

// jsonAnswer answers with JSON.
func jsonAnswer(body string) func(received, io.Writer) {
	return func(_ received, w io.Writer) {
		fmt.Fprintf(w, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	}
}

// streaming answers with a chunked stream that carries the given events, one
// in each chunk, and stays open until the client leaves, unless the last event
// is empty.
func streaming(events ...string) func(received, io.Writer) {
	return func(r received, w io.Writer) {
		streamHead(w)
		for _, e := range events {
			if e == "" {
				fmt.Fprint(w, "0\r\n\r\n")
				return
			}
			chunkOf(w, frame(e))
		}
		<-r.gone
	}
}

func streamHead(w io.Writer) {
	fmt.Fprint(w, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"+
		"Transfer-Encoding: chunked\r\nMesos-Stream-Id: stream-1\r\n\r\n")
}

func chunkOf(w io.Writer, data string) { fmt.Fprintf(w, "%x\r\n%s\r\n", len(data), data) }

func frame(e string) string { return fmt.Sprintf("%d\n%s", len(e), e) }

// fakeCluster is a Cluster whose processes are imagined.
type fakeCluster struct {
	master  string
	agent   string
	workDir string

	mu     sync.Mutex
	log    []string
	exited chan struct{}
}

func newFakeCluster(t *testing.T, addr string) *fakeCluster {
	t.Helper()
	return &fakeCluster{master: addr, agent: addr, workDir: t.TempDir(), exited: make(chan struct{})}
}

func (c *fakeCluster) note(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.log = append(c.log, fmt.Sprintf(format, args...))
}

func (c *fakeCluster) MasterAddr() string            { return c.master }
func (c *fakeCluster) AgentAddr(int) (string, error) { return c.agent, nil }
func (c *fakeCluster) AgentID(_ context.Context, n int) (string, error) {
	return fmt.Sprintf("m-S%d", n-1), nil
}
func (c *fakeCluster) SignalAgent(_ context.Context, n int, signal string) error {
	c.note("%s to agent %d", signal, n)
	return nil
}
func (c *fakeCluster) StartAgent(_ context.Context, n int, how StartAgent) error {
	c.note("start agent %d %+v", n, how)
	return nil
}
func (c *fakeCluster) AwaitAgentExit(ctx context.Context, _ int) error {
	select {
	case <-c.exited:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
func (c *fakeCluster) RestartMaster(context.Context) error {
	c.note("restart master")
	return nil
}
func (c *fakeCluster) AgentWorkDir(int) (string, error) { return c.workDir, nil }

// writeTranscript stores a transcript and loads it.
func writeTranscript(t *testing.T, steps ...string) *Transcript {
	t.Helper()
	path := filepath.Join(t.TempDir(), "sample.json")
	text := `{"name":"sample","about":"a sample","setup":{"master_flags":[],"agents":[{"flags":[]}]},"steps":[` +
		strings.Join(steps, ",\n") + `]}`
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	transcript, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if transcript == nil {
		t.Fatal("the sample was not taken for a transcript")
	}
	return transcript
}

// replayOn replays steps against a server.
func replayOn(t *testing.T, c Cluster, steps ...string) (*Report, *Bindings) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	bindings := NewBindings()
	report := NewReplayer(writeTranscript(t, steps...), c, bindings).Run(ctx)
	return report, bindings
}

// httptestAddr is the address of a server of net/http.
func httptestAddr(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}
