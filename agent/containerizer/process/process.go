// Package process is the containerizer that runs isolated Linux processes.
//
// The processes are held by supervisors, which are processes of this same
// program (SupervisorMain) and outlive the agent; see package supervisor. One
// supervisor holds many containers. The package keeps, below its runtime
// directory, a directory for each supervisor:
//
//	RuntimeDir/lock             held by the agent
//	RuntimeDir/supervisor-N/    socket, lock, journal, config.json, log
//
// A restarted agent finds each supervisor alive, and asks it, or dead, and
// reads its journal. Nothing else is needed to know every container that was
// ever launched and not removed. The runtime directory has to survive a
// restart of the machine for that to hold across one.
package process

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/meseta/meseta/agent/containerizer"
	"github.com/meseta/meseta/agent/containerizer/process/cgroup"
	"github.com/meseta/meseta/agent/containerizer/process/supervisor"
	"github.com/meseta/meseta/agent/containerizer/process/wire"
	"github.com/meseta/meseta/internal/hoststat"
	"github.com/meseta/meseta/internal/mesosid"
)

// SupervisorMain runs a supervisor. The program calls it, before anything
// else, when its first argument is "executor", with the arguments after that,
// and exits with what it returns.
func SupervisorMain(args []string) int { return supervisor.Main(args) }

// Config of a Containerizer. Only RuntimeDir is required.
type Config struct {
	// RuntimeDir is made if it is missing. One agent at a time uses it.
	RuntimeDir string
	// Supervisor is the command line that runs SupervisorMain, to which the
	// arguments are appended. Empty means this program with "executor".
	Supervisor []string
	// NoSwitchUser runs every container as the agent's own user.
	NoSwitchUser bool
	// NoCgroups does without control groups even where they are permitted.
	NoCgroups bool
	// CgroupParent is the control group, as a path from the root of each
	// hierarchy, below which those of the containers are made. Empty means
	// the agent's own.
	CgroupParent string
	// CPUQuota makes the requested CPUs a hard limit for containers that do
	// not ask for one themselves.
	CPUQuota bool
	// MaxPIDs bounds the processes and threads of each container. 0: no bound.
	MaxPIDs int64
	// MaxLogBytes bounds each of the files stdout and stderr. One of that
	// size with ".1" behind its name keeps what came before. 0: no bound.
	MaxLogBytes int64
	// ContainersPerSupervisor is how many containers share a supervisor, and
	// so its fate. 0 means DefaultContainersPerSupervisor.
	ContainersPerSupervisor int
	// CheckInterval is how often supervisors look at sizes of files and at
	// their directory. 0 means DefaultCheckInterval.
	CheckInterval time.Duration
	// Log receives what an operator should know; nil discards it.
	Log *slog.Logger
}

// Defaults of Config.
const (
	DefaultContainersPerSupervisor = 128
	DefaultCheckInterval           = 5 * time.Second
)

// Containerizer implements containerizer.Containerizer and
// containerizer.Statistician.
//
// mu protects the table of containers and supervisors. It is never held over
// anything that blocks; decisions that need both are taken again after a wait.
type Containerizer struct {
	config  Config
	log     *slog.Logger
	lock    *os.File
	bootID  string
	cgroups cgroup.Layout
	missing []string
	// spawning holds a token while a supervisor is being started.
	spawning chan struct{}
	// closing is done from Close on; background counts the goroutines.
	closing    context.Context
	close      context.CancelFunc
	background sync.WaitGroup

	mu          sync.Mutex
	containers  map[mesosid.ContainerID]*container
	supervisors map[string]*shard
	warned      map[string]bool
}

var (
	_ containerizer.Containerizer = (*Containerizer)(nil)
	_ containerizer.Statistician  = (*Containerizer)(nil)
)

// container is protected by Containerizer.mu, except id, ended and exit: exit
// is written once, before ended is closed.
type container struct {
	id mesosid.ContainerID
	// shard holds it; nil until it is assigned.
	shard *shard
	// sandbox is known after a launch by this agent or from the specs.
	sandbox string
	// pid is its first process, 0 when unknown.
	pid int
	// asked says that this agent has sent its launch, launched that it was
	// ever started.
	asked, launched bool
	ended           chan struct{}
	exit            containerizer.Exit
}

