package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// command describes a program that a test runs.
type command struct {
	// args are the path of the program and its arguments.
	args []string
	// env is all of the environment but the mark of the cluster.
	env []string
	// dir is where it works; the directory of the cluster by default.
	dir string
	// user runs it as somebody else, which only root can ask for.
	user *syscall.Credential
}

// program is a running or ended program. It is safe for concurrent use.
type program struct {
	t    *testing.T
	name string
	cmd  *exec.Cmd
	done chan struct{}
	// stdout and stderr take what it prints.
	stdout, stderr transcript
}

// start starts a program, which is killed with its process group at the end of
// the test at the latest.
func (c *cluster) start(o command) *program {
	c.t.Helper()
	p := &program{t: c.t, name: strings.Join(o.args, " "), cmd: exec.Command(o.args[0], o.args[1:]...), done: make(chan struct{})}
	p.cmd.Dir = o.dir
	if o.dir == "" {
		p.cmd.Dir = c.Dir()
	}
	p.cmd.Env = append([]string{c.Mark()}, o.env...)
	p.cmd.Stdout, p.cmd.Stderr = &p.stdout, &p.stderr
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: o.user}
	if err := p.cmd.Start(); err != nil {
		c.t.Fatalf("%s: %v", p.name, err)
	}
	go func() {
		defer close(p.done)
		_ = p.cmd.Wait() // the code is read from the state of the process
	}()
	c.t.Cleanup(func() {
		_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL) // most often it is gone
		<-p.done
		if c.t.Failed() {
			c.t.Logf("%s ended with %d\n%s", p.name, p.cmd.ProcessState.ExitCode(), p.printed())
		}
	})
	return p
}

// run runs a program to its end.
func (c *cluster) run(o command) *program {
	c.t.Helper()
	p := c.start(o)
	p.wait()
	return p
}

// wait blocks until the program has ended and returns its exit code.
func (p *program) wait() int {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*patience)
	defer cancel()
	select {
	case <-p.done:
		return p.cmd.ProcessState.ExitCode()
	case <-ctx.Done():
		p.t.Fatalf("%s: still running\n%s", p.name, p.printed())
		return 0
	}
}

// exits checks the code that the program ends with.
func (p *program) exits(want int) {
	p.t.Helper()
	if got := p.wait(); got != want {
		p.t.Errorf("%s: exit code %d, want %d\n%s", p.name, got, want, p.printed())
	}
}

// signal sends a signal to the program alone.
func (p *program) signal(s syscall.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatalf("%s: %v", p.name, err)
	}
}

// prints waits until the text stands on the output, which ends with the
// program.
func (p *program) prints(text string) { p.t.Helper(); p.await(&p.stdout, text) }

// reports is prints for the standard error stream.
func (p *program) reports(text string) { p.t.Helper(); p.await(&p.stderr, text) }

func (p *program) await(on *transcript, text string) {
	p.t.Helper()
	until(p.t, fmt.Sprintf("%s prints %q", p.name, text), func() error {
		var ended bool
		select {
		case <-p.done:
			ended = true
		default:
		}
		if strings.Contains(on.String(), text) {
			return nil
		}
		if ended {
			p.t.Fatalf("%s ended without printing %q\n%s", p.name, text, p.printed())
		}
		return errors.New(p.printed())
	})
}

// lacks checks that texts stand nowhere in what the program has printed.
func (p *program) lacks(texts ...string) {
	p.t.Helper()
	for _, text := range texts {
		if strings.Contains(p.printed(), text) {
			p.t.Errorf("%s printed %q\n%s", p.name, text, p.printed())
		}
	}
}

func (p *program) printed() string {
	return fmt.Sprintf("stdout:\n%s\nstderr:\n%s", p.stdout.String(), p.stderr.String())
}

// transcript collects what a program prints.
type transcript struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (t *transcript) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.text.Write(p)
}

func (t *transcript) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.text.String()
}
