package compat

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/meseta/meseta/internal/recordio"
)

// heartbeat is the type of the events that keep a stream alive and are seen
// only by steps that ask for them.
const heartbeat = "HEARTBEAT"

// event is one record of a stream.
type event struct {
	Type    string
	Value   any
	Raw     []byte
	Arrived time.Time
	taken   bool // guarded by the mutex of the stream
}

// stream is an open subscription. A goroutine reads it from its start to its
// end, so that the time of arrival of each event is known and the server never
// waits for the replay. All methods are safe for concurrent use.
type stream struct {
	name     string
	response *rawResponse

	mu      sync.Mutex
	events  []*event
	changed chan struct{} // closed and replaced whenever events or ended change
	ended   bool
	end     error    // why it ended, if not properly
	broken  []string // violations of the framing
	done    chan struct{}
}

// newStream starts to read the body of an answer.
func newStream(name string, response *rawResponse) *stream {
	s := &stream{name: name, response: response, changed: make(chan struct{}), done: make(chan struct{})}
	go s.read()
	return s
}

func (s *stream) read() {
	defer close(s.done)
	for {
		chunk, err := s.response.next()
		if err != nil {
			s.finish(err)
			return
		}
		events, problems := parseChunk(chunk)
		s.mu.Lock()
		s.events = append(s.events, events...)
		s.broken = append(s.broken, problems...)
		s.signal()
		s.mu.Unlock()
	}
}

// parseChunk takes the records out of one chunk. There must be exactly one:
// clients exist that take each chunk for one event.
func parseChunk(chunk []byte) (events []*event, problems []string) {
	now := time.Now()
	reader := recordio.NewReader(bytes.NewReader(chunk), maxChunk)
	for {
		record, err := reader.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return events, append(problems, fmt.Sprintf("a chunk is not one RecordIO record (%v): %.200q", err, chunk))
		}
		e := &event{Raw: bytes.Clone(record), Arrived: now}
		if value, err := decode(record); err == nil {
			e.Value, e.Type = value, textOf(dig(value, "type"))
			if bytes.ContainsAny(record, "\n\r") {
				problems = append(problems, fmt.Sprintf("an event has a line break inside: %.200q", record))
			}
		}
		events = append(events, e)
	}
	if len(events) != 1 {
		problems = append(problems, fmt.Sprintf("a chunk holds %d records instead of one: %.200q", len(events), chunk))
	}
	return events, problems
}

func (s *stream) finish(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	if !errors.Is(err, io.EOF) {
		s.end = err
	}
	s.signal()
}

// signal wakes everybody who waits. The mutex is held.
func (s *stream) signal() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// close drops the connection and waits for the reader.
func (s *stream) close() {
	s.response.close()
	<-s.done
}

// problems returns the violations of the framing seen since the last call.
func (s *stream) problems() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := s.broken
	s.broken = nil
	return found
}

// errStreamEnded means that the server ended a stream from which more was
// expected.
var errStreamEnded = errors.New("the server has ended the stream")

// await blocks until choose, given the events not yet taken in the order of
// their arrival, picks some; these are taken. It gives up when the stream has
// ended or ctx is done.
func (s *stream) await(ctx context.Context, choose func([]*event) []*event) ([]*event, error) {
	for {
		s.mu.Lock()
		picked := choose(s.untaken())
		for _, e := range picked {
			e.taken = true
		}
		changed, ended, end := s.changed, s.ended, s.end
		s.mu.Unlock()
		if len(picked) > 0 {
			return picked, nil
		}
		if ended {
			return nil, errors.Join(errStreamEnded, end)
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// waiting returns the events not yet taken that a step would care about.
func (s *stream) waiting(cares func(*event) bool) []*event {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []*event
	for _, e := range s.untaken() {
		if cares(e) {
			found = append(found, e)
		}
	}
	return found
}

// untaken lists the events not yet taken. The mutex is held.
func (s *stream) untaken() []*event {
	var list []*event
	for _, e := range s.events {
		if !e.taken {
			list = append(list, e)
		}
	}
	return list
}

// hasEnded reports whether the server has ended the stream.
func (s *stream) hasEnded() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ended
}

// awaitEnd blocks until the server ends the stream or ctx is done.
func (s *stream) awaitEnd(ctx context.Context) error {
	select {
	case <-s.done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("the stream is still open: %w", context.Cause(ctx))
	}
}

// summary lists what waits on the stream, for messages.
func (s *stream) summary() string {
	waiting := s.waiting(func(e *event) bool { return e.Type != heartbeat })
	if len(waiting) == 0 {
		return "nothing else waits on the stream"
	}
	var out bytes.Buffer
	fmt.Fprintf(&out, "%d other events wait on the stream:", len(waiting))
	for i, e := range waiting {
		if i == 5 {
			fmt.Fprintf(&out, "\n  …")
			break
		}
		fmt.Fprintf(&out, "\n  %s", shorten(json.RawMessage(e.Raw), maxShownValue))
	}
	return out.String()
}
