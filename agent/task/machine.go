package task

import (
	"errors"
	"syscall"
	"time"

	"github.com/meseta/meseta/agent/containerizer"
	"github.com/meseta/meseta/gen/mesosv1"
)

// Phase is where a task stands between its arrival and the end of its
// container. Phases only move forward.
//
//	Preparing ──▶ Launching ──▶ Running ──▶ Ended ──▶ Removing ──▶ Gone
//	    │             │                       ▲
//	    │             ├──▶ Aborting ──────────┤
//	    └─────────────┴───────────────────────┘
//
// Ended waits until the agent has stored the terminal update: only then may
// the container, which still knows how it ended, be removed.
type Phase int

// The phases in their order.
const (
	Preparing Phase = iota
	Launching
	// Aborting removes a container of which nobody knows whether it was
	// started, because its engine vanished during the launch.
	Aborting
	Running
	Ended
	Removing
	Gone
)

func (p Phase) String() string {
	return [...]string{"preparing", "launching", "aborting", "running", "ended", "removing", "gone"}[p]
}

// Delays of the machine.
const (
	// MinGrace is how long a process has between SIGTERM and SIGKILL even
	// when its grace period is zero, so that one that obeys says so.
	MinGrace = 250 * time.Millisecond
	// repeatKill is how long a container may survive SIGKILL before it gets
	// another one.
	repeatKill = 5 * time.Second
	// progressInterval is the least time between two progress updates.
	progressInterval = 5 * time.Second
	firstRetry       = time.Second
	lastRetry        = 30 * time.Second
)

// Operation is something that blocks and that the machine wants done.
type Operation int

// The operations. At most one runs at a time, signals excepted.
const (
	OpNone Operation = iota
	OpPrepare
	OpLaunch
	OpWait
	OpRemove
)

// Action is what the machine wants done after a step, in order.
type Action struct {
	// Update is to be reported, when not nil.
	Update *Update
	// Operation is to be started, when not OpNone.
	Operation Operation
	// Cancel asks to end the running operation.
	Cancel bool
	// Signal is to be sent to the container, when not zero.
	Signal syscall.Signal
}

// Config is what the machine has to know of its task. It does not change.
type Config struct {
	// KillGrace is the time between SIGTERM and SIGKILL unless a kill brings
	// its own.
	KillGrace time.Duration
	// MaxCompletion bounds the time from launch to end; 0 means no bound.
	MaxCompletion time.Duration
	// Subject starts the sentence about the end: Command or Container.
	Subject string
	// MemoryLimitBytes is named when the container exceeds it.
	MemoryLimitBytes int64
}

// Kill asks for the end of a task.
type Kill struct {
	// Requested is when the kill was asked for.
	Requested time.Time
	// Grace overrides the grace period of the task, when not nil. A later
	// kill may shorten what is left, but never extends it.
	Grace *time.Duration
	// Reason is put into TASK_KILLING and TASK_KILLED, or is empty.
	Reason mesosv1.TaskStatusReason
	// State replaces TASK_KILLED, when not empty.
	State mesosv1.TaskState
	// Silent suppresses every further update: the framework is gone.
	Silent bool
}

// Machine is the life of one task as a pure table: it does no I/O, knows no
// clock, and answers each event with the actions that follow from it. It
// belongs to one goroutine.
type Machine struct {
	cfg    Config
	phase  Phase
	status *containerizer.Status
	// busy is the operation that runs, OpNone while waiting for a retry.
	busy Operation

	kill    *Kill
	overdue bool
	// graceEnds is when SIGKILL is due; zero while nothing is being killed.
	graceEnds  time.Time
	completion time.Time
	retryAt    time.Time
	retryDelay time.Duration

	// released says that the terminal update is stored.
	released bool

	progress     string
	progressAt   time.Time
	lastProgress time.Time
}

// NewMachine makes the machine of a task that has just arrived. Start it.
func NewMachine(cfg Config) *Machine { return &Machine{cfg: cfg} }

// Phase is where the task stands.
func (m *Machine) Phase() Phase { return m.phase }

// Start begins a task that was never launched.
func (m *Machine) Start() []Action { return m.begin(nil, OpPrepare) }

// Recovered tells how far a task had come when the agent stopped.
type Recovered struct {
	// Status is that of the container, which runs or has ended.
	Status containerizer.Status
	// Launched is when TASK_RUNNING was reported; zero when it was not yet.
	Launched time.Time
	// Ended says that the terminal update is stored already, so that only
	// the removal of the container is left.
	Ended bool
	// Announced says that an update was stored before. The launch does not
	// wait for that, so that a crash may leave a container of which nothing
	// was reported yet.
	Announced bool
}

