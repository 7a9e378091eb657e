package agent

import (
	"context"
	"log/slog"
	"testing"

	"github.com/meseta/meseta/agent/checkpoint"
	"github.com/meseta/meseta/agent/task"
	"github.com/meseta/meseta/gen/mesosv1"
)

// A slow disk may store the last update of a task only after its executor has
// become history. Readers see it all the same.
func TestAnUpdateThatIsStoredLateShowsInTheHistory(t *testing.T) {
	t.Parallel()
	var stored []checkpoint.Completion
	logger := slog.New(slog.DiscardHandler)
	journal, _, err := checkpoint.Open(checkpoint.Options{
		Dir: t.TempDir(), Logger: logger,
		Completed: func(_ context.Context, batch []checkpoint.Completion) { stored = append(stored, batch...) },
	})
	if err != nil {
		t.Fatal(err)
	}
	act := newActor(&Agent{log: logger, opts: Options{MaxCompletedExecutorsPerFramework: 1}}, journal)
	act.counters.Terminal = map[mesosv1.TaskState]int64{}
	f := act.framework("f", &mesosv1.FrameworkInfo{ID: &mesosv1.FrameworkID{Value: "f"}})
	e := act.addExecutor(f, &checkpoint.Launch{
		Executor: mesosv1.ExecutorInfo{ExecutorID: mesosv1.ExecutorID{Value: "t"}},
		Tasks:    []mesosv1.TaskInfo{{TaskID: mesosv1.TaskID{Value: "t"}}},
	})
	e.runner = task.NewRunner(task.Options{})
	state := func() mesosv1.TaskState {
		return act.snapshot().CompletedFrameworks[0].CompletedExecutors[0].Completed[0].State
	}

	act.taskUpdate(e, task.Update{State: mesosv1.TaskFailed})
	e.state = executorGone
	act.complete(e)
	if got := state(); got != mesosv1.TaskStaging {
		t.Errorf("before the update is stored the task is in %q", got)
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if err := journal.Run(ended); err != nil {
		t.Fatal(err)
	}
	for _, c := range stored {
		c.Done(c.Err)
	}
	if got := state(); got != mesosv1.TaskFailed {
		t.Errorf("when the update is stored the task is in %q", got)
	}
}