func newContainer(id mesosid.ContainerID) *container {
	return &container{id: id, ended: make(chan struct{})}
}

// end records the exit once. The caller holds mu.
func (c *container) end(exit containerizer.Exit) {
	select {
	case <-c.ended:
	default:
		c.launched = true
		c.exit = exit
		close(c.ended)
	}
}

// New takes possession of the runtime directory and finds out what this
// machine permits. It fails when another agent has the directory.
func New(config Config) (*Containerizer, error) {
	if config.RuntimeDir == "" {
		return nil, errors.New("process containerizer: the runtime directory is not set")
	}
	dir, err := filepath.Abs(config.RuntimeDir)
	if err != nil {
		return nil, err
	}
	config.RuntimeDir = dir
	config.ContainersPerSupervisor = cmp.Or(config.ContainersPerSupervisor, DefaultContainersPerSupervisor)
	config.CheckInterval = cmp.Or(config.CheckInterval, DefaultCheckInterval)
	if len(config.Supervisor) == 0 {
		// The link leads to the running program even after its file was
		// replaced, so agent and supervisor are always of one release.
		config.Supervisor = []string{"/proc/self/exe", "executor"}
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("runtime directory: %w", err)
	}
	lock, err := lockSoon(filepath.Join(dir, "lock"))
	if errors.Is(err, errLocked) {
		return nil, fmt.Errorf("runtime directory %s is used by another agent: stop it, or give this one its own", dir)
	}
	if err != nil {
		return nil, fmt.Errorf("runtime directory: %w", err)
	}
	c := &Containerizer{
		config: config, lock: lock, bootID: hoststat.BootID(),
		log: config.Log, spawning: make(chan struct{}, 1),
		containers: map[mesosid.ContainerID]*container{}, supervisors: map[string]*shard{}, warned: map[string]bool{},
	}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	c.closing, c.close = context.WithCancel(context.Background())
	c.detect()
	return c, nil
}

// detect finds out what this process may do.
func (c *Containerizer) detect() {
	if c.config.NoCgroups {
		c.missing = append(c.missing, "control groups are switched off: CPU and memory of tasks are neither limited nor, without scanning all processes, measured")
	} else {
		name := sha256.Sum256([]byte(c.config.RuntimeDir))
		var missing []string
		c.cgroups, missing = cgroup.Detect(cgroup.Options{
			Name: hex.EncodeToString(name[:6]), Parent: c.config.CgroupParent, PIDs: c.config.MaxPIDs > 0,
		})
		c.missing = append(c.missing, missing...)
	}
	if os.Geteuid() != 0 {
		c.missing = append(c.missing,
			"not root: tasks run as the agent's own user whatever user they name",
			"not root: no mounts, so a volume that is read-only or has an absolute container path is refused and others are symbolic links")
	}
}

// Missing says in sentences what this machine does not permit and tasks will
// therefore not get. The agent logs it once at its start.
func (c *Containerizer) Missing() []string { return c.missing }

// LimitsCPU and LimitsMemory say whether limits of the resource are enforced.
func (c *Containerizer) LimitsCPU() bool { return c.cgroups.CPU != "" }

// LimitsMemory says whether limits of memory are enforced.
func (c *Containerizer) LimitsMemory() bool { return c.cgroups.Memory != "" }

// Close ends the connections to the supervisors and gives back the runtime
// directory. Containers go on; supervisors that hold none end, and Close waits
// for them.
func (c *Containerizer) Close() error {
	c.abandon()
	c.mu.Lock()
	var idle []*shard
	for _, s := range c.supervisors {
		if c.running(s) == 0 {
			idle = append(idle, s)
		}
	}
	c.mu.Unlock()
	deadline := time.Now().Add(closeTimeout)
	for _, s := range idle {
		s.awaitEnd(deadline)
	}
	if len(idle) == len(c.supervisors) {
		c.cgroups.RemoveAll()
	}
	return c.lock.Close()
}

