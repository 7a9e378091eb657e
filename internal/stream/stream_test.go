package stream_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/meseta/meseta/internal/stream"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// subscription is a queue with its subscriber, joined by an HTTP server on an
// in-memory connection, so that time is virtual.
type subscription struct {
	t      *testing.T
	queue  *stream.Queue
	in     *bufio.Reader
	client net.Conn
	ended  chan error // what Run returned
}

// countingConn corks writes like the connections of a real server and counts
// those that reach the wire.
type countingConn struct {
	net.Conn
	mu     sync.Mutex
	corked bool
	held   []byte
	writes int
}

func (c *countingConn) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.corked {
		c.held = append(c.held, p...)
		return len(p), nil
	}
	c.writes++
	return c.Conn.Write(p)
}

func (c *countingConn) Cork() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.corked = true
}

func (c *countingConn) Uncork() error {
	c.mu.Lock()
	c.corked = false
	held := c.held
	c.held = nil
	c.mu.Unlock()
	if len(held) == 0 {
		return nil
	}
	_, err := c.Write(held)
	return err
}

type oneConn struct {
	conns chan net.Conn
	done  chan struct{}
}

func (l *oneConn) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}
func (l *oneConn) Close() error   { close(l.done); return nil }
func (l *oneConn) Addr() net.Addr { return &net.UnixAddr{Name: "memory"} }

// subscribe must be called inside a synctest bubble.
func subscribe(t *testing.T, queue *stream.Queue) (*subscription, *countingConn) {
	t.Helper()
	client, serverEnd := net.Pipe()
	conn := &countingConn{Conn: serverEnd}
	listener := &oneConn{make(chan net.Conn, 1), make(chan struct{})}
	listener.conns <- conn
	s := &subscription{t: t, queue: queue, in: bufio.NewReader(client), client: client, ended: make(chan error, 1)}
	server := &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			s.ended <- queue.Run(r.Context(), w)
		}),
		ConnContext: func(ctx context.Context, c net.Conn) context.Context { return stream.WithCorker(ctx, conn) },
	}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = client.Close(); _ = server.Close() })
	if _, err := io.WriteString(client, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	for {
		line, err := s.in.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		if line == "\r\n" {
			return s, conn
		}
	}
}

// chunk returns the next HTTP chunk, "" at the end of the stream.
func (s *subscription) chunk() string {
	s.t.Helper()
	line, err := s.in.ReadString('\n')
	if err != nil {
		s.t.Fatalf("no further chunk: %v", err)
	}
	size, err := strconv.ParseInt(strings.TrimSpace(line), 16, 64)
	if err != nil {
		s.t.Fatalf("bad chunk header %q", line)
	}
	body := make([]byte, size+2)
	if _, err := io.ReadFull(s.in, body); err != nil {
		s.t.Fatal(err)
	}
	return string(body[:size])
}

func (s *subscription) expect(want ...string) {
	s.t.Helper()
	for _, w := range want {
		if got := s.chunk(); got != w {
			s.t.Fatalf("the next chunk is %.80q, want %.80q", got, w)
		}
	}
}

func (s *subscription) expectEnd(want error) {
	s.t.Helper()
	if got := <-s.ended; !errors.Is(got, want) {
		s.t.Errorf("the stream ended with %v, want %v", got, want)
	}
}

var errReplaced = errors.New("replaced by a newer subscription")

func TestFramesAreChunksOfTheirOwnInOneWrite(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		queue := stream.New(stream.Options{})
		s, conn := subscribe(t, queue)
		synctest.Wait()
		before := conn.writes
		large := strings.Repeat("x", 10_000)
		for _, frame := range []string{"3\none", large, "3\ntwo"} {
			if !queue.Offer([]byte(frame)) {
				t.Fatal("the queue is open and has room")
			}
		}
		s.expect("3\none", large, "3\ntwo")
		synctest.Wait()
		// The first frame may have left before the others were offered.
		if writes := conn.writes - before; writes > 2 {
			t.Errorf("three waiting frames took %d writes", writes)
		}
	})
}

