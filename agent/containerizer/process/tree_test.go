package process

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/meseta/meseta/agent/containerizer"
)

// family starts a child in the same process group, one in a session of its
// own, and one that has been orphaned as a daemon is, each of which writes its
// number to a file. %s is what the first process does then.
const family = `
sleep 1000 & echo $! > child
setsid sh -c 'echo $$ > session; exec sleep 1000' &
(setsid sh -c 'echo $$ > daemon; exec sleep 1000' &)
`

func familyOf(t *testing.T, spec containerizer.Spec) []int {
	t.Helper()
	return []int{pidIn(t, spec, "child"), pidIn(t, spec, "session"), pidIn(t, spec, "daemon")}
}

func expectGone(t *testing.T, pids []int) {
	t.Helper()
	for _, pid := range pids {
		eventually(t, "the whole family is dead", func() bool { return !alive(pid) })
	}
}

func TestASignalReachesTheWholeTree(t *testing.T) {
	t.Parallel()
	inEachMode(t, func(t *testing.T, b *bench) {
		spec := b.launch(b.shell(family + "wait"))
		pids := familyOf(t, spec)
		if err := b.Kill(b.ctx(), spec.ID, syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		want := containerizer.Exit{Known: true, Status: syscall.WaitStatus(syscall.SIGTERM)}
		if diff := cmp.Diff(want, b.wait(spec)); diff != "" {
			t.Errorf("exit (-want +got):\n%s", diff)
		}
		expectGone(t, pids)
	})
}

func TestWhatTheFirstProcessLeavesBehindIsKilled(t *testing.T) {
	t.Parallel()
	inEachMode(t, func(t *testing.T, b *bench) {
		neighbour := b.launch(b.shell(family + "wait"))
		others := familyOf(t, neighbour)
		spec := b.launch(b.shell(family + "until [ -f go ]; do sleep 0.01; done; exit 5"))
		pids := familyOf(t, spec)
		if err := os.WriteFile(filepath.Join(spec.Sandbox, "go"), nil, 0o644); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(exited(5), b.wait(spec)); diff != "" {
			t.Errorf("exit (-want +got):\n%s", diff)
		}
		for _, pid := range pids {
			if alive(pid) {
				t.Errorf("process %d outlives its container", pid)
			}
		}
		for _, pid := range others {
			if !alive(pid) {
				t.Errorf("process %d of another container was killed", pid)
			}
		}
	})
}

func TestAProcessThatIgnoresSignalsIsRemoved(t *testing.T) {
	t.Parallel()
	inEachMode(t, func(t *testing.T, b *bench) {
		spec := b.launch(b.shell(`trap "" TERM INT HUP; echo $$ > first; while :; do sleep 0.01; done`))
		first := pidIn(t, spec, "first")
		if err := b.Kill(b.ctx(), spec.ID, syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		if err := b.Remove(b.ctx(), spec.ID); err != nil {
			t.Fatal(err)
		}
		if alive(first) {
			t.Error("it outlives Remove")
		}
	})
}

func TestADaemonWithoutATraceDiesWithTheLastContainer(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *Config) { c.NoCgroups = true })
	spec := b.shell(`(env -i PATH="$PATH" setsid sh -c 'echo $$ > daemon; cd /; exec sleep 1000' &); until [ -s daemon ]; do sleep 0.01; done`)
	if diff := cmp.Diff(exited(0), b.run(spec)); diff != "" {
		t.Errorf("exit (-want +got):\n%s", diff)
	}
	pid := pidIn(t, spec, "daemon")
	eventually(t, "the daemon is dead", func() bool { return !alive(pid) })
}

func TestSomeoneElsesSignalIsReportedAsSuch(t *testing.T) {
	t.Parallel()
	inEachMode(t, func(t *testing.T, b *bench) {
		spec := b.shell("kill -9 $$")
		want := containerizer.Exit{Known: true, Status: syscall.WaitStatus(syscall.SIGKILL)}
		if diff := cmp.Diff(want, b.run(spec)); diff != "" {
			t.Errorf("exit (-want +got):\n%s", diff)
		}
	})
}

func TestTooMuchMemoryIsReportedAsSuch(t *testing.T) {
	t.Parallel()
	needRoot(t, "limiting memory")
	b := setup(t)
	if !b.LimitsMemory() {
		t.Skipf("memory cannot be limited here: %v", b.Missing())
	}
	for name, command := range map[string]string{
		"in the first process":                "exec head -c 200m /dev/zero | tail",
		"in a child whose parent would go on": "(head -c 200m /dev/zero | tail); sleep 1000",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			spec := b.shell(command)
			spec.Limits.MemoryBytes = 1 << 20 // raised to the minimum of 32 MB
			exit := b.run(spec)
			if !exit.OutOfMemory || exit.MemoryBytes < 30<<20 || exit.MemoryBytes > 33<<20 {
				t.Errorf("exit is %+v", exit)
			}
			if !strings.HasPrefix(exit.Message, "Memory limit exceeded: Requested: 32MB Maximum Used: 3") {
				t.Errorf("the message is %q", exit.Message)
			}
		})
	}
}