// Resume continues a task whose container was launched before the agent
// stopped.
func (m *Machine) Resume(now time.Time, r Recovered) []Action {
	m.status = &r.Status
	if r.Ended {
		m.phase, m.released = Ended, true
		return m.remove()
	}
	m.phase = Running
	var actions []Action
	launched := r.Launched
	if launched.IsZero() {
		launched = now
		if !r.Announced {
			actions = m.emit(actions, Update{State: mesosv1.TaskStarting, Source: mesosv1.SourceExecutor})
		}
		actions = m.emit(actions, Update{State: mesosv1.TaskRunning, Source: mesosv1.SourceExecutor})
	}
	m.startClock(launched)
	return m.begin(actions, OpWait)
}

// Progress reports what Prepare is doing.
func (m *Machine) Progress(now time.Time, text string) []Action {
	if m.phase != Preparing || m.kill != nil || text == "" {
		return nil
	}
	if due := m.lastProgress.Add(progressInterval); !m.lastProgress.IsZero() && now.Before(due) {
		m.progress, m.progressAt = text, due
		return nil
	}
	m.progress, m.progressAt, m.lastProgress = "", time.Time{}, now
	return m.emit(nil, Update{State: mesosv1.TaskStarting, Source: mesosv1.SourceExecutor, Message: text})
}

// Prepared ends OpPrepare. An error that is no ErrUnavailable is final.
func (m *Machine) Prepared(now time.Time, status containerizer.Status, err error) []Action {
	m.busy = OpNone
	m.progress, m.progressAt = "", time.Time{}
	switch {
	case m.phase != Preparing:
		return nil
	case m.kill != nil:
		return m.killedBeforeDelivery()
	case errors.Is(err, containerizer.ErrUnavailable):
		return append(m.Progress(now, unavailableText(err)), m.retryLater(now)...)
	case err != nil:
		return m.end(launchFailed(err))
	}
	m.phase, m.status, m.retryDelay = Launching, &status, 0
	actions := m.emit(nil, Update{State: mesosv1.TaskStarting, Source: mesosv1.SourceExecutor})
	return m.begin(actions, OpLaunch)
}

// Launched ends OpLaunch. An error that is no ErrUnavailable is final.
func (m *Machine) Launched(now time.Time, status containerizer.Status, err error) []Action {
	m.busy = OpNone
	switch {
	case m.phase != Launching:
		return nil
	case errors.Is(err, containerizer.ErrUnavailable) && m.kill != nil:
		return m.abort()
	case errors.Is(err, containerizer.ErrUnavailable):
		return m.retryLater(now)
	case err != nil && m.kill != nil:
		return m.killedBeforeDelivery()
	case err != nil:
		return m.end(launchFailed(err))
	}
	m.phase, m.status, m.retryDelay = Running, &status, 0
	var actions []Action
	if m.kill == nil {
		actions = m.emit(nil, Update{State: mesosv1.TaskRunning, Source: mesosv1.SourceExecutor, Data: status.Data})
		m.startClock(now)
	} else {
		// The kill came while the container was starting; the grace period
		// begins now that there is something to signal.
		actions = append(actions, Action{Signal: syscall.SIGTERM})
		m.graceEnds = now.Add(max(m.grace(*m.kill), MinGrace))
	}
	return m.begin(actions, OpWait)
}

// Exited ends OpWait.
func (m *Machine) Exited(now time.Time, exit containerizer.Exit, err error) []Action {
	m.busy = OpNone
	switch {
	case m.phase != Running:
		return nil
	case errors.Is(err, containerizer.ErrUnavailable):
		return m.retryLater(now)
	case err != nil:
		exit = containerizer.Exit{Message: err.Error()}
	}
	return m.end(m.outcome(exit))
}

// Removed ends OpRemove.
func (m *Machine) Removed(now time.Time, err error) []Action {
	m.busy = OpNone
	switch {
	case err != nil:
		return m.retryLater(now)
	case m.phase == Aborting:
		return m.killedBeforeDelivery()
	case m.phase == Removing:
		m.phase = Gone
	}
	return nil
}

// Release says that the terminal update is stored and the container may go.
func (m *Machine) Release() []Action {
	if m.phase != Ended {
		return nil
	}
	m.released = true
	return m.remove()
}

// Kill asks for the end of the task. It may come at any time and repeatedly.
func (m *Machine) Kill(now time.Time, k Kill) []Action {
	if k.Silent && m.phase >= Ended {
		return m.Release()
	}
	if m.phase >= Ended {
		return nil
	}
	if m.kill != nil || m.overdue {
		return m.killAgain(now, k)
	}
	m.kill = &k
	switch {
	case m.phase == Preparing && m.busy == OpPrepare:
		return []Action{{Cancel: true}}
	case m.phase == Preparing:
		return m.killedBeforeDelivery()
	case m.phase == Launching && m.busy == OpNone:
		return m.abort()
	}
	actions := m.emit(nil, Update{State: mesosv1.TaskKilling, Source: mesosv1.SourceExecutor, Reason: k.Reason})
	if m.phase == Running {
		actions = append(actions, Action{Signal: syscall.SIGTERM})
		m.graceEnds = graceEnd(now, k, m.grace(k))
	}
	return actions
}

