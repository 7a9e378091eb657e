// Package agent is the node of a cluster: it registers with the master, runs
// the tasks it is given, and reports what becomes of them.
//
// One goroutine, the actor, owns the table of frameworks, executors and tasks
// and the streams of status updates. Others send it commands, and a command
// never blocks: what does is done elsewhere and comes back as a command.
//
//	master ◀──REGISTER, REPORT── session ──events──▶ ┌───────┐ ──records──▶ journal (disk)
//	                                reporter ◀─batch─│ actor │ ◀─stored────
//	operators ──GET──▶ api ──view request──▶         │       │ ──kill──▶ task runners
//	                                                 └───────┘ ◀─updates─ (containerizers)
//
// A task's way: RUN_TASKS, record of the launch, runner started; each update
// of the runner is recorded and then delivered through its stream until the
// scheduler has acknowledged it. The container is removed when its terminal
// update is stored.
package agent

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/meseta/meseta/agent/checkpoint"
	"github.com/meseta/meseta/agent/containerizer"
	"github.com/meseta/meseta/agent/gc"
	"github.com/meseta/meseta/agent/sandbox"
	"github.com/meseta/meseta/agent/session"
	"github.com/meseta/meseta/gen/mesosv1"
	"github.com/meseta/meseta/gen/nodev1"
	"github.com/meseta/meseta/internal/hoststat"
	"github.com/meseta/meseta/internal/mesosid"
)

const (
	// commandQueue bounds the commands that wait for the actor; senders block
	// when it is full.
	commandQueue = 256
	// maxBacklog bounds the records that wait for the disk. Above it the
	// actor takes no commands, so that a slow disk slows down the senders.
	maxBacklog = 4096
	// maxReport bounds the updates in one report.
	maxReport = 500
	// unregisterTimeout bounds how long a stopping agent waits for the
	// master to hear of it.
	unregisterTimeout = 5 * time.Second
)

// Errors of an Agent.
var (
	// ErrRecovering means that the agent has not finished its recovery.
	ErrRecovering = errors.New("the agent has not finished recovery")
	// ErrStopped means that the agent does not run any more.
	ErrStopped = errors.New("the agent has stopped")
)

// ShutdownError is the end of an agent that the master has told to shut down.
type ShutdownError struct {
	// Message is the master's reason.
	Message string
}

func (e *ShutdownError) Error() string {
	return "the master has told this agent to shut down: " + e.Message
}

// Agent is a node. Its methods are safe for concurrent use.
type Agent struct {
	opts    Options
	log     *slog.Logger
	layout  sandbox.Layout
	files   *sandbox.Files
	gc      *gc.Collector
	session *session.Client
	started time.Time

	commands      chan func(*actor)
	completions   chan []checkpoint.Completion
	reports       chan *batch
	unregistering chan struct{}
	// recovered is closed when the actor takes commands, stopped when it does
	// no more.
	recovered chan struct{}
	stopped   chan struct{}
}

// New makes an agent. It reads nothing and starts nothing; Run does. The error
// names every option that is wrong.
func New(opts Options) (*Agent, error) {
	opts = opts.withDefaults()
	if err := opts.validate(); err != nil {
		return nil, err
	}
	if opts.BootID == "" {
		opts.BootID = hoststat.BootID()
	}
	a := &Agent{
		opts:          opts,
		log:           opts.Logger,
		layout:        sandbox.Layout{WorkDir: filepath.Clean(opts.WorkDir)},
		started:       time.Now(),
		commands:      make(chan func(*actor), commandQueue),
		completions:   make(chan []checkpoint.Completion),
		reports:       make(chan *batch, 1),
		unregistering: make(chan struct{}, 1),
		recovered:     make(chan struct{}),
		stopped:       make(chan struct{}),
	}
	attached := map[string]string{}
	if opts.LogFile != "" {
		attached["/slave/log"] = opts.LogFile
	}
	a.files = sandbox.NewFiles(a.layout, attached)
	a.gc = gc.New(gc.Options{
		Layout: a.layout, Delay: opts.GCDelay, Headroom: opts.GCDiskHeadroom,
		Interval: opts.DiskWatchInterval, Logger: opts.Logger,
	})
	var err error
	a.session, err = session.New(session.Options{
		Masters: opts.Masters, Backoff: opts.RegistrationBackoffFactor,
		HTTP: opts.HTTP, Logger: opts.Logger,
	}, (*handler)(a))
	if err != nil {
		return nil, err
	}
	if opts.Registerer != nil {
		if err := opts.Registerer.Register(&collector{a}); err != nil {
			return nil, fmt.Errorf("metrics: %w", err)
		}
	}
	return a, nil
}

