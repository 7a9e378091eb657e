package master

import (
	"bytes"
	"slices"
	"strings"
	"time"

	"github.com/meseta/meseta/gen/mesosv1"
	"github.com/meseta/meseta/gen/nodev1"
	"github.com/meseta/meseta/gen/schedulerv1"
	"github.com/meseta/meseta/internal/mesosid"
	"github.com/meseta/meseta/internal/resources"
	"github.com/meseta/meseta/internal/taskstate"
)

// task is one task that the master knows to be on a registered agent.
type task struct {
	framework mesosid.FrameworkID
	agent     *agent
	id        mesosid.TaskID
	executor  mesosid.ExecutorID // empty for command tasks
	resources resources.Resources
	// released is set once the resources have been given back, which happens
	// as soon as the newest state is terminal.
	released bool
	// record is the published form: never changed, only replaced.
	record *mesosv1.Task
}

// set records a status: the state of the record becomes that of the status,
// and the status replaces an older one of the same state at the end of the
// history. The bytes that an executor attached are not kept.
func (t *task) set(status mesosv1.TaskStatus) {
	rec := *t.record
	rec.State = status.State
	rec.Statuses = taskstate.Append(rec.Statuses, status)
	t.record = &rec
}

// newTaskRecord makes the record of a task that is being launched.
func newTaskRecord(f *framework, info *mesosv1.TaskInfo) *mesosv1.Task {
	rec := &mesosv1.Task{
		Name:        info.Name,
		TaskID:      info.TaskID,
		FrameworkID: mesosv1.FrameworkID{Value: string(f.id)},
		AgentID:     info.AgentID,
		State:       mesosv1.TaskStaging,
		Resources:   info.Resources,
		Labels:      info.Labels,
		Discovery:   info.Discovery,
		Container:   info.Container,
		HealthCheck: info.HealthCheck,
		KillPolicy:  info.KillPolicy,
		Limits:      info.Limits,
	}
	if info.Executor != nil {
		rec.ExecutorID = &info.Executor.ExecutorID
	}
	// The framework's user, which holds otherwise, is not repeated here.
	switch {
	case info.Command != nil && info.Command.User != nil:
		rec.User = info.Command.User
	case info.Executor != nil && info.Executor.Command != nil:
		rec.User = info.Executor.Command.User
	}
	return rec
}

// addTask puts a task where it belongs and counts what it uses.
func (m *Master) addTask(f *framework, a *agent, t *task) {
	f.tasks[t.id] = t
	f.agents[a.id] = a
	a.addTask(t)
	f.record, a.record = nil, nil
	m.changed()
}

// updated takes one status update that an agent has sent.
func (m *Master) updated(a *agent, u *nodev1.StatusUpdate) {
	f := m.frameworks[mesosid.FrameworkID(u.FrameworkID.Value)]
	if f == nil {
		m.metrics.invalidUpdate()
		m.log.Debug("status update of an unknown framework dropped", "framework", u.FrameworkID.Value, "task", u.Status.TaskID.Value, "agent", a.id)
		return
	}
	m.metrics.validUpdate()
	f.send(m, updateEvent(u.Status))
	t := f.tasks[mesosid.TaskID(u.Status.TaskID.Value)]
	if t == nil || t.agent != a {
		return
	}
	m.updateTask(f, t, u.Status, u.LatestState)
}

// updateTask applies a status to a task. latest may be ahead of it: the
// resources are free as soon as the newest state is terminal, although the
// task stays listed until its terminal update has been acknowledged.
func (m *Master) updateTask(f *framework, t *task, status mesosv1.TaskStatus, latest mesosv1.TaskState) {
	before := t.record.State
	if taskstate.Terminal(before) {
		latest = before // terminal means terminal
	}
	rec := *t.record
	rec.State = latest
	rec.StatusUpdateState = new(status.State)
	if status.UUID != nil {
		rec.StatusUpdateUUID = status.UUID
	}
	rec.Statuses = taskstate.Append(rec.Statuses, status)
	t.record = &rec
	f.record, t.agent.record = nil, nil
	m.metrics.taskMoved(f, before, latest, status)
	if taskstate.Terminal(latest) {
		m.release(f, t)
	}
	m.changed()
}