func (m *Machine) killAgain(now time.Time, k Kill) []Action {
	if k.Silent {
		if m.kill == nil {
			m.kill = &k
		}
		m.kill.Silent = true
	}
	if m.phase == Launching && m.kill != nil && k.Grace != nil && *k.Grace < m.grace(*m.kill) {
		m.kill.Grace = k.Grace
	}
	if ends := graceEnd(now, k, m.grace(k)); !m.graceEnds.IsZero() && ends.Before(m.graceEnds) {
		m.graceEnds = ends
	}
	return nil
}

// Deadline is when Tick must be called next; false means that nothing is due.
func (m *Machine) Deadline() (time.Time, bool) {
	var first time.Time
	for _, t := range [...]time.Time{m.graceEnds, m.completion, m.retryAt, m.progressAt} {
		if !t.IsZero() && (first.IsZero() || t.Before(first)) {
			first = t
		}
	}
	return first, !first.IsZero()
}

// Tick does what is due at the given time.
func (m *Machine) Tick(now time.Time) []Action {
	var actions []Action
	if due(&m.retryAt, now) {
		actions = m.begin(actions, m.wanted())
	}
	if due(&m.progressAt, now) {
		m.lastProgress = time.Time{}
		actions = append(actions, m.Progress(now, m.progress)...)
	}
	if m.phase != Running {
		return actions
	}
	if due(&m.graceEnds, now) {
		actions = append(actions, Action{Signal: syscall.SIGKILL})
		m.graceEnds = now.Add(repeatKill)
	}
	if due(&m.completion, now) && m.kill == nil {
		m.overdue = true
		actions = m.emit(actions, Update{
			State: mesosv1.TaskKilling, Source: mesosv1.SourceExecutor,
			Reason: mesosv1.ReasonMaxCompletionTimeReached,
		})
		actions = append(actions, Action{Signal: syscall.SIGTERM})
		m.graceEnds = now.Add(MinGrace)
	}
	return actions
}

// due reports whether the deadline has passed, and clears it when it has.
func due(t *time.Time, now time.Time) bool {
	if t.IsZero() || now.Before(*t) {
		return false
	}
	*t = time.Time{}
	return true
}

func (m *Machine) startClock(launched time.Time) {
	if m.cfg.MaxCompletion > 0 {
		m.completion = launched.Add(m.cfg.MaxCompletion)
	}
}

// grace is the grace period that a kill brings, or that of the task.
func (m *Machine) grace(k Kill) time.Duration {
	if k.Grace != nil {
		return *k.Grace
	}
	return m.cfg.KillGrace
}

// graceEnd is when the grace period of a kill is over. It counts from the
// request, so that a restart of the agent does not extend it, but leaves the
// process time to obey.
func graceEnd(now time.Time, k Kill, grace time.Duration) time.Time {
	ends, least := k.Requested.Add(grace), now.Add(MinGrace)
	if k.Requested.IsZero() {
		ends = now.Add(grace)
	}
	if ends.Before(least) {
		return least
	}
	return ends
}

// wanted is the operation that the phase waits for.
func (m *Machine) wanted() Operation {
	switch m.phase {
	case Preparing:
		return OpPrepare
	case Launching:
		return OpLaunch
	case Running:
		return OpWait
	case Aborting, Removing:
		return OpRemove
	default:
		return OpNone
	}
}

func (m *Machine) begin(actions []Action, op Operation) []Action {
	m.busy = op
	return append(actions, Action{Operation: op})
}

func (m *Machine) retryLater(now time.Time) []Action {
	m.retryDelay = min(max(2*m.retryDelay, firstRetry), lastRetry)
	m.retryAt = now.Add(m.retryDelay)
	return nil
}

func (m *Machine) emit(actions []Action, u Update) []Action {
	if m.kill != nil && m.kill.Silent {
		return actions
	}
	u.Status = m.status
	return append(actions, Action{Update: &u})
}

// end reports the terminal update and waits for its storing; without a
// framework to report to, the container goes at once.
func (m *Machine) end(u Update) []Action {
	m.phase = Ended
	m.graceEnds, m.completion, m.retryAt = time.Time{}, time.Time{}, time.Time{}
	m.retryDelay = 0
	if m.kill != nil && m.kill.Silent {
		return m.remove()
	}
	return m.emit(nil, u)
}

func (m *Machine) remove() []Action {
	m.phase = Removing
	return m.begin(nil, OpRemove)
}

func (m *Machine) abort() []Action {
	m.phase, m.retryAt, m.retryDelay = Aborting, time.Time{}, 0
	return m.begin(nil, OpRemove)
}
