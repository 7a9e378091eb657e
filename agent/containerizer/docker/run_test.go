package docker_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/meseta/meseta/agent/containerizer"
	"github.com/meseta/meseta/gen/mesosv1"
	"github.com/meseta/meseta/it/engine"
)

func TestAContainerRunsAndItsOutputIsInTheSandboxWhenWaitReturns(t *testing.T) {
	a := newAgent(t)
	engine.Shared(t).BusyboxImage(t)
	const longLines = `line() { head -c $1 /dev/zero | tr '\0' $2; echo; }; line 100000 x; echo short; line 16384 y; line 16385 z`
	for command, want := range map[string]struct {
		exit           containerizer.Exit
		stdout, stderr string
	}{
		"true":                              {exit: exited(0)},
		"echo out; echo err >&2; exit 7":    {exit: exited(7), stdout: "out\n", stderr: "err\n"},
		`printf 'no newline'`:               {exit: exited(0), stdout: "no newline"},
		`printf '\377\000\n\n\001'`:         {exit: exited(0), stdout: "\xff\x00\n\n\x01"},
		"trap 'exit 3' TERM; kill $$; true": {exit: exited(3)},
		longLines:                           {exit: exited(0), stdout: strings.Repeat("x", 100000) + "\nshort\n" + strings.Repeat("y", 16384) + "\n" + strings.Repeat("z", 16385) + "\n"},
	} {
		t.Run(command, func(t *testing.T) {
			spec := a.spec(command)
			exit, stdout, stderr := a.run(spec)
			if diff := cmp.Diff(want.exit, exit); diff != "" {
				t.Errorf("exit (-want +got):\n%s", diff)
			}
			if stdout != want.stdout || stderr != want.stderr {
				t.Errorf("got output %.80q and %.80q, want %.80q and %.80q", stdout, stderr, want.stdout, want.stderr)
			}
		})
	}
}

func TestTheCommandAndTheImageDecideTogetherWhatRuns(t *testing.T) {
	a := newAgent(t)
	e := engine.Shared(t)
	e.BusyboxImage(t)
	entry := e.Image(t, "meseta-test/entry:1", `ENTRYPOINT ["/bin/echo","entry"]`, `CMD ["cmd"]`)
	plain := e.Image(t, "meseta-test/plain:1", `CMD ["/bin/echo","cmd"]`)
	for name, test := range map[string]struct {
		image   string
		command mesosv1.CommandInfo
		want    string
	}{
		"nothing runs the image's own command":      {plain, mesosv1.CommandInfo{}, "cmd\n"},
		"nothing runs the image's own entry point":  {entry, mesosv1.CommandInfo{}, "entry cmd\n"},
		"arguments replace the image's command":     {entry, mesosv1.CommandInfo{Shell: new(false), Arguments: []string{"a", "b c"}}, "entry a b c\n"},
		"a value goes to the entry point":           {entry, mesosv1.CommandInfo{Shell: new(false), Value: new("v"), Arguments: []string{"a"}}, "entry v a\n"},
		"a value without entry point is a program":  {plain, mesosv1.CommandInfo{Shell: new(false), Value: new("/bin/echo"), Arguments: []string{"a"}}, "a\n"},
		"a shell command replaces the entry point":  {entry, mesosv1.CommandInfo{Value: new("echo $((1+2))")}, "3\n"},
		"a shell with nothing to run is no command": {entry, mesosv1.CommandInfo{Shell: new(true)}, "entry cmd\n"},
	} {
		t.Run(name, func(t *testing.T) {
			spec := a.spec("")
			spec.Container.Docker.Image, spec.Command = test.image, test.command
			if exit, stdout, stderr := a.run(spec); exit != exited(0) || stdout != test.want {
				t.Errorf("got %+v, output %q %q, want %q", exit, stdout, stderr, test.want)
			}
		})
	}
}

