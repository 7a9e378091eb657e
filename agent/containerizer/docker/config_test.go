package docker

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/moby/moby/api/types/container"

	"github.com/meseta/meseta/agent/containerizer"
	"github.com/meseta/meseta/gen/mesosv1"
)

func specWith(change func(*containerizer.Spec)) containerizer.Spec {
	spec := containerizer.Spec{
		ID: "c", Sandbox: "/sandbox",
		Container: &mesosv1.ContainerInfo{
			Type:   mesosv1.ContainerInfoTypeDocker,
			Docker: &mesosv1.ContainerInfoDockerInfo{Image: "image"},
		},
	}
	change(&spec)
	return spec
}

func parameters(pairs ...string) func(*containerizer.Spec) {
	return func(s *containerizer.Spec) {
		for i := 0; i < len(pairs); i += 2 {
			s.Container.Docker.Parameters = append(s.Container.Docker.Parameters, mesosv1.Parameter{Key: pairs[i], Value: pairs[i+1]})
		}
	}
}

func TestParametersMeanWhatTheyMeanToDockerRun(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		parameters []string
		get        func(*config) any
		want       any
	}{
		"labels":         {[]string{"label", "a=b=c", "label", "alone"}, func(c *config) any { return c.container.Labels }, map[string]string{"a": "b=c", "alone": ""}},
		"two dashes":     {[]string{"--workdir", "/w"}, func(c *config) any { return c.container.WorkingDir }, "/w"},
		"env wins":       {[]string{"env", "A=1", "env", "A=2"}, func(c *config) any { return c.container.Env[len(c.container.Env)-1] }, "A=2"},
		"ulimit":         {[]string{"ulimit", "nofile=10:20"}, func(c *config) any { return *c.host.Ulimits[0] }, container.Ulimit{Name: "nofile", Soft: 10, Hard: 20}},
		"memory-swap":    {[]string{"memory-swap", "1g"}, func(c *config) any { return c.host.MemorySwap }, int64(1 << 30)},
		"unlimited swap": {[]string{"memory-swap", "-1"}, func(c *config) any { return c.host.MemorySwap }, int64(-1)},
		"tmpfs":          {[]string{"tmpfs", "/run:size=1m,mode=700"}, func(c *config) any { return c.host.Tmpfs }, map[string]string{"/run": "size=1m,mode=700"}},
		"flag alone":     {[]string{"init", ""}, func(c *config) any { return *c.host.Init }, true},
		"flag off":       {[]string{"read-only", "false"}, func(c *config) any { return c.host.ReadonlyRootfs }, false},
		"device": {[]string{"device", "/dev/null:/dev/x:r"}, func(c *config) any { return c.host.Devices }, []container.DeviceMapping{
			{PathOnHost: "/dev/null", PathInContainer: "/dev/x", CgroupPermissions: "r"}}},
		"device with permissions": {[]string{"device", "/dev/null:rw"}, func(c *config) any { return c.host.Devices[0].CgroupPermissions }, "rw"},
		"cpus":                    {[]string{"cpus", "1.5"}, func(c *config) any { return c.host.CPUQuota }, int64(150000)},
		"network":                 {[]string{"net", "weave"}, func(c *config) any { return string(c.host.NetworkMode) }, "weave"},
		"alias follows network":   {[]string{"network-alias", "a", "network", "weave"}, func(c *config) any { return c.network.EndpointsConfig["weave"].Aliases }, []string{"a"}},
		"publish":                 {[]string{"network", "bridge", "publish", "127.0.0.1:8080:80/udp"}, func(c *config) any { return portText(c) }, "80/udp 127.0.0.1 8080"},
		"publish an IPv6 address": {[]string{"network", "bridge", "publish", "[::1]:8080:80"}, func(c *config) any { return portText(c) }, "80/tcp ::1 8080"},
		"log driver":              {[]string{"log-driver", "json-file", "log-opt", "max-size=1m"}, func(c *config) any { return c.host.LogConfig }, container.LogConfig{Type: "json-file", Config: map[string]string{"max-size": "1m"}}},
		"restart no":              {[]string{"restart", "no"}, func(c *config) any { return c.host.RestartPolicy.Name }, container.RestartPolicyMode("")},
		"security":                {[]string{"cap-add", "NET_ADMIN", "cap-drop", "ALL", "security-opt", "no-new-privileges", "pid", "host", "ipc", "private"}, func(c *config) any { return string(c.host.PidMode) + string(c.host.IpcMode) + c.host.CapAdd[0] }, "hostprivateNET_ADMIN"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, err := build(specWith(parameters(test.parameters...)))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, test.get(c)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func portText(c *config) string {
	for port, bindings := range c.host.PortBindings {
		return port.String() + " " + bindings[0].HostIP.String() + " " + bindings[0].HostPort
	}
	return ""
}

func TestWhatCannotBeGivenIsRefusedByName(t *testing.T) {
	t.Parallel()
	network := func(n mesosv1.ContainerInfoDockerInfoNetwork) func(*containerizer.Spec) {
		return func(s *containerizer.Spec) { s.Container.Docker.Network = &n }
	}
	volume := func(v mesosv1.Volume) func(*containerizer.Spec) {
		return func(s *containerizer.Spec) { s.Container.Volumes = []mesosv1.Volume{v} }
	}
	for want, change := range map[string]func(*containerizer.Spec){
		"names no Docker image":                func(s *containerizer.Spec) { s.Container = nil },
		"an empty Docker image":                func(s *containerizer.Spec) { s.Container.Docker.Image = " " },
		`"name": the agent names`:              parameters("name", "x"),
		`"restart": the framework decides`:     parameters("restart", "always"),
		`"rm"`:                                 parameters("rm", "true"),
		`"tty"`:                                parameters("tty", "true"),
		`"frobnicate"`:                         parameters("frobnicate", ""),
		`"ulimit": value "x"`:                  parameters("ulimit", "x"),
		`"init": value "perhaps": it is true`:  parameters("init", "perhaps"),
		`"cpus": value "NaN"`:                  parameters("cpus", "NaN"),
		`the label "meseta.task_id" belongs`:   parameters("label", "meseta.task_id=x"),
		`the variable MESOS_TASK_ID belongs`:   parameters("env", "MESOS_TASK_ID=x"),
		`"log-opt": it needs`:                  parameters("log-opt", "a=b"),
		`"publish": value "x"`:                 parameters("publish", "x"),
		"exactly one network_infos, not 0":     network(mesosv1.ContainerInfoDockerInfoNetworkUser),
		`docker network "WEAVE"`:               network("WEAVE"),
		`hostname "h" with the host's network`: func(s *containerizer.Spec) { s.Container.Hostname = new("h") },
		"port mappings with network HOST": func(s *containerizer.Spec) {
			s.Container.Docker.PortMappings = []mesosv1.ContainerInfoDockerInfoPortMapping{{HostPort: 1, ContainerPort: 1}}
		},
		"no container_path":              volume(mesosv1.Volume{}),
		"made from an image":             volume(mesosv1.Volume{ContainerPath: "/x", Image: &mesosv1.Image{}}),
		"source SECRET":                  volume(mesosv1.Volume{ContainerPath: "/x", Source: &mesosv1.VolumeSource{Type: new(mesosv1.VolumeSourceTypeSecret)}}),
		`path "../x" leaves the sandbox`: volume(mesosv1.Volume{ContainerPath: "/x", Source: &mesosv1.VolumeSource{Type: new(mesosv1.VolumeSourceTypeSandboxPath), SandboxPath: &mesosv1.VolumeSourceSandboxPath{Path: "../x"}}}),
		"a terminal (tty_info)":          func(s *containerizer.Spec) { s.Container.TtyInfo = &mesosv1.TTYInfo{} },
		`environment variable S is a reference`: func(s *containerizer.Spec) {
			s.Command.Environment = &mesosv1.Environment{Variables: []mesosv1.EnvironmentVariable{{Name: "S", Type: new(mesosv1.EnvironmentVariableTypeSecret)}}}
		},
		"rlimit NOFILE: soft and hard": func(s *containerizer.Spec) {
			s.Container.RlimitInfo = &mesosv1.RLimitInfo{Rlimits: []mesosv1.RLimitInfoRLimit{{Type: new(mesosv1.RLimitInfoRLimitTypeRlmtNofile), Soft: new(uint64(1))}}}
		},
		`seccomp profile "p"`: func(s *containerizer.Spec) {
			s.Container.LinuxInfo = &mesosv1.LinuxInfo{Seccomp: &mesosv1.SeccompInfo{ProfileName: new("p")}}
		},
		"ports are numbers from 1 to 65535": func(s *containerizer.Spec) {
			s.Container.Docker.Network = new(mesosv1.ContainerInfoDockerInfoNetworkBridge)
			s.Container.Docker.PortMappings = []mesosv1.ContainerInfoDockerInfoPortMapping{{HostPort: 70000, ContainerPort: 1}}
		},
		`protocol "icmp": it is tcp, udp or sctp`: func(s *containerizer.Spec) {
			s.Container.Docker.Network = new(mesosv1.ContainerInfoDockerInfoNetworkBridge)
			s.Container.Docker.PortMappings = []mesosv1.ContainerInfoDockerInfoPortMapping{{HostPort: 1, ContainerPort: 1, Protocol: new("icmp")}}
		},
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			_, err := build(specWith(change))
			if !errors.Is(err, containerizer.ErrUnsupported) || !strings.Contains(err.Error(), want) {
				t.Errorf("got %v, want ErrUnsupported with %q", err, want)
			}
		})
	}
}

