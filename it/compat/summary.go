package compat

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"
)

// Outcome is how a transcript came out, seen together with the known list.
type Outcome string

const (
	Pass         Outcome = "pass"
	SecondPass   Outcome = "second pass"
	KnownLater   Outcome = "known, later"
	KnownDecided Outcome = "known, decided"
	Fail         Outcome = "fail"
	Surprise     Outcome = "passes although listed"
)

// judge compares a report with the list.
func judge(report *Report, entry Known, listed bool) Outcome {
	switch {
	case !listed && report.Passed():
		return Pass
	case !listed:
		return Fail
	case report.Passed() && entry.Sometimes:
		return Pass
	case report.Passed():
		return Surprise
	case entry.Status == Decided:
		return KnownDecided
	default:
		return KnownLater
	}
}

// result is one line of the summary.
type result struct {
	name    string
	outcome Outcome
	first   string
	took    time.Duration
	waits   time.Duration
}

// Summary collects the outcomes of a run. It is safe for concurrent use.
type Summary struct {
	mu      sync.Mutex
	results []result
}

// Add records the outcome of one transcript.
func (s *Summary) Add(t *Transcript, outcome Outcome, report *Report) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.results = append(s.results, result{
		name: t.Folder + "/" + t.Name, outcome: outcome, first: report.First(), took: report.Took, waits: t.recordedWaits(),
	})
}

// recordedWaits adds up the time that the transcript itself asks for.
func (t *Transcript) recordedWaits() time.Duration {
	var total float64
	for _, s := range t.Steps {
		total += s.Seconds*1000 + s.MS
		if s.ObservedAfterMS != nil {
			total += *s.ObservedAfterMS
		}
	}
	return time.Duration(total * float64(time.Millisecond))
}

// longest is how many of the slowest transcripts are named.
const longest = 5

// Write prints the counts, what did not pass, and where the time went.
func (s *Summary) Write(out io.Writer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	slices.SortFunc(s.results, func(a, b result) int { return strings.Compare(a.name, b.name) })
	counts := make(map[Outcome]int)
	var waits, took time.Duration
	for _, r := range s.results {
		counts[r.outcome]++
		waits += r.waits
		took += r.took
	}
	for _, o := range []Outcome{SecondPass, KnownLater, KnownDecided, Fail, Surprise} {
		for _, r := range s.results {
			if r.outcome == o {
				fmt.Fprintf(out, "  %-14s %s: %s\n", o, r.name, r.first)
			}
		}
	}
	fmt.Fprintf(out, "transcripts: %d pass (%d of them at the second attempt), %d known (later), %d known (decided), %d fail\n",
		counts[Pass]+counts[SecondPass], counts[SecondPass], counts[KnownLater], counts[KnownDecided], counts[Fail]+counts[Surprise])
	fmt.Fprintf(out, "recorded waits %v, replayed in %v one after another; the longest:",
		waits.Round(time.Second), took.Round(time.Second))
	slices.SortFunc(s.results, func(a, b result) int { return int(b.took - a.took) })
	for _, r := range s.results[:min(longest, len(s.results))] {
		fmt.Fprintf(out, " %s %v,", r.name, r.took.Round(100*time.Millisecond))
	}
	fmt.Fprintln(out)
}