func TestHeartbeats(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		queue := stream.New(stream.Options{Heartbeat: []byte("beat"), HeartbeatInterval: 15 * time.Second, HeartbeatAfterFirst: true})
		queue.Offer([]byte("subscribed"))
		queue.Offer([]byte("offers"))
		s, _ := subscribe(t, queue)
		start := time.Now()
		s.expect("subscribed", "beat", "offers")
		if waited := time.Since(start); waited != 0 {
			t.Errorf("the first heartbeat came after %s, want at once", waited)
		}
		s.expect("beat")
		if waited := time.Since(start); waited != 15*time.Second {
			t.Errorf("the second heartbeat came after %s, want 15s", waited)
		}
		queue.Offer([]byte("update"))
		s.expect("update", "beat")
		if waited := time.Since(start); waited != 30*time.Second {
			t.Errorf("the third heartbeat came after %s, want 30s", waited)
		}
	})
}

func TestNoHeartbeatComesBeforeTheFirstFrame(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		queue := stream.New(stream.Options{Heartbeat: []byte("beat"), HeartbeatInterval: time.Second})
		s, _ := subscribe(t, queue)
		time.Sleep(3500 * time.Millisecond)
		queue.Offer([]byte("first"))
		s.expect("first", "beat")
	})
}

func TestACloseSendsWhatWaitsAndAFinalFrame(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var counters stream.Counters
		queue := stream.New(stream.Options{Counters: &counters})
		const frames = 1000 // more than one batch
		for i := range frames {
			queue.Offer(fmt.Appendf(nil, "frame %d", i))
		}
		s, _ := subscribe(t, queue)
		queue.Close(errReplaced, []byte("error"))
		queue.Close(errors.New("a second close has no effect"), []byte("never sent"))
		if queue.Offer([]byte("late")) {
			t.Error("a closed queue accepts a frame")
		}
		<-queue.Closed()
		for i := range frames {
			s.expect(fmt.Sprintf("frame %d", i))
		}
		s.expect("error", "")
		s.expectEnd(errReplaced)
		if got := counters.Frames.Load(); got != frames {
			t.Errorf("counted %d frames, want %d", got, frames)
		}
		if got := queue.Backlog(); got != (stream.Backlog{}) {
			t.Errorf("left behind: %+v", got)
		}
		if open := counters.Open.Load(); open != 0 {
			t.Errorf("%d streams are counted as open", open)
		}
	})
}

func TestASubscriberThatStopsReadingIsDisconnected(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		options stream.Options
		offers  int
		size    int
	}{
		{"by the number of frames", stream.Options{MaxFrames: 100}, 500, 10},
		{"by their size", stream.Options{MaxBytes: 1 << 20}, 500, 10_000},
		{"by the write deadline", stream.Options{WriteTimeout: 5 * time.Second}, 1, 10},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var counters stream.Counters
				test.options.Counters = &counters
				queue := stream.New(test.options)
				s, _ := subscribe(t, queue)
				start := time.Now()
				accepted := 0
				for range test.offers {
					if queue.Offer(make([]byte, test.size)) {
						accepted++
					}
				}
				if waited := time.Since(start); waited != 0 {
					t.Errorf("the publisher waited %s", waited)
				}
				if test.offers > 1 && (accepted == test.offers || !errors.Is(queue.Reason(), stream.ErrSlow)) {
					t.Errorf("%d of %d frames were accepted, reason %v", accepted, test.offers, queue.Reason())
				}
				s.expectEnd(stream.ErrSlow)
				if counters.Slow.Load() != 1 {
					t.Errorf("counted %d slow subscribers", counters.Slow.Load())
				}
				if dropped := counters.Dropped.Load(); dropped != int64(accepted) {
					t.Errorf("%d frames were accepted, %d are counted as dropped", accepted, dropped)
				}
				if got := queue.Backlog(); got != (stream.Backlog{}) {
					t.Errorf("memory is still held: %+v", got)
				}
			})
		})
	}
}

