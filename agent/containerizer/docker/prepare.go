package docker

import (
	"context"
	"errors"
	"fmt"

	"github.com/distribution/reference"
	"github.com/moby/moby/client"

	cerrdefs "github.com/containerd/errdefs"

	"github.com/meseta/meseta/agent/containerizer"
)

// Prepare checks that the container can be had and brings its image. Nothing
// is known of the container afterwards, so the status is empty.
func (c *Containerizer) Prepare(ctx context.Context, spec containerizer.Spec, progress func(string)) (containerizer.Status, error) {
	if _, err := build(spec); err != nil {
		return containerizer.Status{}, err
	}
	image := spec.Container.Docker.Image
	if _, err := reference.ParseNormalizedNamed(image); err != nil {
		return containerizer.Status{}, fmt.Errorf("image %q: %w", image, err)
	}
	if r, _, err := c.find(spec.ID); err == nil {
		_, status := r.started()
		return status, nil
	}
	if !deref(spec.Container.Docker.ForcePullImage) {
		_, err := c.client.ImageInspect(ctx, image)
		if err == nil {
			return containerizer.Status{}, nil
		}
		if !cerrdefs.IsNotFound(err) {
			return containerizer.Status{}, fmt.Errorf("image %s: %w", image, c.explain(ctx, err))
		}
	}
	return containerizer.Status{}, c.pull(ctx, image, progress)
}

// errPullTimeout is the cause of a context that PullTimeout ends.
var errPullTimeout = errors.New("pull timeout")

// pull brings an image from its registry. The registry's own words are the
// error's: it knows best why it refuses.
func (c *Containerizer) pull(ctx context.Context, image string, progress func(string)) error {
	if c.opts.PullTimeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, c.opts.PullTimeout, errPullTimeout)
		defer cancel()
	}
	err := c.pullOnce(ctx, image, progress)
	if err == nil {
		return nil
	}
	if err = c.explain(ctx, err); errors.Is(err, errPullTimeout) {
		return fmt.Errorf("image %s: the pull took longer than %s: pull it by hand, or allow more time", image, c.opts.PullTimeout)
	}
	if errors.Is(err, containerizer.ErrUnavailable) || ctx.Err() != nil {
		return fmt.Errorf("image %s: %w", image, err)
	}
	return fmt.Errorf("image %s cannot be pulled: %s", image, engineWords(err))
}

func (c *Containerizer) pullOnce(ctx context.Context, image string, progress func(string)) error {
	auth, err := c.registryAuth(image)
	if err != nil {
		return err
	}
	progress(fmt.Sprintf("Pulling image %s", image))
	stream, err := c.client.ImagePull(ctx, image, client.ImagePullOptions{RegistryAuth: auth})
	if err != nil {
		return err
	}
	defer stream.Close()
	told := newPullProgress(image, progress)
	for message, err := range stream.JSONMessages(ctx) {
		if err != nil {
			return err
		}
		if message.Error != nil {
			return message.Error
		}
		told.add(message)
	}
	// The stream ends alike when the pull is done and when the engine dies.
	if _, err := c.client.ImageInspect(ctx, image); err != nil {
		return err
	}
	progress(fmt.Sprintf("Pulled image %s", image))
	return nil
}
