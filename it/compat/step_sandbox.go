package compat

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

func (r *Replayer) waitSandboxFile(ctx context.Context, i int) (int, error) {
	s := &r.transcript.Steps[i]
	return 1, repeat(ctx, filePatience, func() error {
		path, err := r.sandboxPath(s)
		if err != nil {
			return err
		}
		_, err = os.Stat(path)
		return err
	})
}

// sandboxFile waits for a file with the expected lines.
func (r *Replayer) sandboxFile(ctx context.Context, i int) (int, error) {
	s := &r.transcript.Steps[i]
	err := repeat(ctx, filePatience, func() error {
		path, err := r.sandboxPath(s)
		if err != nil {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return r.compareLines(s, string(text))
	})
	if err != nil {
		r.fail(i, err.Error())
	}
	return 1, ctx.Err()
}

func (r *Replayer) writeSandboxFile(_ context.Context, i int) (int, error) {
	s := &r.transcript.Steps[i]
	path, err := r.sandboxPath(s)
	if err != nil {
		return 0, err
	}
	return 1, os.WriteFile(path, []byte(s.Text), 0o644)
}

// sandboxPath is where the file is, or would be, in the sandbox of the latest
// run of the executor. It is fs.ErrNotExist if there is no sandbox yet.
func (r *Replayer) sandboxPath(s *Step) (string, error) {
	work, err := r.cluster.AgentWorkDir(s.Agent)
	if err != nil {
		return "", err
	}
	runs := filepath.Join(work, "slaves", "*", "frameworks", "*", "executors", s.ExecutorID, "runs", "*")
	sandboxes, err := filepath.Glob(runs)
	if err != nil {
		return "", err
	}
	var latest string
	var newest time.Time
	for _, sandbox := range sandboxes {
		// "latest" is a link to one of the others and leads to the same file.
		info, err := os.Stat(sandbox)
		if err != nil || !info.IsDir() || filepath.Base(sandbox) == "latest" {
			continue
		}
		if latest == "" || info.ModTime().After(newest) {
			latest, newest = sandbox, info.ModTime()
		}
	}
	if latest == "" {
		return "", fmt.Errorf("sandbox of executor %s below %s: %w", s.ExecutorID, work, fs.ErrNotExist)
	}
	return filepath.Join(latest, s.File), nil
}

// compareLines compares a file with the expected lines. Lists of environment
// variables may hold further ones that the shell adds, but none of the
// system's own names.
func (r *Replayer) compareLines(s *Step, text string) error {
	actual := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if base := filepath.Base(s.File); base == "env.txt" || base == "names.txt" {
		actual = slices.DeleteFunc(actual, func(line string) bool { return !compared(line, s.Lines) })
	}
	m := newMatcher(r.bindings, rules{texts: r.texts})
	expected, got := make([]any, len(s.Lines)), make([]any, len(actual))
	for i, line := range s.Lines {
		expected[i] = line
	}
	for i, line := range actual {
		got[i] = line
	}
	if !m.match(expected, got) {
		return errors.New(m.explain(expected, got))
	}
	return nil
}

// compared reports whether a line about an environment variable counts: it is
// an expected one, or one that must not be there unexpectedly.
func compared(line string, expected []string) bool {
	name, _, _ := strings.Cut(line, "=")
	if strings.HasPrefix(name, "MESOS_") || strings.HasPrefix(name, "LIBPROCESS_") {
		return true
	}
	return slices.ContainsFunc(expected, func(e string) bool {
		expectedName, _, _ := strings.Cut(e, "=")
		return name == expectedName
	})
}
