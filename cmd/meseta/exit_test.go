package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/meseta/meseta/client"
	"github.com/meseta/meseta/cmd/meseta/internal/oneshot"
	"github.com/meseta/meseta/internal/config"
)

func TestExitCodesTellTheKindOfTheProblem(t *testing.T) {
	t.Parallel()
	for want, errs := range map[int][]error{
		codeDone:        {nil},
		codeFailed:      {errors.New("x"), codeError(1)},
		codeUsage:       {&usageError{"meseta", errors.New("x")}, &config.Error{Problems: []string{"x"}}},
		codeRefused:     {&client.StatusError{Code: 400}, &client.SubscriptionError{Message: "x"}},
		codeUnreachable: {&client.UnreachableError{}, &client.UnreachableAgentError{}},
		codeInterrupted: {oneshot.ErrInterrupted, context.Canceled},
		42:              {codeError(42)},
	} {
		for _, err := range errs {
			if err != nil {
				err = fmt.Errorf("wrapped: %w", err)
			}
			if got := exitCode(err); got != want {
				t.Errorf("%v ends with %d, want %d", err, got, want)
			}
		}
	}
}

func TestOnlyWhatPeopleDoNotKnowIsExplained(t *testing.T) {
	t.Parallel()
	a := &app{name: "meseta"}
	for _, err := range []error{nil, codeError(3), oneshot.ErrInterrupted, context.Canceled} {
		if got := a.explain(err); got != "" {
			t.Errorf("%v is explained as %q", err, got)
		}
	}
	if got := a.explain(errors.New("disk full")); got != "meseta: disk full" {
		t.Errorf("an error is explained as %q", got)
	}
}

func TestTheNextCommandIsTheOneThatWasTyped(t *testing.T) {
	t.Parallel()
	for argv0, want := range map[string]string{
		"meseta": "meseta", "./bin/meseta": "./bin/meseta", "/tmp/go-build123/b001/exe/meseta": "go run ./cmd/meseta",
	} {
		if got := programName(argv0); got != want {
			t.Errorf("%s is called %q, want %q", argv0, got, want)
		}
	}
}

func TestColoursNeedATerminalAndPermission(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		app  app
		want bool
	}{
		{app{}, false}, {app{terminal: true}, true}, {app{terminal: true, env: []string{"NO_COLOR=1"}}, false},
		{app{terminal: true, env: []string{"NO_COLOR="}}, true},
	} {
		if got := c.app.colour(); got != c.want {
			t.Errorf("terminal %v with %v: colour is %v", c.app.terminal, c.app.env, got)
		}
	}
	var b strings.Builder
	(&app{err: &b, terminal: true}).noter()("news")
	if b.String() != "\x1b[2m» news\x1b[0m\n" {
		t.Errorf("news on a terminal are %q", b.String())
	}
}
