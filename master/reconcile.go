package master

import (
	"time"

	"github.com/meseta/meseta/gen/mesosv1"
	"github.com/meseta/meseta/gen/schedulerv1"
	"github.com/meseta/meseta/internal/mesosid"
)

// reconcile answers with the present state of tasks: of those named, or of all
// when none is named.
func (m *Master) reconcile(f *framework, tasks []schedulerv1.CallReconcileTask, now time.Time) {
	if len(tasks) == 0 {
		for _, t := range sortedTasks(f.tasks) {
			f.send(m, updateEvent(reconciled(t.record, now)))
		}
		return
	}
	for i := range tasks {
		m.reconcileTask(f, tasks[i].TaskID, tasks[i].AgentID, now)
	}
}

// reconcileTask answers for one task by the first row of Mesos's table that
// fits.
func (m *Master) reconcileTask(f *framework, id mesosv1.TaskID, agentID *mesosv1.AgentID, now time.Time) {
	if t := f.tasks[mesosid.TaskID(id.Value)]; t != nil {
		f.send(m, updateEvent(reconciled(t.record, now)))
		return
	}
	aware := func(state mesosv1.TaskState) mesosv1.TaskState {
		if f.caps.partitionAware {
			return state
		}
		return mesosv1.TaskLost
	}
	answer := func(state mesosv1.TaskState, message string) mesosv1.TaskStatus {
		return masterStatus(id, agentID, aware(state), mesosv1.ReasonReconciliation, "Reconciliation: "+message, now)
	}
	if agentID == nil {
		f.send(m, updateEvent(answer(mesosv1.TaskUnknown, "Task is unknown")))
		return
	}
	agent := mesosid.AgentID(agentID.Value)
	if m.agents[agent] != nil {
		f.send(m, updateEvent(answer(mesosv1.TaskGone, "Task is unknown to the agent")))
		return
	}
	if since, ok := m.unreachable[agent]; ok {
		status := answer(mesosv1.TaskUnreachable, "Task is unreachable")
		status.UnreachableTime = &mesosv1.TimeInfo{Nanoseconds: since.UnixNano()}
		f.send(m, updateEvent(status))
		return
	}
	if _, ok := m.gone[agent]; ok {
		f.send(m, updateEvent(answer(mesosv1.TaskGoneByOperator, "Task is gone")))
		return
	}
	f.send(m, updateEvent(answer(mesosv1.TaskUnknown, "Task is unknown")))
}

// reconciled is the answer for a known task: the state of the last update
// that was forwarded, if there was one, else the present state.
func reconciled(rec *mesosv1.Task, now time.Time) mesosv1.TaskStatus {
	state := rec.State
	if rec.StatusUpdateState != nil {
		state = *rec.StatusUpdateState
	}
	status := masterStatus(rec.TaskID, &rec.AgentID, state, mesosv1.ReasonReconciliation, "Reconciliation: Latest task state", now)
	status.ExecutorID = rec.ExecutorID
	copyDetails(&status, rec)
	return status
}

// copyDetails fills in what the newest statuses of the task say of its health,
// its checks and its container.
func copyDetails(status *mesosv1.TaskStatus, rec *mesosv1.Task) {
	if n := len(rec.Statuses); n > 0 {
		last := rec.Statuses[n-1]
		status.Healthy = last.Healthy
		status.CheckStatus = last.CheckStatus
		status.ContainerStatus = last.ContainerStatus
	}
}

// reconcileOperations answers for operations. Operations of agents are not
// kept yet, so that each one named is unknown.
func (m *Master) reconcileOperations(f *framework, operations []schedulerv1.CallReconcileOperationsOperation) {
	for i := range operations {
		op := &operations[i]
		status := mesosv1.OperationStatus{
			OperationID: &op.OperationID,
			State:       mesosv1.OperationUnknown,
			AgentID:     op.AgentID,
		}
		switch {
		case op.AgentID == nil:
			status.Message = new("Reconciliation: Operation is unknown and no 'agent_id' was provided")
		case m.agents[mesosid.AgentID(op.AgentID.Value)] != nil:
			if op.ResourceProviderID != nil {
				status.ResourceProviderID = op.ResourceProviderID
				break
			}
			status.Message = new("Reconciliation: Operation is unknown")
		case m.isUnreachable(op.AgentID.Value):
			status.State = mesosv1.OperationUnreachable
			status.Message = new("Reconciliation: Agent is unreachable")
		case m.isGone(op.AgentID.Value):
			status.State = mesosv1.OperationGoneByOperator
			status.Message = new("Reconciliation: Agent has been marked gone")
		default:
			status.Message = new("Reconciliation: Both operation and agent are unknown")
		}
		f.send(m, operationStatusEvent(status))
	}
}

func (m *Master) isUnreachable(id string) bool {
	_, ok := m.unreachable[mesosid.AgentID(id)]
	return ok
}

func (m *Master) isGone(id string) bool {
	_, ok := m.gone[mesosid.AgentID(id)]
	return ok
}