func TestTheEnvironmentIsThatOfAgentAndCommand(t *testing.T) {
	a := newAgent(t)
	engine.Shared(t).BusyboxImage(t)
	spec := a.spec("env")
	spec.Environment = []string{"A=agent", "B=agent", "MESOS_TASK_ID=t", "MESOS_SANDBOX=/on/the/host"}
	spec.Command.Environment = &mesosv1.Environment{Variables: []mesosv1.EnvironmentVariable{
		{Name: "B", Value: new("a b=c")}, {Name: "MESOS_TASK_ID", Value: new("forged")},
		{Name: "S", Type: new(mesosv1.EnvironmentVariableTypeSecret), Secret: &mesosv1.Secret{Value: &mesosv1.SecretValue{Data: []byte("secret")}}},
	}}
	spec.Container.Docker.Parameters = []mesosv1.Parameter{{Key: "env", Value: "P=parameter"}}
	_, stdout, _ := a.run(spec)
	for _, want := range []string{"A=agent", "B=a b=c", "MESOS_TASK_ID=t", "MESOS_SANDBOX=/mnt/mesos/sandbox", "MESOS_CONTAINER_NAME=mesos-" + string(spec.ID), "S=secret", "P=parameter"} {
		if !strings.Contains("\n"+stdout, "\n"+want+"\n") {
			t.Errorf("the environment lacks %s:\n%s", want, stdout)
		}
	}
}

