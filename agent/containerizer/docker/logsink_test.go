package docker

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// message is one entry of a log that never forgets.
type message struct {
	at     time.Time
	output []byte
}

// TestAnyNumberOfInterruptedPassesGivesTheWholeStreamOnce replays a log with
// passes that break off anywhere, in the middle of a write too, and begin at
// the place reached or at the beginning.
func TestAnyNumberOfInterruptedPassesGivesTheWholeStreamOnce(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	run := 0
	rapid.Check(t, func(rt *rapid.T) {
		run++
		sandbox := filepath.Join(dir, fmt.Sprint(run))
		if err := os.MkdirAll(sandbox, 0o755); err != nil {
			rt.Fatal(err)
		}
		const before = "written by the fetcher\n"
		if err := os.WriteFile(filepath.Join(sandbox, "stdout"), []byte(before), 0o644); err != nil {
			rt.Fatal(err)
		}
		log, want := drawLog(rt)
		from, reached := place{}, 0
		for done := false; !done; {
			s, err := openLogSink(sandbox, "stdout", int64(len(before)))
			if err != nil {
				rt.Fatal(err)
			}
			// A clock that was set back after the place was taken makes it
			// useless, which place.go admits to.
			if rapid.Bool().Draw(rt, "place lost") || setBack(log[reached:], from.Time) {
				from = place{}
			}
			if err := s.begin(from); err != nil {
				rt.Fatal(err)
			}
			messages := rapid.IntRange(0, len(log)).Draw(rt, "messages of the pass")
			for _, m := range log[:messages] {
				// The engine filters by time.
				if m.at.Before(from.Time) {
					continue
				}
				if _, err := s.add(m.at, m.output); err != nil {
					rt.Fatal(err)
				}
				if rapid.Bool().Draw(rt, "flushed") {
					if err := s.flush(); err != nil {
						rt.Fatal(err)
					}
				}
			}
			if done = messages == len(log); done {
				s.finish()
				if err := s.flush(); err != nil {
					rt.Fatal(err)
				}
			} else if n := rapid.IntRange(0, len(s.pending)).Draw(rt, "bytes of a torn write"); n > 0 {
				if _, err := s.file.Write(s.pending[:n]); err != nil {
					rt.Fatal(err)
				}
			}
			from, reached = s.place, messages
			s.close()
		}
		got, err := os.ReadFile(filepath.Join(sandbox, "stdout"))
		if err != nil {
			rt.Fatal(err)
		}
		if string(got) != before+want {
			rt.Fatalf("got %q, want %q", got, before+want)
		}
	})
}

// setBack says whether a message has a time stamp before at.
func setBack(log []message, at time.Time) bool {
	return slices.ContainsFunc(log, func(m message) bool { return m.at.Before(at) })
}

// drawLog makes a log and the output that it stands for. Long lines come in
// parts with one time stamp and without their line feed, and the clock may be
// set back.
func drawLog(rt *rapid.T) (log []message, want string) {
	var out bytes.Buffer
	at := time.Unix(1000, 0)
	for range rapid.IntRange(0, 12).Draw(rt, "lines") {
		at = at.Add(time.Duration(rapid.SampledFrom([]int{1, 1, 1, 1000, -500}).Draw(rt, "time passed")))
		parts := rapid.SampledFrom([]int{1, 1, 1, 2, 3}).Draw(rt, "parts")
		for part := range parts {
			text := rapid.StringMatching(`[a-z]{0,5}`).Draw(rt, "text")
			if part > 0 || parts > 1 {
				log = append(log, message{at, []byte(text)})
			} else {
				log = append(log, message{at, []byte(text + "\n")})
			}
			out.WriteString(text)
		}
		out.WriteByte('\n')
	}
	return log, out.String()
}

func TestAStreamThatEndsWithoutALineFeedGetsNone(t *testing.T) {
	t.Parallel()
	sandbox := t.TempDir()
	s, err := openLogSink(sandbox, "stdout", 0)
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	if err := s.begin(place{}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.add(time.Unix(1, 0), []byte("prompt> ")); err != nil {
		t.Fatal(err)
	}
	s.finish()
	if err := s.flush(); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(filepath.Join(sandbox, "stdout")); string(got) != "prompt> " {
		t.Errorf("got %q", got)
	}
}

func TestAFileCutShortByTheTaskIsGoneOnWithAfterTheCut(t *testing.T) {
	t.Parallel()
	sandbox := t.TempDir()
	s, err := openLogSink(sandbox, "stdout", 0)
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	log := []message{{time.Unix(1, 0), []byte("one\n")}, {time.Unix(2, 0), []byte("two\n")}, {time.Unix(3, 0), []byte("three\n")}}
	from := place{}
	for i := range log {
		if err := s.begin(from); err != nil {
			t.Fatal(err)
		}
		for _, m := range log[:i+1] {
			if _, err := s.add(m.at, m.output); err != nil {
				t.Fatal(err)
			}
		}
		if err := s.flush(); err != nil {
			t.Fatal(err)
		}
		from = s.place
		if i == 1 {
			if err := os.Truncate(filepath.Join(sandbox, "stdout"), 0); err != nil {
				t.Fatal(err)
			}
		}
	}
	if got, _ := os.ReadFile(filepath.Join(sandbox, "stdout")); string(got) != "three\n" {
		t.Errorf("got %q, want only what came after the cut", got)
	}
}
