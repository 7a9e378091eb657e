package process

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/meseta/meseta/agent/containerizer"
	"github.com/meseta/meseta/agent/containerizer/process/journal"
	"github.com/meseta/meseta/agent/containerizer/process/wire"
	"github.com/meseta/meseta/internal/mesosid"
)

const untilGo = "until [ -f go ]; do sleep 0.01; done; exit 6"

func touch(t *testing.T, spec containerizer.Spec, name string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(spec.Sandbox, name), nil, 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestARunningContainerOutlivesItsAgent(t *testing.T) {
	t.Parallel()
	inEachMode(t, func(t *testing.T, b *bench) {
		spec := b.launch(b.shell(untilGo))
		found := b.crash(spec)
		if got := found[spec.ID]; got.PID == 0 {
			t.Errorf("recovered %+v", found)
		}
		if status, err := b.Launch(b.ctx(), spec); err != nil || status.PID == 0 {
			t.Errorf("Launch after the restart: %+v, %v", status, err)
		}
		if _, err := b.Statistics(b.ctx(), spec.ID); err != nil {
			t.Errorf("Statistics after the restart: %v", err)
		}
		touch(t, spec, "go")
		if diff := cmp.Diff(exited(6), b.wait(spec)); diff != "" {
			t.Errorf("exit (-want +got):\n%s", diff)
		}
	})
}

func TestAnAdoptedContainerCanBeKilled(t *testing.T) {
	t.Parallel()
	inEachMode(t, func(t *testing.T, b *bench) {
		spec := b.launch(b.shell(family + "wait"))
		pids := familyOf(t, spec)
		b.crash(spec)
		if err := b.Kill(b.ctx(), spec.ID, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		b.wait(spec)
		expectGone(t, pids)
	})
}

func TestAnExitWhileNoAgentRanIsLearnedLater(t *testing.T) {
	t.Parallel()
	inEachMode(t, func(t *testing.T, b *bench) {
		ends, stays := b.launch(b.shell(untilGo)), b.launch(b.shell(untilGo))
		b.abandon()
		if err := b.lock.Close(); err != nil {
			t.Fatal(err)
		}
		touch(t, ends, "go")
		eventually(t, "the exit is recorded", func() bool { return recorded(b, ends.ID) != nil })
		b.open()
		found, err := b.Recover(b.ctx(), []containerizer.Spec{ends, stays})
		if err != nil || len(found) != 2 {
			t.Fatalf("Recover: %v, %v", found, err)
		}
		if diff := cmp.Diff(exited(6), b.wait(ends)); diff != "" {
			t.Errorf("exit (-want +got):\n%s", diff)
		}
		touch(t, stays, "go")
		if diff := cmp.Diff(exited(6), b.wait(stays)); diff != "" {
			t.Errorf("exit (-want +got):\n%s", diff)
		}
	})
}

// recorded looks for an exit in the journals of all supervisors.
func recorded(b *bench, id mesosid.ContainerID) *wire.Exit {
	files, _ := filepath.Glob(filepath.Join(b.config.RuntimeDir, "supervisor-*", wire.JournalFile))
	for _, file := range files {
		if entries, err := journal.Load(file); err == nil && entries[string(id)].Exit != nil {
			return entries[string(id)].Exit
		}
	}
	return nil
}

func TestASupervisorEndsWithItsLastContainerWhenNoAgentRuns(t *testing.T) {
	t.Parallel()
	inEachMode(t, func(t *testing.T, b *bench) {
		spec := b.launch(b.shell(untilGo))
		b.abandon()
		if err := b.lock.Close(); err != nil {
			t.Fatal(err)
		}
		touch(t, spec, "go")
		eventually(t, "no supervisor runs", func() bool { return len(processesIn(b.work)) == 0 })
		b.open()
		found, err := b.Recover(b.ctx(), []containerizer.Spec{spec})
		if diff := cmp.Diff(map[mesosid.ContainerID]containerizer.Status{spec.ID: {}}, found); err != nil || diff != "" {
			t.Errorf("recovered %v (-want +got):\n%s", err, diff)
		}
		if diff := cmp.Diff(exited(6), b.wait(spec)); diff != "" {
			t.Errorf("exit (-want +got):\n%s", diff)
		}
	})
}

func TestUnknownContainersAreDestroyedByRecover(t *testing.T) {
	t.Parallel()
	inEachMode(t, func(t *testing.T, b *bench) {
		spec := b.launch(b.shell(family + "wait"))
		pids := familyOf(t, spec)
		ended := b.shell("true")
		b.run(ended)
		never := b.shell("true")
		if _, err := b.Prepare(b.ctx(), never, func(string) {}); err != nil {
			t.Fatal(err)
		}
		if found := b.crash(never); len(found) != 0 {
			t.Errorf("recovered %v", found)
		}
		for _, pid := range pids {
			if alive(pid) {
				t.Errorf("process %d lives on", pid)
			}
		}
		if diff := cmp.Diff(exited(0), b.run(never)); diff != "" {
			t.Errorf("exit of what was only prepared (-want +got):\n%s", diff)
		}
	})
}

func TestTheDeathOfASupervisorKillsItsContainersAndIsReported(t *testing.T) {
	t.Parallel()
	lost := containerizer.Exit{Message: "the supervisor of the task died, so the task was killed"}
	for _, when := range []string{"while the agent watches", "while no agent runs"} {
		t.Run(when, func(t *testing.T) {
			t.Parallel()
			inEachMode(t, func(t *testing.T, b *bench) {
				ended := b.shell("exit 3")
				b.run(ended)
				spec := b.launch(b.shell(family + "wait"))
				pids := append(familyOf(t, spec), firstOf(b, spec))
				supervisor := b.status(b.containers[spec.ID]).PID
				if when == "while no agent runs" {
					b.abandon()
					if err := b.lock.Close(); err != nil {
						t.Fatal(err)
					}
				}
				if err := syscall.Kill(supervisor, syscall.SIGKILL); err != nil {
					t.Fatal(err)
				}
				if when == "while no agent runs" {
					eventually(t, "the first process died with the supervisor", func() bool { return !alive(pids[3]) })
					b.open()
					if found, err := b.Recover(b.ctx(), []containerizer.Spec{ended, spec}); err != nil || len(found) != 2 {
						t.Fatalf("Recover: %v, %v", found, err)
					}
				}
				if diff := cmp.Diff(lost, b.wait(spec)); diff != "" {
					t.Errorf("exit (-want +got):\n%s", diff)
				}
				if diff := cmp.Diff(exited(3), b.wait(ended)); diff != "" {
					t.Errorf("exit of what had ended before (-want +got):\n%s", diff)
				}
				for _, pid := range pids {
					if alive(pid) {
						t.Errorf("process %d lives on unsupervised", pid)
					}
				}
				next := b.shell("exit 8")
				if diff := cmp.Diff(exited(8), b.run(next)); diff != "" {
					t.Errorf("exit of the next container (-want +got):\n%s", diff)
				}
			})
		})
	}
}

func firstOf(b *bench, spec containerizer.Spec) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.containers[spec.ID].pid
}

func TestASupervisorAskedToEndRecordsWhatItKills(t *testing.T) {
	t.Parallel()
	inEachMode(t, func(t *testing.T, b *bench) {
		spec := b.launch(b.shell(family + "wait"))
		pids := familyOf(t, spec)
		if err := syscall.Kill(b.status(b.containers[spec.ID]).PID, syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		want := containerizer.Exit{Known: true, Status: syscall.WaitStatus(syscall.SIGKILL)}
		if diff := cmp.Diff(want, b.wait(spec)); diff != "" {
			t.Errorf("exit (-want +got):\n%s", diff)
		}
		expectGone(t, pids)
	})
}

func TestARemovedRuntimeDirectoryEndsItsSupervisors(t *testing.T) {
	t.Parallel()
	b := setup(t)
	spec := b.launch(b.shell("sleep 1000"))
	if err := os.RemoveAll(b.config.RuntimeDir); err != nil {
		t.Fatal(err)
	}
	b.wait(spec)
	eventually(t, "no process runs", func() bool { return len(processesIn(b.work)) == 0 })
}

func TestARestartOfTheMachineIsNoticed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	spec := b.launch(b.shell("exec sleep 1000"))
	ended := b.shell("exit 3")
	b.run(ended)
	s := b.containers[spec.ID].shard
	b.abandon()
	if err := b.lock.Close(); err != nil {
		t.Fatal(err)
	}
	// What a restart leaves: the files, and no process.
	if err := syscall.Kill(s.pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the containers are dead", func() bool { return len(processesIn(b.work)) == 0 })
	s.config.BootID = "an earlier one"
	data, err := json.Marshal(s.config)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(s.dir, wire.ConfigFile), data, 0o600); err != nil {
		t.Fatal(err)
	}
	b.open()
	found, err := b.Recover(b.ctx(), []containerizer.Spec{spec, ended})
	if err != nil || len(found) != 2 {
		t.Fatalf("Recover: %v, %v", found, err)
	}
	if diff := cmp.Diff(containerizer.Exit{Message: "the machine was restarted while the task ran"}, b.wait(spec)); diff != "" {
		t.Errorf("exit (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(exited(3), b.wait(ended)); diff != "" {
		t.Errorf("exit of what had ended before (-want +got):\n%s", diff)
	}
}

func TestDamagedSupervisorDirectoriesAreTolerated(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for name, files := range map[string]map[string]string{
		"supervisor-empty":   {},
		"supervisor-unborn":  {wire.ConfigFile: `{"version":1}`, wire.LockFile: ""},
		"supervisor-torn":    {wire.ConfigFile: `{"vers`, wire.LockFile: "", wire.JournalFile: "12345678 {\"kind\":"},
		"supervisor-garbage": {wire.ConfigFile: "\x00", wire.LockFile: "x", wire.JournalFile: "\x00\xff\n\n\n12 3"},
	} {
		dir := filepath.Join(b.config.RuntimeDir, name)
		if err := os.Mkdir(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		for file, content := range files {
			if err := os.WriteFile(filepath.Join(dir, file), []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	if found := b.crash(); len(found) != 0 {
		t.Errorf("recovered %v", found)
	}
	if diff := cmp.Diff(exited(2), b.run(b.shell("exit 2"))); diff != "" {
		t.Errorf("exit (-want +got):\n%s", diff)
	}
}

func TestOnlyOneAgentUsesARuntimeDirectory(t *testing.T) {
	t.Parallel()
	b := setup(t)
	_, err := New(b.config)
	if err == nil || !strings.Contains(err.Error(), "used by another agent") {
		t.Errorf("New says %v", err)
	}
}

func TestALaunchInFlightWhenItsAgentDiesHappensOnce(t *testing.T) {
	t.Parallel()
	inEachMode(t, func(t *testing.T, b *bench) {
		var specs []containerizer.Spec
		for range 20 {
			spec := b.shell("echo once; sleep 1000")
			specs = append(specs, spec)
			if _, err := b.Prepare(b.ctx(), spec, func(string) {}); err != nil {
				t.Fatal(err)
			}
			go func(c *Containerizer) { _, _ = c.Launch(b.ctx(), spec) }(b.Containerizer)
		}
		found := b.crash(specs...)
		t.Logf("%d of %d had begun", len(found), len(specs))
		for _, spec := range specs {
			if _, err := b.Launch(b.ctx(), spec); err != nil {
				t.Fatalf("Launch: %v", err)
			}
		}
		for _, spec := range specs {
			eventually(t, "it has begun", func() bool { return file(spec, "stdout") != "" })
			if got := file(spec, "stdout"); got != "once\n" {
				t.Errorf("stdout is %q", got)
			}
		}
	})
}

func TestManySupervisorsShareTheContainers(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *Config) { c.ContainersPerSupervisor = 3 })
	var specs []containerizer.Spec
	for range 10 {
		specs = append(specs, b.launch(b.shell(untilGo)))
	}
	found := b.crash(specs...)
	pids := map[int]int{}
	for _, status := range found {
		pids[status.PID]++
	}
	if len(pids) < 4 {
		t.Errorf("10 containers, 3 for each supervisor, are with %v", pids)
	}
	for _, spec := range specs {
		touch(t, spec, "go")
		if diff := cmp.Diff(exited(6), b.wait(spec)); diff != "" {
			t.Errorf("exit (-want +got):\n%s", diff)
		}
		if err := b.Remove(b.ctx(), spec.ID); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "superfluous supervisors end", func() bool {
		left, _ := filepath.Glob(filepath.Join(b.config.RuntimeDir, "supervisor-*"))
		return len(left) <= 2
	})
}

func TestASupervisorOfAnotherVersionGetsNoNewContainers(t *testing.T) {
	t.Parallel()
	b := setup(t)
	old := b.launch(b.shell(untilGo))
	b.mu.Lock()
	b.containers[old.ID].shard.full = true // as greet finds it
	b.mu.Unlock()
	next := b.launch(b.shell("sleep 1000"))
	if b.containers[old.ID].shard == b.containers[next.ID].shard {
		t.Error("they share a supervisor")
	}
	touch(t, old, "go")
	if diff := cmp.Diff(exited(6), b.wait(old)); diff != "" {
		t.Errorf("exit (-want +got):\n%s", diff)
	}
}

func TestAfterCloseTheContainerizerIsUnavailable(t *testing.T) {
	t.Parallel()
	b := setup(t)
	spec := b.launch(b.shell("sleep 1000"))
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	_, err := b.Launch(b.ctx(), b.shell("true"))
	if !errors.Is(err, containerizer.ErrUnavailable) {
		t.Errorf("Launch says %v", err)
	}
	if err := b.Kill(b.ctx(), spec.ID, syscall.SIGTERM); !errors.Is(err, containerizer.ErrUnavailable) {
		t.Errorf("Kill says %v", err)
	}
	b.open()
	if _, err := b.Recover(b.ctx(), nil); err != nil {
		t.Fatal(err)
	}
}
