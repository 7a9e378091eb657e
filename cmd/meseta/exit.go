package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/meseta/meseta/client"
	"github.com/meseta/meseta/cmd/meseta/internal/oneshot"
	"github.com/meseta/meseta/internal/config"
)

// The exit codes; see exitCodesTopic.
const (
	codeDone        = 0
	codeFailed      = 1
	codeUsage       = 2
	codeRefused     = 3
	codeUnreachable = 4
	codeInterrupted = 130
)

// usageError is a mistake in the command line.
type usageError struct {
	// command is the path of the command whose help explains it.
	command string
	cause   error
}

func (e *usageError) Error() string { return e.cause.Error() }
func (e *usageError) Unwrap() error { return e.cause }

// codeError carries the exit code of a task. It says nothing, since the task's
// end has been shown.
type codeError int

func (e codeError) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

// exitCode is the code to exit with after err.
func exitCode(err error) int {
	if err == nil {
		return codeDone
	}
	if code, ok := errors.AsType[codeError](err); ok {
		return int(code)
	}
	switch {
	case isA[*usageError](err), isA[*config.Error](err):
		return codeUsage
	case errors.Is(err, oneshot.ErrInterrupted), errors.Is(err, context.Canceled):
		return codeInterrupted
	case isA[*client.UnreachableError](err), isA[*client.UnreachableAgentError](err):
		return codeUnreachable
	case isA[*client.StatusError](err), isA[*client.SubscriptionError](err):
		return codeRefused
	}
	return codeFailed
}

func isA[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

// explain is what to tell people about err: what is wrong, and what to do. It is
// empty when they know already.
func (a *app) explain(err error) string {
	switch {
	case err == nil, isA[codeError](err), errors.Is(err, oneshot.ErrInterrupted), errors.Is(err, context.Canceled):
		return ""
	}
	text := "meseta: " + err.Error()
	if e, ok := errors.AsType[*client.UnreachableError](err); ok {
		text = fmt.Sprintf("meseta: no master answers at %s: start one with `%s local`, or name it with --master\n  (%v)",
			strings.Join(e.Masters, ", "), a.name, e.Cause)
	}
	if e, ok := errors.AsType[*usageError](err); ok {
		text += fmt.Sprintf("\nSee `%s --help`.", strings.Replace(e.command, "meseta", a.name, 1))
	}
	return text
}

// noArguments refuses arguments, which are most often mistyped subcommands.
func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	text := fmt.Sprintf("unknown command %q for %q", args[0], cmd.CommandPath())
	if !cmd.HasAvailableSubCommands() {
		text = fmt.Sprintf("%q takes no arguments, and got %q", cmd.CommandPath(), args[0])
	}
	cmd.SuggestionsMinimumDistance = 2
	if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
		text += "; did you mean " + strings.Join(near, " or ") + "?"
	}
	return &usageError{cmd.CommandPath(), errors.New(text)}
}

// arguments demands exactly the named ones.
func arguments(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == len(names) {
			return nil
		}
		return &usageError{cmd.CommandPath(), fmt.Errorf("%q takes %s, and got %d arguments", cmd.CommandPath(), strings.Join(names, " "), len(args))}
	}
}

// underscores makes flags known by dashes as well.
func underscores(_ *pflag.FlagSet, name string) pflag.NormalizedName {
	return pflag.NormalizedName(strings.ReplaceAll(name, "-", "_"))
}
