package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/meseta/meseta/client"
	"github.com/meseta/meseta/cmd/meseta/internal/show"
	"github.com/meseta/meseta/gen/mesosv1"
)

// masterFlag adds the flag that names the cluster.
func (a *app) masterFlag(flags *pflag.FlagSet) *string {
	address := client.DefaultMaster
	if m := a.getenv("MESOS_MASTER"); m != "" {
		address = m
	}
	return flags.String("master", address, "host:port of the masters, separated by commas; also MESOS_MASTER in the environment")
}

// masters splits the value of the flag.
func masters(flag string) []string { return strings.Split(flag, ",") }

// listCommand is a verb that prints a listing. get is given the client and
// whether all things are wanted; allHelp is empty where that makes no
// difference; none is what to say when there is nothing.
func (a *app) listCommand(short, allHelp, none string, get func(context.Context, *client.Operator, bool) (*show.Listing, error)) *cobra.Command {
	cmd := &cobra.Command{Use: "list", Aliases: []string{"ls"}, Short: short, Args: noArguments}
	master := a.masterFlag(cmd.Flags())
	output := cmd.Flags().StringP("output", "o", string(show.FormatTable), "form of the output: "+strings.Join(show.Formats(), ", "))
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions(show.Formats(), cobra.ShellCompDirectiveNoFileComp)) // the flag exists
	all := new(bool)
	if allHelp != "" {
		all = cmd.Flags().BoolP("all", "a", false, allHelp)
	}
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		format, err := show.ParseFormat(*output)
		if err != nil {
			return &usageError{cmd.CommandPath(), err}
		}
		operator, err := client.NewOperator(client.OperatorOptions{Masters: masters(*master)})
		if err != nil {
			return &usageError{cmd.CommandPath(), err}
		}
		defer operator.Close()
		listing, err := get(cmd.Context(), operator, *all)
		if err != nil {
			return err
		}
		if listing.Empty() && (format == show.FormatTable || format == show.FormatWide) {
			fmt.Fprintln(a.err, none)
			return nil
		}
		return listing.Print(a.out, format)
	}
	return cmd
}

func (a *app) agentListCommand() *cobra.Command {
	return a.listCommand("List the agents", "", "No agent is registered.",
		func(ctx context.Context, o *client.Operator, _ bool) (*show.Listing, error) {
			agents, err := o.Agents(ctx)
			if err != nil {
				return nil, err
			}
			return show.Agents(agents), nil
		})
}

func (a *app) frameworkCommand() *cobra.Command {
	return a.noun("framework", "Show the frameworks of a cluster", a.listCommand("List the frameworks", "also those that have ended",
		"No framework is subscribed (--all shows those that have ended).",
		func(ctx context.Context, o *client.Operator, all bool) (*show.Listing, error) {
			frameworks, err := o.Frameworks(ctx)
			if err != nil {
				return nil, err
			}
			return show.Frameworks(frameworks, all), nil
		}))
}

func (a *app) roleCommand() *cobra.Command {
	return a.noun("role", "Show the roles of a cluster", a.listCommand("List the roles", "", "No role is in use.",
		func(ctx context.Context, o *client.Operator, _ bool) (*show.Listing, error) {
			roles, err := o.Roles(ctx)
			if err != nil {
				return nil, err
			}
			return show.Roles(roles), nil
		}))
}

func (a *app) taskCommand() *cobra.Command {
	return a.noun("task", "Show the tasks of a cluster and what they print", a.listCommand("List the tasks", "also those that have ended",
		"No task is running (--all shows those that have ended).",
		func(ctx context.Context, o *client.Operator, all bool) (*show.Listing, error) {
			tasks, err := o.Tasks(ctx)
			if err != nil {
				return nil, err
			}
			return show.Tasks(tasks, all), nil
		}), a.logsCommand())
}

// noun is a command that only holds others.
func (a *app) noun(name, short string, verbs ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{
		Use: name, Short: short, GroupID: "look", Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	for _, v := range verbs {
		if v.Name() == "list" {
			v.Example = fmt.Sprintf("  %s %s list\n  %s %s list -o json", a.name, name, a.name, name)
		}
	}
	cmd.AddCommand(verbs...)
	return cmd
}

// errNoTask means that no task has the id.
var errNoTask = errors.New("no such task")

// findTask finds the task with an id, or with an id that begins with it if
// there is only one. Of tasks with the same id the newest counts.
func findTask(ctx context.Context, o *client.Operator, id string) (*mesosv1.Task, error) {
	answer, err := o.Tasks(ctx)
	if err != nil {
		return nil, err
	}
	var similar []*mesosv1.Task
	var exact *mesosv1.Task
	for _, t := range show.AllTasks(answer) {
		switch {
		case t.TaskID.Value == id:
			if exact == nil || startedAt(&t) > startedAt(exact) {
				exact = &t
			}
		case strings.HasPrefix(t.TaskID.Value, id):
			similar = append(similar, &t)
		}
	}
	switch {
	case exact != nil:
		return exact, nil
	case len(similar) == 1:
		return similar[0], nil
	case len(similar) > 1:
		return nil, fmt.Errorf("%q begins the ids of %d tasks, such as %s and %s: write more of it",
			id, len(similar), similar[0].TaskID.Value, similar[1].TaskID.Value)
	}
	return nil, fmt.Errorf("%w as %q: `meseta task list --all` shows those that the master remembers", errNoTask, id)
}

// startedAt is the time of the first update, in seconds since 1970; a task
// without one has just begun.
func startedAt(t *mesosv1.Task) float64 {
	if len(t.Statuses) == 0 || t.Statuses[0].Timestamp == nil {
		return float64(time.Now().Unix())
	}
	return *t.Statuses[0].Timestamp
}