func TestAnOverflowIsExplainedToASubscriberThatStillReads(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		queue := stream.New(stream.Options{MaxFrames: 2, Overflow: []byte("too slow")})
		queue.Offer([]byte("1"))
		queue.Offer([]byte("2"))
		if queue.Offer([]byte("3")) {
			t.Error("the third frame was accepted")
		}
		s, _ := subscribe(t, queue)
		s.expect("too slow", "")
		s.expectEnd(stream.ErrSlow)
	})
}

func TestOneLargeFramePasses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		queue := stream.New(stream.Options{MaxBytes: 10})
		snapshot := strings.Repeat("s", 1<<20)
		if !queue.Offer([]byte(snapshot)) {
			t.Fatal("a snapshot larger than the limit was refused by an empty queue")
		}
		s, _ := subscribe(t, queue)
		s.expect(snapshot)
	})
}

func TestATricklingReaderCannotHoldAClosedStream(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		queue := stream.New(stream.Options{WriteTimeout: 4 * time.Second})
		s, _ := subscribe(t, queue)
		for range 5000 {
			queue.Offer([]byte("0123456789"))
		}
		queue.Close(errReplaced, []byte("error"))
		start := time.Now()
		var reader sync.WaitGroup
		reader.Go(func() {
			for buffer := make([]byte, 3000); ; time.Sleep(time.Second) {
				if _, err := s.client.Read(buffer); err != nil {
					return
				}
			}
		})
		s.expectEnd(errReplaced)
		// The write that was under way when the queue was closed has its own
		// deadline.
		if took := time.Since(start); took > 8*time.Second {
			t.Errorf("the stream lived for another %s", took)
		}
		_ = s.client.Close()
		reader.Wait()
	})
}

func TestADisconnectedSubscriberEndsTheStream(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		queue := stream.New(stream.Options{})
		s, _ := subscribe(t, queue)
		synctest.Wait()
		_ = s.client.Close()
		s.expectEnd(stream.ErrGone)
		if queue.Offer([]byte("late")) {
			t.Error("a frame was accepted for a subscriber that is gone")
		}
		if !errors.Is(queue.Reason(), stream.ErrGone) {
			t.Errorf("the reason is %v", queue.Reason())
		}
	})
}

func TestManyPublishersKeepTheirOwnOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		queue := stream.New(stream.Options{})
		s, _ := subscribe(t, queue)
		const publishers, each = 4, 200
		for p := range publishers {
			go func() {
				for i := range each {
					queue.Offer(fmt.Appendf(nil, "%d/%d", p, i))
				}
			}()
		}
		next := make([]int, publishers)
		for range publishers * each {
			var p, i int
			if _, err := fmt.Sscanf(s.chunk(), "%d/%d", &p, &i); err != nil {
				t.Fatal(err)
			}
			if i != next[p] {
				t.Fatalf("publisher %d: frame %d came when %d was due", p, i, next[p])
			}
			next[p]++
		}
		if diff := cmp.Diff([]int{each, each, each, each}, next); diff != "" {
			t.Error(diff)
		}
	})
}

func TestAResponseThatCannotBeFlushedIsRefused(t *testing.T) {
	t.Parallel()
	queue := stream.New(stream.Options{})
	if err := queue.Run(t.Context(), bare{}); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("got %v", err)
	}
}

type bare struct{}

func (bare) Header() http.Header         { return http.Header{} }
func (bare) Write(p []byte) (int, error) { return len(p), nil }
func (bare) WriteHeader(int)             {}

func BenchmarkOffer(b *testing.B) {
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	queue := stream.New(stream.Options{MaxFrames: 1 << 30, MaxBytes: 1 << 40})
	done := make(chan error)
	go func() { done <- queue.Run(ctx, sink{}) }()
	frame := make([]byte, 400)
	b.ReportAllocs()
	for b.Loop() {
		queue.Offer(frame)
	}
	cancel()
	<-done
}

type sink struct{ bare }

func (sink) Flush() {}
