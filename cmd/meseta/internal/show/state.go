package show

import "github.com/meseta/meseta/gen/mesosv1"

// Ended tells whether a state is the last one of a task.
func Ended(state mesosv1.TaskState) bool {
	switch state {
	case mesosv1.TaskFinished, mesosv1.TaskFailed, mesosv1.TaskKilled, mesosv1.TaskError, mesosv1.TaskLost,
		mesosv1.TaskDropped, mesosv1.TaskGone, mesosv1.TaskGoneByOperator:
		return true
	}
	return false
}
