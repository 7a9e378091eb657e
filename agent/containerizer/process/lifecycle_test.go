package process

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/meseta/meseta/agent/containerizer"
	"github.com/meseta/meseta/gen/mesosv1"
	"github.com/meseta/meseta/internal/mesosid"
)

func TestACommandRunsInItsSandboxAndItsExitIsReported(t *testing.T) {
	t.Parallel()
	inEachMode(t, func(t *testing.T, b *bench) {
		spec := b.shell("pwd; echo oops >&2; cat; exit 3")
		prepared, err := b.Prepare(b.ctx(), spec, func(string) {})
		if err != nil {
			t.Fatal(err)
		}
		launched, err := b.Launch(b.ctx(), spec)
		if err != nil {
			t.Fatal(err)
		}
		if launched.PID == 0 || !cmp.Equal(prepared, launched) {
			t.Errorf("prepared %+v and launched %+v should both name the supervisor", prepared, launched)
		}
		if diff := cmp.Diff(exited(3), b.wait(spec)); diff != "" {
			t.Errorf("exit (-want +got):\n%s", diff)
		}
		if got := file(spec, "stdout"); got != spec.Sandbox+"\n" {
			t.Errorf("stdout is %q", got)
		}
		if got := file(spec, "stderr"); got != "oops\n" {
			t.Errorf("stderr is %q", got)
		}
		if err := b.Remove(b.ctx(), spec.ID); err != nil {
			t.Fatal(err)
		}
		if _, err := b.Wait(b.ctx(), spec.ID); !errors.Is(err, containerizer.ErrUnknown) {
			t.Errorf("after Remove, Wait says %v", err)
		}
		if err := b.Remove(b.ctx(), spec.ID); err != nil {
			t.Errorf("a second Remove says %v", err)
		}
	})
}

func TestArgumentsOfACommandReachTheProgramAsGiven(t *testing.T) {
	t.Parallel()
	b := setup(t)
	script := "#!/bin/sh\nfor a in \"$@\"; do echo \"[$a]\"; done\n"
	for name, test := range map[string]struct {
		value  string
		args   []string
		stdout string
		stderr string
		exit   containerizer.Exit
	}{
		"an absolute path with a name of its own":   {"/bin/sh", []string{"other", "-c", "echo $0"}, "other\n", "", exited(0)},
		"no arguments at all":                       {"/bin/pwd", nil, "SANDBOX\n", "", exited(0)},
		"blanks and quotes are not interpreted":     {"./s", []string{"s", "a b", "'c'", "$HOME", ""}, "[a b]\n['c']\n[$HOME]\n[]\n", "", exited(0)},
		"a name is looked up in PATH":               {"true", []string{"true"}, "", "", exited(0)},
		"a program that does not exist":             {"/no/such/program", []string{"program"}, "", "cannot run /no/such/program: no such file or directory\n", exited(1)},
		"a name that is not in PATH":                {"no-such-program-xyz", nil, "", "cannot run no-such-program-xyz: no such file or directory\n", exited(1)},
		"a file that must not be executed":          {"./data", []string{"data"}, "", "cannot run ./data: permission denied\n", exited(1)},
		"a file that is no program":                 {"./rubbish", []string{"rubbish"}, "", "cannot run ./rubbish: exec format error\n", exited(1)},
		"a directory instead of a program":          {"/tmp", []string{"tmp"}, "", "cannot run /tmp: permission denied\n", exited(1)},
		"a script whose interpreter does not exist": {"./lost", []string{"lost"}, "", "cannot run ./lost: no such file or directory\n", exited(1)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			spec := b.shell("")
			spec.Command = mesosv1.CommandInfo{Shell: new(false), Value: &test.value, Arguments: test.args}
			for file, content := range map[string]string{"s": script, "rubbish": "\x00\x01\x02", "lost": "#!/no/such/interpreter\n"} {
				if err := os.WriteFile(filepath.Join(spec.Sandbox, file), []byte(content), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.WriteFile(filepath.Join(spec.Sandbox, "data"), []byte("x"), 0o644); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.exit, b.run(spec)); diff != "" {
				t.Errorf("exit (-want +got):\n%s", diff)
			}
			want := strings.ReplaceAll(test.stdout, "SANDBOX", spec.Sandbox)
			if got := file(spec, "stdout"); got != want {
				t.Errorf("stdout is %q, want %q", got, want)
			}
			if got := file(spec, "stderr"); got != test.stderr {
				t.Errorf("stderr is %q, want %q", got, test.stderr)
			}
		})
	}
}