func TestLimitsBecomeWeightsAndBounds(t *testing.T) {
	t.Parallel()
	const mb = 1 << 20
	for name, test := range map[string]struct {
		limits containerizer.Limits
		want   container.Resources
	}{
		"a request is a weight and a bound of memory": {containerizer.Limits{CPUs: 0.5, MemoryBytes: 64 * mb}, container.Resources{CPUShares: 512, Memory: 64 * mb}},
		"little becomes the least":                    {containerizer.Limits{CPUs: 0.001, MaxCPUs: 0.001, MemoryBytes: mb}, container.Resources{CPUShares: 2, CPUPeriod: 100000, CPUQuota: 1000, Memory: 32 * mb}},
		"a task may burst up to its limits":           {containerizer.Limits{CPUs: 1, MaxCPUs: 2, MemoryBytes: 64 * mb, MaxMemoryBytes: 128 * mb}, container.Resources{CPUShares: 1024, CPUPeriod: 100000, CPUQuota: 200000, Memory: 128 * mb, MemoryReservation: 64 * mb}},
		"unlimited is unlimited":                      {containerizer.Limits{CPUs: 1, MaxCPUs: math.Inf(1), MemoryBytes: 64 * mb, MaxMemoryBytes: -1}, container.Resources{CPUShares: 1024, MemoryReservation: 64 * mb}},
		"nothing asked is nothing set":                {containerizer.Limits{}, container.Resources{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got container.Resources
			setLimits(&got, test.limits)
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}
