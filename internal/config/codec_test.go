package config

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestRegistriesAreUnderstood(t *testing.T) {
	t.Parallel()
	m, err := LoadMaster(Source{Args: []string{"--work_dir=/w"}})
	if err != nil || m.Registry.Kind != RegistrySQLite || m.RegistryPath() != "/w/registry.db" {
		t.Errorf("the default is %+v at %q (%v), want a file in the work directory", m.Registry, m.RegistryPath(), err)
	}
	if m := master(t); m.Registry.Kind != RegistryMemory || m.RegistryPath() != "" {
		t.Errorf("in_memory is %+v", m.Registry)
	}
	m, err = LoadMaster(Source{Args: []string{"--registry=sqlite:///a//b.db"}})
	if err != nil || m.RegistryPath() != "/a/b.db" {
		t.Errorf("sqlite: path %q (%v)", m.RegistryPath(), err)
	}
	m, err = LoadMaster(Source{Args: []string{"--registry=postgresql://u@h/d"}})
	if err != nil || m.Registry.Kind != RegistryPostgres || m.Registry.DSN.Reveal() != "postgresql://u@h/d" {
		t.Errorf("postgres: %+v (%v)", m.Registry, err)
	}
	for _, bad := range []string{"", "memory", "sqlite://relative.db", "sqlite:/x", "etcd://x"} {
		if _, err := parseRegistry(bad); err == nil {
			t.Errorf("registry %q was accepted", bad)
		}
	}
}

func TestMastersAreCompletedAndChecked(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		"a":                       {"a:5050"},
		"a:1, b:2,":               {"a:1", "b:2"},
		"http://a:1/":             {"a:1"},
		"[::1]:7":                 {"[::1]:7"},
		"::1":                     {"[::1]:5050"},
		"[::1]":                   {"[::1]:5050"},
		"127.0.0.1:5050,10.0.0.2": {"127.0.0.1:5050", "10.0.0.2:5050"},
	} {
		got, err := masters().parse(text)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("masters %q: %v %s", text, err, diff)
		}
	}
	for _, bad := range []string{"", ",", "zk://a:2181/mesos", "a:0", "a:x", ":5050", "a:70000", "a/b:5", "u@a"} {
		if got, err := masters().parse(bad); err == nil {
			t.Errorf("masters %q became %q", bad, got)
		}
	}
}

func TestContainerizersKnowTheNameOfMesos(t *testing.T) {
	t.Parallel()
	got, err := containerizers().parse("docker, mesos")
	if diff := cmp.Diff([]string{"docker", "process"}, got); diff != "" || err != nil {
		t.Errorf("%v %s", err, diff)
	}
	for _, bad := range []string{"", "mesos,process", "rkt"} {
		if got, err := containerizers().parse(bad); err == nil {
			t.Errorf("containerizers %q became %q", bad, got)
		}
	}
}

func TestBytesRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		b := Bytes(rapid.Int64Range(0, 1<<62).Draw(t, "bytes"))
		if got, err := ParseBytes(b.String()); err != nil || got != b {
			t.Fatalf("%d became %q and then %d (%v)", b, b.String(), got, err)
		}
	})
	for _, bad := range []string{"", "1", "MB", "-1MB", "1.5GB", "1PB", "9999999999TB", "1 MB", "1mb"} {
		if got, err := ParseBytes(bad); err == nil {
			t.Errorf("size %q became %d", bad, got)
		}
	}
}

