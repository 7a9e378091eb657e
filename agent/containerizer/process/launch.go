package process

import (
	"context"
	"errors"
	"fmt"

	"github.com/meseta/meseta/agent/containerizer"
	"github.com/meseta/meseta/agent/containerizer/process/wire"
	"github.com/meseta/meseta/internal/mesosid"
)

// Prepare implements containerizer.Containerizer. It checks everything that
// can be checked before the launch and gives the container its supervisor.
func (c *Containerizer) Prepare(ctx context.Context, spec containerizer.Spec, progress func(string)) (containerizer.Status, error) {
	_, notice, err := c.plan(spec)
	if err != nil {
		return containerizer.Status{}, err
	}
	if notice != "" {
		progress(notice)
		c.warnOnce(notice)
	}
	found, err := c.assign(ctx, spec.ID)
	if err != nil {
		return containerizer.Status{}, fmt.Errorf("container %s: %w", spec.ID, err)
	}
	return c.status(found), nil
}

// warnOnce logs what is the same for many containers only for the first.
func (c *Containerizer) warnOnce(notice string) {
	c.mu.Lock()
	known := c.warned[notice]
	c.warned[notice] = true
	c.mu.Unlock()
	if !known {
		c.log.Warn(notice)
	}
}

// Launch implements containerizer.Containerizer.
func (c *Containerizer) Launch(ctx context.Context, spec containerizer.Spec) (containerizer.Status, error) {
	launch, _, err := c.plan(spec)
	if err != nil {
		return containerizer.Status{}, err
	}
	for {
		found, err := c.assign(ctx, spec.ID)
		if err != nil {
			return containerizer.Status{}, fmt.Errorf("container %s: %w", spec.ID, err)
		}
		started, err := c.start(ctx, found, launch)
		if err != nil {
			return containerizer.Status{}, err
		}
		if started {
			return c.status(found), nil
		}
	}
}

// start asks the container's supervisor to start it. It reports false when the
// supervisor died before it had begun, so that another may be asked.
func (c *Containerizer) start(ctx context.Context, found *container, launch wire.Launch) (bool, error) {
	c.mu.Lock()
	if found.launched {
		c.mu.Unlock()
		return true, nil
	}
	s := found.shard
	connection, changed := s.client, s.changed
	found.asked, found.sandbox = true, launch.Dir
	c.mu.Unlock()
	if connection == nil {
		return false, nil
	}
	reply, err := connection.call(ctx, wire.Request{Verb: wire.Start, ID: string(found.id), Launch: &launch})
	switch {
	case errors.Is(err, errLost):
		if err := c.await(ctx, changed); err != nil {
			return false, err
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		if found.launched && s.dead {
			return false, fmt.Errorf("container %s: %s", found.id, found.exit.Message)
		}
		return found.launched, nil
	case err != nil:
		return false, fmt.Errorf("container %s: supervisor in %s: %w", found.id, s.dir, err)
	case reply.Error != "":
		return false, fmt.Errorf("container %s: %s", found.id, reply.Error)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	found.launched, found.pid = true, reply.PID
	return true, nil
}

// status describes a container's supervisor.
func (c *Containerizer) status(found *container) containerizer.Status {
	c.mu.Lock()
	defer c.mu.Unlock()
	if found.shard == nil || found.shard.dead {
		return containerizer.Status{}
	}
	return containerizer.Status{PID: found.shard.pid}
}

// Recover implements containerizer.Containerizer.
func (c *Containerizer) Recover(ctx context.Context, specs []containerizer.Spec) (map[mesosid.ContainerID]containerizer.Status, error) {
	wanted := map[mesosid.ContainerID]containerizer.Spec{}
	for _, spec := range specs {
		wanted[spec.ID] = spec
	}
	if err := c.adoptAll(ctx); err != nil {
		return nil, err
	}
	c.mu.Lock()
	var unwanted []mesosid.ContainerID
	statuses := map[mesosid.ContainerID]containerizer.Status{}
	for id, found := range c.containers {
		spec, ok := wanted[id]
		if !ok {
			unwanted = append(unwanted, id)
			continue
		}
		found.sandbox = spec.Sandbox
		statuses[id] = containerizer.Status{}
		if !found.shard.dead {
			statuses[id] = containerizer.Status{PID: found.shard.pid}
		}
	}
	c.mu.Unlock()
	for _, id := range unwanted {
		c.log.Info("destroying a container that nobody knows", "container", id)
		if err := c.Remove(ctx, id); err != nil {
			return nil, fmt.Errorf("destroying unknown container: %w", err)
		}
	}
	c.sweep(ctx)
	return statuses, nil
}
