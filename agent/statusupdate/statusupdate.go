// Package statusupdate keeps the status updates of tasks until their
// schedulers have acknowledged them.
//
// There is one stream for each (framework, task). Its updates are delivered
// in order: only the oldest one, the head, is in flight, and it is repeated
// until an acknowledgement with its uuid arrives. A stream closes with the
// acknowledgement of a terminal update.
package statusupdate

import (
	"bytes"
	"cmp"
	"container/heap"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/meseta/meseta/gen/mesosv1"
	"github.com/meseta/meseta/internal/mesosid"
	"github.com/meseta/meseta/internal/taskstate"
)

// The delays between two deliveries of one update: the first one, doubling up
// to the last one.
const (
	FirstRetry = 10 * time.Second
	LastRetry  = 10 * time.Minute
)

// Errors of Acknowledge. Both are harmless: schedulers may acknowledge twice.
var (
	ErrNoStream = errors.New("no update of the task awaits an acknowledgement")
	ErrMismatch = errors.New("the uuid is not that of the update in flight")
)

// Key names a stream.
type Key struct {
	Framework mesosid.FrameworkID
	Task      mesosid.TaskID
}

// Delivery is an update to be sent now.
type Delivery struct {
	Key    Key
	Status *mesosv1.TaskStatus
	// Latest is the newest state of the task, which may be ahead of Status.
	Latest mesosv1.TaskState
}

// Manager has the streams of all tasks. It does no I/O and knows no clock; it
// belongs to the agent's actor. It starts paused.
type Manager struct {
	streams map[Key]*stream
	// open counts the streams of each framework that has any.
	open   map[mesosid.FrameworkID]int
	paused bool
	// due orders the streams by the time of their next delivery. Entries are
	// left in place when a stream moves on; round tells which ones are valid.
	due dueHeap
}

type stream struct {
	key     Key
	pending []*mesosv1.TaskStatus
	delay   time.Duration // before the next repetition of the head
	round   uint64        // grows whenever the next delivery is moved
}

// New returns a Manager without streams, paused.
func New() *Manager {
	return &Manager{streams: map[Key]*stream{}, open: map[mesosid.FrameworkID]int{}, paused: true}
}

// Append adds an update to its stream, opening it when needed, and returns
// the delivery that follows: the update itself when nothing is before it.
// The status must not be changed afterwards.
func (m *Manager) Append(now time.Time, key Key, status *mesosv1.TaskStatus) (Delivery, bool) {
	s := m.streams[key]
	if s == nil {
		s = &stream{key: key}
		m.streams[key] = s
		m.open[key.Framework]++
	}
	s.pending = append(s.pending, status)
	if len(s.pending) > 1 || m.paused {
		return Delivery{}, false
	}
	return m.deliver(now, s), true
}

// Acknowledge drops the head of a stream when its uuid is the given one, and
// returns it together with the delivery that follows. The error is
// ErrNoStream or ErrMismatch.
func (m *Manager) Acknowledge(now time.Time, key Key, uuid []byte) (acked *mesosv1.TaskStatus, next Delivery, more bool, err error) {
	s := m.streams[key]
	if s == nil {
		return nil, Delivery{}, false, fmt.Errorf("task %s of framework %s: %w", key.Task, key.Framework, ErrNoStream)
	}
	head := s.pending[0]
	if !bytes.Equal(head.UUID, uuid) {
		return nil, Delivery{}, false, fmt.Errorf("task %s of framework %s: %w", key.Task, key.Framework, ErrMismatch)
	}
	s.pending = s.pending[1:]
	s.round++
	s.delay = 0
	if len(s.pending) == 0 || taskstate.Terminal(head.State) {
		m.remove(key)
		return head, Delivery{}, false, nil
	}
	if m.paused {
		return head, Delivery{}, false, nil
	}
	return head, m.deliver(now, s), true, nil
}

// Pause stops all deliveries: there is no master to deliver to.
func (m *Manager) Pause() { m.paused = true }

