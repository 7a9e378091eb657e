package stream

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"time"
)

// Corker is a connection that can hold back small writes. Between Cork and
// Uncork it may buffer; Uncork writes what it has buffered and returns the
// first error since Cork.
type Corker interface {
	Cork()
	Uncork() error
}

type corkerKey struct{}

// WithCorker lets Run find the connection of a request. The server calls it
// for each HTTP/1 connection.
func WithCorker(ctx context.Context, c Corker) context.Context {
	return context.WithValue(ctx, corkerKey{}, c)
}

// uncorked stands in where the server offers no Corker.
type uncorked struct{}

func (uncorked) Cork()         {}
func (uncorked) Uncork() error { return nil }

// Run writes the queue to the subscriber until the stream ends, and returns
// why: the reason of Close, ErrSlow, or ErrGone, the last two possibly
// wrapped; never nil. It blocks; the handler calls it once, after setting the
// headers of the response, and returns after it. Ctx is the request's.
func (q *Queue) Run(ctx context.Context, w http.ResponseWriter) error {
	conn, ok := ctx.Value(corkerKey{}).(Corker)
	if !ok {
		conn = uncorked{}
	}
	out := writer{queue: q, w: w, control: http.NewResponseController(w), conn: conn}
	q.options.Counters.Open.Add(1)
	defer q.options.Counters.Open.Add(-1)
	err := out.run(ctx)
	if reason := q.Reason(); reason != nil && !errors.Is(err, reason) {
		// The connection failed while the stream was being closed. Why it was
		// being closed is what matters.
		err = fmt.Errorf("%w (%v)", reason, err)
	}
	q.end(err)
	return err
}

// writer is the state of Run.
type writer struct {
	queue   *Queue
	w       http.ResponseWriter
	control *http.ResponseController
	conn    Corker

	started  bool      // the first frame has been written
	deadline time.Time // of everything that is left, once the queue is closed
}

func (o *writer) run(ctx context.Context) error {
	if err := o.flushHeader(); err != nil {
		return err
	}
	var beat <-chan time.Time
	if interval := o.queue.options.HeartbeatInterval; interval > 0 && o.queue.options.Heartbeat != nil {
		ticker := time.NewTicker(interval)
		defer ticker.Stop()
		beat = ticker.C
	}
	var b batch
	for {
		select {
		case <-ctx.Done():
			return ErrGone
		case <-beat:
			if !o.started {
				continue // clients expect the first event before anything else
			}
			if err := o.write(&batch{}, true); err != nil {
				return err
			}
			continue
		case <-o.queue.wake:
		}
		o.queue.take(&b)
		err := o.write(&b, false)
		o.queue.written(&b)
		if err != nil {
			return err
		}
		if b.reason != nil {
			return b.reason
		}
	}
}

// flushHeader sends the header of the response at once: the client learns that
// it is subscribed even if the first event takes its time.
func (o *writer) flushHeader() error {
	if err := o.control.SetWriteDeadline(time.Now().Add(o.queue.options.WriteTimeout)); err != nil && !errors.Is(err, errors.ErrUnsupported) {
		return o.failed(err)
	}
	if err := o.control.Flush(); err != nil {
		return o.failed(err)
	}
	return nil
}

// write sends a batch, then a heartbeat if one is due, then the final frame.
func (o *writer) write(b *batch, beat bool) error {
	options := &o.queue.options
	if err := o.setDeadline(b); err != nil {
		return err
	}
	o.conn.Cork()
	err := o.writeCorked(b, beat)
	if uncork := o.conn.Uncork(); err == nil {
		err = uncork
	}
	if err != nil {
		options.Counters.Dropped.Add(int64(len(b.frames)))
		return o.failed(err)
	}
	options.Counters.Frames.Add(int64(len(b.frames)))
	return nil
}

func (o *writer) writeCorked(b *batch, beat bool) error {
	for _, frame := range b.frames {
		if err := o.chunk(frame); err != nil {
			return err
		}
		if !o.started {
			o.started = true
			if o.queue.options.HeartbeatAfterFirst && o.queue.options.Heartbeat != nil {
				if err := o.heartbeat(); err != nil {
					return err
				}
			}
		}
	}
	if beat {
		if err := o.heartbeat(); err != nil {
			return err
		}
	}
	if b.final != nil {
		return o.chunk(b.final)
	}
	return nil
}

// chunk writes one frame as one HTTP chunk: the server makes a chunk of what
// it holds when it is flushed, and it holds nothing in between.
func (o *writer) chunk(frame []byte) error {
	if _, err := o.w.Write(frame); err != nil {
		return err
	}
	o.queue.options.Counters.Bytes.Add(int64(len(frame)))
	return o.control.Flush()
}

func (o *writer) heartbeat() error {
	o.queue.options.Counters.Heartbeats.Add(1)
	return o.chunk(o.queue.options.Heartbeat)
}

// setDeadline bounds the coming write. All writes after Close share one
// deadline, so that a trickling reader cannot keep a closed stream alive.
func (o *writer) setDeadline(b *batch) error {
	const sizePerSecond = 1 << 20
	timeout := o.queue.options.WriteTimeout + time.Duration(b.bytes/sizePerSecond)*time.Second
	deadline := time.Now().Add(timeout)
	if o.queue.Reason() != nil {
		if o.deadline.IsZero() {
			o.deadline = deadline
		}
		deadline = o.deadline
	}
	err := o.control.SetWriteDeadline(deadline)
	if err != nil && !errors.Is(err, errors.ErrUnsupported) {
		return o.failed(err)
	}
	return nil
}

// failed names the reason behind an error of the connection.
func (o *writer) failed(err error) error {
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("%w: a write took longer than %s", ErrSlow, o.queue.options.WriteTimeout)
	case errors.Is(err, errors.ErrUnsupported):
		return fmt.Errorf("the response cannot be streamed: %w", err)
	default:
		return fmt.Errorf("%w: %w", ErrGone, err)
	}
}
