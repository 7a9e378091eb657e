package agent_test

import (
	"context"
	"sync"
	"syscall"

	"github.com/meseta/meseta/agent/containerizer"
	"github.com/meseta/meseta/internal/mesosid"
)

var _ containerizer.Containerizer = (*fakeContainerizer)(nil)

// fakeContainerizer runs nothing. Its containers outlive an agent, as those
// of a real one do. By default a container runs until it gets a signal or the
// test ends it.
type fakeContainerizer struct {
	// prepare and launch, when set, decide the outcome.
	prepare func(context.Context, containerizer.Spec, func(string)) error
	launch  func(containerizer.Spec) error
	// started, when set, is told of each launch.
	started func(*fakeContainer)
	// onSignal decides whether a signal ends the container; nil means all do.
	onSignal func(containerizer.Spec, syscall.Signal) bool

	mu         sync.Mutex
	containers map[mesosid.ContainerID]*fakeContainer
	launches   map[mesosid.TaskID]int
	removed    map[mesosid.ContainerID]bool
	recovered  []containerizer.Spec
}

type fakeContainer struct {
	spec    containerizer.Spec
	signals []syscall.Signal
	exit    containerizer.Exit
	ended   chan struct{}
}

func newFakeContainerizer() *fakeContainerizer {
	return &fakeContainerizer{
		containers: map[mesosid.ContainerID]*fakeContainer{},
		launches:   map[mesosid.TaskID]int{},
		removed:    map[mesosid.ContainerID]bool{},
	}
}

var fakeStatus = containerizer.Status{PID: 4711}

func (c *fakeContainerizer) Prepare(ctx context.Context, spec containerizer.Spec, progress func(string)) (containerizer.Status, error) {
	if c.prepare != nil {
		if err := c.prepare(ctx, spec, progress); err != nil {
			return containerizer.Status{}, err
		}
	}
	return fakeStatus, nil
}

func (c *fakeContainerizer) Launch(_ context.Context, spec containerizer.Spec) (containerizer.Status, error) {
	if c.launch != nil {
		if err := c.launch(spec); err != nil {
			return containerizer.Status{}, err
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.containers[spec.ID] == nil {
		c.launches[spec.TaskID]++
		container := &fakeContainer{spec: spec, ended: make(chan struct{})}
		c.containers[spec.ID] = container
		if c.started != nil {
			c.started(container)
		}
	}
	return fakeStatus, nil
}

func (c *fakeContainerizer) Wait(ctx context.Context, id mesosid.ContainerID) (containerizer.Exit, error) {
	c.mu.Lock()
	container := c.containers[id]
	c.mu.Unlock()
	if container == nil {
		return containerizer.Exit{}, containerizer.ErrUnknown
	}
	select {
	case <-container.ended:
		return container.exit, nil
	case <-ctx.Done():
		return containerizer.Exit{}, ctx.Err()
	}
}

func (c *fakeContainerizer) Kill(_ context.Context, id mesosid.ContainerID, signal syscall.Signal) error {
	c.mu.Lock()
	container := c.containers[id]
	if container == nil {
		c.mu.Unlock()
		return containerizer.ErrUnknown
	}
	container.signals = append(container.signals, signal)
	c.mu.Unlock()
	if c.onSignal == nil || c.onSignal(container.spec, signal) {
		c.end(container, containerizer.Exit{Known: true, Status: syscall.WaitStatus(signal)})
	}
	return nil
}

func (c *fakeContainerizer) Remove(_ context.Context, id mesosid.ContainerID) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.removed[id] = true
	delete(c.containers, id)
	return nil
}

func (c *fakeContainerizer) Recover(_ context.Context, specs []containerizer.Spec) (map[mesosid.ContainerID]containerizer.Status, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.recovered = specs
	known := map[mesosid.ContainerID]containerizer.Status{}
	for _, s := range specs {
		if c.containers[s.ID] != nil {
			known[s.ID] = fakeStatus
		}
	}
	for id := range c.containers {
		if _, keep := known[id]; !keep {
			delete(c.containers, id)
			c.removed[id] = true
		}
	}
	return known, nil
}

// of returns the container of a task, or nil.
func (c *fakeContainerizer) of(task string) *fakeContainer {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, container := range c.containers {
		if string(container.spec.TaskID) == task {
			return container
		}
	}
	return nil
}

// launchesOf is how often a task was launched.
func (c *fakeContainerizer) launchesOf(task mesosid.TaskID) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.launches[task]
}

// finish ends the container of a task.
func (c *fakeContainerizer) finish(task string, exit containerizer.Exit) { c.end(c.of(task), exit) }

func (c *fakeContainerizer) end(container *fakeContainer, exit containerizer.Exit) {
	c.mu.Lock()
	defer c.mu.Unlock()
	select {
	case <-container.ended:
	default:
		container.exit = exit
		close(container.ended)
	}
}

func exited(code int) containerizer.Exit {
	return containerizer.Exit{Known: true, Status: syscall.WaitStatus(code << 8)}
}
