package docker

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"github.com/meseta/meseta/agent/containerizer"
)

// Launch creates and starts the container. The engine's names are unique, so a
// container that an earlier call has made is found by its name and adopted,
// whatever became of that call.
func (c *Containerizer) Launch(ctx context.Context, spec containerizer.Spec) (containerizer.Status, error) {
	cfg, err := build(spec)
	if err != nil {
		return containerizer.Status{}, err
	}
	if c.life.Err() != nil {
		return containerizer.Status{}, errStopped
	}
	r := c.obtain(spec)
	if err := r.acquire(ctx); err != nil {
		return containerizer.Status{}, err
	}
	defer r.release()
	if r.ctx.Err() != nil { // removed, or given up, while this call waited
		return containerizer.Status{}, fmt.Errorf("container %s: %w", spec.ID, containerizer.ErrUnknown)
	}
	if id, status := r.started(); id != "" {
		return status, nil
	}
	status, err := c.launch(ctx, r, cfg)
	if err != nil {
		c.forget(r)
		return containerizer.Status{}, fmt.Errorf("container %s: %w", spec.ID, err)
	}
	return status, nil
}

func (c *Containerizer) launch(ctx context.Context, r *record, cfg *config) (containerizer.Status, error) {
	for _, source := range cfg.sources {
		if err := makeSource(source); err != nil {
			return containerizer.Status{}, err
		}
	}
	engineID, adopted, err := c.create(ctx, r.spec, cfg)
	if err != nil {
		return containerizer.Status{}, err
	}
	if adopted != nil && wasStarted(adopted.Container.State) {
		return c.adopt(r, *adopted)
	}
	if _, err := c.client.ContainerStart(ctx, engineID, client.ContainerStartOptions{}); err != nil {
		return c.startFailed(ctx, r, engineID, err)
	}
	return c.inspectStarted(ctx, r, engineID)
}

// settleAttempts bounds how often a name is tried that is taken by a container
// which cannot be found: about half a minute.
const settleAttempts = 12

// create makes the container, or finds the one made before under its name.
//
// An engine goes on for a moment with what it was asked by an agent that has
// been killed since: the name is taken then, but the container is not there
// yet, or not any more.
func (c *Containerizer) create(ctx context.Context, spec containerizer.Spec, cfg *config) (string, *client.ContainerInspectResult, error) {
	var pause backoff
	for attempt := 1; ; attempt++ {
		engineID, found, err := c.createOnce(ctx, spec, cfg)
		if !cerrdefs.IsNotFound(err) || attempt == settleAttempts {
			return engineID, found, err
		}
		if !pause.wait(ctx) {
			return "", nil, errors.Join(ctx.Err(), err)
		}
	}
}

// createOnce is create without patience: its error is a NotFound where the name
// is taken by a container that cannot be found.
func (c *Containerizer) createOnce(ctx context.Context, spec containerizer.Spec, cfg *config) (string, *client.ContainerInspectResult, error) {
	name := containerName(spec.ID)
	made, err := c.client.ContainerCreate(ctx, cfg.options(name, c.labels(spec)))
	if err == nil {
		for _, warning := range made.Warnings {
			c.log.Debug("docker engine warns of a container", "container", spec.ID, "warning", warning)
		}
		return made.ID, nil, nil
	}
	if !cerrdefs.IsConflict(err) {
		return "", nil, c.engineError(ctx, err)
	}
	found, inspectErr := c.client.ContainerInspect(ctx, name, client.ContainerInspectOptions{})
	if cerrdefs.IsNotFound(inspectErr) {
		return "", nil, inspectErr
	}
	if inspectErr != nil {
		return "", nil, c.engineError(ctx, inspectErr)
	}
	if found.Container.Config == nil || !c.ours(found.Container.Config.Labels, spec.ID) {
		return "", nil, fmt.Errorf("the name %s is taken by container %.12s, which is not of this agent: remove it (docker rm -f %s)", name, found.Container.ID, name)
	}
	return found.Container.ID, &found, nil
}

// startFailed decides what a failed start means. Where the engine has refused,
// the container will never run and is removed; where it has vanished, the
// container may have started and is left for the next Launch.
func (c *Containerizer) startFailed(ctx context.Context, r *record, engineID string, err error) (containerizer.Status, error) {
	explained := c.engineError(ctx, err)
	if ctx.Err() != nil || errors.Is(explained, containerizer.ErrUnavailable) {
		return containerizer.Status{}, explained
	}
	if removeErr := c.destroy(ctx, engineID); removeErr != nil {
		c.log.Warn("a container that did not start could not be removed", "container", r.id, "err", removeErr)
	}
	return containerizer.Status{}, explained
}

func (c *Containerizer) inspectStarted(ctx context.Context, r *record, engineID string) (containerizer.Status, error) {
	found, err := c.client.ContainerInspect(ctx, engineID, client.ContainerInspectOptions{})
	if err != nil {
		return containerizer.Status{}, c.engineError(ctx, err)
	}
	return c.adopt(r, found)
}

// adopt takes charge of a container that was started, running or ended.
func (c *Containerizer) adopt(r *record, found client.ContainerInspectResult) (containerizer.Status, error) {
	status := statusOf(found)
	r.starts = startsOf(found.Container.Config.Labels)
	r.mu.Lock()
	r.engineID, r.status = found.Container.ID, status
	r.mu.Unlock()
	if running(found.Container.State) {
		c.supervise(r, nil)
	} else {
		c.supervise(r, &found.Container)
	}
	return status, nil
}

// engineError is explain, with the engine's prefix stripped from its words.
func (c *Containerizer) engineError(ctx context.Context, err error) error {
	explained := c.explain(ctx, err)
	if explained != err || ctx.Err() != nil {
		return explained
	}
	return errors.New(engineWords(err))
}

// makeSource makes a directory of the host that a container mounts.
func makeSource(path string) error {
	_, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		err = os.MkdirAll(path, 0o755)
	}
	return err
}

// running says whether a container has processes.
func running(s *container.State) bool {
	return s != nil && (s.Running || s.Paused || s.Restarting)
}

// wasStarted says whether a container's process has ever run. One that the
// engine could not start has no start time.
func wasStarted(s *container.State) bool {
	if running(s) {
		return true
	}
	if s == nil {
		return false
	}
	at, err := time.Parse(time.RFC3339Nano, s.StartedAt)
	return err == nil && at.Year() > 1
}

// statusOf is what the agent is told of a container.
func statusOf(found client.ContainerInspectResult) containerizer.Status {
	var s containerizer.Status
	if found.Container.State != nil {
		s.PID = found.Container.State.Pid
	}
	if n := found.Container.NetworkSettings; n != nil {
		for _, endpoint := range n.Networks {
			if endpoint == nil {
				continue
			}
			if endpoint.IPAddress.IsValid() {
				s.IPAddresses = append(s.IPAddresses, endpoint.IPAddress.String())
			}
			if endpoint.GlobalIPv6Address.IsValid() {
				s.IPAddresses = append(s.IPAddresses, endpoint.GlobalIPv6Address.String())
			}
		}
		slices.Sort(s.IPAddresses)
	}
	// "docker inspect", whose output Mesos passes on, gives a list.
	s.Data = slices.Concat([]byte("["), found.Raw, []byte("]"))
	return s
}
