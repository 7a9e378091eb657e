package process

import (
	"errors"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/meseta/meseta/agent/containerizer"
	"github.com/meseta/meseta/gen/mesosv1"
)

func TestTheEnvironmentIsExactlyWhatWasGivenAndTheDefaults(t *testing.T) {
	t.Parallel()
	secret := mesosv1.EnvironmentVariableTypeSecret
	for name, test := range map[string]struct {
		agent   []string
		command []mesosv1.EnvironmentVariable
		want    []string
	}{
		"nothing given": {
			want: []string{"PATH=" + defaultPath},
		},
		"the command wins over the agent, except for MESOS_": {
			agent: []string{"A=agent", "MESOS_B=agent", "PATH=/agent"},
			command: []mesosv1.EnvironmentVariable{
				{Name: "A", Value: new("command")}, {Name: "MESOS_B", Value: new("command")},
				{Name: "MESOS_C", Value: new("command")}, {Name: "MESOS_SANDBOX", Value: new("elsewhere")},
				{Name: "PATH", Value: new("/command")},
			},
			want: []string{"A=command", "MESOS_B=agent", "MESOS_C=command", "PATH=/command"},
		},
		"odd values stay as they are": {
			agent: []string{"EMPTY=", "EQ=a=b", "LINES=a b\tc"},
			command: []mesosv1.EnvironmentVariable{
				{Name: "NONE"}, {Name: "TWICE", Value: new("1")}, {Name: "TWICE", Value: new("2")},
				{Name: "SECRET", Type: &secret, Secret: &mesosv1.Secret{Value: &mesosv1.SecretValue{Data: []byte("hush")}}},
			},
			want: []string{"EMPTY=", "EQ=a=b", "LINES=a b\tc", "NONE=", "PATH=" + defaultPath, "SECRET=hush", "TWICE=2"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			spec := b.shell("")
			spec.Environment = test.agent
			spec.Command = mesosv1.CommandInfo{
				Shell: new(false), Value: new(program(t, "env")),
				Environment: &mesosv1.Environment{Variables: test.command},
			}
			if diff := cmp.Diff(exited(0), b.run(spec)); diff != "" {
				t.Fatalf("exit (-want +got):\n%s", diff)
			}
			got := strings.Split(strings.TrimSpace(file(spec, "stdout")), "\n")
			slices.Sort(got)
			want := append(test.want, "MESOS_SANDBOX="+spec.Sandbox)
			slices.Sort(want)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("environment (-want +got):\n%s", diff)
			}
		})
	}
}

