package statusupdate

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/meseta/meseta/gen/mesosv1"
	"github.com/meseta/meseta/internal/mesosid"
)

func update(uuid string, state mesosv1.TaskState) *mesosv1.TaskStatus {
	return &mesosv1.TaskStatus{State: state, UUID: []byte(uuid)}
}

var (
	start = time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	key   = Key{Framework: "f", Task: "t"}
)

func resumed() *Manager {
	m := New()
	m.Resume(start)
	return m
}

func TestOnlyTheOldestUpdateIsInFlight(t *testing.T) {
	t.Parallel()
	m := resumed()
	d, ok := m.Append(start, key, update("1", mesosv1.TaskStarting))
	if !ok || string(d.Status.UUID) != "1" || d.Latest != mesosv1.TaskStarting {
		t.Fatalf("the first update is not delivered at once: %v %v", d, ok)
	}
	if _, ok := m.Append(start, key, update("2", mesosv1.TaskRunning)); ok {
		t.Fatal("the second update overtakes the first")
	}
	_, next, more, err := m.Acknowledge(start, key, []byte("1"))
	if err != nil || !more || string(next.Status.UUID) != "2" {
		t.Fatalf("after the acknowledgement of the first the second must follow: %v %v %v", next, more, err)
	}
}

func TestADeliveryTellsTheNewestState(t *testing.T) {
	t.Parallel()
	m := resumed()
	m.Append(start, key, update("1", mesosv1.TaskRunning))
	m.Append(start, key, update("2", mesosv1.TaskFinished))
	due := m.Due(start.Add(FirstRetry))
	if len(due) != 1 || due[0].Latest != mesosv1.TaskFinished || due[0].Status.State != mesosv1.TaskRunning {
		t.Fatalf("repetition: %+v", due)
	}
}

func TestRepetitionsDoubleFromTenSecondsToTenMinutes(t *testing.T) {
	t.Parallel()
	m := resumed()
	m.Append(start, key, update("1", mesosv1.TaskStarting))
	var gaps []time.Duration
	last := start
	for range 9 {
		at, ok := m.Next()
		if !ok {
			t.Fatal("no repetition is due")
		}
		if early := m.Due(at.Add(-time.Nanosecond)); len(early) != 0 {
			t.Fatalf("repeated too early: %v", early)
		}
		if len(m.Due(at)) != 1 {
			t.Fatal("not repeated when due")
		}
		gaps = append(gaps, at.Sub(last))
		last = at
	}
	const s = time.Second
	want := []time.Duration{10 * s, 20 * s, 40 * s, 80 * s, 160 * s, 320 * s, 600 * s, 600 * s, 600 * s}
	if diff := cmp.Diff(want, gaps); diff != "" {
		t.Errorf("gaps (-want +got):\n%s", diff)
	}
}

func TestTheNextUpdateStartsWithTheShortestDelay(t *testing.T) {
	t.Parallel()
	m := resumed()
	m.Append(start, key, update("1", mesosv1.TaskStarting))
	m.Append(start, key, update("2", mesosv1.TaskRunning))
	m.Due(start.Add(FirstRetry))
	later := start.Add(15 * time.Second)
	m.Acknowledge(later, key, []byte("1"))
	if at, _ := m.Next(); at != later.Add(FirstRetry) {
		t.Errorf("repetition at %v, want %v", at, later.Add(FirstRetry))
	}
}

func TestAcknowledgementsMustCarryTheUUIDInFlight(t *testing.T) {
	t.Parallel()
	m := resumed()
	if _, _, _, err := m.Acknowledge(start, key, []byte("1")); !errors.Is(err, ErrNoStream) {
		t.Errorf("acknowledgement without a stream: %v", err)
	}
	m.Append(start, key, update("1", mesosv1.TaskStarting))
	m.Append(start, key, update("2", mesosv1.TaskRunning))
	if _, _, _, err := m.Acknowledge(start, key, []byte("2")); !errors.Is(err, ErrMismatch) {
		t.Errorf("acknowledgement of an update that was not sent yet: %v", err)
	}
}

func TestTheAcknowledgementOfATerminalUpdateClosesTheStream(t *testing.T) {
	t.Parallel()
	m := resumed()
	m.Append(start, key, update("1", mesosv1.TaskFinished))
	acked, _, more, err := m.Acknowledge(start, key, []byte("1"))
	if err != nil || more || acked.State != mesosv1.TaskFinished || m.Open(key) || m.Len() != 0 {
		t.Errorf("the stream is still open: %v %v %v", acked, more, err)
	}
	if _, ok := m.Next(); ok {
		t.Error("a closed stream is repeated")
	}
}

