package docker

import (
	"context"
	"fmt"
	"syscall"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
	"golang.org/x/sys/unix"

	"github.com/meseta/meseta/agent/containerizer"
	"github.com/meseta/meseta/internal/mesosid"
)

// Wait blocks until the container has ended and its output has been written to
// the sandbox. An engine that is away is waited for.
func (c *Containerizer) Wait(ctx context.Context, id mesosid.ContainerID) (containerizer.Exit, error) {
	r, _, err := c.find(id)
	if err != nil {
		return containerizer.Exit{}, err
	}
	select {
	case <-r.ended:
		return r.exit, nil
	case <-ctx.Done():
		return containerizer.Exit{}, ctx.Err()
	case <-r.ctx.Done():
	}
	select {
	case <-r.ended:
		return r.exit, nil
	case <-c.life.Done():
		return containerizer.Exit{}, errStopped
	default:
		return containerizer.Exit{Message: "the container was removed before its end was known"}, nil
	}
}

// supervise starts the supervisor and the log pump of a container. ended is
// the container as inspected if it no longer runs.
func (c *Containerizer) supervise(r *record, ended *container.InspectResponse) {
	if ended != nil {
		close(r.dead)
	}
	drained := make(chan error, 1)
	r.pumped = make(chan struct{})
	c.work.Go(func() {
		defer close(r.pumped)
		drained <- newLogPump(c, r).run(r.ctx)
	})
	c.work.Go(func() {
		var exit containerizer.Exit
		if ended != nil {
			exit = exitOf(ended)
		} else {
			var ok bool
			if exit, ok = c.awaitEnd(r); !ok {
				return
			}
			close(r.dead)
		}
		c.drain(r, &exit, drained)
		r.exit = exit
		close(r.ended)
	})
}

// awaitEnd returns how the container ended, or false when the record is done
// with. It asks the engine each time that it is woken.
func (c *Containerizer) awaitEnd(r *record) (containerizer.Exit, bool) {
	var pause backoff
	for {
		select {
		case <-r.woken:
		case <-r.ctx.Done():
			return containerizer.Exit{}, false
		}
		for contradictions := 0; ; {
			exit, state := c.look(r)
			if state == lookedEnded {
				return exit, true
			}
			if state == lookedRunning {
				// The engine may still be busy with a death that it has
				// announced; or somebody has restarted the container.
				if contradictions++; contradictions > maxContradictions || !r.diedBefore() {
					pause = backoff{}
					break
				}
			}
			if !pause.wait(r.ctx) {
				return containerizer.Exit{}, false
			}
		}
	}
}

// maxContradictions is how often a container that is said to have died may be
// found running before the engine is believed.
const maxContradictions = 5

// diedBefore says whether an event has told of the container's death.
func (r *record) diedBefore() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.lastCode >= 0
}

type looked int

const (
	lookedRunning looked = iota
	lookedEnded
	// lookedNothing means that the engine did not say.
	lookedNothing
)

// look inspects a container once.
func (c *Containerizer) look(r *record) (containerizer.Exit, looked) {
	engineID, _ := r.started()
	found, err := c.client.ContainerInspect(r.ctx, engineID, client.ContainerInspectOptions{})
	switch {
	case cerrdefs.IsNotFound(err):
		return c.vanished(r), lookedEnded
	case err != nil:
		return containerizer.Exit{}, lookedNothing
	case running(found.Container.State):
		return containerizer.Exit{}, lookedRunning
	default:
		return exitOf(&found.Container), lookedEnded
	}
}

// vanished is the end of a container that somebody removed from the engine. An
// event may have told its exit code.
func (c *Containerizer) vanished(r *record) containerizer.Exit {
	r.mu.Lock()
	code := r.lastCode
	r.mu.Unlock()
	const message = "the container was removed from the Docker engine by somebody else"
	if code < 0 {
		return containerizer.Exit{Message: message}
	}
	return containerizer.Exit{Known: true, Status: waitStatus(code), Message: message}
}

// exitOf reads the end of a container from its description.
func exitOf(found *container.InspectResponse) containerizer.Exit {
	s := found.State
	if s == nil {
		return containerizer.Exit{Message: "the Docker engine gives no state for the container"}
	}
	e := containerizer.Exit{Known: true, Status: waitStatus(s.ExitCode), Message: s.Error}
	if s.OOMKilled {
		e.OutOfMemory = true
		// The kernel kills at the limit, so the limit is what was used.
		if found.HostConfig != nil {
			e.MemoryBytes = found.HostConfig.Memory
		}
	}
	return e
}

// waitStatus is the status of a process that exited with code. The engine
// reports a death by signal n as the exit code 128+n, and so does this: it
// cannot be told from an exit with that code.
func waitStatus(code int) syscall.WaitStatus { return syscall.WaitStatus((code & 0xff) << 8) }

// drain holds back the end until the last output is in the sandbox, within
// bounds: a full disk must not hide that a task has ended.
func (c *Containerizer) drain(r *record, exit *containerizer.Exit, drained <-chan error) {
	timeout := time.NewTimer(c.opts.DrainTimeout)
	defer timeout.Stop()
	select {
	case err := <-drained:
		if err == nil || r.ctx.Err() != nil {
			return
		}
		exit.Message = joinSentences(exit.Message, fmt.Sprintf("output is missing from the sandbox: %v", err))
	case <-timeout.C:
		exit.Message = joinSentences(exit.Message, "the last output had not yet been written to the sandbox")
	}
}

func joinSentences(a, b string) string {
	if a == "" {
		return b
	}
	return a + "; " + b
}

// Kill sends a signal to the container's first process, as "docker kill" does.
// SIGKILL ends every process of the container with it.
func (c *Containerizer) Kill(ctx context.Context, id mesosid.ContainerID, signal syscall.Signal) error {
	r, engineID, err := c.find(id)
	if err != nil {
		return err
	}
	select {
	case <-r.dead:
		return nil
	default:
	}
	name := unix.SignalName(signal)
	if name == "" {
		name = fmt.Sprint(int(signal))
	}
	_, err = c.client.ContainerKill(ctx, engineID, client.ContainerKillOptions{Signal: name})
	if err == nil || cerrdefs.IsNotFound(err) || cerrdefs.IsConflict(err) {
		// A conflict means that it does not run; whatever was missed is found
		// by looking.
		r.wake()
		return nil
	}
	return fmt.Errorf("container %s: signal %s: %w", id, name, c.engineError(ctx, err))
}
