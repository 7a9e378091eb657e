package master

import (
	"context"
	"fmt"
	"time"

	"github.com/meseta/meseta/gen/mesosv1"
	"github.com/meseta/meseta/gen/nodev1"
	"github.com/meseta/meseta/gen/schedulerv1"
	"github.com/meseta/meseta/internal/fault"
	"github.com/meseta/meseta/internal/mesosid"
	"github.com/meseta/meseta/internal/resources"
	"github.com/meseta/meseta/internal/taskstate"
	"github.com/meseta/meseta/master/allocator"
)

// NodeCall carries out a call of an agent within its session. The error is
// Forbidden when the session is over: the agent then registers again.
func (m *Master) NodeCall(ctx context.Context, session string, call *nodev1.Call) error {
	return m.try(ctx, func(now time.Time) error {
		a := m.sessions[session]
		if a == nil {
			return fault.New(fault.Forbidden, "the session is over; register again")
		}
		switch call.Type {
		case nodev1.CallTypePong:
			a.missed = 0
		case nodev1.CallTypeReport:
			m.report(a, call.Report)
		case nodev1.CallTypeUpdateAgent:
			return m.updateAgent(a, call.UpdateAgent)
		case nodev1.CallTypeUnregister:
			m.removeAgent(a, "the agent unregistered", now)
		default:
			return fault.New(fault.Invalid, fmt.Sprintf("a call of type %q cannot be made within a session", call.Type))
		}
		return nil
	})
}

func (m *Master) report(a *agent, r *nodev1.Report) {
	a.missed = 0
	for i := range r.Updates {
		m.updated(a, &r.Updates[i])
	}
	for i := range r.Messages {
		m.fromExecutor(a, &r.Messages[i])
	}
	for i := range r.ExitedExecutors {
		m.executorExited(a, &r.ExitedExecutors[i])
	}
}

func (m *Master) fromExecutor(a *agent, msg *nodev1.ExecutorMessage) {
	f := m.frameworks[mesosid.FrameworkID(msg.FrameworkID.Value)]
	if f == nil || f.subscriber == nil {
		return // at most once: nobody is there to hear it
	}
	f.send(m, schedulerv1.Event{
		Type: schedulerv1.EventTypeMessage,
		Message: &schedulerv1.EventMessage{
			AgentID:    mesosv1.AgentID{Value: string(a.id)},
			ExecutorID: msg.ExecutorID,
			Data:       msg.Data,
		},
	})
}

func (m *Master) executorExited(a *agent, exited *nodev1.ExitedExecutor) {
	id := mesosid.FrameworkID(exited.FrameworkID.Value)
	e := a.removeExecutor(id, mesosid.ExecutorID(exited.ExecutorID.Value))
	if e == nil {
		return
	}
	a.record = nil
	m.changed()
	m.allocation.recoverSoon(id, a.id, e.resources)
	f := m.frameworks[id]
	if f == nil {
		return
	}
	f.record = nil
	f.send(m, schedulerv1.Event{
		Type: schedulerv1.EventTypeFailure,
		Failure: &schedulerv1.EventFailure{
			AgentID:    &mesosv1.AgentID{Value: string(a.id)},
			ExecutorID: &exited.ExecutorID,
			Status:     &exited.Status,
		},
	})
}

func (m *Master) updateAgent(a *agent, u *nodev1.UpdateAgent) error {
	total, err := resources.FromV1(u.Resources)
	if err != nil {
		return fault.Wrap(fault.Invalid, fmt.Sprintf("agent %s: its resources are invalid: %v", a.id, err), err)
	}
	revocable, err := resources.FromV1(u.RevocableResources)
	if err != nil {
		return fault.Wrap(fault.Invalid, fmt.Sprintf("agent %s: its revocable resources are invalid: %v", a.id, err), err)
	}
	total = total.Add(revocable)
	if total.Equal(a.total) {
		return nil
	}
	m.rescindAgent(a)
	a.total = total
	info := *a.info
	info.Resources = u.Resources
	a.info = &info
	a.record = nil
	m.changed()
	fact := a.forAllocator()
	m.allocation.soon(func(core *allocator.Allocator, _ time.Time) { core.UpdateAgent(fact) })
	return nil
}

// SessionEnded reports the end of a session's stream. It does nothing when the
// agent has another session by now.
func (m *Master) SessionEnded(session string) {
	m.post(func(now time.Time) {
		if a := m.sessions[session]; a != nil {
			m.agentDisconnected(a, now)
		}
	})
}

// closeSession ends the present session without any consequence for tasks.
func (m *Master) closeSession(a *agent, reason string) {
	delete(m.sessions, a.session)
	a.subscriber.Close(nil, reason)
	a.subscriber = nil
	a.acks = nil
	a.record = nil
	m.rescindAgent(a)
	m.changed()
}

