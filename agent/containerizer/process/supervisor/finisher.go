package supervisor

import (
	"context"
	"fmt"
	"os"
	"syscall"
	"time"

	"github.com/meseta/meseta/agent/containerizer/process/proctree"
	"github.com/meseta/meseta/agent/containerizer/process/wire"
)

const (
	// clearTimeout bounds the wait for killed processes to die. It only
	// passes when one is stuck in the kernel.
	clearTimeout = 10 * time.Second
	// removeTimeout bounds the wait for empty control groups to be removable.
	removeTimeout = 2 * time.Second
	// lastWords bounds the wait for orphans when the supervisor ends.
	lastWords = 2 * time.Second
)

func soon(d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), d)
}

// target says how the processes of c are recognised without control groups.
func (s *supervisor) target(c *container) proctree.Container {
	return proctree.Container{First: c.pid, FirstStart: c.start, Sandbox: c.launch.Dir}
}

// deliver sends a signal to every process of a container.
func (s *supervisor) deliver(id string, target proctree.Container, sig syscall.Signal) {
	if s.config.Cgroups.Enabled() {
		s.config.Cgroups.Signal(id, target.First, sig)
		return
	}
	all, err := proctree.Scan()
	if err != nil {
		fmt.Fprintf(os.Stderr, "container %s: signal %v: %v\n", id, sig, err)
		return
	}
	proctree.Signal(proctree.Members(all, target, os.Getpid()), sig)
}

// clear ends a container whose first process has ended: what the process left
// behind is killed, since the agent offers the resources to others from now
// on; then its control groups are removed.
func (s *supervisor) clear(c *container, target proctree.Container, status syscall.WaitStatus) wire.Exit {
	exit := wire.Exit{Known: true, Status: uint32(status)}
	ctx, cancel := soon(clearTimeout)
	defer cancel()
	cgroups := s.config.Cgroups
	if !cgroups.Enabled() {
		s.clearTree(ctx, target)
		return exit
	}
	err := cgroups.Clear(ctx, c.id)
	if status != 0 {
		if killed, peak := cgroups.OutOfMemory(c.id); killed {
			exit.OutOfMemory, exit.MemoryBytes = true, peak
			exit.Message = fmt.Sprintf("Memory limit exceeded: Requested: %dMB Maximum Used: %dMB",
				c.launch.Limits.MaxMemoryBytes>>20, peak>>20)
		}
	}
	if err == nil {
		ctx, cancel := soon(removeTimeout)
		defer cancel()
		err = cgroups.Remove(ctx, c.id)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "supervisor: %v\n", err)
	}
	return exit
}

// clearTree kills the descendants of a first process that has ended. All of
// them have become the supervisor's own children, or descend from one that
// has.
func (s *supervisor) clearTree(ctx context.Context, target proctree.Container) {
	mine := func(pid int) bool {
		p, err := proctree.Read(pid)
		if err != nil {
			return false
		}
		return !p.Zombie && len(proctree.Members([]proctree.Process{p}, target, 0)) > 0
	}
	for s.forker.killAdopted(mine) > 0 {
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Millisecond):
		}
	}
}

// killStrays kills adopted processes when no container is left to which they
// could belong, and says how many there were: daemons that hid every trace of
// their container. It needs no looking with control groups.
func (s *supervisor) killStrays() int {
	if s.alive > 0 || s.config.Cgroups.Enabled() {
		return 0
	}
	return s.forker.killAdopted(func(int) bool { return true })
}
