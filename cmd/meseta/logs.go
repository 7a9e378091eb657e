package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/meseta/meseta/client"
	"github.com/meseta/meseta/cmd/meseta/internal/show"
	"github.com/meseta/meseta/cmd/meseta/internal/tail"
	"github.com/meseta/meseta/gen/mesosv1"
	"github.com/meseta/meseta/internal/taskstate"
)

// taskPoll is the time between looks at the state of a task that is followed.
const taskPoll = time.Second

func (a *app) logsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "logs TASK",
		Short: "Print what a task has printed",
		Long: `Print what a task has written to its standard output, or with --stderr to its
standard error stream. TASK is the id of the task or the beginning of it.`,
		Example: "  " + a.name + " task logs hello.1f3a\n  " + a.name + " task logs -f --stderr hello.1f3a",
		Args:    arguments("TASK"),
	}
	master := a.masterFlag(cmd.Flags())
	follow := cmd.Flags().BoolP("follow", "f", false, "go on until the task has ended")
	stderr := cmd.Flags().Bool("stderr", false, "print the standard error stream instead of the output")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		operator, err := client.NewOperator(client.OperatorOptions{Masters: masters(*master)})
		if err != nil {
			return &usageError{cmd.CommandPath(), err}
		}
		defer operator.Close()
		file := "stdout"
		if *stderr {
			file = "stderr"
		}
		return a.printLogs(cmd.Context(), operator, args[0], file, *follow)
	}
	return cmd
}

func (a *app) printLogs(ctx context.Context, o *client.Operator, id, file string, follow bool) error {
	task, err := findTask(ctx, o, id)
	if err != nil {
		return err
	}
	address, err := agentOf(ctx, o, task)
	if err != nil {
		return err
	}
	agent, err := client.NewAgent(client.AgentOptions{Address: address})
	if err != nil {
		return err
	}
	defer agent.Close()
	options := tail.Options{From: agent, To: a.out}
	if follow {
		ended := make(chan struct{})
		watch, stop := context.WithCancel(ctx)
		defer stop()
		go awaitEnd(watch, o, task, ended)
		options.Ended = ended
	}
	for _, sandbox := range sandboxes(task) {
		options.File = sandbox + "/" + file
		if err = tail.Copy(ctx, options); !errors.Is(err, tail.ErrNoFile) {
			break
		}
	}
	switch {
	case errors.Is(err, tail.ErrNoFile):
		return fmt.Errorf("task %s: agent %s has no %s of it: it has not started, or its sandbox was collected", task.TaskID.Value, address, file)
	case ctx.Err() != nil:
		return context.Canceled
	}
	return err
}

// sandboxes are the places where a task may have its files: in a directory of
// its own, when its executor runs several, or in that of its executor.
func sandboxes(task *mesosv1.Task) []string {
	if task.ExecutorID == nil || task.ExecutorID.Value == "" {
		return []string{client.Sandbox(task.FrameworkID, mesosv1.ExecutorID{Value: task.TaskID.Value})}
	}
	executor := client.Sandbox(task.FrameworkID, *task.ExecutorID)
	return []string{executor + "/tasks/" + task.TaskID.Value, executor}
}

// agentOf is the address of the agent of a task.
func agentOf(ctx context.Context, o *client.Operator, task *mesosv1.Task) (string, error) {
	agents, err := o.Agents(ctx)
	if err != nil {
		return "", err
	}
	for i := range agents.Agents {
		if id := agents.Agents[i].AgentInfo.ID; id != nil && *id == task.AgentID {
			return show.AgentAddress(&agents.Agents[i]), nil
		}
	}
	return "", fmt.Errorf("task %s: its agent %s is not registered, so that its files cannot be read", task.TaskID.Value, task.AgentID.Value)
}

// awaitEnd closes ended when the task is no longer among those that run.
func awaitEnd(ctx context.Context, o *client.Operator, task *mesosv1.Task, ended chan<- struct{}) {
	for {
		answer, err := o.Tasks(ctx)
		if err == nil && !runs(answer.Tasks, task) && !runs(answer.UnreachableTasks, task) && !runs(answer.PendingTasks, task) {
			close(ended)
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(taskPoll):
		}
	}
}

func runs(tasks []mesosv1.Task, task *mesosv1.Task) bool {
	for i := range tasks {
		if tasks[i].TaskID == task.TaskID && tasks[i].FrameworkID == task.FrameworkID {
			return !taskstate.Terminal(tasks[i].State)
		}
	}
	return false
}