// Run recovers what an earlier run has left and serves until ctx is done. The
// tasks then go on, and a later Run takes them over. It returns nil after ctx
// is done or after Unregister, a *ShutdownError when the master has told the
// agent to end, and any other error when it cannot work.
func (a *Agent) Run(ctx context.Context) error {
	stop := sync.OnceFunc(func() { close(a.stopped) })
	defer stop()
	dir := a.checkpointDir()
	journal, state, err := checkpoint.Open(checkpoint.Options{
		Dir: dir, BootID: a.opts.BootID, Lenient: a.opts.Lenient, Logger: a.log, Completed: a.completed,
	})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()

	// The journal ends last: whatever is still recorded must be written.
	journalCtx, closeJournal := context.WithCancel(context.WithoutCancel(ctx))
	journalDone := make(chan error, 1)
	go func() { journalDone <- journal.Run(journalCtx) }()
	defer closeJournal()

	act := newActor(a, journal)
	err = act.recover(ctx, state)
	if err == nil {
		close(a.recovered)
		err = a.serve(ctx, func() { stop(); cancel() }, act)
	}
	cancel()
	act.runners.Wait()
	closeJournal()
	err = errors.Join(err, <-journalDone)
	if act.forget {
		err = errors.Join(err, checkpoint.Reset(dir))
	}
	if act.shutdown != nil && err == nil {
		return act.shutdown
	}
	return err
}

// serve runs the actor and what talks to it. stop lets everything end that
// waits for the actor.
func (a *Agent) serve(ctx context.Context, stop func(), act *actor) error {
	var group errgroup.Group
	group.Go(func() error { return a.session.Run(ctx) })
	group.Go(func() error { return a.reporter(ctx) })
	group.Go(func() error { return a.gc.Run(ctx) })
	act.run(ctx)
	stop()
	return group.Wait()
}

// Unregister ends the agent in an orderly way: the master is told, all tasks
// are killed, Run returns. The next Run is that of a new agent. It does not
// wait, and it may be called before Run.
func (a *Agent) Unregister() {
	select {
	case a.unregistering <- struct{}{}:
	default:
	}
}

// Files serves the files of sandboxes.
func (a *Agent) Files() *sandbox.Files { return a.files }

// View returns the present state for readers. It waits for one turn of the
// actor. The error is ErrRecovering, ErrStopped, or that of ctx.
func (a *Agent) View(ctx context.Context) (*View, error) {
	select {
	case <-a.recovered:
	case <-a.stopped:
		return nil, ErrStopped
	default:
		return nil, ErrRecovering
	}
	return ask(ctx, a, (*actor).snapshot)
}

// Statistics measures the usage of a running container. The error wraps
// containerizer.ErrUnknown or containerizer.ErrUnsupported.
func (a *Agent) Statistics(ctx context.Context, name string, id mesosid.ContainerID) (mesosv1.ResourceStatistics, error) {
	c := a.opts.Containerizers.Process
	if name == dockerName {
		c = a.opts.Containerizers.Docker
	}
	measuring, ok := c.(containerizer.Statistician)
	if !ok {
		return mesosv1.ResourceStatistics{}, fmt.Errorf("measuring %s containers: %w", name, containerizer.ErrUnsupported)
	}
	return measuring.Statistics(ctx, id)
}

// do sends a command to the actor. It blocks while the actor is busy.
func (a *Agent) do(ctx context.Context, command func(*actor)) error {
	select {
	case a.commands <- command:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-a.stopped:
		return ErrStopped
	}
}

// ask lets the actor answer a question. It blocks until the actor has done so.
func ask[T any](ctx context.Context, a *Agent, question func(*actor) T) (T, error) {
	// With room for the answer the actor does not wait for one who has left.
	reply := make(chan T, 1)
	err := a.do(ctx, func(act *actor) { reply <- question(act) })
	if err == nil {
		select {
		case answer := <-reply:
			return answer, nil
		case <-ctx.Done():
			err = ctx.Err()
		case <-a.stopped:
			err = ErrStopped
		}
	}
	var none T
	return none, err
}

// post is do without an end other than that of the agent.
func (a *Agent) post(command func(*actor)) {
	select {
	case a.commands <- command:
	case <-a.stopped:
	}
}

// completed passes what the journal has stored to the actor.
func (a *Agent) completed(ctx context.Context, batch []checkpoint.Completion) {
	select {
	case a.completions <- batch:
	case <-ctx.Done():
	}
}

// reporter makes the REPORT calls, one at a time.
func (a *Agent) reporter(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case batch := <-a.reports:
			err := a.session.Call(ctx, batch.session, &nodev1.Call{
				Type: nodev1.CallTypeReport, Report: &batch.report,
			})
			if a.do(ctx, func(act *actor) { act.reported(batch, err) }) != nil {
				return nil
			}
		}
	}
}

func (a *Agent) checkpointDir() string { return filepath.Join(a.layout.WorkDir, "meta") }