func TestWhatCannotBeRunIsRefusedWithAReason(t *testing.T) {
	t.Parallel()
	b := setup(t)
	secret := mesosv1.EnvironmentVariableTypeSecret
	ro, rw := mesosv1.VolumeModeRo, mesosv1.VolumeModeRw
	volume := func(v mesosv1.Volume) func(*containerizer.Spec) {
		return func(s *containerizer.Spec) {
			s.Container = &mesosv1.ContainerInfo{Type: mesosv1.ContainerInfoTypeMesos, Volumes: []mesosv1.Volume{v}}
		}
	}
	for name, test := range map[string]struct {
		change      func(*containerizer.Spec)
		want        string
		unsupported bool
	}{
		"a shell command without value": {func(s *containerizer.Spec) { s.Command.Value = nil }, "the command has no value to give to the shell", false},
		"an exec command without value": {func(s *containerizer.Spec) { s.Command = mesosv1.CommandInfo{Shell: new(false)} }, "the command has no value that names an executable", false},
		"a zero byte":                   {func(s *containerizer.Spec) { s.Command.Value = new("a\x00b") }, "the command contains a zero byte", false},
		"a relative sandbox":            {func(s *containerizer.Spec) { s.Sandbox = "x" }, `the sandbox "x" is not an absolute path`, false},
		"a bad environment":             {func(s *containerizer.Spec) { s.Environment = []string{"X"} }, `environment: "X" is not of the form NAME=value`, false},
		"a secret by reference": {func(s *containerizer.Spec) {
			s.Command.Environment = &mesosv1.Environment{Variables: []mesosv1.EnvironmentVariable{{Name: "S", Type: &secret}}}
		}, "environment variable S: a secret by reference", true},
		"a Docker container": {func(s *containerizer.Spec) {
			s.Container = &mesosv1.ContainerInfo{Type: mesosv1.ContainerInfoTypeDocker}
		}, "enable the docker containerizer", true},
		"an image": {func(s *containerizer.Spec) {
			s.Container = &mesosv1.ContainerInfo{Type: mesosv1.ContainerInfoTypeMesos, Mesos: &mesosv1.ContainerInfoMesosInfo{Image: &mesosv1.Image{}}}
		}, "leave the image out", true},
		"a named network": {func(s *containerizer.Spec) {
			s.Container = &mesosv1.ContainerInfo{Type: mesosv1.ContainerInfoTypeMesos, NetworkInfos: []mesosv1.NetworkInfo{{Name: new("cni")}}}
		}, "tasks share the network of the host", true},
		"a volume outside the sandbox":      {volume(mesosv1.Volume{Mode: rw, ContainerPath: "../x", HostPath: new("/tmp")}), "leaves the sandbox", true},
		"a volume from outside the sandbox": {volume(mesosv1.Volume{Mode: ro, ContainerPath: "x", HostPath: new("../y")}), "", true},
		"a volume without source":           {volume(mesosv1.Volume{Mode: rw, ContainerPath: "x"}), "only host paths and sandbox paths", true},
		"a volume of nothing":               {volume(mesosv1.Volume{Mode: rw, ContainerPath: "x", HostPath: new("/no/such")}), "no such file", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			spec := b.shell("true")
			test.change(&spec)
			_, err := b.Prepare(b.ctx(), spec, func(string) {})
			if err == nil || !strings.Contains(err.Error(), test.want) || errors.Is(err, containerizer.ErrUnsupported) != test.unsupported {
				t.Errorf("Prepare says %v", err)
			}
			_, err = b.Launch(b.ctx(), spec)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("Launch says %v", err)
			}
		})
	}
}

func TestAnotherUserRunsTheCommand(t *testing.T) {
	t.Parallel()
	needRoot(t, "switching the user")
	inEachMode(t, func(t *testing.T, b *bench) {
		nobody, err := user.Lookup("nobody")
		if err != nil {
			t.Skip("no user nobody on this machine")
		}
		groups, err := nobody.GroupIds()
		if err != nil {
			t.Fatal(err)
		}
		spec := b.shell("id -u; id -g; id -G; echo mine > file && kill -0 1 || echo powerless")
		if err := os.Chown(spec.Sandbox, 65534, 65534); err != nil {
			t.Fatal(err)
		}
		spec.User = "nobody"
		if diff := cmp.Diff(exited(0), b.run(spec)); diff != "" {
			t.Errorf("exit (-want +got):\n%s", diff)
		}
		want := nobody.Uid + "\n" + nobody.Gid + "\n" + strings.Join(groups, " ") + "\npowerless\n"
		if diff := cmp.Diff(want, file(spec, "stdout")); diff != "" {
			t.Errorf("stdout (-want +got):\n%s", diff)
		}
		spec = b.shell("true")
		spec.User = "no-such-user-xyz"
		if _, err := b.Prepare(b.ctx(), spec, func(string) {}); err == nil || !strings.Contains(err.Error(), `user "no-such-user-xyz" does not exist`) {
			t.Errorf("Prepare for an unknown user says %v", err)
		}
	})
}

func TestAUserIsIgnoredWhenSwitchingIsOff(t *testing.T) {
	t.Parallel()
	b := setup(t, func(c *Config) { c.NoSwitchUser = true })
	spec := b.shell("true")
	spec.User = "no-such-user-xyz"
	if diff := cmp.Diff(exited(0), b.run(spec)); diff != "" {
		t.Errorf("exit (-want +got):\n%s", diff)
	}
}

