package process

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/google/uuid"

	"github.com/meseta/meseta/agent/containerizer"
	"github.com/meseta/meseta/agent/containerizer/process/wire"
	"github.com/meseta/meseta/internal/mesosid"
)

// shard is a supervisor as the agent sees it. Its members are protected by
// Containerizer.mu, except those that do not change: dir, config, process.
type shard struct {
	dir    string
	config wire.Config
	// client is nil when the supervisor is dead.
	client *client
	pid    int
	// process is set when this agent has started the supervisor.
	process *os.Process
	// load is the number of containers assigned and not removed.
	load int
	// full keeps new containers away: another version, or on its way out.
	full bool
	// leaving says that it holds nothing, was disconnected and will end.
	leaving bool
	// dead says that the supervisor is dead and what it held is known.
	dead bool
	// adopting says that what it holds is not in the table yet; early has the
	// ends that it has told meanwhile.
	adopting bool
	early    []wire.Container
	// changed is closed, and replaced, when a supervisor whose connection was
	// lost has turned out to be dead or has been connected again.
	changed chan struct{}
	// lock is held by the agent once the supervisor is dead.
	lock *os.File
}

// turn tells those who wait for changed. The caller holds mu.
func (s *shard) turn() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// disconnect ends the connection for good. The caller holds mu.
func (s *shard) disconnect() {
	s.full, s.leaving = true, true
	if s.client != nil {
		_ = s.client.conn.Close()
	}
}

// spawn starts a supervisor and adopts it. The socket listens and the lock is
// held before the supervisor runs, so there is no moment at which another
// agent could take it for dead or find nobody listening.
func (c *Containerizer) spawn(ctx context.Context) (*shard, error) {
	dir := filepath.Join(c.config.RuntimeDir, "supervisor-"+uuid.NewString()[:8])
	config := wire.Config{
		Version: wire.Version, Cgroups: c.cgroups, BootID: c.bootID,
		CheckMilliseconds: c.config.CheckInterval.Milliseconds(),
	}
	process, err := c.startProcess(dir, config)
	if err != nil {
		_ = os.RemoveAll(dir)
		return nil, fmt.Errorf("starting a supervisor in %s: %w", c.config.RuntimeDir, err)
	}
	s := &shard{dir: dir, config: config, process: process, changed: make(chan struct{})}
	if _, err := c.greet(ctx, s); err != nil {
		_ = process.Kill()
		_, _ = process.Wait()
		_ = os.RemoveAll(dir)
		return nil, fmt.Errorf("supervisor %d in %s does not answer: %w", process.Pid, dir, err)
	}
	c.log.Debug("supervisor started", "pid", s.pid, "dir", dir)
	return s, nil
}

func (c *Containerizer) startProcess(dir string, config wire.Config) (*os.Process, error) {
	if err := os.Mkdir(dir, 0o700); err != nil {
		return nil, err
	}
	data, err := json.Marshal(config)
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(dir, wire.ConfigFile), data, 0o600); err != nil {
		return nil, err
	}
	lock, err := tryLock(filepath.Join(dir, wire.LockFile), os.O_CREATE)
	if err != nil {
		return nil, err
	}
	defer lock.Close()
	listener, err := listen(dir)
	if err != nil {
		return nil, err
	}
	defer listener.Close()
	log, err := os.OpenFile(filepath.Join(dir, wire.LogFile), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	line := c.config.Supervisor
	cmd := exec.Command(line[0], append(line[1:len(line):len(line)], "--dir="+dir)...)
	cmd.Dir = "/"
	cmd.Env = []string{"PATH=" + defaultPath}
	cmd.Stdout, cmd.Stderr = log, log
	cmd.ExtraFiles = []*os.File{listener, lock}
	// A session of its own keeps signals of the agent's terminal away.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return cmd.Process, nil
}

// listen binds the socket in dir and returns it for passing on.
func listen(dir string) (*os.File, error) {
	file, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	listener, err := net.ListenUnix("unix", socketAddress(file))
	if err != nil {
		return nil, err
	}
	listener.SetUnlinkOnClose(false)
	defer listener.Close()
	return listener.File()
}