func TestLimitsReachTheControlGroups(t *testing.T) {
	t.Parallel()
	needRoot(t, "making control groups")
	b := setup(t, func(c *Config) { c.MaxPIDs = 50; c.CPUQuota = true })
	if b.cgroups.CPU == "" || b.cgroups.CPU == b.cgroups.Unified {
		t.Skip("no CPU controller of version 1 here")
	}
	spec := b.shell("sleep 1000")
	spec.Limits = containerizer.Limits{CPUs: 0.5, MemoryBytes: 64 << 20, MaxMemoryBytes: 128 << 20}
	b.launch(spec)
	for path, want := range map[string]string{
		filepath.Join(b.cgroups.CPU, string(spec.ID), "cpu.shares"):                    "512",
		filepath.Join(b.cgroups.CPU, string(spec.ID), "cpu.cfs_quota_us"):              "50000",
		filepath.Join(b.cgroups.Memory, string(spec.ID), "memory.limit_in_bytes"):      "134217728",
		filepath.Join(b.cgroups.Memory, string(spec.ID), "memory.soft_limit_in_bytes"): "67108864",
		filepath.Join(b.cgroups.PIDs, string(spec.ID), "pids.max"):                     "50",
	} {
		got, err := os.ReadFile(path)
		if err != nil || strings.TrimSpace(string(got)) != want {
			t.Errorf("%s is %q, %v; want %s", path, got, err, want)
		}
	}
}

func TestStatisticsMeasureARunningContainer(t *testing.T) {
	t.Parallel()
	inEachMode(t, func(t *testing.T, b *bench) {
		spec := b.launch(b.shell("sleep 1000 & while :; do :; done"))
		eventually(t, "CPU time and memory are seen", func() bool {
			s, err := b.Statistics(b.ctx(), spec.ID)
			if err != nil {
				t.Fatal(err)
			}
			return s.Processes != nil && *s.Processes == 2 && s.CpusUserTimeSecs != nil && *s.CpusUserTimeSecs > 0 &&
				s.MemRssBytes != nil && *s.MemRssBytes > 0
		})
	})
}

func TestOutputIsBounded(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *Config) { c.MaxLogBytes = 10_000 })
	spec := b.launch(b.shell("while :; do echo 123456789; done"))
	eventually(t, "the output was rotated twice", func() bool {
		info, err := os.Stat(filepath.Join(spec.Sandbox, "stdout.1"))
		return err == nil && info.Size() > 0 && info.Size() <= 20_000
	})
	if err := b.Kill(b.ctx(), spec.ID, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	eventually(t, "stdout is short", func() bool { return len(file(spec, "stdout")) <= 10_000 })
}

func TestAFullDiskHurtsOnlyWhoFillsIt(t *testing.T) {
	t.Parallel()
	needRoot(t, "mounting a small file system")
	inEachMode(t, func(t *testing.T, b *bench) {
		small := t.TempDir()
		if err := unix.Mount("tmpfs", small, "tmpfs", 0, "size=128k"); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = unix.Unmount(small, unix.MNT_DETACH) })
		filler := b.shell("yes || exit 9")
		filler.Sandbox = small
		neighbour := b.launch(b.shell("until [ -f go ]; do sleep 0.01; done; exit 4"))
		if diff := cmp.Diff(exited(9), b.run(filler)); diff != "" {
			t.Errorf("exit of the filler (-want +got):\n%s", diff)
		}
		if err := os.WriteFile(filepath.Join(neighbour.Sandbox, "go"), nil, 0o644); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(exited(4), b.wait(neighbour)); diff != "" {
			t.Errorf("exit of the neighbour (-want +got):\n%s", diff)
		}
	})
}

func TestAFullRuntimeDirectoryLosesNoExit(t *testing.T) {
	t.Parallel()
	needRoot(t, "mounting a small file system")
	small := t.TempDir()
	if err := unix.Mount("tmpfs", small, "tmpfs", 0, "size=512k"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Unmount(small, unix.MNT_DETACH) })
	b := setup(t, func(c *Config) { c.RuntimeDir = filepath.Join(small, "run") })
	var held []containerizer.Spec
	for range 5 {
		held = append(held, b.launch(b.shell("until [ -f go ]; do sleep 0.01; done; exit 6")))
	}
	if err := os.WriteFile(filepath.Join(small, "fill"), bytes.Repeat([]byte{1}, 1<<20), 0o600); err == nil {
		t.Fatal("the disk did not fill up")
	}
	// New containers may be refused, but the exits of others have their room.
	var refused error
	for deadline := time.Now().Add(patience); refused == nil; {
		if time.Now().After(deadline) {
			t.Fatal("no launch is ever refused")
		}
		_, refused = b.Launch(b.ctx(), b.shell("exit 6"))
	}
	if !strings.Contains(refused.Error(), "no space left on device") {
		t.Errorf("the refusal says %v", refused)
	}
	for _, spec := range held {
		if err := os.WriteFile(filepath.Join(spec.Sandbox, "go"), nil, 0o644); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(exited(6), b.wait(spec)); diff != "" {
			t.Errorf("exit (-want +got):\n%s", diff)
		}
	}
	found := b.crash(held...)
	for _, spec := range held {
		if _, ok := found[spec.ID]; !ok {
			t.Errorf("container %s is not known any more", spec.ID)
		}
		if diff := cmp.Diff(exited(6), b.wait(spec)); diff != "" {
			t.Errorf("exit after a restart (-want +got):\n%s", diff)
		}
	}
}
