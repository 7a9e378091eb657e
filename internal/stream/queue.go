package stream

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// Reasons for the end of a stream that the stream itself finds. The publisher
// gives its own reasons to Close.
var (
	// ErrSlow means that the subscriber did not read fast enough: its queue
	// was full, or a write took too long.
	ErrSlow = errors.New("subscriber too slow")
	// ErrGone means that the subscriber ended the connection.
	ErrGone = errors.New("subscriber disconnected")
)

// Options of a Queue. Zero fields take the defaults.
type Options struct {
	// MaxFrames and MaxBytes bound what may wait for the subscriber: 16,384
	// frames and 64 MiB by default. The frames being written count. One frame
	// larger than MaxBytes passes if nothing else waits, so that a snapshot of
	// a large cluster can be sent at all.
	MaxFrames int
	MaxBytes  int
	// WriteTimeout is how long one write to the connection may take, 10 s by
	// default. Large writes get a second more for each MiB.
	WriteTimeout time.Duration
	// Heartbeat is sent every HeartbeatInterval, if both are set.
	Heartbeat         []byte
	HeartbeatInterval time.Duration
	// HeartbeatAfterFirst sends a heartbeat directly behind the first frame.
	HeartbeatAfterFirst bool
	// Overflow, if set, is the last frame that is tried on a subscriber whose
	// queue was full.
	Overflow []byte
	// Counters, if set, are shared by the queues of one kind.
	Counters *Counters
}

func (o Options) withDefaults() Options {
	if o.MaxFrames <= 0 {
		o.MaxFrames = 16_384
	}
	if o.MaxBytes <= 0 {
		o.MaxBytes = 64 << 20
	}
	if o.WriteTimeout <= 0 {
		o.WriteTimeout = 10 * time.Second
	}
	if o.Counters == nil {
		o.Counters = new(Counters)
	}
	return o
}

// Counters of all queues that share them. They only grow, except Open.
type Counters struct {
	Open       atomic.Int64 // queues whose Run is running
	Frames     atomic.Int64 // frames written, heartbeats not counted
	Bytes      atomic.Int64 // bytes of frames and heartbeats written
	Heartbeats atomic.Int64
	Slow       atomic.Int64 // queues closed with ErrSlow
	Dropped    atomic.Int64 // frames that were accepted and probably not received
}

// Queue holds what waits for one subscriber. The mutex guards the fields below
// it; it is never held during I/O.
type Queue struct {
	options Options
	wake    chan struct{} // one slot: there is something for Run to look at
	closed  chan struct{} // closed by the first Close

	mu      sync.Mutex
	waiting ring
	frames  int    // waiting and being written
	bytes   int    // of these frames
	reason  error  // why the queue is closed; nil while it is open
	final   []byte // the frame that goes behind all others
	ended   bool   // Run has returned
}

// New makes a queue. Frames may be offered before Run is called.
func New(options Options) *Queue {
	return &Queue{options: options.withDefaults(), wake: make(chan struct{}, 1), closed: make(chan struct{})}
}

// Offer hands over one frame, which must never be changed again. It does not
// block. It reports false if the frame will not be sent: the queue is closed,
// or is now closed with ErrSlow because the frame found no room.
func (q *Queue) Offer(frame []byte) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.reason != nil {
		return false
	}
	full := q.frames >= q.options.MaxFrames || q.frames > 0 && q.bytes+len(frame) > q.options.MaxBytes
	if full {
		reason := fmt.Errorf("%w: %d frames of %d bytes are waiting", ErrSlow, q.frames, q.bytes)
		q.drop()
		q.close(reason, q.options.Overflow)
		return false
	}
	q.waiting.push(frame)
	q.frames++
	q.bytes += len(frame)
	q.signal()
	return true
}

// Close ends the stream: what waits is sent, then final if it is not nil, then
// Run returns reason, which must not be nil. All of this must be done within
// one WriteTimeout. Close does not block, and only the first one has an effect.
func (q *Queue) Close(reason error, final []byte) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.reason == nil {
		q.close(reason, final)
	}
}

// Closed is closed as soon as the queue takes no more frames. Reason is set by
// then.
func (q *Queue) Closed() <-chan struct{} { return q.closed }

// Reason tells why the queue was closed. It is nil while it is open.
func (q *Queue) Reason() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.reason
}

// Backlog is what a subscriber has yet to receive.
type Backlog struct{ Frames, Bytes int }

// Backlog reports the present state, for people and metrics.
func (q *Queue) Backlog() Backlog {
	q.mu.Lock()
	defer q.mu.Unlock()
	return Backlog{Frames: q.frames, Bytes: q.bytes}
}

func (q *Queue) close(reason error, final []byte) {
	q.reason, q.final = reason, final
	close(q.closed)
	if errors.Is(reason, ErrSlow) {
		q.options.Counters.Slow.Add(1)
	}
	if q.ended {
		q.drop()
	}
	q.signal()
}

// drop forgets the waiting frames.
func (q *Queue) drop() {
	q.options.Counters.Dropped.Add(int64(q.waiting.count))
	for q.waiting.count > 0 {
		q.frames--
		q.bytes -= len(q.waiting.pop())
	}
}

func (q *Queue) signal() {
	select {
	case q.wake <- struct{}{}:
	default: // Run has yet to see the previous signal and will see this change too.
	}
}

// Frames that leave together are bounded, so that what has been written is
// soon taken off the backlog.
const (
	batchFrames = 256
	batchBytes  = 256 << 10
)

// batch is what Run writes in one go.
type batch struct {
	frames [][]byte
	bytes  int
	reason error // set if nothing follows but final
	final  []byte
}

// take moves waiting frames into b, whose memory is reused.
func (q *Queue) take(b *batch) {
	q.mu.Lock()
	defer q.mu.Unlock()
	b.frames, b.bytes = b.frames[:0], 0
	for q.waiting.count > 0 && len(b.frames) < batchFrames &&
		(len(b.frames) == 0 || b.bytes+len(q.waiting.next()) <= batchBytes) {
		frame := q.waiting.pop()
		b.frames = append(b.frames, frame)
		b.bytes += len(frame)
	}
	if q.waiting.count == 0 {
		b.reason, b.final = q.reason, q.final
	} else {
		q.signal()
	}
}

// written takes a batch off the backlog.
func (q *Queue) written(b *batch) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.frames -= len(b.frames)
	q.bytes -= b.bytes
	clear(b.frames) // do not hold on to frames until the next batch
}

// end closes the queue for good when Run returns.
func (q *Queue) end(reason error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.ended = true
	if q.reason == nil {
		q.close(reason, nil)
	}
	q.drop()
}
