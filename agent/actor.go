package agent

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/meseta/meseta/agent/checkpoint"
	"github.com/meseta/meseta/agent/statusupdate"
	"github.com/meseta/meseta/agent/task"
	"github.com/meseta/meseta/gen/mesosv1"
	"github.com/meseta/meseta/gen/nodev1"
	"github.com/meseta/meseta/internal/mesosid"
)

// linger is how long an executor's id stays in use after its container is
// gone, so that a task that comes for it is told so rather than mixed up with
// the one before.
const linger = time.Second

// actor owns the state of the agent. All of its methods but run are called by
// the goroutine in run, none of them blocks.
type actor struct {
	agent   *Agent
	opts    *Options
	log     *slog.Logger
	journal *checkpoint.Journal
	updates *statusupdate.Manager
	// runners are the goroutines that end when ctx does.
	runners sync.WaitGroup
	// ctx is the life of the runners.
	ctx context.Context

	// id is empty until the first registration; identityStored says that the
	// journal has it.
	id             mesosid.AgentID
	identityStored bool

	frameworks map[mesosid.FrameworkID]*framework
	// completed are frameworks without anything on the agent, the oldest
	// first.
	completed []*framework
	// lingering are executors whose container is gone, in the order of until.
	lingering []lingering

	// session is the present one, empty while disconnected; the others say
	// with whom the last one was.
	session    string
	masterID   string
	masterHost string
	// report is what the next REPORT will carry; reporting says that one is
	// under way.
	report    nodev1.Report
	reporting bool

	drain        *mesosv1.DrainConfig
	drainStarted time.Time

	// leaving says that the master is being told of the end of the agent.
	leaving bool
	// stopping says that everything is being killed because the agent is to
	// end; forget that its id is given up; done that the loop may end.
	stopping bool
	forget   bool
	done     bool
	shutdown error

	counters Counters
	view     *View // nil when something has changed since the last one
}

type lingering struct {
	until    time.Time
	executor *executor
}

// framework is a framework that has, or had, executors on the agent.
type framework struct {
	id mesosid.FrameworkID
	// info is replaced, never changed; nil while the agent only knows the id.
	info      *mesosv1.FrameworkInfo
	executors map[mesosid.ExecutorID]*executor
	// tasks finds the executor of each task of executors.
	tasks map[mesosid.TaskID]*executor
	// history has executors that are gone, the oldest first.
	history []*executor
	// terminating says that its executors are being killed without updates.
	terminating bool
}

// executor is one run of an executor with its container. A command task has
// one of its own, with the task's id.
type executor struct {
	framework *framework
	launch    *checkpoint.Launch
	id        mesosid.ExecutorID
	container mesosid.ContainerID
	tasks     map[mesosid.TaskID]*taskRecord
	runner    *task.Runner
	// status is what is known of the container, nil before it is prepared.
	status *mesosv1.ContainerStatus
	state  executorState
	// lingering says that the id must not be free yet.
	lingering bool
	// final is what readers see of a completed executor, nil before somebody
	// asks and after a late change.
	final *ExecutorView
}

type executorState int

const (
	// executorActive has a container, or will have one.
	executorActive executorState = iota
	// executorGone has none any more; its id is still in use.
	executorGone
	// executorCompleted is history.
	executorCompleted
)

// taskRecord is one task of an executor.
type taskRecord struct {
	info *mesosv1.TaskInfo
	// reported is the newest state that the runner has reported, stored or
	// not.
	reported mesosv1.TaskState
	// record is replaced, never changed.
	record *mesosv1.Task
	// acknowledged says that the terminal update is.
	acknowledged bool
}

func newActor(a *Agent, journal *checkpoint.Journal) *actor {
	return &actor{
		agent:      a,
		opts:       &a.opts,
		log:        a.log,
		journal:    journal,
		updates:    statusupdate.New(),
		frameworks: map[mesosid.FrameworkID]*framework{},
	}
}

