package taskstate

import (
	"slices"
	"testing"

	"github.com/meseta/meseta/gen/mesosv1"
)

func TestATaskHasEndedInEveryStateButThoseFromWhichItMayGoOn(t *testing.T) {
	t.Parallel()
	for state, want := range map[mesosv1.TaskState]bool{
		mesosv1.TaskStaging: false, mesosv1.TaskStarting: false, mesosv1.TaskRunning: false, mesosv1.TaskKilling: false,
		mesosv1.TaskUnreachable: false, mesosv1.TaskUnknown: false,
		mesosv1.TaskFinished: true, mesosv1.TaskFailed: true, mesosv1.TaskKilled: true, mesosv1.TaskError: true,
		mesosv1.TaskLost: true, mesosv1.TaskDropped: true, mesosv1.TaskGone: true, mesosv1.TaskGoneByOperator: true,
	} {
		if got := Terminal(state); got != want {
			t.Errorf("%s: %v", state, got)
		}
	}
}

func TestOfConsecutiveStatusesOfOneStateTheNewestStaysWithoutItsData(t *testing.T) {
	t.Parallel()
	status := func(state mesosv1.TaskState, message string) mesosv1.TaskStatus {
		return mesosv1.TaskStatus{State: state, Message: &message, Data: []byte("data")}
	}
	var history []mesosv1.TaskStatus
	history = Append(history, status(mesosv1.TaskStarting, "a"))
	history = Append(history, status(mesosv1.TaskRunning, "b"))
	seen := slices.Clone(history)
	longer := Append(history, status(mesosv1.TaskRunning, "c"))

	if n := len(longer); n != 2 || *longer[0].Message != "a" || *longer[1].Message != "c" {
		t.Errorf("%+v", longer)
	}
	for _, s := range longer {
		if s.Data != nil {
			t.Errorf("data of %s was kept", s.State)
		}
	}
	if len(history) != len(seen) || *history[1].Message != "b" {
		t.Errorf("what readers hold has changed: %+v", history)
	}
}