// agentDisconnected stops offers of an agent whose session broke. Tasks of
// frameworks that do not checkpoint are given up, as in Mesos; all others wait
// for the agent to come back.
func (m *Master) agentDisconnected(a *agent, now time.Time) {
	m.log.Info("agent disconnected", "agent", a.id, "hostname", a.info.Hostname)
	m.closeSession(a, "session ended")
	id := a.id
	m.allocation.do(func(core *allocator.Allocator, _ time.Time) { core.DeactivateAgent(id) })
	for fw := range a.tasks {
		f := m.frameworks[fw]
		if f == nil || f.checkpoints() {
			continue
		}
		for _, t := range sortedTasks(a.tasks[fw]) {
			m.loseTask(f, t, fmt.Sprintf("Agent %s disconnected", a.info.Hostname), now)
		}
	}
	for fw := range a.executors {
		f := m.frameworks[fw]
		if f == nil || f.checkpoints() {
			continue
		}
		for executorID := range a.executors[fw] {
			e := a.removeExecutor(fw, executorID)
			m.allocation.recoverSoon(fw, a.id, e.resources)
		}
		f.record = nil
	}
	a.disconnects++
	disconnects := a.disconnects
	m.after(m.opts.ReregisterTimeout, func(now time.Time) {
		if m.agents[id] == a && !a.connected() && a.disconnects == disconnects {
			m.markUnreachable(a, fmt.Sprintf("agent did not re-register within %v after disconnecting", m.opts.ReregisterTimeout), now)
		}
	})
}

// loseTask gives up a task on an agent that is disconnected.
func (m *Master) loseTask(f *framework, t *task, message string, now time.Time) {
	m.endTask(f, t, mesosv1.ReasonAgentDisconnected, message, now)
	m.finishTask(f, t)
}

// pingAgents asks every agent whether it is there and gives those up that did
// not answer often enough. An agent whose session broke is asked in vain.
func (m *Master) pingAgents(now time.Time) {
	if len(m.agents) == 0 {
		return
	}
	ping := mustEncode(&nodev1.Event{Type: nodev1.EventTypePing})
	for _, a := range m.agents {
		if a.missed >= m.opts.MaxMissedPings && m.mayRemove(now) {
			m.markUnreachable(a, "health check timed out", now)
			continue
		}
		a.missed++
		a.sendEncoded(ping)
	}
}

// mayRemove reports whether the rate limit allows to give an agent up now. One
// that has to wait is asked on meanwhile, and stays if it answers.
func (m *Master) mayRemove(now time.Time) bool {
	return m.opts.RemovalRate == nil || m.opts.RemovalRate.AllowN(now, 1)
}

// markUnreachable gives an agent up. Its tasks may go on and come back with
// it.
func (m *Master) markUnreachable(a *agent, message string, now time.Time) {
	m.log.Warn("agent unreachable", "agent", a.id, "hostname", a.info.Hostname, "cause", message)
	m.forgetAgent(a, message)
	m.unreachable[a.id] = now
	m.trimUnreachable()
	m.metrics.agentUnreachable()
	for fw, tasks := range a.tasks {
		f := m.frameworks[fw]
		if f == nil {
			continue
		}
		state := mesosv1.TaskLost
		if f.caps.partitionAware {
			state = mesosv1.TaskUnreachable
		}
		for _, t := range sortedTasks(tasks) {
			if taskstate.Terminal(t.record.State) {
				m.dropTask(f, t, false)
				continue
			}
			status := masterStatus(t.record.TaskID, &t.record.AgentID, state, mesosv1.ReasonAgentRemoved, message, now)
			status.UnreachableTime = &mesosv1.TimeInfo{Nanoseconds: now.UnixNano()}
			before := t.record.State
			t.setUnreachable(status)
			m.metrics.taskMoved(f, before, state, status)
			f.send(m, updateEvent(status))
			m.dropTask(f, t, true)
		}
	}
	m.failureOf(a.id)
}

// removeAgent ends an agent for good: its tasks are lost to every framework.
func (m *Master) removeAgent(a *agent, cause string, now time.Time) {
	m.log.Info("agent removed", "agent", a.id, "hostname", a.info.Hostname, "cause", cause)
	message := fmt.Sprintf("Agent %s removed: %s", a.info.Hostname, cause)
	m.forgetAgent(a, cause)
	m.metrics.agentRemoved()
	for fw, tasks := range a.tasks {
		f := m.frameworks[fw]
		if f == nil {
			continue
		}
		for _, t := range sortedTasks(tasks) {
			m.endTask(f, t, mesosv1.ReasonAgentRemoved, message, now)
			m.dropTask(f, t, false)
		}
	}
	m.failureOf(a.id)
}

// forgetAgent takes an agent out of the state; its tasks are the caller's.
func (m *Master) forgetAgent(a *agent, reason string) {
	m.rescindAgent(a)
	if a.connected() {
		delete(m.sessions, a.session)
		a.subscriber.Close(nil, reason)
		a.subscriber = nil
	}
	delete(m.agents, a.id)
	for _, f := range m.frameworks {
		if f.agents[a.id] == a {
			delete(f.agents, a.id)
			f.record = nil
		}
	}
	id := a.id
	m.allocation.do(func(core *allocator.Allocator, _ time.Time) { core.RemoveAgent(id) })
	m.changed()
}

// failureOf tells every framework that an agent is gone.
func (m *Master) failureOf(id mesosid.AgentID) {
	if len(m.frameworks) == 0 {
		return
	}
	e := agentFailureEvent(id)
	encoded := mustEncode(&e)
	for _, f := range m.frameworks {
		f.sendEncoded(m, e.Type, encoded)
	}
}

func (m *Master) trimUnreachable() {
	for len(m.unreachable) > maxRemovedAgents {
		var oldest mesosid.AgentID
		for id, since := range m.unreachable {
			if oldest == "" || since.Before(m.unreachable[oldest]) {
				oldest = id
			}
		}
		delete(m.unreachable, oldest)
	}
}