func TestVolumesAppearInTheContainerOnly(t *testing.T) {
	t.Parallel()
	needRoot(t, "mounting volumes")
	inEachMode(t, func(t *testing.T, b *bench) {
		host := t.TempDir()
		absolute := t.TempDir()
		if err := os.WriteFile(filepath.Join(host, "f"), []byte("from the host\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		spec := b.shell("cat in/deep/f one; echo new > rw/g; echo no > in/deep/h; cat " + absolute + "/f; echo x > shared/y; cat own/y")
		source := func(path string) *mesosv1.VolumeSource {
			self := mesosv1.VolumeSourceSandboxPathTypeSelf
			kind := mesosv1.VolumeSourceTypeSandboxPath
			return &mesosv1.VolumeSource{Type: &kind, SandboxPath: &mesosv1.VolumeSourceSandboxPath{Type: &self, Path: path}}
		}
		ro, rw := mesosv1.VolumeModeRo, mesosv1.VolumeModeRw
		spec.Container = &mesosv1.ContainerInfo{Type: mesosv1.ContainerInfoTypeMesos, Volumes: []mesosv1.Volume{
			{Mode: ro, ContainerPath: "in/deep", HostPath: &host},
			{Mode: rw, ContainerPath: "rw", HostPath: &host},
			{Mode: ro, ContainerPath: "one", HostPath: new(filepath.Join(host, "f"))},
			{Mode: ro, ContainerPath: absolute, HostPath: &host},
			{Mode: rw, ContainerPath: "shared", Source: source("own")},
		}}
		if diff := cmp.Diff(exited(0), b.run(spec)); diff != "" {
			t.Errorf("exit (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(strings.Repeat("from the host\n", 3)+"x\n", file(spec, "stdout")); diff != "" {
			t.Errorf("stdout (-want +got):\n%s", diff)
		}
		if got := file(spec, "stderr"); !strings.Contains(got, "Read-only file system") {
			t.Errorf("stderr is %q", got)
		}
		if got, _ := os.ReadFile(filepath.Join(host, "g")); string(got) != "new\n" {
			t.Errorf("what was written through the volume is %q", got)
		}
		mounts, _ := os.ReadFile("/proc/self/mounts")
		if strings.Contains(string(mounts), b.work) || strings.Contains(string(mounts), absolute) {
			t.Errorf("mounts are visible on the host:\n%s", mounts)
		}
	})
}

func TestAVolumeCannotEscapeThroughALinkInTheSandbox(t *testing.T) {
	t.Parallel()
	needRoot(t, "mounting volumes")
	b := setup(t)
	spec := b.shell("true")
	if err := os.Symlink("/etc", filepath.Join(spec.Sandbox, "link")); err != nil {
		t.Fatal(err)
	}
	spec.Container = &mesosv1.ContainerInfo{Type: mesosv1.ContainerInfoTypeMesos, Volumes: []mesosv1.Volume{
		{Mode: mesosv1.VolumeModeRw, ContainerPath: "link/meseta-escape", HostPath: new("/tmp")},
	}}
	if _, err := b.Launch(b.ctx(), spec); err == nil || !strings.Contains(err.Error(), "escapes") {
		t.Errorf("Launch says %v", err)
	}
	if _, err := os.Stat("/etc/meseta-escape"); err == nil {
		t.Error("a directory was made outside the sandbox")
	}
}

func TestWithoutRootAVolumeIsALinkOrRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ro, rw := mesosv1.VolumeModeRo, mesosv1.VolumeModeRw
	got, err := mount(mesosv1.Volume{Mode: rw, ContainerPath: "x", HostPath: &dir}, false)
	if err != nil || !got.Link || got.Source != dir {
		t.Errorf("mount says %+v, %v", got, err)
	}
	for _, v := range []mesosv1.Volume{
		{Mode: ro, ContainerPath: "x", HostPath: &dir}, {Mode: rw, ContainerPath: "/tmp", HostPath: &dir},
	} {
		if _, err := mount(v, false); !errors.Is(err, containerizer.ErrUnsupported) || !strings.Contains(err.Error(), "root") {
			t.Errorf("mount of %+v says %v", v, err)
		}
	}
}