// greet connects to a living supervisor, learns what it holds, and begins to
// listen to it. On success s is connected.
func (c *Containerizer) greet(ctx context.Context, s *shard) ([]wire.Container, error) {
	n, err := dial(s.dir)
	if err != nil {
		return nil, err
	}
	n.exited = func(ended wire.Container) { c.exited(s, ended) }
	c.background.Go(n.read)
	hello, err := n.call(ctx, wire.Request{Verb: wire.Hello})
	if err != nil {
		_ = n.conn.Close()
		return nil, err
	}
	c.mu.Lock()
	s.client, s.pid = n, hello.PID
	s.full = s.full || hello.Version != wire.Version
	c.mu.Unlock()
	c.background.Go(func() {
		select {
		case <-n.lost:
			c.resolve(s)
		case <-c.closing.Done():
		}
	})
	return hello.Containers, nil
}

// resolve finds out what has become of a supervisor whose connection ended:
// it is dead, or, if it hung up for a reason of its own, it is greeted again.
func (c *Containerizer) resolve(s *shard) {
	c.mu.Lock()
	leaving := s.leaving
	c.mu.Unlock()
	for c.closing.Err() == nil {
		lock, err := tryLock(filepath.Join(s.dir, wire.LockFile), 0)
		switch {
		case err == nil || errors.Is(err, os.ErrNotExist):
			c.died(s, lock)
			return
		case errors.Is(err, errLocked) && leaving:
		case errors.Is(err, errLocked):
			ctx, cancel := context.WithTimeout(c.closing, helloTimeout)
			containers, err := c.greet(ctx, s)
			cancel()
			if err == nil {
				c.mu.Lock()
				c.merge(s, containers)
				s.turn()
				c.mu.Unlock()
				return
			}
		default:
			c.log.Warn("supervisor cannot be examined", "dir", s.dir, "err", err)
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-c.closing.Done():
		}
	}
}

// helloTimeout is how long a living supervisor may take to answer.
const helloTimeout = 15 * time.Second

// died takes over what a dead supervisor has left behind.
func (c *Containerizer) died(s *shard, lock *os.File) {
	if s.process != nil {
		_, _ = s.process.Wait()
	}
	exits := c.bury(s)
	c.mu.Lock()
	defer c.mu.Unlock()
	s.client, s.dead, s.full, s.lock = nil, true, true, lock
	for id, found := range c.containers {
		if found.shard != s {
			continue
		}
		if exit, ok := exits[id]; ok {
			found.end(exit)
		} else if found.launched {
			found.end(containerizer.Exit{Message: "the supervisor of the task and its journal are gone"})
		}
	}
	s.turn()
	c.retire(s)
}

// merge brings the table up to date with what a living supervisor holds. The
// caller holds mu.
func (c *Containerizer) merge(s *shard, held []wire.Container) {
	for _, h := range held {
		found := c.containers[mesosid.ContainerID(h.ID)]
		if found == nil || found.shard != s {
			continue
		}
		found.launched, found.pid = true, h.PID
		if h.Exit != nil {
			found.end(exitOf(*h.Exit))
		}
	}
}

// exited is told by a supervisor that a container has ended.
func (c *Containerizer) exited(s *shard, ended wire.Container) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s.adopting {
		s.early = append(s.early, ended)
		return
	}
	c.merge(s, []wire.Container{ended})
}

// assign gives a container its supervisor and starts one if none has room.
func (c *Containerizer) assign(ctx context.Context, id mesosid.ContainerID) (*container, error) {
	for {
		c.mu.Lock()
		found := c.containers[id]
		if found == nil {
			found = newContainer(id)
			c.containers[id] = found
		}
		if found.shard != nil && (found.launched || !found.shard.dead) {
			c.mu.Unlock()
			return found, nil
		}
		if s := c.roomiest(); s != nil {
			if found.shard != nil {
				found.shard.load--
				c.retire(found.shard)
			}
			found.shard = s
			s.load++
			spare := c.free() < c.config.ContainersPerSupervisor/4
			c.mu.Unlock()
			if spare {
				c.spawnSpare()
			}
			return found, nil
		}
		c.mu.Unlock()
		if err := c.addSupervisor(ctx); err != nil {
			return nil, err
		}
	}
}

// roomiest picks the fullest supervisor that has room, so that the emptiest
// can end. The caller holds mu.
func (c *Containerizer) roomiest() *shard {
	var best *shard
	for _, s := range c.supervisors {
		if !s.full && s.load < c.config.ContainersPerSupervisor && (best == nil || s.load > best.load) {
			best = s
		}
	}
	return best
}

