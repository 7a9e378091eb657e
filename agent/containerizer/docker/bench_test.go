package docker_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
	"golang.org/x/sync/errgroup"

	"github.com/meseta/meseta/agent/containerizer"
	"github.com/meseta/meseta/agent/containerizer/docker"
	"github.com/meseta/meseta/gen/mesosv1"
	"github.com/meseta/meseta/internal/mesosid"
	"github.com/meseta/meseta/it/engine"
)

const benchImage = "meseta-test/busybox:1"

// BenchmarkContainerLife compares the life of a container that runs "true"
// through the containerizer with the same four calls made directly. The two
// take turns, so that whatever else the machine does falls on both.
func BenchmarkContainerLife(b *testing.B) {
	e := engine.Shared(b)
	e.BusyboxImage(b)
	raw, err := client.New(client.WithHost(e.Host))
	if err != nil {
		b.Fatal(err)
	}
	defer raw.Close()
	dir := b.TempDir()
	c, err := docker.New(docker.Options{Host: e.Host, WorkDir: dir})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	done := make(chan struct{})
	go func() { defer close(done); _ = c.Run(ctx) }()
	defer func() { cancel(); <-done }()

	for _, parallel := range []int{1, 4} {
		b.Run(fmt.Sprintf("parallel-%d", parallel), func(b *testing.B) {
			var direct, ours tally
			const round = 8
			for done := 0; done < b.N; done += round {
				n := min(round, b.N-done)
				direct.measure(b, n, parallel, func() error { return rawLife(b.Context(), raw, dir) })
				ours.measure(b, n, parallel, func() error { return containerizerLife(b.Context(), c, dir) })
			}
			b.ReportMetric(direct.rate(), "raw/s")
			b.ReportMetric(ours.rate(), "ours/s")
			b.ReportMetric(100*ours.rate()/direct.rate(), "%")
			b.ReportMetric(direct.median(), "raw-p50-ms")
			b.ReportMetric(ours.median(), "ours-p50-ms")
		})
	}
}

// tally sums up many lives.
type tally struct {
	wall  time.Duration
	lives []time.Duration
}

func (t *tally) measure(b *testing.B, n, parallel int, life func() error) {
	b.Helper()
	took := make([]time.Duration, n)
	var group errgroup.Group
	group.SetLimit(parallel)
	start := time.Now()
	for i := range n {
		group.Go(func() error {
			begin := time.Now()
			defer func() { took[i] = time.Since(begin) }()
			return life()
		})
	}
	if err := group.Wait(); err != nil {
		b.Fatal(err)
	}
	t.wall += time.Since(start)
	t.lives = append(t.lives, took...)
}

func (t *tally) rate() float64 { return float64(len(t.lives)) / t.wall.Seconds() }

func (t *tally) median() float64 {
	slices.Sort(t.lives)
	return float64(t.lives[len(t.lives)/2].Microseconds()) / 1000
}

// rawLife makes the calls that no one can do without.
func rawLife(ctx context.Context, c *client.Client, dir string) error {
	made, err := c.ContainerCreate(ctx, client.ContainerCreateOptions{
		Config: &container.Config{Image: benchImage, Entrypoint: []string{"/bin/sh"}, Cmd: []string{"-c", "true"}},
		HostConfig: &container.HostConfig{
			NetworkMode: "none", Binds: []string{dir + ":/mnt/mesos/sandbox"},
			LogConfig: container.LogConfig{Type: "local"},
			Resources: container.Resources{CPUShares: 102, Memory: 32 << 20},
		},
	})
	if err != nil {
		return err
	}
	ended := c.ContainerWait(ctx, made.ID, client.ContainerWaitOptions{Condition: container.WaitConditionNextExit})
	if _, err := c.ContainerStart(ctx, made.ID, client.ContainerStartOptions{}); err != nil {
		return err
	}
	select {
	case <-ended.Result:
	case err := <-ended.Error:
		return err
	}
	_, err = c.ContainerRemove(ctx, made.ID, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
	return err
}

func containerizerLife(ctx context.Context, c *docker.Containerizer, dir string) error {
	id := uuid.NewString()
	sandbox := filepath.Join(dir, id)
	if err := os.Mkdir(sandbox, 0o755); err != nil {
		return err
	}
	spec := containerizer.Spec{
		ID: mesosid.ContainerID(id), Sandbox: sandbox,
		Command: mesosv1.CommandInfo{Value: new("true")},
		Container: &mesosv1.ContainerInfo{
			Type:   mesosv1.ContainerInfoTypeDocker,
			Docker: &mesosv1.ContainerInfoDockerInfo{Image: benchImage, Network: new(mesosv1.ContainerInfoDockerInfoNetworkNone)},
		},
		Limits: containerizer.Limits{CPUs: 0.1, MemoryBytes: 32 << 20},
	}
	if _, err := c.Prepare(ctx, spec, func(string) {}); err != nil {
		return err
	}
	if _, err := c.Launch(ctx, spec); err != nil {
		return err
	}
	if _, err := c.Wait(ctx, spec.ID); err != nil {
		return err
	}
	return c.Remove(ctx, spec.ID)
}
