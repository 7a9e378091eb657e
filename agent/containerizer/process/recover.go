package process

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/meseta/meseta/agent/containerizer"
	"github.com/meseta/meseta/agent/containerizer/process/journal"
	"github.com/meseta/meseta/agent/containerizer/process/proctree"
	"github.com/meseta/meseta/agent/containerizer/process/wire"
	"github.com/meseta/meseta/internal/mesosid"
)

// adoptAll takes over the supervisors, living and dead, of earlier agents.
func (c *Containerizer) adoptAll(ctx context.Context) error {
	dirs, err := filepath.Glob(filepath.Join(c.config.RuntimeDir, "supervisor-*"))
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	for _, dir := range dirs {
		group.Go(func() error { return c.adopt(ctx, dir) })
	}
	return group.Wait()
}

// adopt takes over one supervisor. One that lives but does not answer is an
// error: its containers can neither be counted as lost nor be seen.
func (c *Containerizer) adopt(ctx context.Context, dir string) error {
	s := &shard{dir: dir, adopting: true, changed: make(chan struct{})}
	// A configuration that is torn was never read by a supervisor, which
	// starts after it is written.
	if data, err := os.ReadFile(filepath.Join(dir, wire.ConfigFile)); err == nil {
		_ = json.Unmarshal(data, &s.config)
	}
	ctx, cancel := context.WithTimeout(ctx, helloTimeout)
	defer cancel()
	for {
		lock, err := tryLock(filepath.Join(dir, wire.LockFile), 0)
		switch {
		case err == nil || errors.Is(err, os.ErrNotExist):
			// Without the file it is just removing its directory, or an agent
			// died before it had started it.
			c.adoptDead(s, lock)
			return nil
		case !errors.Is(err, errLocked):
			return fmt.Errorf("supervisor in %s: %w", dir, err)
		}
		held, err := c.greet(ctx, s)
		if err == nil {
			c.adoptLiving(s, held)
			return nil
		}
		// It may be ending at this moment.
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: the supervisor in %s lives but does not answer (%w): if it is stuck, kill it with SIGKILL; its tasks will be reported as failed",
				containerizer.ErrUnavailable, dir, err)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func (c *Containerizer) adoptLiving(s *shard, held []wire.Container) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.supervisors[s.dir] = s
	for _, h := range held {
		id := mesosid.ContainerID(h.ID)
		found := newContainer(id)
		found.shard = s
		s.load++
		c.containers[id] = found
	}
	c.merge(s, held)
	c.merge(s, s.early)
	s.adopting, s.early = false, nil
}

func (c *Containerizer) adoptDead(s *shard, lock *os.File) {
	exits := c.bury(s)
	c.mu.Lock()
	defer c.mu.Unlock()
	s.dead, s.full, s.lock = true, true, lock
	c.supervisors[s.dir] = s
	for id, exit := range exits {
		found := newContainer(id)
		found.shard = s
		s.load++
		found.end(exit)
		c.containers[id] = found
	}
	c.retire(s)
}

// bury kills what the containers of a dead supervisor have left and says how
// each of them ended. It may be repeated.
func (c *Containerizer) bury(s *shard) map[mesosid.ContainerID]containerizer.Exit {
	entries, err := journal.Load(filepath.Join(s.dir, wire.JournalFile))
	if err != nil {
		c.log.Error("the journal of a dead supervisor cannot be read", "dir", s.dir, "err", err)
	}
	rebooted := s.config.BootID != c.bootID
	why := "the supervisor of the task died, so the task was killed"
	if rebooted {
		why = "the machine was restarted while the task ran"
	} else if last := lastLines(filepath.Join(s.dir, wire.LogFile)); last != "" {
		why += "; its last words: " + last
	}
	ctx, cancel := context.WithTimeout(context.Background(), buryTimeout)
	defer cancel()
	exits := map[mesosid.ContainerID]containerizer.Exit{}
	for _, e := range entries {
		c.killLeft(ctx, s, e, rebooted)
		exit := containerizer.Exit{Message: why}
		if e.Exit != nil {
			exit = exitOf(*e.Exit)
		} else {
			c.log.Warn("container lost", "container", e.ID, "reason", why)
		}
		exits[mesosid.ContainerID(e.ID)] = exit
	}
	return exits
}

// buryTimeout bounds the wait for killed processes to die.
const buryTimeout = 10 * time.Second

// killLeft kills what is left of a container and removes its control groups.
// After a restart of the machine the numbers of its processes mean others.
func (c *Containerizer) killLeft(ctx context.Context, s *shard, e journal.Entry, rebooted bool) {
	if groups := s.config.Cgroups; groups.Enabled() {
		err := groups.Clear(ctx, e.ID)
		if err == nil {
			err = groups.Remove(ctx, e.ID)
		}
		if err != nil {
			c.log.Warn("container not cleared", "container", e.ID, "err", err)
		}
		return
	}
	if e.Exit != nil || rebooted {
		return
	}
	target := proctree.Container{First: e.PID, FirstStart: e.StartTime, Sandbox: e.Dir}
	for ctx.Err() == nil {
		all, err := proctree.Scan()
		members := proctree.Members(all, target, 0)
		if err != nil || len(members) == 0 {
			return
		}
		proctree.Signal(members, syscall.SIGKILL)
		select {
		case <-ctx.Done():
		case <-time.After(time.Millisecond):
		}
	}
	c.log.Warn("container not cleared: its processes do not die", "container", e.ID)
}

// sweep removes control groups that belong to no container, which a crash
// between two steps may have left.
func (c *Containerizer) sweep(ctx context.Context) {
	for _, name := range c.cgroups.Names() {
		if _, err := c.find(mesosid.ContainerID(name)); err == nil {
			continue
		}
		err := c.cgroups.Clear(ctx, name)
		if err == nil {
			err = c.cgroups.Remove(ctx, name)
		}
		if err != nil {
			c.log.Warn("stray control group", "group", name, "err", err)
		}
	}
}

// lastLines reads the end of what a supervisor printed.
func lastLines(path string) string {
	data, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(data[max(0, len(data)-maxLastWords):]))
}

// maxLastWords bounds, in bytes, what is quoted from a supervisor's log.
const maxLastWords = 400

func exitOf(e wire.Exit) containerizer.Exit {
	return containerizer.Exit{
		Known: e.Known, Status: syscall.WaitStatus(e.Status),
		OutOfMemory: e.OutOfMemory, MemoryBytes: e.MemoryBytes, Message: e.Message,
	}
}