// run takes commands until ctx is done or the agent has ended by itself.
func (act *actor) run(ctx context.Context) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for !act.done {
		commands := act.agent.commands
		if act.journal.Backlog() > maxBacklog {
			commands = nil
		}
		var due <-chan time.Time
		if at, ok := act.deadline(); ok {
			timer.Reset(time.Until(at))
			due = timer.C
		}
		select {
		case <-ctx.Done():
			return
		case command := <-commands:
			command(act)
		case batch := <-act.agent.completions:
			for _, c := range batch {
				c.Done(c.Err)
			}
		case <-act.agent.unregistering:
			act.unregister()
		case now := <-due:
			act.tick(now)
		}
		act.sendReport()
	}
}

func (act *actor) deadline() (time.Time, bool) {
	at, ok := act.updates.Next()
	if len(act.lingering) > 0 && (!ok || act.lingering[0].until.Before(at)) {
		at, ok = act.lingering[0].until, true
	}
	return at, ok
}

func (act *actor) tick(now time.Time) {
	for len(act.lingering) > 0 && !act.lingering[0].until.After(now) {
		e := act.lingering[0].executor
		e.lingering = false
		act.lingering = act.lingering[1:]
		act.complete(e)
	}
	for _, d := range act.updates.Due(now) {
		act.deliver(d)
	}
}

// changed makes the next reader see a new view.
func (act *actor) changed() { act.view = nil }

// record writes to the journal without waiting for it.
func (act *actor) record(r checkpoint.Record) { act.journal.Append(r, false, nil) }

// framework finds a framework or enters it. The info may be nil.
func (act *actor) framework(id mesosid.FrameworkID, info *mesosv1.FrameworkInfo) *framework {
	f := act.frameworks[id]
	if f == nil {
		f = act.revive(id)
		act.frameworks[id] = f
		act.changed()
	}
	if info != nil && f.info == nil {
		f.info = info
		act.record(checkpoint.Record{Framework: info})
	}
	return f
}

// revive takes a framework out of the history, or makes a new one.
func (act *actor) revive(id mesosid.FrameworkID) *framework {
	for i, f := range act.completed {
		if f.id == id {
			act.completed = append(act.completed[:i:i], act.completed[i+1:]...)
			f.info, f.terminating = nil, false
			return f
		}
	}
	return newFramework(id)
}

func newFramework(id mesosid.FrameworkID) *framework {
	return &framework{
		id:        id,
		executors: map[mesosid.ExecutorID]*executor{},
		tasks:     map[mesosid.TaskID]*executor{},
	}
}

// tidy removes a framework that has nothing left on the agent.
func (act *actor) tidy(f *framework) {
	if act.frameworks[f.id] != f || len(f.executors) > 0 || act.updates.Any(f.id) {
		return
	}
	delete(act.frameworks, f.id)
	act.record(checkpoint.Record{FrameworkGone: f.id})
	act.changed()
	if f.info != nil {
		act.completed = append(act.completed, f)
		if len(act.completed) > maxCompletedFrameworks {
			act.completed = act.completed[1:]
		}
	}
	act.finishDrain()
	act.finishStop()
}

// gone is told that the container of an executor does not exist any more.
func (act *actor) gone(e *executor) {
	if e.state != executorActive {
		return
	}
	e.state = executorGone
	act.counters.ExecutorsTerminated++
	act.agent.gc.Drop(e.launch.Spec.Sandbox, time.Now())
	act.changed()
	if e.framework.terminating {
		act.complete(e)
		return
	}
	e.lingering = true
	act.lingering = append(act.lingering, lingering{time.Now().Add(linger), e})
}

// complete turns an executor into history once its container is gone, its id
// free, and its updates acknowledged.
func (act *actor) complete(e *executor) {
	f := e.framework
	if e.state != executorGone || e.lingering {
		return
	}
	for id, t := range e.tasks {
		if act.updates.Open(statusupdate.Key{Framework: f.id, Task: id}) && !t.acknowledged {
			return
		}
	}
	e.state = executorCompleted
	delete(f.executors, e.id)
	for id := range e.tasks {
		if f.tasks[id] == e {
			delete(f.tasks, id)
		}
	}
	act.record(checkpoint.Record{ExecutorGone: &checkpoint.ExecutorRef{
		FrameworkID: f.id, ExecutorID: e.id, ContainerID: e.container,
	}})
	f.history = append(f.history, e)
	if len(f.history) > act.opts.MaxCompletedExecutorsPerFramework {
		f.history = f.history[1:]
	}
	act.changed()
	act.tidy(f)
}
