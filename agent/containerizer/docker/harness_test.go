package docker_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
	"go.uber.org/goleak"

	"github.com/meseta/meseta/agent/containerizer"
	"github.com/meseta/meseta/agent/containerizer/docker"
	"github.com/meseta/meseta/gen/mesosv1"
	"github.com/meseta/meseta/internal/mesosid"
	"github.com/meseta/meseta/it/engine"
)

func TestMain(m *testing.M) {
	code := engine.Run(m)
	if code == 0 {
		if err := goleak.Find(); err != nil {
			println(err.Error())
			code = 1
		}
	}
	os.Exit(code)
}

// agent is a containerizer with a work directory, as an agent has it. It can
// be stopped and replaced, as when the agent is killed.
type agent struct {
	*docker.Containerizer
	t    *testing.T
	host string
	dir  string
	opts docker.Options
	stop func()
}

// newAgent starts a containerizer on the shared engine.
func newAgent(t *testing.T) *agent {
	t.Helper()
	t.Parallel()
	return newAgentOn(t, engine.Shared(t).Host, docker.Options{})
}

func newAgentOn(t *testing.T, host string, opts docker.Options) *agent {
	t.Helper()
	a := &agent{t: t, host: host, dir: t.TempDir(), opts: opts}
	a.start()
	t.Cleanup(func() {
		// What a test has left is this agent's orphan.
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		_, _ = a.Recover(ctx, nil)
		a.stop()
	})
	return a
}

// start begins a new life of the containerizer.
func (a *agent) start() {
	a.t.Helper()
	opts := a.opts
	opts.Host, opts.WorkDir = a.host, a.dir
	c, err := docker.New(opts)
	if err != nil {
		a.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := c.Run(ctx); err != nil {
			a.t.Error(err)
		}
	}()
	a.Containerizer = c
	a.stop = func() { cancel(); <-done }
}

// restart ends the containerizer and recovers with a new one.
func (a *agent) restart(specs ...containerizer.Spec) map[mesosid.ContainerID]containerizer.Status {
	a.t.Helper()
	a.stop()
	a.start()
	statuses, err := a.Recover(a.t.Context(), specs)
	if err != nil {
		a.t.Fatal(err)
	}
	return statuses
}

// spec describes a shell command in the busybox image, without a network.
func (a *agent) spec(command string) containerizer.Spec {
	a.t.Helper()
	id := uuid.NewString()
	// A colon, which task ids may have, ends up in paths of sandboxes.
	sandbox := filepath.Join(a.dir, "runs", "ct:1:"+id)
	if err := os.MkdirAll(sandbox, 0o755); err != nil {
		a.t.Fatal(err)
	}
	return containerizer.Spec{
		ID: mesosid.ContainerID(id), AgentID: "S0", FrameworkID: "F0", ExecutorID: "task", TaskID: "task",
		Name: "a task", Sandbox: sandbox,
		Command: mesosv1.CommandInfo{Value: &command},
		Container: &mesosv1.ContainerInfo{
			Type: mesosv1.ContainerInfoTypeDocker,
			Docker: &mesosv1.ContainerInfoDockerInfo{
				Image:   "meseta-test/busybox:1",
				Network: new(mesosv1.ContainerInfoDockerInfoNetworkNone),
			},
		},
		Limits: containerizer.Limits{CPUs: 0.1, MemoryBytes: 32 << 20},
	}
}

// launch prepares and launches, as the agent does.
func (a *agent) launch(spec containerizer.Spec) containerizer.Status {
	a.t.Helper()
	status, err := a.tryLaunch(spec)
	if err != nil {
		a.t.Fatal(err)
	}
	return status
}

func (a *agent) tryLaunch(spec containerizer.Spec) (containerizer.Status, error) {
	a.t.Helper()
	ctx, cancel := context.WithTimeout(a.t.Context(), time.Minute)
	defer cancel()
	if _, err := a.Prepare(ctx, spec, func(string) {}); err != nil {
		return containerizer.Status{}, err
	}
	return a.Launch(ctx, spec)
}

// wait returns how the container ended.
func (a *agent) wait(spec containerizer.Spec) containerizer.Exit {
	a.t.Helper()
	ctx, cancel := context.WithTimeout(a.t.Context(), time.Minute)
	defer cancel()
	exit, err := a.Wait(ctx, spec.ID)
	if err != nil {
		a.t.Fatal(err)
	}
	return exit
}

// run launches, waits and removes, and returns what the container wrote.
func (a *agent) run(spec containerizer.Spec) (exit containerizer.Exit, stdout, stderr string) {
	a.t.Helper()
	a.launch(spec)
	exit = a.wait(spec)
	a.remove(spec)
	return exit, a.read(spec, "stdout"), a.read(spec, "stderr")
}

func (a *agent) remove(spec containerizer.Spec) {
	a.t.Helper()
	if err := a.Remove(a.t.Context(), spec.ID); err != nil {
		a.t.Fatal(err)
	}
}

func (a *agent) read(spec containerizer.Spec, file string) string {
	a.t.Helper()
	data, err := os.ReadFile(filepath.Join(spec.Sandbox, file))
	if err != nil && !os.IsNotExist(err) {
		a.t.Fatal(err)
	}
	return string(data)
}

// until polls for something that a real process does in its own time.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("not within a minute: %s", what)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func (a *agent) untilOutput(spec containerizer.Spec, text string) {
	a.t.Helper()
	until(a.t, "the container writes "+text, func() bool { return strings.Contains(a.read(spec, "stdout"), text) })
}

func exited(code int) containerizer.Exit {
	return containerizer.Exit{Known: true, Status: syscall.WaitStatus(code << 8)}
}
