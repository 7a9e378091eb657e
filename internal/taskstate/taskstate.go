// Package taskstate holds what master, agent and clients must agree on about
// the states of a task.
package taskstate

import "github.com/meseta/meseta/gen/mesosv1"

// Terminal reports whether a task in this state has ended for good.
// TASK_UNREACHABLE and TASK_UNKNOWN are not such states: the task may still
// run.
func Terminal(s mesosv1.TaskState) bool {
	switch s {
	case mesosv1.TaskFinished, mesosv1.TaskFailed, mesosv1.TaskKilled, mesosv1.TaskError,
		mesosv1.TaskLost, mesosv1.TaskDropped, mesosv1.TaskGone, mesosv1.TaskGoneByOperator:
		return true
	}
	return false
}

// Append gives the statuses of a task with one more. As in Mesos, of
// consecutive statuses of one state only the newest stays, and the data, which
// may be large, is left out. The given statuses, which readers may hold, are
// not written to.
func Append(history []mesosv1.TaskStatus, status mesosv1.TaskStatus) []mesosv1.TaskStatus {
	status.Data = nil
	kept := history
	if n := len(history); n > 0 && history[n-1].State == status.State {
		kept = history[:n-1]
	}
	out := make([]mesosv1.TaskStatus, len(kept), len(kept)+1)
	copy(out, kept)
	return append(out, status)
}
