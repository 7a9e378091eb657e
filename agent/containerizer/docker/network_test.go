package docker_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"testing"
	"time"

	"github.com/meseta/meseta/gen/mesosv1"
	"github.com/meseta/meseta/it/engine"
)

// freePort finds a port that nobody listens on.
func freePort(t *testing.T, network string) int {
	t.Helper()
	if network == "udp" {
		c, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		return c.LocalAddr().(*net.UDPAddr).Port
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

func TestPublishedPortsReachTheContainer(t *testing.T) {
	a := newAgent(t)
	engine.Shared(t).BusyboxImage(t)
	tcp, udp := freePort(t, "tcp"), freePort(t, "udp")
	spec := a.spec(`nc -ll -p 80 -e echo hello over tcp & hostname; echo up; wait`)
	spec.Container.Hostname = new("web")
	spec.Container.Docker.Network = new(mesosv1.ContainerInfoDockerInfoNetworkBridge)
	spec.Container.Docker.PortMappings = []mesosv1.ContainerInfoDockerInfoPortMapping{
		{HostPort: uint32(tcp), ContainerPort: 80},
		{HostPort: uint32(udp), ContainerPort: 53, Protocol: new("UDP")},
	}
	status := a.launch(spec)
	if len(status.IPAddresses) != 1 || net.ParseIP(status.IPAddresses[0]) == nil {
		t.Errorf("got addresses %q, want the one of the bridge", status.IPAddresses)
	}
	var described []struct {
		Name            string
		NetworkSettings struct {
			Ports map[string][]struct{ HostPort string }
		}
	}
	if err := json.Unmarshal(status.Data, &described); err != nil || len(described) != 1 || described[0].Name != "/mesos-"+string(spec.ID) {
		t.Fatalf("the status describes %+v, %v", described, err)
	}
	a.untilOutput(spec, "web\nup\n")
	until(t, "a connection over TCP", func() bool {
		c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", tcp))
		if err != nil {
			return false
		}
		defer c.Close()
		_ = c.SetDeadline(time.Now().Add(5 * time.Second))
		data, _ := io.ReadAll(c)
		return string(data) == "hello over tcp\n"
	})
	if got := described[0].NetworkSettings.Ports["53/udp"]; len(got) != 1 || got[0].HostPort != fmt.Sprint(udp) {
		t.Errorf("UDP port 53 is published as %+v, want %d", got, udp)
	}
}

func TestTheHostsNetworkIsTheDefault(t *testing.T) {
	a := newAgent(t)
	engine.Shared(t).BusyboxImage(t)
	port := freePort(t, "tcp")
	spec := a.spec(fmt.Sprintf("exec httpd -f -p 127.0.0.1:%d", port))
	spec.Container.Docker.Network = nil
	if status := a.launch(spec); len(status.IPAddresses) != 0 {
		t.Errorf("got addresses %q of the container's own", status.IPAddresses)
	}
	until(t, "a connection to the host's port", func() bool {
		c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
		if err != nil {
			return false
		}
		return c.Close() == nil
	})
}

func TestStatisticsCountWhatTheContainerUses(t *testing.T) {
	a := newAgent(t)
	engine.Shared(t).BusyboxImage(t)
	spec := a.spec("echo up; i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done; exec sleep 1000")
	spec.Container.Docker.Network = new(mesosv1.ContainerInfoDockerInfoNetworkBridge)
	a.launch(spec)
	until(t, "the container has used some time", func() bool {
		s, err := a.Statistics(t.Context(), spec.ID)
		if err != nil {
			t.Fatal(err)
		}
		return s.CpusUserTimeSecs != nil && *s.CpusUserTimeSecs > 0 &&
			s.MemTotalBytes != nil && *s.MemTotalBytes > 0 && s.MemLimitBytes != nil && *s.MemLimitBytes == 32<<20 &&
			s.NetRxBytes != nil && s.MemRssBytes != nil && s.Timestamp > 1e9
	})
}
