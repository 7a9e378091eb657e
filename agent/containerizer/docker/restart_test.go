package docker_test

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/meseta/meseta/agent/containerizer"
	"github.com/meseta/meseta/agent/containerizer/docker"
	"github.com/meseta/meseta/it/engine"
)

func startEngine(t *testing.T, d *engine.Daemon) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := d.Start(ctx); err != nil {
		t.Fatal(err)
	}
}

func TestAnEngineThatStopsItsContainersReportsTheirTrueEnd(t *testing.T) {
	t.Parallel()
	d := engine.Start(t, engine.Options{})
	d.BusyboxImage(t)
	a := newAgentOn(t, d.Host, docker.Options{})
	traps := a.spec("trap 'echo bye; exit 9' TERM; echo up; while :; do sleep 0.05; done")
	a.launch(traps)
	a.untilOutput(traps, "up")
	d.Stop()

	// While the engine is away: waiting goes on, and everything else says so.
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if exit, err := a.Wait(ctx, traps.ID); err == nil && exit != exited(9) {
		t.Errorf("an end was reported that nobody knows: %+v", exit)
	}
	late := a.spec("echo late")
	for what, call := range map[string]func() error{
		"Prepare": func() error { _, err := a.Prepare(t.Context(), late, func(string) {}); return err },
		"Launch":  func() error { _, err := a.Launch(t.Context(), late); return err },
		"Remove":  func() error { return a.Remove(t.Context(), late.ID) },
		"Recover": func() error { _, err := a.Recover(t.Context(), nil); return err },
		"Ping":    func() error { return a.Ping(t.Context()) },
	} {
		err := call()
		if !errors.Is(err, containerizer.ErrUnavailable) || !strings.Contains(err.Error(), strings.TrimPrefix(d.Host, "unix://")) {
			t.Errorf("%s without an engine: got %v, want ErrUnavailable and the socket", what, err)
		}
	}

	startEngine(t, d)
	if exit := a.wait(traps); exit != exited(9) {
		t.Errorf("got %+v, want exit code 9", exit)
	}
	if got := a.read(traps, "stdout"); got != "up\nbye\n" {
		t.Errorf("got output %q", got)
	}
	if _, stdout, _ := a.run(late); stdout != "late\n" {
		t.Errorf("a container after the restart wrote %q", stdout)
	}
}

func TestContainersGoOnOverAnEngineThatRestoresThemLive(t *testing.T) {
	t.Parallel()
	d := engine.Start(t, engine.Options{LiveRestore: true})
	d.BusyboxImage(t)
	a := newAgentOn(t, d.Host, docker.Options{})
	spec := a.spec("echo one; while ! [ -e /mnt/mesos/sandbox/go ]; do sleep 0.05; done; echo two; exit 8")
	status := a.launch(spec)
	a.untilOutput(spec, "one")
	for _, end := range []func(){d.Stop, d.Kill} {
		end()
		if err := syscall.Kill(status.PID, 0); err != nil {
			t.Fatalf("the container ended with the engine: %v", err)
		}
		startEngine(t, d)
	}
	if err := syscall.Mknod(filepath.Join(spec.Sandbox, "go"), syscall.S_IFREG|0o644, 0); err != nil {
		t.Fatal(err)
	}
	if exit := a.wait(spec); exit != exited(8) {
		t.Errorf("got %+v, want exit code 8", exit)
	}
	if got := a.read(spec, "stdout"); got != "one\ntwo\n" {
		t.Errorf("got output %q", got)
	}
}

func TestAnEngineThatCrashesIsReportedOnceItIsBack(t *testing.T) {
	t.Parallel()
	d := engine.Start(t, engine.Options{})
	d.BusyboxImage(t)
	a := newAgentOn(t, d.Host, docker.Options{})
	spec := a.spec("echo up; exec sleep 1000")
	a.launch(spec)
	a.untilOutput(spec, "up")
	d.Kill()
	startEngine(t, d)
	if exit := a.wait(spec); exit.Known && exit.Status.ExitStatus() == 0 {
		t.Errorf("got %+v, want an end by force", exit)
	}
}

func TestAMissingEngineIsUnavailableAndSaysWhatToDo(t *testing.T) {
	t.Parallel()
	socket := filepath.Join(t.TempDir(), "none.sock")
	a := newAgentOn(t, "unix://"+socket, docker.Options{})
	_, err := a.Prepare(t.Context(), a.spec("true"), func(string) {})
	if !errors.Is(err, containerizer.ErrUnavailable) {
		t.Fatalf("got %v, want ErrUnavailable", err)
	}
	for _, want := range []string{socket, "systemctl start docker", "--docker_socket"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not mention %s: %v", want, err)
		}
	}
}

func TestAContainerRemovedBySomebodyElseHasEnded(t *testing.T) {
	a := newAgent(t)
	engine.Shared(t).BusyboxImage(t)
	spec := a.spec("exec sleep 1000")
	a.launch(spec)
	engineRemove(t, a.host, "mesos-"+string(spec.ID))
	exit := a.wait(spec)
	if exit.Known && exit.Status.ExitStatus() != 137 {
		t.Errorf("got %+v, want an unknown end or a kill", exit)
	}
	a.remove(spec)
}

func TestWaitingForAContainerThatIsRemovedComesToAnEnd(t *testing.T) {
	a := newAgent(t)
	engine.Shared(t).BusyboxImage(t)
	spec := a.spec("exec sleep 1000")
	a.launch(spec)
	exits := make(chan containerizer.Exit)
	go func() {
		exit, err := a.Wait(t.Context(), spec.ID)
		if err != nil && !errors.Is(err, containerizer.ErrUnknown) {
			t.Error(err)
		}
		exits <- exit
	}()
	a.remove(spec)
	if exit := <-exits; exit.Known && exit.Status.ExitStatus() != 137 {
		t.Errorf("got %+v", exit)
	}
	if _, err := a.Wait(t.Context(), spec.ID); !errors.Is(err, containerizer.ErrUnknown) {
		t.Errorf("Wait after Remove: got %v, want ErrUnknown", err)
	}
}