// free is the room left in all supervisors. The caller holds mu.
func (c *Containerizer) free() int {
	n := 0
	for _, s := range c.supervisors {
		if !s.full {
			n += c.config.ContainersPerSupervisor - s.load
		}
	}
	return n
}

// addSupervisor starts a supervisor, or waits for one that is being started.
func (c *Containerizer) addSupervisor(ctx context.Context) error {
	select {
	case c.spawning <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	case <-c.closing.Done():
		return errClosed
	}
	defer func() { <-c.spawning }()
	c.mu.Lock()
	room := c.roomiest() != nil
	c.mu.Unlock()
	if room {
		return nil
	}
	return c.spawnOne(ctx)
}

func (c *Containerizer) spawnOne(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, helloTimeout)
	defer cancel()
	s, err := c.spawn(ctx)
	if err != nil {
		return fmt.Errorf("%w: %w", containerizer.ErrUnavailable, err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.supervisors[s.dir] = s
	if c.closing.Err() != nil {
		s.disconnect()
		return errClosed
	}
	if s.dead {
		c.retire(s)
		return fmt.Errorf("%w: a supervisor in %s died at once", containerizer.ErrUnavailable, c.config.RuntimeDir)
	}
	return nil
}

// spawnSpare starts a supervisor ahead of need unless one is being started.
func (c *Containerizer) spawnSpare() {
	select {
	case c.spawning <- struct{}{}:
	default:
		return
	}
	c.background.Go(func() {
		defer func() { <-c.spawning }()
		if err := c.spawnOne(c.closing); err != nil && c.closing.Err() == nil {
			c.log.Warn("no spare supervisor", "err", err)
		}
	})
}

// retire lets go of a supervisor that holds nothing: a dead one's directory
// is removed, a living one ends once it is disconnected, unless its room is
// needed. The caller holds mu.
func (c *Containerizer) retire(s *shard) {
	switch {
	case s.load > 0 || c.supervisors[s.dir] != s:
	case s.dead:
		delete(c.supervisors, s.dir)
		_ = os.RemoveAll(s.dir)
		if s.lock != nil {
			_ = s.lock.Close()
		}
	case s.full || c.free() >= 2*c.config.ContainersPerSupervisor:
		s.disconnect()
	}
}

// awaitEnd waits for a supervisor without containers to end.
func (s *shard) awaitEnd(deadline time.Time) {
	if s.lock != nil {
		_ = s.lock.Close()
		return
	}
	for time.Now().Before(deadline) {
		lock, err := tryLock(filepath.Join(s.dir, wire.LockFile), 0)
		if err == nil {
			_ = lock.Close()
		} else if _, dirErr := os.Stat(s.dir); dirErr == nil && errors.Is(err, os.ErrNotExist) {
			err = errLocked // it is just removing its directory
		}
		if !errors.Is(err, errLocked) {
			if s.process != nil {
				_, _ = s.process.Wait()
			}
			return
		}
		time.Sleep(time.Millisecond)
	}
}

// errLocked says that a lock is held by another process.
var errLocked = errors.New("locked")

// errClosed says that the containerizer was closed.
var errClosed = fmt.Errorf("%w: closed", containerizer.ErrUnavailable)

// tryLock opens a file and locks it, or reports errLocked. With os.O_CREATE
// as flag a missing file is made; otherwise the error is os.ErrNotExist.
func tryLock(path string, flag int) (*os.File, error) {
	file, err := os.OpenFile(path, os.O_RDWR|flag, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = file.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, errLocked
		}
		return nil, fmt.Errorf("locking %s: %w", path, err)
	}
	return file, nil
}

// lockPatience is how long a new agent waits for the lock of the last one,
// which may just be ending, or have died while a child that it was forking
// still held a copy of the descriptor.
const lockPatience = time.Second

// lockSoon is tryLock that waits for a moment, and makes a missing file.
func lockSoon(path string) (*os.File, error) {
	for deadline := time.Now().Add(lockPatience); ; time.Sleep(5 * time.Millisecond) {
		file, err := tryLock(path, os.O_CREATE)
		if !errors.Is(err, errLocked) || time.Now().After(deadline) {
			return file, err
		}
	}
}
