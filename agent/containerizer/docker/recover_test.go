package docker_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/meseta/meseta/agent/containerizer"
	"github.com/meseta/meseta/agent/containerizer/docker"
	"github.com/meseta/meseta/it/engine"
)

func TestARestartedAgentTakesUpItsContainersInEveryState(t *testing.T) {
	a := newAgent(t)
	engine.Shared(t).BusyboxImage(t)
	ended := a.spec("echo ended; exit 5")
	endsWhileAway := a.spec("sleep 0.3; echo away; exit 6")
	runs := a.spec("trap 'exit 7' TERM; echo up; while :; do sleep 0.05; done")
	never := a.spec("echo first life; exec sleep 1000")
	orphan := a.spec("exec sleep 1000")
	for _, s := range []containerizer.Spec{ended, endsWhileAway, runs, orphan} {
		a.launch(s)
	}
	a.wait(ended)
	orphanPID := a.launch(orphan).PID

	a.stop()
	until(t, "a container ends while no agent runs", func() bool { return strings.Contains(a.readLog(endsWhileAway), "away") })
	a.start()
	statuses, err := a.Recover(t.Context(), []containerizer.Spec{ended, endsWhileAway, runs, never})
	if err != nil {
		t.Fatal(err)
	}
	if len(statuses) != 3 {
		t.Errorf("got the status of %d containers, want those of the three that were launched", len(statuses))
	}
	if err := syscall.Kill(orphanPID, 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("the container that no spec accounts for still runs: %v", err)
	}
	if exit := a.wait(ended); exit != exited(5) {
		t.Errorf("ended before: got %+v, want exit code 5", exit)
	}
	if exit := a.wait(endsWhileAway); exit != exited(6) {
		t.Errorf("ended meanwhile: got %+v, want exit code 6", exit)
	}
	if statuses[runs.ID].PID == 0 {
		t.Error("the running container has no process")
	}
	a.untilOutput(runs, "up")
	if err := a.Kill(t.Context(), runs.ID, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if exit := a.wait(runs); exit != exited(7) {
		t.Errorf("ended afterwards: got %+v, want exit code 7", exit)
	}
	a.launch(never)
	a.untilOutput(never, "first life")
	for s, want := range map[*containerizer.Spec]string{&ended: "ended\n", &endsWhileAway: "away\n", &runs: "up\n", &never: "first life\n"} {
		if got := a.read(*s, "stdout"); got != want {
			t.Errorf("got output %q, want %q", got, want)
		}
	}
}

// readLog is what the engine has of a container's output, read with the
// command that people would use.
func (a *agent) readLog(spec containerizer.Spec) string {
	a.t.Helper()
	return engineLog(a.t, a.host, "mesos-"+string(spec.ID))
}

func TestAgentsOnOneEngineLeaveEachOthersContainersAlone(t *testing.T) {
	a := newAgent(t)
	engine.Shared(t).BusyboxImage(t)
	b := newAgentOn(t, a.host, docker.Options{})
	spec := a.spec("exec sleep 1000")
	status := a.launch(spec)
	if _, err := b.Recover(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if err := b.Remove(t.Context(), spec.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := b.tryLaunch(spec); err == nil || !strings.Contains(err.Error(), "not of this agent") {
		t.Errorf("launching under a taken name: got %v", err)
	}
	if err := syscall.Kill(status.PID, 0); err != nil {
		t.Errorf("the other agent's container is gone: %v", err)
	}
}

func TestOutputIsNeitherLostNorRepeatedByRestartsOfTheAgent(t *testing.T) {
	a := newAgent(t)
	engine.Shared(t).BusyboxImage(t)
	const lines = 20000
	spec := a.spec(fmt.Sprintf(`i=0; while [ $i -lt %d ]; do echo out $i; echo err $i >&2; i=$((i+1)); done`, lines))
	for _, name := range []string{"stdout", "stderr"} {
		if err := os.WriteFile(filepath.Join(spec.Sandbox, name), []byte("from the fetcher\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	a.launch(spec)
	for restarts := 0; ; restarts++ {
		a.restart(spec)
		// Lives grow longer, so that one of them is long enough to get done.
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(restarts+1)*10*time.Millisecond)
		_, err := a.Wait(ctx, spec.ID)
		cancel()
		if err == nil {
			t.Logf("%d restarts", restarts)
			break
		}
		if restarts%2 == 1 {
			// Half of the time, without the place reached in the log.
			if err := os.RemoveAll(filepath.Join(a.dir, "meta")); err != nil {
				t.Fatal(err)
			}
		}
	}
	for name, word := range map[string]string{"stdout": "out", "stderr": "err"} {
		var want strings.Builder
		want.WriteString("from the fetcher\n")
		for i := range lines {
			fmt.Fprintf(&want, "%s %d\n", word, i)
		}
		if got := a.read(spec, name); got != want.String() {
			t.Errorf("%s differs: %d bytes, want %d; diff %.300s", name, len(got), want.Len(), cmp.Diff(want.String(), got))
		}
	}
}

func TestAFullSandboxDelaysOutputButHidesNoEnd(t *testing.T) {
	a := newAgentOn(t, engine.Shared(t).Host, docker.Options{DrainTimeout: 200 * time.Millisecond})
	engine.Shared(t).BusyboxImage(t)
	spec := a.spec("head -c 400000 /dev/zero | tr '\\0' x; echo end; exit 3")
	if err := syscall.Mount("tmpfs", spec.Sandbox, "tmpfs", 0, "size=64k"); err != nil {
		t.Skipf("a small file system cannot be mounted here: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(spec.Sandbox, syscall.MNT_DETACH) })
	a.launch(spec)
	exit := a.wait(spec)
	if exit.Status.ExitStatus() != 3 || !strings.Contains(exit.Message, "had not yet been written") {
		t.Errorf("got %+v, want exit code 3 and a word about the output", exit)
	}
	if err := syscall.Mount("tmpfs", spec.Sandbox, "tmpfs", syscall.MS_REMOUNT, "size=4m"); err != nil {
		t.Fatal(err)
	}
	until(t, "all output arrives once there is room", func() bool { return len(a.read(spec, "stdout")) == 400004 })
	if got := a.read(spec, "stdout"); got != strings.Repeat("x", 400000)+"end\n" {
		t.Error("the output differs from what was written")
	}
}

func TestASandboxFileThatIsALinkIsNotWrittenThrough(t *testing.T) {
	a := newAgentOn(t, engine.Shared(t).Host, docker.Options{DrainTimeout: 100 * time.Millisecond})
	engine.Shared(t).BusyboxImage(t)
	victim := filepath.Join(t.TempDir(), "victim")
	if err := os.WriteFile(victim, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	spec := a.spec("echo evil")
	if err := os.Symlink(victim, filepath.Join(spec.Sandbox, "stdout")); err != nil {
		t.Fatal(err)
	}
	a.launch(spec)
	a.wait(spec)
	if data, err := os.ReadFile(victim); err != nil || len(data) != 0 {
		t.Errorf("the file behind the link now holds %q, %v", data, err)
	}
}
