package compat

import (
	"fmt"
	"strings"
	"time"
)

// Failure is one thing in a replay that was not as recorded.
type Failure struct {
	Step   int // counted from 1; 0 is the setup
	What   string
	Note   string
	Detail string
}

func (f Failure) String() string {
	var out strings.Builder
	fmt.Fprintf(&out, "step %d, %s", f.Step, f.What)
	if f.Note != "" {
		fmt.Fprintf(&out, " (note: %s)", f.Note)
	}
	out.WriteString(":\n    " + strings.ReplaceAll(f.Detail, "\n", "\n    "))
	return out.String()
}

// Report is the outcome of one replay.
type Report struct {
	Failures []Failure
	// Aborted is set if the replay could not go on after the last failure.
	Aborted bool
	Took    time.Duration
}

// Passed reports whether everything was as recorded.
func (r *Report) Passed() bool { return len(r.Failures) == 0 }

func (r *Report) String() string {
	parts := make([]string, 0, len(r.Failures)+1)
	for _, f := range r.Failures {
		parts = append(parts, f.String())
	}
	if r.Aborted {
		parts = append(parts, "the replay ended there")
	}
	return strings.Join(parts, "\n")
}

// First returns the first failure in one line.
func (r *Report) First() string {
	if r.Passed() {
		return ""
	}
	line, _, _ := strings.Cut(r.Failures[0].Detail, "\n")
	return fmt.Sprintf("step %d, %s: %s", r.Failures[0].Step, r.Failures[0].What, line)
}

// describe names a step for messages.
func describe(s *Step) string {
	switch s.Do {
	case "call", "subscribe":
		method := s.Method
		if method == "" {
			method = "POST"
		}
		what := s.Do + " " + method + " " + s.Path
		if s.Target != "" {
			what += " of " + s.Target
		}
		if body, err := decode(s.Body); err == nil {
			if kind := textOf(dig(body, "type")); kind != "" {
				what += " " + kind
			}
		}
		return what
	case "event":
		return "event " + s.eventType() + " on " + s.Stream
	default:
		if s.Stream != "" {
			return s.Do + " " + s.Stream
		}
		if s.Agent != 0 {
			return fmt.Sprintf("%s agent %d", s.Do, s.Agent)
		}
		return s.Do
	}
}
