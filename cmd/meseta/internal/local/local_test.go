package local

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/meseta/meseta/agent/detect"
	"github.com/meseta/meseta/internal/config"
)

func options() Options {
	return Options{
		Agents: 1, MasterPort: 5050, AgentPort: 5051, WorkDir: "/w", IP: netip.MustParseAddr("127.0.0.1"),
		Machine: detect.Machine{CPUs: 8, Memory: 9 << 10, Disk: 25 << 10},
	}
}

func TestOneAgentTakesTheWholeMachine(t *testing.T) {
	t.Parallel()
	p, err := New(options())
	if err != nil {
		t.Fatal(err)
	}
	want := &Plan{
		MasterAddress: "127.0.0.1:5050",
		Master:        []string{"--ip=127.0.0.1", "--port=5050", "--work_dir=/w/master"},
		Agents: [][]string{{"--master=127.0.0.1:5050", "--ip=127.0.0.1", "--port=5051", "--work_dir=/w/agent-0",
			"--resources=ports:[31000-31999]"}},
	}
	if diff := cmp.Diff(want, p); diff != "" {
		t.Errorf("the plan differs (-want +got):\n%s", diff)
	}
}

func TestSeveralAgentsShareTheMachine(t *testing.T) {
	t.Parallel()
	o := options()
	o.Agents, o.Attributes, o.Containerizers, o.DockerSocket = 2, "rack:r1", "process", "/d.sock"
	p, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"--master=127.0.0.1:5050", "--ip=127.0.0.1", "--port=5052", "--work_dir=/w/agent-1",
		"--resources=cpus:4;mem:4096;disk:10240;ports:[32000-32999]", "--attributes=rack:r1", "--containerizers=process", "--docker_socket=/d.sock"}
	if diff := cmp.Diff(want, p.Agents[1]); diff != "" {
		t.Errorf("the second agent differs (-want +got):\n%s", diff)
	}
	o.Agents = 20
	if p, err = New(o); err != nil || !strings.Contains(p.Agents[19][4], "cpus:1;") {
		t.Errorf("the twentieth agent has %v (%v)", p.Agents[19], err)
	}
}

func TestDeclaredResourcesAreCompleted(t *testing.T) {
	t.Parallel()
	o := options()
	o.Agents = 2
	for text, want := range map[string]string{
		"cpus:2;mem:100;":                                        "cpus:2;mem:100;disk:10240;ports:[31000-31999]",
		"cpus(a):1;mem:5;disk:1;ports:[1-2]":                     "cpus(a):1;mem:5;disk:1;ports:[1-2]",
		`[{"name":"cpus","type":"SCALAR","scalar":{"value":1}}]`: `[{"name":"cpus","type":"SCALAR","scalar":{"value":1}}]`,
	} {
		o.Resources = text
		p, err := New(o)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.TrimPrefix(p.Agents[0][4], "--resources="); got != want {
			t.Errorf("%s became %s, want %s", text, got, want)
		}
	}
}

func TestTheServicesAcceptTheirFlags(t *testing.T) {
	t.Parallel()
	o := options()
	o.Agents = 3
	p, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := config.LoadMaster(config.Source{Args: p.Master}); err != nil {
		t.Error(err)
	}
	for _, args := range p.Agents {
		if _, err := config.LoadAgent(config.Source{Args: args}); err != nil {
			t.Error(err)
		}
	}
}

func TestEveryWrongOptionIsNamed(t *testing.T) {
	t.Parallel()
	o := options()
	o.Agents, o.MasterPort, o.AgentPort, o.Resources = 0, 70000, 0, "cpus:x"
	_, err := New(o)
	for _, want := range []string{"--agents", "--master_port", "--agent_port", "--resources"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error does not name %s: %v", want, err)
		}
	}
	o = options()
	o.MasterPort, o.Agents = 5053, 3
	if _, err := New(o); err == nil || !strings.Contains(err.Error(), "5053 is also the port of an agent") {
		t.Errorf("a port taken twice gave %v", err)
	}
}

func TestTheWorkDirectoryIsTheUsersOwn(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		uid  int
		env  map[string]string
		want string
	}{
		{0, map[string]string{"HOME": "/root"}, "/var/lib/meseta"},
		{1000, map[string]string{"HOME": "/home/me"}, "/home/me/.local/state/meseta"},
		{1000, map[string]string{"HOME": "/home/me", "XDG_STATE_HOME": "/s"}, "/s/meseta"},
	} {
		if got := DefaultWorkDir(c.uid, func(k string) string { return c.env[k] }); got != c.want {
			t.Errorf("user %d with %v gets %q, want %q", c.uid, c.env, got, c.want)
		}
	}
}
