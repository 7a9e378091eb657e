package harness

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
)

// Process is one operating system process with a log file that takes both of
// its outputs. It is safe for concurrent use.
type Process struct {
	name string
	log  string
	cmd  *exec.Cmd
	done chan struct{}
}

// command describes a process to be started.
type command struct {
	name string // for messages
	path string
	args []string
	env  []string
	dir  string
	log  string // appended to
}

// start starts the process in a process group of its own.
func (c command) start() (*Process, error) {
	log, err := os.OpenFile(c.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return nil, err
	}
	// The child has its own copy of the descriptor.
	defer log.Close()
	cmd := exec.Command(c.path, c.args...)
	cmd.Env, cmd.Dir, cmd.Stdout, cmd.Stderr = c.env, c.dir, log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("%s: %w", c.name, err)
	}
	p := &Process{name: c.name, log: c.log, cmd: cmd, done: make(chan struct{})}
	go func() {
		defer close(p.done)
		// How a process ended is read from its state; a signal is no error here.
		_ = cmd.Wait()
	}()
	return p, nil
}

// PID is the process id. It stays the same after the end of the process.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Done is closed when the process has ended and has been waited for.
func (p *Process) Done() <-chan struct{} { return p.done }

// Exited reports whether the process has ended.
func (p *Process) Exited() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// State describes how the process ended, such as "exit status 1".
func (p *Process) State() string {
	if !p.Exited() {
		return "running"
	}
	return p.cmd.ProcessState.String()
}

// Signal sends a signal to the process alone, not to those it started. A
// process that has already ended gives os.ErrProcessDone.
func (p *Process) Signal(s os.Signal) error {
	if err := p.cmd.Process.Signal(s); err != nil {
		return fmt.Errorf("%s: signal %v: %w", p.name, s, err)
	}
	return nil
}

// Wait blocks until the process has ended or ctx is done.
func (p *Process) Wait(ctx context.Context) error {
	select {
	case <-p.done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%s: still running: %w", p.name, context.Cause(ctx))
	}
}

// Kill ends the process and its process group and waits for the process.
// Calling it again does no harm.
func (p *Process) Kill() {
	if !p.Exited() {
		// A stopped process dies of SIGKILL as well.
		_ = syscall.Kill(-p.PID(), syscall.SIGKILL)
	}
	<-p.done
}

// Tail returns the last lines of the log, at most n.
func (p *Process) Tail(n int) string {
	text, err := os.ReadFile(p.log)
	if errors.Is(err, os.ErrNotExist) {
		return ""
	}
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimRight(string(text), "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
