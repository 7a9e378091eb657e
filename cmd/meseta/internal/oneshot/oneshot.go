// Package oneshot is the framework behind `meseta run`: it runs one command, in
// one or more instances, to its end, shows what they print, and tells how they
// ended.
package oneshot

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/meseta/meseta/client"
	"github.com/meseta/meseta/gen/mesosv1"
	"github.com/meseta/meseta/internal/pause"
	"github.com/meseta/meseta/internal/resources"
)

// Options says what to run and where.
type Options struct {
	// Masters as in client.SchedulerOptions.
	Masters []string
	// Name of the framework and, with a number, of its tasks.
	Name string
	// Role whose resources to use; "*" if empty.
	Role string
	// User to run as on the agents.
	User string

	// Command and Container of each task. The container may be nil.
	Command   mesosv1.CommandInfo
	Container *mesosv1.ContainerInfo
	// Resources of each task, unreserved.
	Resources resources.Resources
	// Instances is the number of tasks, at least 1.
	Instances int

	// Stdout and Stderr receive what the tasks print.
	Stdout, Stderr io.Writer
	// Note receives news for people, one line each, from several goroutines.
	Note func(line string)
	// HTTPClient replaces the client's own.
	HTTPClient *http.Client
}

const (
	// patience is how long the framework waits without a word when the cluster
	// has nothing for it.
	patience = 5 * time.Second
	// killEvery is the time after which an unheard KILL is repeated.
	killEvery = 3 * time.Second
	// killPatience is how long tasks may take to end after an interruption.
	killPatience = 30 * time.Second
	// drainPatience bounds how long the last output of a task is waited for.
	drainPatience = 10 * time.Second
	// refuseRest is for how long the unused rest of an offer is not wanted.
	refuseRest = time.Second
)

// Outcome is how one task ended.
type Outcome struct {
	Task  string
	State mesosv1.TaskState
	// Code is the exit status: 0 for a finished task, that of the command where
	// it is known, 1 for every other failure.
	Code    int
	Message string
}

// run is one execution. The Handler methods run on the driver's goroutine;
// what others touch as well is under mu.
type run struct {
	client.BaseHandler
	opts Options
	// life ends with the execution. The output is copied under it, since that
	// does not depend on a subscription.
	life   context.Context
	output sync.WaitGroup

	mu          sync.Mutex
	tasks       map[string]*task
	order       []*task
	interrupted bool
	seen        survey
}

// task is one instance; under run.mu, except what never changes.
type task struct {
	id, name string
	launched bool
	state    mesosv1.TaskState
	agent    *mesosv1.AgentID
	address  string
	host     string
	// following tells that its output is being copied.
	following bool
	// ended is closed with its terminal state.
	ended   chan struct{}
	outcome *Outcome
}

// ErrInterrupted means that ctx was done before all tasks had ended.
var ErrInterrupted = errors.New("interrupted")

// Run blocks until every task has ended and its output was shown. When ctx is
// done it kills the tasks, waits for their end, and returns ErrInterrupted
// beside the outcomes. The framework is removed from the master in any case.
func Run(ctx context.Context, opts Options) ([]Outcome, error) {
	// The subscription outlives ctx, whose end is the wish to kill the tasks.
	life, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	defer cancel(nil)
	r := &run{opts: opts, life: life, tasks: make(map[string]*task)}
	short := uuid.NewString()[:8]
	for i := range max(opts.Instances, 1) {
		t := &task{
			id:    fmt.Sprintf("%s.%s.%d", opts.Name, short, i),
			name:  fmt.Sprintf("%s.%d", opts.Name, i),
			ended: make(chan struct{}),
		}
		r.tasks[t.id] = t
		r.order = append(r.order, t)
	}
	role := opts.Role
	if role == "" {
		role = "*"
	}
	s, err := client.NewScheduler(client.SchedulerOptions{
		Masters: opts.Masters,
		Framework: mesosv1.FrameworkInfo{
			User: opts.User, Name: opts.Name, Roles: []string{role},
			Capabilities: capabilities(),
		},
		Handler: r,
		// Acknowledged here, because the framework is removed right after the last.
		ManualAcknowledge: true,
		HTTPClient:        opts.HTTPClient,
	})
	if err != nil {
		return nil, err
	}
	var helpers sync.WaitGroup
	helpers.Go(func() { r.watch(ctx, life, s, cancel) })
	helpers.Go(func() { r.complain(life) })
	err = s.Run(life)
	cancel(nil)
	helpers.Wait()
	r.output.Wait()
	return r.result(ctx, err)
}

func capabilities() []mesosv1.FrameworkInfoCapability {
	var out []mesosv1.FrameworkInfoCapability
	for _, c := range []mesosv1.FrameworkInfoCapabilityType{
		mesosv1.FrameworkInfoCapabilityTypeMultiRole,
		mesosv1.FrameworkInfoCapabilityTypePartitionAware,
		mesosv1.FrameworkInfoCapabilityTypeReservationRefinement,
		mesosv1.FrameworkInfoCapabilityTypeTaskKillingState,
	} {
		out = append(out, mesosv1.FrameworkInfoCapability{Type: new(c)})
	}
	return out
}

// result collects the outcomes after the driver has ended with err.
func (r *run) result(ctx context.Context, err error) ([]Outcome, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []Outcome
	for _, t := range r.order {
		if t.outcome != nil {
			out = append(out, *t.outcome)
		}
	}
	switch {
	case ctx.Err() != nil:
		return out, ErrInterrupted
	case err != nil:
		return out, err
	}
	return out, nil
}

// note tells people something.
func (r *run) note(format string, args ...any) {
	if r.opts.Note != nil {
		r.opts.Note(fmt.Sprintf(format, args...))
	}
}

// watch waits for ctx to be done and ends the tasks then.
func (r *run) watch(ctx, life context.Context, s *client.Scheduler, cancel context.CancelCauseFunc) {
	select {
	case <-life.Done():
		return
	case <-ctx.Done():
	}
	r.mu.Lock()
	r.interrupted = true
	r.mu.Unlock()
	deadline, stop := context.WithTimeout(life, killPatience)
	defer stop()
	for alive := r.alive(); len(alive) > 0; alive = r.alive() {
		for _, t := range alive {
			// A KILL that does not arrive is repeated below.
			_ = s.Kill(deadline, mesosv1.TaskID{Value: t.id}, t.agent, nil)
		}
		if pause.For(deadline, killEvery) != nil {
			break
		}
	}
	if r.outcomes() > 0 && deadline.Err() == nil {
		// The Handler is showing the last output and will end the driver.
		<-deadline.Done()
	}
	if life.Err() == nil {
		// The master removes the framework with its connection at the latest.
		farewell, done := context.WithTimeout(life, killEvery)
		defer done()
		_ = s.Teardown(farewell)
	}
	cancel(ErrInterrupted)
}

// outcomes is the number of tasks that have ended.
func (r *run) outcomes() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	for _, t := range r.order {
		if t.outcome != nil {
			n++
		}
	}
	return n
}

// alive lists copies of the tasks that were launched and have not ended.
func (r *run) alive() []task {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []task
	for _, t := range r.order {
		if t.launched && t.outcome == nil {
			out = append(out, *t)
		}
	}
	return out
}
