package docker

import (
	"context"
	"errors"
	"fmt"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/moby/moby/client"
	"golang.org/x/sync/errgroup"

	"github.com/meseta/meseta/agent/containerizer"
	"github.com/meseta/meseta/internal/mesosid"
)

// recoverParallel bounds how many containers are inspected or destroyed at
// once.
const recoverParallel = 8

// Recover finds the containers of this work directory by their labels. Known
// ones that were started are adopted; the rest are destroyed, among them known
// ones that were created but never started, so that Launch begins afresh.
func (c *Containerizer) Recover(ctx context.Context, specs []containerizer.Spec) (map[mesosid.ContainerID]containerizer.Status, error) {
	list, err := c.client.ContainerList(ctx, client.ContainerListOptions{
		All:     true,
		Filters: client.Filters{}.Add("label", labelWorkDir+"="+c.opts.WorkDir),
	})
	if err != nil {
		return nil, fmt.Errorf("containers of %s: %w", c.opts.WorkDir, c.engineError(ctx, err))
	}
	known := make(map[mesosid.ContainerID]containerizer.Spec, len(specs))
	for _, s := range specs {
		known[s.ID] = s
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(recoverParallel)
	for _, item := range list.Items {
		spec, ok := known[mesosid.ContainerID(item.Labels[labelContainerID])]
		group.Go(func() error {
			if !ok {
				c.log.Info("destroying a container that no task of this agent accounts for", "container", item.Labels[labelContainerID], "task", item.Labels[labelTaskID])
				return c.destroy(ctx, item.ID)
			}
			return c.recoverOne(ctx, spec, item.ID)
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	c.sweepPlaces(known)
	return c.statuses(known), nil
}

func (c *Containerizer) recoverOne(ctx context.Context, spec containerizer.Spec, engineID string) error {
	found, err := c.client.ContainerInspect(ctx, engineID, client.ContainerInspectOptions{})
	switch {
	case cerrdefs.IsNotFound(err):
		return nil
	case err != nil:
		return fmt.Errorf("container %s: %w", spec.ID, c.engineError(ctx, err))
	case !wasStarted(found.Container.State):
		return c.destroy(ctx, engineID)
	}
	r := c.obtain(spec)
	if err := r.acquire(ctx); err != nil {
		return err
	}
	defer r.release()
	if id, _ := r.started(); id != "" {
		return nil // an earlier attempt to recover got this far
	}
	_, err = c.adopt(r, found)
	return err
}

// statuses lists the containers of known that were started.
func (c *Containerizer) statuses(known map[mesosid.ContainerID]containerizer.Spec) map[mesosid.ContainerID]containerizer.Status {
	c.mu.Lock()
	defer c.mu.Unlock()
	statuses := make(map[mesosid.ContainerID]containerizer.Status, len(c.records))
	for id, r := range c.records {
		if _, ok := known[id]; !ok {
			continue
		}
		if engineID, status := r.started(); engineID != "" {
			statuses[id] = status
		}
	}
	return statuses
}

// Remove destroys the container and its anonymous volumes, and forgets it.
// Whoever still waits for it learns that it was removed.
func (c *Containerizer) Remove(ctx context.Context, id mesosid.ContainerID) error {
	r := c.obtain(containerizer.Spec{ID: id})
	if err := r.acquire(ctx); err != nil {
		return err
	}
	defer r.release()
	engineID, _ := r.started()
	if engineID == "" {
		// Launch must not take up this record, which knows no spec.
		defer c.forget(r)
		var err error
		if engineID, err = c.leftBehind(ctx, id); err != nil {
			return fmt.Errorf("container %s: %w", id, err)
		}
	}
	if engineID != "" {
		if err := c.destroy(ctx, engineID); err != nil {
			return fmt.Errorf("container %s: %w", id, err)
		}
	}
	c.forget(r)
	if r.pumped != nil {
		<-r.pumped // it may be writing down its places
	}
	return c.removePlaces(id)
}

// leftBehind finds a container of which nothing is known here, but which a
// launch that was cut off has made. Another agent's container is none.
func (c *Containerizer) leftBehind(ctx context.Context, id mesosid.ContainerID) (string, error) {
	found, err := c.client.ContainerInspect(ctx, containerName(id), client.ContainerInspectOptions{})
	switch {
	case cerrdefs.IsNotFound(err):
		return "", nil
	case err != nil:
		return "", c.engineError(ctx, err)
	case found.Container.Config == nil || !c.ours(found.Container.Config.Labels, id):
		return "", nil
	default:
		return found.Container.ID, nil
	}
}

// destroy removes a container from the engine, running or not. It returns when
// the container is gone, also where somebody else is removing it already.
func (c *Containerizer) destroy(ctx context.Context, engineID string) error {
	var pause backoff
	for {
		_, err := c.client.ContainerRemove(ctx, engineID, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
		switch {
		case err == nil || cerrdefs.IsNotFound(err):
			return nil
		case !cerrdefs.IsConflict(err):
			return c.engineError(ctx, err)
		case !pause.wait(ctx):
			return errors.Join(ctx.Err(), err)
		}
	}
}