func TestVolumesAppearWhereAndAsTheyWereAskedFor(t *testing.T) {
	a := newAgent(t)
	engine.Shared(t).BusyboxImage(t)
	host := t.TempDir()
	if err := os.WriteFile(filepath.Join(host, "in"), []byte("from the host\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	spec := a.spec(`cat /ro/in; echo x > /ro/x || echo read-only
		echo rw > /rw/made; echo sandbox > data/made; echo relative > /relative/made; ls /anonymous && cd / && pwd`)
	spec.Container.Volumes = []mesosv1.Volume{
		{Mode: mesosv1.VolumeModeRo, ContainerPath: "/ro", HostPath: &host},
		{Mode: mesosv1.VolumeModeRw, ContainerPath: "/rw", HostPath: new(filepath.Join(host, "made", "by", "agent"))},
		{Mode: mesosv1.VolumeModeRw, ContainerPath: "data", HostPath: &host},
		{Mode: mesosv1.VolumeModeRw, ContainerPath: "/relative", HostPath: new("below")},
		{Mode: mesosv1.VolumeModeRw, ContainerPath: "/anonymous"},
	}
	spec.Container.Docker.Parameters = []mesosv1.Parameter{{Key: "workdir", Value: "/mnt/mesos/sandbox"}}
	exit, stdout, stderr := a.run(spec)
	if exit != exited(0) || stdout != "from the host\nread-only\n/\n" {
		t.Errorf("got %+v, output %q %q", exit, stdout, stderr)
	}
	for path, want := range map[string]string{
		filepath.Join(host, "made/by/agent/made"):    "rw\n",
		filepath.Join(host, "made"):                  "",
		filepath.Join(spec.Sandbox, "below", "made"): "relative\n",
	} {
		if data, err := os.ReadFile(path); want != "" && (err != nil || string(data) != want) {
			t.Errorf("%s: got %q, %v, want %q", path, data, err, want)
		}
	}
}

func TestSignalsReachTheContainerAndKillingTheDeadIsNoError(t *testing.T) {
	a := newAgent(t)
	engine.Shared(t).BusyboxImage(t)
	spec := a.spec(`trap 'echo got; exit 4' USR1; echo ready; while :; do sleep 0.05; done`)
	a.launch(spec)
	a.untilOutput(spec, "ready")
	if err := a.Kill(t.Context(), spec.ID, syscall.SIGUSR1); err != nil {
		t.Fatal(err)
	}
	if exit := a.wait(spec); exit != exited(4) {
		t.Errorf("got %+v, want exit code 4", exit)
	}
	if got := a.read(spec, "stdout"); got != "ready\ngot\n" {
		t.Errorf("got output %q", got)
	}
	if err := a.Kill(t.Context(), spec.ID, syscall.SIGKILL); err != nil {
		t.Errorf("killing an ended container: %v", err)
	}

	deaf := a.spec(`sleep 1000 & wait`)
	a.launch(deaf)
	if err := a.Kill(t.Context(), deaf.ID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if exit := a.wait(deaf); exit != exited(128+9) {
		t.Errorf("got %+v, want exit code 137", exit)
	}
	a.remove(deaf)
	a.remove(deaf)
	if err := a.Kill(t.Context(), deaf.ID, syscall.SIGKILL); !errors.Is(err, containerizer.ErrUnknown) {
		t.Errorf("killing a removed container: got %v, want ErrUnknown", err)
	}
}

func TestLimitsAreThoseOfTheSpecAndExceedingMemoryIsNoticed(t *testing.T) {
	a := newAgent(t)
	engine.Shared(t).BusyboxImage(t)
	spec := a.spec(`cd /sys/fs/cgroup; cat cpu/cpu.shares cpu/cpu.cfs_quota_us memory/memory.limit_in_bytes 2>/dev/null || cat cpu.max memory.max
		echo ready; x=xxxxxxxxxxxxxxxx; while :; do x=$x$x; done`)
	spec.Limits = containerizer.Limits{CPUs: 0.5, MaxCPUs: 1.5, MemoryBytes: 40 << 20}
	spec.Container.Docker.Parameters = []mesosv1.Parameter{{Key: "memory-swap", Value: "40m"}}
	a.launch(spec)
	exit := a.wait(spec)
	if !exit.OutOfMemory || exit.MemoryBytes != 40<<20 || exit.Status.ExitStatus() != 137 {
		t.Errorf("got %+v, want a container killed at 40 MB", exit)
	}
	got := a.read(spec, "stdout")
	if !strings.HasPrefix(got, "512\n150000\n41943040\n") && !strings.HasPrefix(got, "150000 100000\n41943040\n") {
		t.Errorf("the container sees limits %q", got)
	}
}

func TestALaunchThatCannotSucceedSaysWhyAndLeavesNothing(t *testing.T) {
	a := newAgent(t)
	engine.Shared(t).BusyboxImage(t)
	for name, test := range map[string]struct {
		change func(*containerizer.Spec)
		want   string
		kind   error
	}{
		"no such program": {func(s *containerizer.Spec) {
			s.Command = mesosv1.CommandInfo{Shell: new(false), Value: new("/no/such/program")}
		}, "no such file or directory", nil},
		"no such network": {func(s *containerizer.Spec) {
			s.Container.Docker.Network = new(mesosv1.ContainerInfoDockerInfoNetworkUser)
			s.Container.NetworkInfos = []mesosv1.NetworkInfo{{Name: new("nowhere")}}
		}, "network nowhere not found", nil},
		"an unknown option": {func(s *containerizer.Spec) {
			s.Container.Docker.Parameters = []mesosv1.Parameter{{Key: "frobnicate", Value: "1"}}
		}, `docker parameter "frobnicate"`, containerizer.ErrUnsupported},
		"an image name that is none": {func(s *containerizer.Spec) { s.Container.Docker.Image = "UPPER CASE" }, "invalid reference format", nil},
	} {
		t.Run(name, func(t *testing.T) {
			spec := a.spec("true")
			test.change(&spec)
			_, err := a.tryLaunch(spec)
			if err == nil || !strings.Contains(err.Error(), test.want) || test.kind != nil && !errors.Is(err, test.kind) || errors.Is(err, containerizer.ErrUnavailable) {
				t.Errorf("got %v, want an error with %q", err, test.want)
			}
			if _, err := a.Wait(t.Context(), spec.ID); !errors.Is(err, containerizer.ErrUnknown) {
				t.Errorf("Wait: got %v, want ErrUnknown", err)
			}
			statuses := a.restart(spec)
			if len(statuses) != 0 {
				t.Errorf("a container was left: %v", statuses)
			}
		})
	}
}

func TestLaunchingTwiceStartsOnce(t *testing.T) {
	a := newAgent(t)
	engine.Shared(t).BusyboxImage(t)
	spec := a.spec("echo once; exec sleep 1000")
	first := a.launch(spec)
	second := a.launch(spec)
	if diff := cmp.Diff(first, second); diff != "" || first.PID == 0 {
		t.Errorf("two launches differ (-first +second):\n%s", diff)
	}
	// A containerizer that knows nothing finds the container by its name.
	a.stop()
	a.start()
	if third := a.launch(spec); third.PID != first.PID {
		t.Errorf("got process %d, want %d", third.PID, first.PID)
	}
	a.untilOutput(spec, "once\n")
	a.remove(spec)
	if got := a.read(spec, "stdout"); got != "once\n" {
		t.Errorf("got output %q, want once", got)
	}
}

func TestAContainerThatSomebodyPausedCanBeKilled(t *testing.T) {
	a := newAgent(t)
	engine.Shared(t).BusyboxImage(t)
	spec := a.spec("exec sleep 1000")
	a.launch(spec)
	enginePause(t, a.host, "mesos-"+string(spec.ID))
	if err := a.Kill(t.Context(), spec.ID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if exit := a.wait(spec); exit != exited(137) {
		t.Errorf("got %+v, want exit code 137", exit)
	}
}