// closeTimeout bounds the wait of Close for idle supervisors to end.
const closeTimeout = 5 * time.Second

// abandon drops the connections, as the death of the agent does.
func (c *Containerizer) abandon() {
	c.close()
	c.mu.Lock()
	for _, s := range c.supervisors {
		s.disconnect()
	}
	c.mu.Unlock()
	c.background.Wait()
}

// running counts the containers that live in s. The caller holds mu.
func (c *Containerizer) running(s *shard) int {
	n := 0
	for _, container := range c.containers {
		if container.shard != s || !container.launched {
			continue
		}
		select {
		case <-container.ended:
		default:
			n++
		}
	}
	return n
}

// Wait implements containerizer.Containerizer.
func (c *Containerizer) Wait(ctx context.Context, id mesosid.ContainerID) (containerizer.Exit, error) {
	found, err := c.find(id)
	if err != nil {
		return containerizer.Exit{}, err
	}
	select {
	case <-found.ended:
		return found.exit, nil
	case <-ctx.Done():
		return containerizer.Exit{}, ctx.Err()
	}
}

// Kill implements containerizer.Containerizer.
func (c *Containerizer) Kill(ctx context.Context, id mesosid.ContainerID, signal syscall.Signal) error {
	found, err := c.find(id)
	if err != nil {
		return err
	}
	_, err = c.call(ctx, found, wire.Request{Verb: wire.Signal, ID: string(id), Signal: int(signal)})
	return err
}

// Remove implements containerizer.Containerizer.
func (c *Containerizer) Remove(ctx context.Context, id mesosid.ContainerID) error {
	found, err := c.find(id)
	if err != nil {
		return nil
	}
	if _, err := c.call(ctx, found, wire.Request{Verb: wire.Remove, ID: string(id)}); err != nil {
		return err
	}
	c.forget(found)
	return nil
}

// call sends a request about a container to its supervisor. What was never
// launched, or was held by a supervisor that is dead, needs none.
func (c *Containerizer) call(ctx context.Context, about *container, r wire.Request) (wire.Reply, error) {
	for {
		c.mu.Lock()
		s := about.shard
		if s == nil || s.dead || !about.asked && !about.launched {
			c.mu.Unlock()
			return wire.Reply{}, nil
		}
		connection, changed := s.client, s.changed
		c.mu.Unlock()
		reply, err := connection.call(ctx, r)
		switch {
		case errors.Is(err, errLost):
			if err := c.await(ctx, changed); err != nil {
				return wire.Reply{}, err
			}
			continue
		case err != nil:
			return wire.Reply{}, fmt.Errorf("container %s: supervisor in %s: %w", about.id, s.dir, err)
		case reply.Unknown:
			return wire.Reply{}, fmt.Errorf("container %s: %w", about.id, containerizer.ErrUnknown)
		case reply.Error != "":
			return wire.Reply{}, fmt.Errorf("container %s: %s", about.id, reply.Error)
		}
		return reply, nil
	}
}

// await waits until the fate of a supervisor that was lost is known.
func (c *Containerizer) await(ctx context.Context, changed <-chan struct{}) error {
	select {
	case <-changed:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-c.closing.Done():
		return errClosed
	}
}

func (c *Containerizer) find(id mesosid.ContainerID) (*container, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	found := c.containers[id]
	if found == nil {
		return nil, fmt.Errorf("container %s: %w", id, containerizer.ErrUnknown)
	}
	return found, nil
}

// forget drops a container that its supervisor no longer knows.
func (c *Containerizer) forget(gone *container) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.containers[gone.id] != gone {
		return
	}
	delete(c.containers, gone.id)
	// Whoever still waits is told that there is nothing to wait for.
	gone.end(containerizer.Exit{Message: "the container was removed"})
	if gone.shard != nil {
		gone.shard.load--
		c.retire(gone.shard)
	}
}