func TestValuesOutsideTheirTypeAreRefused(t *testing.T) {
	t.Parallel()
	m, a := new(Master).table(), new(Agent).table()
	for _, c := range []struct {
		table       *table
		name, value string
	}{
		{m, "port", "65536"}, {m, "port", "-1"}, {m, "ip", "localhost"}, {m, "ip", "fe80::1%eth0"}, {m, "advertise_port", "0"},
		{m, "quiet", "yes"}, {m, "allocator_agent_recovery_factor", "1.1"}, {m, "allocator_agent_recovery_factor", "NaN"},
		{m, "recovery_agent_removal_limit", "50"}, {m, "recovery_agent_removal_limit", "101%"},
		{m, "agent_removal_rate_limit", "1"}, {m, "agent_removal_rate_limit", "0/1secs"}, {m, "agent_removal_rate_limit", "1/0ns"},
		{m, "weights", "a"}, {m, "weights", "a=0"}, {m, "weights", "a=1,a=2"}, {m, "weights", "a=Inf"}, {m, "weights", "=1"},
		{m, "domain", "3"}, {m, "domain", ""}, {m, "domain", "{"}, {m, "domain", "/does/not/exist"}, {m, "allocation_interval", "0ns"},
		{m, "min_allocatable_resources", "cpus"}, {m, "logging_level", "TRACE"}, {m, "http_max_request_size", "10B"},
		{a, "executor_reregistration_timeout", "16secs"}, {a, "executor_environment_variables", `{"A":1}`},
		{a, "executor_environment_variables", `{"A=":"1"}`}, {a, "sandbox_directory", "x"}, {a, "recover", "no"},
	} {
		f := c.table.find(c.name)
		f.reset()
		before, _ := f.format()
		if err := f.parse(c.value); err == nil {
			t.Errorf("--%s=%s was accepted", c.name, c.value)
		}
		if after, _ := f.format(); after != before {
			t.Errorf("--%s=%s was refused but stored", c.name, c.value)
		}
	}
}

func TestTheAdvertisedEndpointFollowsFromTheSettings(t *testing.T) {
	t.Parallel()
	ip := netip.MustParseAddr
	for _, c := range []struct {
		name string
		in   Network
		want Endpoint
	}{
		{"a loopback address names itself", Network{IP: ip("127.0.0.1"), Port: 1, HostnameLookup: true}, Endpoint{ip("127.0.0.1"), 9, "127.0.0.1"}},
		{"advertised values win", Network{IP: ip("127.0.0.1"), AdvertiseIP: ip("10.0.0.9"), AdvertisePort: 80, Hostname: "h"}, Endpoint{ip("10.0.0.9"), 80, "h"}},
		{"no lookup gives the address", Network{IP: ip("10.0.0.1")}, Endpoint{ip("10.0.0.1"), 9, "10.0.0.1"}},
	} {
		got, err := c.in.Advertised(9)
		if err != nil || got != c.want {
			t.Errorf("%s: got %+v (%v), want %+v", c.name, got, err, c.want)
		}
	}
	if e, err := (Network{IP: ip("0.0.0.0")}).Advertised(9); err != nil || e.IP.IsUnspecified() || !e.IP.IsValid() {
		t.Errorf("listening everywhere advertises %+v (%v)", e, err)
	}
	for n, want := range map[Network]string{
		{Port: 5}:                      ":5",
		{IP: ip("0.0.0.0"), Port: 5}:   ":5",
		{IP: ip("::1"), Port: 5}:       "[::1]:5",
		{IP: ip("127.0.0.1"), Port: 0}: "127.0.0.1:0",
	} {
		if got := n.ListenAddress(); got != want {
			t.Errorf("%+v listens on %q, want %q", n, got, want)
		}
	}
}

func TestTheDiscoveryCommandPrintsTheAddress(t *testing.T) {
	t.Parallel()
	n, err := Network{IPDiscoveryCommand: "echo ' 127.0.0.2'"}.Resolved(t.Context())
	if err != nil || n.IP.String() != "127.0.0.2" {
		t.Errorf("got %v (%v)", n.IP, err)
	}
	for _, bad := range []string{"echo nothing", "exit 3"} {
		if _, err := (Network{IPDiscoveryCommand: bad}).Resolved(t.Context()); err == nil || !strings.Contains(err.Error(), bad) {
			t.Errorf("%q: error %v, want one that names the command", bad, err)
		}
	}
}
