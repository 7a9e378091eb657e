package compat

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/meseta/meseta/internal/pause"
)

// How long the replay waits for what must happen. The recordings were made on
// a slow machine, and so may the replay be.
const (
	callPatience     = 30 * time.Second // the end of an answer
	pollPatience     = 20 * time.Second // an answer that is asked for repeatedly
	pollPause        = 100 * time.Millisecond
	eventPatience    = 15 * time.Second // beyond the recorded time (scheduler)
	recordPatience   = 20 * time.Second // any event (operator)
	updatePatience   = 40 * time.Second // an update of a task (operator)
	closePatience    = 15 * time.Second
	filePatience     = 20 * time.Second
	exitPatience     = 20 * time.Second
	runningFor       = 5 * time.Second
	registerPatience = 60 * time.Second
)

// maxFailures ends a replay in which hardly anything is as recorded.
const maxFailures = 12

// Replayer performs one transcript on one cluster. It is used once, by one
// goroutine.
type Replayer struct {
	transcript *Transcript
	cluster    Cluster
	bindings   *Bindings
	texts      []TextDifference
	early      []EarlyDifference
	excused    map[int]bool // indices of steps that may differ; true if they have or need not

	// Trace, if set, is told each step as it begins and each event as it is
	// taken, with the time since the start.
	Trace func(line string)

	report    Report
	started   time.Time
	moment    time.Time // of the previous event, quiet or wait
	streams   map[string]*stream
	delivered map[string]bool // uuids of the updates matched so far
	patient   bool            // the next subscription is repeated until accepted
}

// NewReplayer prepares the replay of a transcript on a cluster that has been
// set up as the transcript says. bindings holds the placeholders that the
// setup has chosen, such as ports and directories.
func NewReplayer(t *Transcript, c Cluster, bindings *Bindings) *Replayer {
	return newReplayer(t, c, bindings, stepDifferences())
}

func newReplayer(t *Transcript, c Cluster, bindings *Bindings, steps []StepDifference) *Replayer {
	excused := make(map[int]bool)
	for _, d := range steps {
		if d.Transcript != t.Key() {
			continue
		}
		for _, step := range d.Steps {
			excused[step-1] = d.Sometimes
		}
	}
	return &Replayer{
		transcript: t,
		cluster:    c,
		bindings:   bindings,
		texts:      textDifferences(),
		early:      earlyDifferences(),
		excused:    excused,
		streams:    make(map[string]*stream),
		delivered:  make(map[string]bool),
	}
}

// performer carries out the step at index i and possibly some that follow. It
// returns how many steps it has dealt with, and an error if the replay cannot
// go on.
type performer func(r *Replayer, ctx context.Context, i int) (int, error)

// performers lists the steps of both formats.
func performers() map[string]performer {
	return map[string]performer{
		"call":               (*Replayer).call,
		"subscribe":          (*Replayer).subscribe,
		"event":              (*Replayer).event,
		"quiet":              (*Replayer).quiet,
		"no_event":           (*Replayer).noEvent,
		"closed":             (*Replayer).closed,
		"still_open":         (*Replayer).stillOpen,
		"close":              (*Replayer).closeStream,
		"wait":               (*Replayer).wait,
		"sleep":              (*Replayer).wait,
		"signal_agent":       (*Replayer).signalAgent,
		"stop_agent":         (*Replayer).signalAgent,
		"start_agent":        (*Replayer).startAgent,
		"agent_exited":       (*Replayer).agentExited,
		"agent_running":      (*Replayer).agentRunning,
		"restart_master":     (*Replayer).restartMaster,
		"wait_sandbox_file":  (*Replayer).waitSandboxFile,
		"sandbox_file":       (*Replayer).sandboxFile,
		"write_sandbox_file": (*Replayer).writeSandboxFile,
		"note":               (*Replayer).note,
	}
}

// errGiveUp ends a replay whose failures have been recorded already.
var errGiveUp = errors.New("too many differences")

// Run performs the steps and closes all streams. The report is complete even
// if ctx ends the run early.
func (r *Replayer) Run(ctx context.Context) *Report {
	r.started = time.Now()
	r.moment = r.started
	defer func() {
		for _, s := range r.streams {
			s.close()
		}
		r.report.Took = time.Since(r.started)
	}()
	for i := 0; i < len(r.transcript.Steps); {
		r.trace("step %d, %s", i+1, describe(&r.transcript.Steps[i]))
		n, err := performers()[r.transcript.Steps[i].Do](r, ctx, i)
		r.checkFraming(i)
		if err == nil && len(r.report.Failures) >= maxFailures {
			err = errGiveUp
		}
		if err != nil {
			if !errors.Is(err, errGiveUp) {
				r.record(i, err.Error())
			}
			r.report.Aborted = true
			break
		}
		i += n
	}
	for i, differed := range r.excused {
		if !differed && !r.report.Aborted {
			r.record(i, "it is as recorded now; remove it from the list of differences")
		}
	}
	return &r.report
}

func (r *Replayer) trace(format string, args ...any) {
	if r.Trace != nil {
		r.Trace(fmt.Sprintf("%8.3fs ", time.Since(r.started).Seconds()) + fmt.Sprintf(format, args...))
	}
}

// fail records that a step was not as recorded, unless it is listed.
func (r *Replayer) fail(i int, detail string) {
	if _, excused := r.excused[i]; excused {
		r.excused[i] = true
		return
	}
	r.record(i, detail)
}

// record adds a failure of a step to the report.
func (r *Replayer) record(i int, detail string) {
	s := &r.transcript.Steps[i]
	r.report.Failures = append(r.report.Failures, Failure{Step: i + 1, What: describe(s), Note: s.Note, Detail: detail})
}

// checkFraming reports violations of the framing once for each stream and
// step.
func (r *Replayer) checkFraming(i int) {
	for name, s := range r.streams {
		if problems := s.problems(); len(problems) > 0 {
			r.fail(i, fmt.Sprintf("framing of stream %s: %s", name, problems[0]))
		}
	}
}

// rules are those for an answer to a request path, or for an event if it is
// empty.
func (r *Replayer) rules(request string, unordered []string) rules {
	if r.transcript.Format == Operator {
		return operatorRules(r.transcript.Setup, request, r.texts)
	}
	return schedulerRules(unordered, r.started, r.texts)
}

// repeat calls attempt until it returns nil or the patience is over, and
// returns its last error.
func repeat(ctx context.Context, patience time.Duration, attempt func() error) error {
	deadline := time.Now().Add(patience)
	for {
		err := attempt()
		if err == nil || time.Now().After(deadline) {
			return err
		}
		if pause.For(ctx, pollPause) != nil {
			return err
		}
	}
}

func (r *Replayer) note(context.Context, int) (int, error) { return 1, nil }
