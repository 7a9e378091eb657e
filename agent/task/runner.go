package task

import (
	"context"
	"sync"
	"syscall"
	"time"

	"github.com/meseta/meseta/agent/containerizer"
)

// Options of a Runner.
type Options struct {
	Config
	Spec          containerizer.Spec
	Containerizer containerizer.Containerizer
	// Setup makes the sandbox. It is called before each Prepare, may block,
	// and must be idempotent.
	Setup func(context.Context) error
	// Emit delivers an update to the agent. It may block until the agent
	// takes it or ctx is done.
	Emit func(context.Context, Update)
	// SignalFailed is told of signals that could not be sent; they are
	// repeated.
	SignalFailed func(syscall.Signal, error)
	// Recovered is set when the container was launched before the agent
	// started.
	Recovered *Recovered
}

// Runner drives one task. All of its state belongs to the goroutine in Run;
// the inbox alone is shared.
type Runner struct {
	opts    Options
	machine *Machine
	cancel  context.CancelFunc // ends the running operation
	results chan func(now time.Time) []Action
	running sync.WaitGroup

	// inbox holds what other goroutines ask for until Run takes it. Its size
	// is bounded: kills coalesce.
	inbox struct {
		sync.Mutex
		kills    []Kill
		released bool
	}
	wake chan struct{}
}

// maxKills bounds the inbox; of further kills the last one stands for all
// that it replaces.
const maxKills = 8

// NewRunner makes a Runner; Run starts it.
func NewRunner(opts Options) *Runner {
	return &Runner{
		opts:    opts,
		machine: NewMachine(opts.Config),
		cancel:  func() {},
		results: make(chan func(time.Time) []Action),
		wake:    make(chan struct{}, 1),
	}
}

// Kill asks for the end of the task. It never blocks.
func (r *Runner) Kill(k Kill) {
	r.inbox.Lock()
	if len(r.inbox.kills) == maxKills {
		k.Silent = k.Silent || r.inbox.kills[maxKills-1].Silent
		r.inbox.kills[maxKills-1] = k
	} else {
		r.inbox.kills = append(r.inbox.kills, k)
	}
	r.inbox.Unlock()
	r.ring()
}

// Release lets the container be removed once the task has ended. The agent
// calls it when the terminal update is stored. It never blocks.
func (r *Runner) Release() {
	r.inbox.Lock()
	r.inbox.released = true
	r.inbox.Unlock()
	r.ring()
}

func (r *Runner) ring() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// Run drives the task until its container is gone and returns true. It
// returns false when ctx is done; the container then goes on by itself, and a
// Runner made with Recovered continues.
func (r *Runner) Run(ctx context.Context) bool {
	ctx, cancel := context.WithCancel(ctx)
	// Operations end with ctx, so that nothing outlives Run.
	defer r.running.Wait()
	defer cancel()

	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	if r.opts.Recovered != nil {
		r.perform(ctx, r.machine.Resume(time.Now(), *r.opts.Recovered))
	} else {
		r.perform(ctx, r.machine.Start())
	}
	for r.machine.Phase() != Gone {
		var due <-chan time.Time
		if at, ok := r.machine.Deadline(); ok {
			timer.Reset(time.Until(at))
			due = timer.C
		}
		var actions []Action
		select {
		case <-ctx.Done():
			return false
		case result := <-r.results:
			actions = result(time.Now())
		case <-r.wake:
			actions = r.takeInbox()
		case now := <-due:
			actions = r.machine.Tick(now)
		}
		if ctx.Err() != nil {
			// What came last may be the error of a cancelled operation.
			return false
		}
		r.perform(ctx, actions)
	}
	return true
}

func (r *Runner) takeInbox() []Action {
	r.inbox.Lock()
	kills, released := r.inbox.kills, r.inbox.released
	r.inbox.kills = nil
	r.inbox.Unlock()
	var actions []Action
	for _, k := range kills {
		actions = append(actions, r.machine.Kill(time.Now(), k)...)
	}
	if released {
		actions = append(actions, r.machine.Release()...)
	}
	return actions
}

func (r *Runner) perform(ctx context.Context, actions []Action) {
	for _, a := range actions {
		if a.Cancel {
			r.cancel()
		}
		if a.Update != nil {
			r.opts.Emit(ctx, *a.Update)
		}
		if a.Operation != OpNone {
			r.start(ctx, a.Operation)
		}
		if a.Signal != 0 {
			r.signal(ctx, a.Signal)
		}
	}
}

// start runs one blocking call in a goroutine of its own.
func (r *Runner) start(ctx context.Context, op Operation) {
	opCtx, cancel := context.WithCancel(ctx)
	r.cancel = cancel
	r.running.Go(func() {
		defer cancel()
		r.post(ctx, r.operate(ctx, opCtx, op))
	})
}

func (r *Runner) operate(ctx, opCtx context.Context, op Operation) func(time.Time) []Action {
	c, spec := r.opts.Containerizer, r.opts.Spec
	switch op {
	case OpPrepare:
		status, err := containerizer.Status{}, r.opts.Setup(opCtx)
		if err == nil {
			status, err = c.Prepare(opCtx, spec, func(text string) {
				r.post(opCtx, func(now time.Time) []Action { return r.machine.Progress(now, text) })
			})
		}
		return func(now time.Time) []Action { return r.machine.Prepared(now, status, err) }
	case OpLaunch:
		status, err := c.Launch(opCtx, spec)
		return func(now time.Time) []Action { return r.machine.Launched(now, status, err) }
	case OpWait:
		exit, err := c.Wait(opCtx, spec.ID)
		return func(now time.Time) []Action { return r.machine.Exited(now, exit, err) }
	default:
		err := c.Remove(opCtx, spec.ID)
		return func(now time.Time) []Action { return r.machine.Removed(now, err) }
	}
}

// signal does not wait: a SIGKILL must not queue behind a SIGTERM that an
// engine does not answer. A signal that fails is not lost, since SIGKILL
// follows and is repeated.
func (r *Runner) signal(ctx context.Context, s syscall.Signal) {
	r.running.Go(func() {
		err := r.opts.Containerizer.Kill(ctx, r.opts.Spec.ID, s)
		if err != nil && ctx.Err() == nil && r.opts.SignalFailed != nil {
			r.opts.SignalFailed(s, err)
		}
	})
}

// post hands a result to Run. Once ctx is done nobody listens any more: what
// a cancelled operation returned says nothing about the task.
func (r *Runner) post(ctx context.Context, result func(time.Time) []Action) {
	select {
	case r.results <- result:
	case <-ctx.Done():
	}
}