func TestNothingIsDeliveredWhilePaused(t *testing.T) {
	t.Parallel()
	m := New()
	if _, ok := m.Append(start, key, update("1", mesosv1.TaskStarting)); ok {
		t.Error("delivered before the first registration")
	}
	other := Key{Framework: "e", Task: "t"}
	m.Append(start, other, update("2", mesosv1.TaskRunning))
	heads := m.Resume(start)
	if len(heads) != 2 || heads[0].Key != other || heads[1].Key != key {
		t.Errorf("heads in the order of their keys: %+v", heads)
	}
	m.Pause()
	if _, ok := m.Next(); ok || len(m.Due(start.Add(time.Hour))) != 0 {
		t.Error("repeated while paused")
	}
	if heads := m.Resume(start.Add(time.Hour)); len(heads) != 2 {
		t.Errorf("%d heads after the pause, want 2", len(heads))
	}
	if at, _ := m.Next(); at != start.Add(time.Hour+FirstRetry) {
		t.Errorf("the delay does not start anew: %v", at)
	}
}

// Under any interleaving each stream is delivered in order without gaps, and
// everything arrives once acknowledgements do.
func TestEveryUpdateArrivesInOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := New()
		now := start
		sent := map[Key]int{}
		seen := map[Key]int{}
		flying := map[Key][]byte{}
		take := func(deliveries ...Delivery) {
			for _, d := range deliveries {
				var n int
				fmt.Sscanf(string(d.Status.UUID), "%d", &n)
				switch {
				case n == seen[d.Key]+1:
					seen[d.Key] = n
				case n == seen[d.Key] && bytes.Equal(d.Status.UUID, flying[d.Key]):
				default:
					t.Fatalf("update %d of %v after update %d", n, d.Key, seen[d.Key])
				}
				flying[d.Key] = d.Status.UUID
			}
		}
		acknowledge := func(k Key) {
			if uuid := flying[k]; uuid != nil {
				delete(flying, k)
				if _, next, more, err := m.Acknowledge(now, k, uuid); err != nil {
					t.Fatal(err)
				} else if more {
					take(next)
				}
			}
		}
		keys := []Key{{"f", "1"}, {"f", "2"}, {"g", "1"}}
		for range rapid.IntRange(0, 60).Draw(t, "steps") {
			k := rapid.SampledFrom(keys).Draw(t, "key")
			switch rapid.IntRange(0, 4).Draw(t, "event") {
			case 0:
				sent[k]++
				if d, ok := m.Append(now, k, update(fmt.Sprint(sent[k]), mesosv1.TaskRunning)); ok {
					take(d)
				}
			case 1:
				acknowledge(k)
			case 2:
				m.Pause()
			case 3:
				take(m.Resume(now)...)
			case 4:
				now = now.Add(time.Duration(rapid.IntRange(0, 700).Draw(t, "seconds")) * time.Second)
				take(m.Due(now)...)
			}
		}
		take(m.Resume(now)...)
		for range 100 {
			for _, k := range keys {
				acknowledge(k)
			}
		}
		if diff := cmp.Diff(sent, seen); diff != "" {
			t.Fatalf("sent and seen differ:\n%s", diff)
		}
	})
}

func TestStreamsOfAFrameworkCanBeFoundAndClosed(t *testing.T) {
	t.Parallel()
	m := resumed()
	m.Append(start, key, update("1", mesosv1.TaskStarting))
	m.Append(start, Key{"other", "t"}, update("2", mesosv1.TaskStarting))
	for _, k := range m.Streams(mesosid.FrameworkID("f")) {
		m.Close(k)
	}
	if m.Open(key) || m.Len() != 1 {
		t.Error("the stream was not closed")
	}
	if due := m.Due(start.Add(time.Hour)); len(due) != 1 || due[0].Key.Framework != "other" {
		t.Errorf("repetitions: %+v", due)
	}
}

func TestAFrameworkHasUpdatesUntilItsLastStreamIsGone(t *testing.T) {
	t.Parallel()
	m := resumed()
	second, third := Key{"f", "t2"}, Key{"f", "t3"}
	expect := func(when string, want bool) {
		t.Helper()
		if got := m.Any("f"); got != want {
			t.Errorf("%s: %v, want %v", when, got, want)
		}
	}
	expect("without streams", false)
	m.Append(start, Key{"g", "t"}, update("1", mesosv1.TaskStarting))
	expect("with a stream of another framework", false)
	for _, k := range []Key{key, second, third} {
		m.Append(start, k, update("1", mesosv1.TaskRunning))
		m.Append(start, k, update("2", mesosv1.TaskFinished))
	}
	expect("with three streams", true)
	m.Close(key)
	m.Close(key)
	expect("with one of three streams closed, twice", true)
	m.Acknowledge(start, second, []byte("1"))
	m.Acknowledge(start, second, []byte("2"))
	expect("with one stream left", true)
	m.Acknowledge(start, third, []byte("1"))
	expect("with one update left", true)
	m.Acknowledge(start, third, []byte("2"))
	expect("when all is acknowledged", false)
	m.Append(start, key, update("3", mesosv1.TaskRunning))
	expect("with a stream that is opened again", true)
	m.Acknowledge(start, key, []byte("3"))
	expect("when a stream has ended empty", false)
	if !m.Any("g") || m.Any("h") {
		t.Error("the streams of other frameworks were touched")
	}
}
