package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/meseta/meseta/internal/lifecycle"
)

// app is one execution of the program with everything it takes from outside.
type app struct {
	// name is how the program was called, for hints at the next command.
	name string
	out  io.Writer
	err  io.Writer
	env  []string
	// terminal tells that a person reads err.
	terminal bool
	// exit ends the process at a second signal.
	exit func(int)
}

// programName is what to type to call this program again.
func programName(argv0 string) string {
	// `go run` builds into a directory that is gone afterwards.
	if strings.Contains(argv0, string(os.PathSeparator)+"go-build") {
		return "go run ./cmd/meseta"
	}
	return argv0
}

// getenv looks a variable up.
func (a *app) getenv(name string) string {
	for _, entry := range a.env {
		if value, ok := strings.CutPrefix(entry, name+"="); ok {
			return value
		}
	}
	return ""
}

// colour tells whether to use colours on err.
func (a *app) colour() bool { return a.terminal && a.getenv("NO_COLOR") == "" }

// main runs one command and returns the code to exit with.
func (a *app) main(args []string) int {
	root := a.root()
	root.SetArgs(args)
	root.SetOut(a.out)
	root.SetErr(a.err)
	ctx, stop := lifecycle.WithSignals(context.Background(), a.exit)
	defer stop()
	err := root.ExecuteContext(ctx)
	if text := a.explain(err); text != "" {
		fmt.Fprintln(a.err, text)
	}
	return exitCode(err)
}

// root builds the tree of commands.
func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "meseta",
		Short: "A datacenter kernel: run programs of any kind on the machines of a cluster",
		Long: `Meseta turns machines into one pool of resources. A master offers them to
frameworks (programs in any language that speak HTTP and JSON), and agents run
the tasks that frameworks launch: plain commands or Docker images.`,
		Example: `  # A whole cluster on this machine, until Ctrl-C:
  ` + a.name + ` local

  # In another terminal: run a command on it and see what it prints.
  ` + a.name + ` run --command='echo hello from $(hostname)'

  # What is there, and what it does:
  ` + a.name + ` agent list
  ` + a.name + ` task list --all`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          noArguments,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetGlobalNormalizationFunc(underscores)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error { return &usageError{cmd.CommandPath(), err} })
	root.AddGroup(
		&cobra.Group{ID: "start", Title: "Start here:"},
		&cobra.Group{ID: "look", Title: "Look at a cluster:"},
		&cobra.Group{ID: "serve", Title: "Services:"},
	)
	root.AddCommand(
		a.localCommand(), a.runCommand(),
		a.frameworkCommand(), a.taskCommand(), a.roleCommand(),
		a.masterCommand(), a.agentCommand(),
		a.versionCommand(), exitCodesTopic(),
	)
	return root
}

// exitCodesTopic is a page of help.
func exitCodesTopic() *cobra.Command {
	return &cobra.Command{
		Use:   "exit-codes",
		Short: "What the exit codes mean",
		Long: `Every command exits with one of these codes:

    0   done
    1   something went wrong that has no code of its own
    2   the command line or a setting is wrong
    3   the master or an agent refused the request
    4   no master, or not the agent, answers
  130   interrupted, before it was done; services end with 0 instead

"run" exits with the code of the command it ran, as far as that is known, and
otherwise with 1. Its own problems have the codes above.`,
	}
}