// release gives back what an ended task used.
func (m *Master) release(f *framework, t *task) {
	if t.released {
		return
	}
	t.released = true
	t.agent.unuse(t.framework, t.resources)
	m.allocation.recoverSoon(f.id, t.agent.id, t.resources)
}

// acknowledge forwards an acknowledgement to the agent. The task is over when
// the acknowledged update was its terminal one.
func (m *Master) acknowledge(f *framework, call *schedulerv1.CallAcknowledge) {
	a := m.agents[mesosid.AgentID(call.AgentID.Value)]
	if a == nil || !a.connected() {
		m.metrics.invalidAcknowledgement()
		return
	}
	t := f.tasks[mesosid.TaskID(call.TaskID.Value)]
	if t != nil && t.agent == a && t.record.StatusUpdateState != nil &&
		taskstate.Terminal(*t.record.StatusUpdateState) && bytes.Equal(t.record.StatusUpdateUUID, call.UUID) {
		m.finishTask(f, t)
	}
	m.metrics.validAcknowledgement()
	m.acknowledgeAgent(a, nodev1.Acknowledgement{
		FrameworkID: mesosv1.FrameworkID{Value: string(f.id)},
		TaskID:      call.TaskID,
		UUID:        call.UUID,
	})
}

// endTask declares a task lost, unless it has ended, and tells its framework.
// What the task holds is the caller's.
func (m *Master) endTask(f *framework, t *task, reason mesosv1.TaskStatusReason, message string, now time.Time) {
	before := t.record.State
	if taskstate.Terminal(before) {
		return
	}
	status := masterStatus(t.record.TaskID, &t.record.AgentID, mesosv1.TaskLost, reason, message, now)
	t.set(status)
	m.metrics.taskMoved(f, before, status.State, status)
	f.send(m, updateEvent(status))
}

// finishTask gives back what a task holds and moves it to those that are
// remembered as completed.
func (m *Master) finishTask(f *framework, t *task) {
	m.release(f, t)
	t.agent.removeTask(t)
	t.agent.record = nil
	m.dropTask(f, t, false)
}

func (f *framework) trimFinished(limit int) {
	if extra := len(f.finished) - limit; extra > 0 {
		f.finished = slices.Delete(f.finished, 0, extra)
	}
}

// dropTask moves a task to the completed ones or, if its agent may come back
// with it, to the unreachable ones.
func (m *Master) dropTask(f *framework, t *task, unreachable bool) {
	delete(f.tasks, t.id)
	if unreachable {
		f.unreachable = append(f.unreachable, t.record)
		if extra := len(f.unreachable) - m.opts.MaxUnreachableTasks; extra > 0 {
			f.unreachable = slices.Delete(f.unreachable, 0, extra)
		}
	} else {
		f.finished = append(f.finished, t.record)
		f.trimFinished(m.opts.MaxCompletedTasks)
	}
	f.record = nil
	m.changed()
}

// masterStatus makes a status that the master itself sends. It has no uuid,
// so it need not be acknowledged and is never repeated.
func masterStatus(id mesosv1.TaskID, agent *mesosv1.AgentID, state mesosv1.TaskState, reason mesosv1.TaskStatusReason, message string, now time.Time) mesosv1.TaskStatus {
	return mesosv1.TaskStatus{
		TaskID:    id,
		State:     state,
		Message:   &message,
		Source:    new(mesosv1.SourceMaster),
		Reason:    &reason,
		AgentID:   agent,
		Timestamp: new(seconds(now)),
	}
}

// dropped is the state for a task that was never delivered.
func (f *framework) dropped() mesosv1.TaskState {
	if f.caps.partitionAware {
		return mesosv1.TaskDropped
	}
	return mesosv1.TaskLost
}

func sortedTasks(tasks map[mesosid.TaskID]*task) []*task {
	out := make([]*task, 0, len(tasks))
	for _, t := range tasks {
		out = append(out, t)
	}
	slices.SortFunc(out, func(a, b *task) int { return strings.Compare(string(a.id), string(b.id)) })
	return out
}

// setUnreachable marks the records of an unreachable agent's task.
func (t *task) setUnreachable(status mesosv1.TaskStatus) {
	t.set(status)
	rec := *t.record
	rec.StatusUpdateState = new(status.State)
	t.record = &rec
}
