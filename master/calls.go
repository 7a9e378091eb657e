package master

import (
	"slices"
	"time"

	"github.com/meseta/meseta/gen/mesosv1"
	"github.com/meseta/meseta/gen/nodev1"
	"github.com/meseta/meseta/gen/schedulerv1"
	"github.com/meseta/meseta/internal/mesosid"
	"github.com/meseta/meseta/internal/resources"
	"github.com/meseta/meseta/internal/role"
	"github.com/meseta/meseta/master/allocator"
)

// subscribedRoles resolves the roles of REVIVE and SUPPRESS: none means all.
// If one of them is not a role of the framework the whole call is dropped, as
// in Mesos.
func (m *Master) subscribedRoles(f *framework, roles []string, call string) ([]string, bool) {
	if len(roles) == 0 {
		return slices.Clone(f.roles), true
	}
	for _, r := range roles {
		if err := role.Validate(r); err != nil {
			m.log.Warn("call dropped", "call", call, "framework", f.id, "err", err)
			return nil, false
		}
		if !slices.Contains(f.roles, r) {
			m.log.Warn("call dropped: the framework is not subscribed to the role", "call", call, "framework", f.id, "role", r)
			return nil, false
		}
	}
	return roles, true
}

func (m *Master) revive(f *framework, call *schedulerv1.CallRevive) {
	var named []string
	if call != nil {
		named = call.Roles
	}
	roles, ok := m.subscribedRoles(f, named, "REVIVE")
	if !ok {
		return
	}
	for _, r := range roles {
		delete(f.suppressed, r)
	}
	f.record = nil
	m.changed()
	id := f.id
	m.allocation.soonAll(func(a *allocator.Allocator, _ time.Time) { a.Revive(id, roles) })
}

func (m *Master) suppress(f *framework, call *schedulerv1.CallSuppress) {
	var named []string
	if call != nil {
		named = call.Roles
	}
	roles, ok := m.subscribedRoles(f, named, "SUPPRESS")
	if !ok {
		return
	}
	for _, r := range roles {
		f.suppressed[r] = true
	}
	f.record = nil
	m.changed()
	id := f.id
	m.allocation.do(func(a *allocator.Allocator, _ time.Time) { a.Suppress(id, roles) })
}

// kill asks the agent to kill a task. The kill of an unknown task is answered
// like a reconciliation; while the agent is away the kill is remembered.
func (m *Master) kill(f *framework, call *schedulerv1.CallKill, now time.Time) {
	t := f.tasks[mesosid.TaskID(call.TaskID.Value)]
	if t == nil {
		m.reconcileTask(f, call.TaskID, call.AgentID, now)
		return
	}
	if call.AgentID != nil && mesosid.AgentID(call.AgentID.Value) != t.agent.id {
		m.log.Warn("kill ignored: the task runs on another agent", "framework", f.id, "task", t.id, "agent", call.AgentID.Value)
		return
	}
	order := nodev1.KillTask{FrameworkID: mesosv1.FrameworkID{Value: string(f.id)}, TaskID: call.TaskID, KillPolicy: call.KillPolicy}
	if !t.agent.connected() {
		order.KillPolicy = nil // not remembered, as in Mesos
		t.agent.kills = append(t.agent.kills, order)
		return
	}
	t.agent.send(nodev1.Event{Type: nodev1.EventTypeKillTask, KillTask: &order})
}

func (m *Master) shutdownExecutor(f *framework, call *schedulerv1.CallShutdown) {
	a := m.agents[mesosid.AgentID(call.AgentID.Value)]
	if a == nil {
		m.log.Warn("shutdown ignored: the agent is unknown", "framework", f.id, "agent", call.AgentID.Value)
		return
	}
	a.send(nodev1.Event{Type: nodev1.EventTypeShutdownExecutor, ShutdownExecutor: &nodev1.ShutdownExecutor{
		FrameworkID: mesosv1.FrameworkID{Value: string(f.id)},
		ExecutorID:  call.ExecutorID,
	}})
}

// message passes bytes on to an executor, at most once.
func (m *Master) message(f *framework, call *schedulerv1.CallMessage) {
	a := m.agents[mesosid.AgentID(call.AgentID.Value)]
	if a == nil || !a.connected() {
		m.metrics.invalidMessage()
		return
	}
	m.metrics.validMessage()
	a.send(nodev1.Event{Type: nodev1.EventTypeMessage, Message: &nodev1.FrameworkMessage{
		FrameworkID: mesosv1.FrameworkID{Value: string(f.id)},
		ExecutorID:  call.ExecutorID,
		Data:        call.Data,
	}})
}

// request tells the allocator what the framework would like to be offered.
func (m *Master) request(f *framework, call *schedulerv1.CallRequest) {
	wanted := make([]allocator.Request, 0, len(call.Requests))
	for i := range call.Requests {
		rs, err := resources.FromV1(call.Requests[i].Resources)
		if err != nil {
			m.log.Warn("request ignored: its resources are invalid", "framework", f.id, "err", err)
			continue
		}
		one := allocator.Request{Resources: rs.Quantities()}
		if call.Requests[i].AgentID != nil {
			one.Agent = mesosid.AgentID(call.Requests[i].AgentID.Value)
		}
		wanted = append(wanted, one)
	}
	id := f.id
	m.allocation.soon(func(a *allocator.Allocator, _ time.Time) { a.Request(id, wanted) })
}