// Resume starts the deliveries again and returns the head of every stream, in
// the order of the keys.
func (m *Manager) Resume(now time.Time) []Delivery {
	m.paused = false
	m.due = m.due[:0]
	heads := make([]Delivery, 0, len(m.streams))
	for _, key := range slices.SortedFunc(maps.Keys(m.streams), compareKeys) {
		s := m.streams[key]
		s.delay = 0
		heads = append(heads, m.deliver(now, s))
	}
	return heads
}

// Resend returns the head of every stream of a framework at once, in the order
// of the keys: its scheduler has just come back and may have missed them.
func (m *Manager) Resend(now time.Time, framework mesosid.FrameworkID) []Delivery {
	if m.paused {
		return nil
	}
	keys := m.Streams(framework)
	slices.SortFunc(keys, compareKeys)
	heads := make([]Delivery, 0, len(keys))
	for _, key := range keys {
		s := m.streams[key]
		s.delay = 0
		heads = append(heads, m.deliver(now, s))
	}
	return heads
}

// Due returns the updates whose repetition is due.
func (m *Manager) Due(now time.Time) []Delivery {
	var out []Delivery
	for !m.paused && len(m.due) > 0 && !m.due[0].at.After(now) {
		entry := heap.Pop(&m.due).(dueEntry)
		if m.valid(entry) {
			out = append(out, m.deliver(now, entry.stream))
		}
	}
	return out
}

// Next is when Due has something to return; false means never, as things are.
func (m *Manager) Next() (time.Time, bool) {
	for len(m.due) > 0 && !m.valid(m.due[0]) {
		heap.Pop(&m.due)
	}
	if m.paused || len(m.due) == 0 {
		return time.Time{}, false
	}
	return m.due[0].at, true
}

// Close drops a stream with all that is in it.
func (m *Manager) Close(key Key) {
	if s := m.streams[key]; s != nil {
		s.round++
		m.remove(key)
	}
}

// remove takes a stream that is there out of the table.
func (m *Manager) remove(key Key) {
	delete(m.streams, key)
	if m.open[key.Framework]--; m.open[key.Framework] == 0 {
		delete(m.open, key.Framework)
	}
}

// Open reports whether updates of the task await acknowledgement.
func (m *Manager) Open(key Key) bool { return m.streams[key] != nil }

// Any reports whether updates of any task of the framework await
// acknowledgement.
func (m *Manager) Any(framework mesosid.FrameworkID) bool { return m.open[framework] > 0 }

// Len is the number of streams.
func (m *Manager) Len() int { return len(m.streams) }

// Streams returns the keys of a framework's streams.
func (m *Manager) Streams(framework mesosid.FrameworkID) []Key {
	var keys []Key
	for key := range m.streams {
		if key.Framework == framework {
			keys = append(keys, key)
		}
	}
	return keys
}

func (m *Manager) deliver(now time.Time, s *stream) Delivery {
	s.delay = min(max(2*s.delay, FirstRetry), LastRetry)
	s.round++
	heap.Push(&m.due, dueEntry{at: now.Add(s.delay), stream: s, round: s.round})
	return Delivery{Key: s.key, Status: s.pending[0], Latest: s.pending[len(s.pending)-1].State}
}

func (m *Manager) valid(e dueEntry) bool {
	return e.round == e.stream.round && m.streams[e.stream.key] == e.stream
}

func compareKeys(a, b Key) int {
	return cmp.Or(cmp.Compare(a.Framework, b.Framework), cmp.Compare(a.Task, b.Task))
}

type dueEntry struct {
	at     time.Time
	stream *stream
	round  uint64
}

type dueHeap []dueEntry

func (h dueHeap) Len() int           { return len(h) }
func (h dueHeap) Less(i, j int) bool { return h[i].at.Before(h[j].at) }
func (h dueHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *dueHeap) Push(x any)        { *h = append(*h, x.(dueEntry)) }
func (h *dueHeap) Pop() any {
	old := *h
	last := old[len(old)-1]
	*h = old[:len(old)-1]
	return last
}