func TestAShellCommandThatDoesNotExistExitsWith127(t *testing.T) {
	t.Parallel()
	b := setup(t)
	if diff := cmp.Diff(exited(127), b.run(b.shell("no-such-program-xyz"))); diff != "" {
		t.Errorf("exit (-want +got):\n%s", diff)
	}
}

func TestLaunchingTwiceStartsOnce(t *testing.T) {
	t.Parallel()
	inEachMode(t, func(t *testing.T, b *bench) {
		spec := b.shell("echo started; sleep 1000")
		var group sync.WaitGroup
		for range 8 {
			group.Go(func() {
				if _, err := b.Launch(b.ctx(), spec); err != nil {
					t.Errorf("Launch: %v", err)
				}
			})
		}
		group.Wait()
		eventually(t, "the command has begun", func() bool { return file(spec, "stdout") != "" })
		if err := b.Kill(b.ctx(), spec.ID, syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		want := containerizer.Exit{Known: true, Status: syscall.WaitStatus(syscall.SIGTERM)}
		if diff := cmp.Diff(want, b.wait(spec)); diff != "" {
			t.Errorf("exit (-want +got):\n%s", diff)
		}
		if _, err := b.Launch(b.ctx(), spec); err != nil {
			t.Errorf("Launch of an ended container: %v", err)
		}
		if got := file(spec, "stdout"); got != "started\n" {
			t.Errorf("stdout is %q", got)
		}
		if err := b.Kill(b.ctx(), spec.ID, syscall.SIGKILL); err != nil {
			t.Errorf("Kill of an ended container: %v", err)
		}
	})
}

func TestUnknownContainersAreToldApart(t *testing.T) {
	t.Parallel()
	b := setup(t)
	if err := b.Kill(b.ctx(), "nobody", syscall.SIGTERM); !errors.Is(err, containerizer.ErrUnknown) {
		t.Errorf("Kill says %v", err)
	}
	if _, err := b.Wait(b.ctx(), "nobody"); !errors.Is(err, containerizer.ErrUnknown) {
		t.Errorf("Wait says %v", err)
	}
	if _, err := b.Statistics(b.ctx(), "nobody"); !errors.Is(err, containerizer.ErrUnknown) {
		t.Errorf("Statistics says %v", err)
	}
	if err := b.Remove(b.ctx(), "nobody"); err != nil {
		t.Errorf("Remove says %v", err)
	}
}

func TestTwoHundredContainersLaunchTogether(t *testing.T) {
	t.Parallel()
	inEachMode(t, func(t *testing.T, b *bench) {
		var group sync.WaitGroup
		var mu sync.Mutex
		seen := map[mesosid.ContainerID]bool{}
		for range 200 {
			spec := b.shell("exit 7")
			group.Go(func() {
				if _, err := b.Launch(b.ctx(), spec); err != nil {
					t.Errorf("Launch: %v", err)
					return
				}
				exit, err := b.Wait(b.ctx(), spec.ID)
				if err != nil || !cmp.Equal(exit, exited(7)) {
					t.Errorf("Wait: %+v, %v", exit, err)
				}
				if err := b.Remove(b.ctx(), spec.ID); err != nil {
					t.Errorf("Remove: %v", err)
				}
				mu.Lock()
				seen[spec.ID] = true
				mu.Unlock()
			})
		}
		group.Wait()
		if len(seen) != 200 {
			t.Errorf("%d of 200 ran", len(seen))
		}
	})
}
