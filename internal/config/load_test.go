package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// master loads a master that needs nothing else, with further arguments.
func master(t *testing.T, args ...string) *Master {
	t.Helper()
	m, err := LoadMaster(Source{Args: append([]string{"--registry=in_memory"}, args...)})
	if err != nil {
		t.Fatalf("LoadMaster(%q): %v", args, err)
	}
	return m
}

// agent loads an agent that needs nothing else, with further arguments.
func agent(t *testing.T, args ...string) *Agent {
	t.Helper()
	a, err := LoadAgent(Source{Args: append([]string{"--master=127.0.0.1", "--work_dir=/w"}, args...)})
	if err != nil {
		t.Fatalf("LoadAgent(%q): %v", args, err)
	}
	return a
}

// problems loads a master and returns what is wrong with it.
func problems(t *testing.T, src Source) []string {
	t.Helper()
	_, err := LoadMaster(src)
	if err == nil {
		return nil
	}
	e, ok := errors.AsType[*Error](err)
	if !ok {
		t.Fatalf("LoadMaster returned %T (%v), want *Error", err, err)
	}
	return e.Problems
}

func write(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestFlagsMayBeWrittenInAllTheFormsOfMesosAndMore(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{"--offer_timeout=30mins", "--no-root_submissions", "--require_agent_domain"},
		{"--offer_timeout", "30mins", "--root_submissions=false", "--require_agent_domain=true"},
		{"--offer-timeout=30m", "--no-root-submissions", "--require-agent-domain=1"},
		{"--offer_timeout=1800secs", "--no_root_submissions", "--require_agent_domain"},
	} {
		m := master(t, args...)
		if m.OfferTimeout != 30*time.Minute || m.RootSubmissions || !m.RequireAgentDomain {
			t.Errorf("%q gave offer timeout %v, root submissions %v, require domain %v",
				args, m.OfferTimeout, m.RootSubmissions, m.RequireAgentDomain)
		}
	}
}

func TestTheLastOfRepeatedFlagsWins(t *testing.T) {
	t.Parallel()
	m := master(t, "--cluster=a", "--cluster=b", "--role_sorter=drf", "--user_sorter=random")
	if m.Cluster != "b" || m.RoleSorter != "random" {
		t.Errorf("got cluster %q and sorter %q", m.Cluster, m.RoleSorter)
	}
}

func TestOlderNamesReachTheSameFlag(t *testing.T) {
	t.Parallel()
	m := master(t, "--slave_ping_timeout=3secs", "--max_slave_ping_timeouts=2", "--user_sorter=random")
	if m.AgentPingTimeout != 3*time.Second || m.MaxAgentPingTimeouts != 2 || m.RoleSorter != "random" {
		t.Errorf("older names gave %v, %d, %q", m.AgentPingTimeout, m.MaxAgentPingTimeouts, m.RoleSorter)
	}
}

func TestTheCommandLineWinsOverTheEnvironmentWhichWinsOverTheFile(t *testing.T) {
	t.Parallel()
	file := write(t, "master.yaml", `
cluster: from file
max-completed-frameworks: 7
registry: in_memory
role_sorter: random
offer_timeout: 1mins
`)
	m, err := LoadMaster(Source{
		Args: []string{"--cluster=from line"},
		Env:  []string{"MESOS_CONFIG=" + file, "MESOS_CLUSTER=from env", "MESOS_ROLE_SORTER=drf", "MESOS_TASK_ID=other", "PATH=/bin"},
	})
	if err != nil {
		t.Fatal(err)
	}
	got := []any{m.Cluster, m.RoleSorter, m.MaxCompletedFrameworks, m.OfferTimeout, m.Registry.Kind, m.Port}
	want := []any{"from line", "drf", 7, time.Minute, RegistryMemory, 5050}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("settings differ (-want +got):\n%s", diff)
	}
}

func TestAFileMayHoldStructuredValues(t *testing.T) {
	t.Parallel()
	file := write(t, "agent.json", `{
		"master": ["a:1", "b"], "work_dir": "/w", "switch_user": false, "gc_disk_headroom": 0.25,
		"domain": {"fault_domain": {"region": {"name": "eu"}}},
		"resources": [{"name": "cpus", "type": "SCALAR", "scalar": {"value": 2}}],
		"executor_environment_variables": {"A": "1"}, "hostname": null}`)
	a, err := LoadAgent(Source{Args: []string{"--config=" + file}})
	if err != nil {
		t.Fatal(err)
	}
	got := []any{a.Masters, a.SwitchUser, a.GCDiskHeadroom, string(a.Domain), a.ExecutorEnvironment, a.RuntimeDir, a.Resources}
	want := []any{[]string{"a:1", "b:5050"}, false, 0.25, `{"fault_domain":{"region":{"name":"eu"}}}`, map[string]string{"A": "1"}, "/w/runtime",
		`[{"name":"cpus","scalar":{"value":2},"type":"SCALAR"}]`}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("settings differ (-want +got):\n%s", diff)
	}
}

func TestAValueMayStandInAFileOfItsOwn(t *testing.T) {
	t.Parallel()
	m := master(t, "--cluster=file://"+write(t, "name", "blue\n"), "--whitelist=file:///etc/hosts",
		"--domain="+write(t, "domain", `{ "fault_domain": {} }`))
	got := []any{m.Cluster, m.Whitelist, string(m.Domain)}
	if diff := cmp.Diff([]any{"blue", "/etc/hosts", `{"fault_domain":{}}`}, got); diff != "" {
		t.Errorf("settings differ (-want +got):\n%s", diff)
	}
}

func TestEveryProblemIsReportedAtOnceAndNamesItsPlace(t *testing.T) {
	t.Parallel()
	file := write(t, "bad.yaml", "colour: red\nport: [1]\n")
	got := problems(t, Source{
		Args: []string{"--config=" + file, "--agent_ping_timeout=1ms", "--ofer_timeout=1secs", "stray",
			"--no-port", "--no-quiet=true", "--registry"},
		Env: []string{"MESOS_MAX_AGENT_PING_TIMEOUTS=0", "MESOS_QUORUM=two", "MESOS_ROLE_SORTER=drf", "MESOS_USER_SORTER=random"},
	})
	for _, want := range []string{
		"--agent_ping_timeout: 1ms is out of range: from 1secs to 15mins",
		"--ofer_timeout: there is no such flag; did you mean --offer_timeout?",
		`"stray" is not a flag: flags begin with --`,
		"--no-port: the flag is not a boolean and cannot be negated",
		"--no-quiet: takes no value",
		"--registry: needs a value: write --registry=REGISTRY",
		"MESOS_MAX_AGENT_PING_TIMEOUTS: 0 is out of range: from 1 to 2147483647",
		`MESOS_QUORUM: "two" is not a whole number`,
		"MESOS_ROLE_SORTER and MESOS_USER_SORTER are the same flag: set one of them",
		file + ": colour: there is no such setting; --help lists all",
		file + ": port: a list or an object cannot be used here: write NUMBER as text",
	} {
		found := false
		for _, p := range got {
			found = found || p == want
		}
		if !found {
			t.Errorf("missing problem %q", want)
		}
	}
	if len(got) != 11 || t.Failed() {
		t.Errorf("problems:\n%s", strings.Join(got, "\n"))
	}
}

func TestCombinationsAreChecked(t *testing.T) {
	t.Parallel()
	for want, args := range map[string][]string{
		"--work_dir: the registry file needs a directory":                 nil,
		"--ip_discovery_command: cannot be combined with --ip":            {"--registry=in_memory", "--ip=127.0.0.1", "--ip_discovery_command=hostname -i"},
		"--registry_strict: a strict registry cannot be enabled":          {"--registry=in_memory", "--registry_strict"},
		"--authenticate_http: this version cannot authenticate":           {"--registry=in_memory", "--authenticate_http"},
		"--acls: this version cannot authenticate or authorize clients":   {"--registry=in_memory", "--acls={}"},
		"--agent_reregister_timeout: 1mins is too short: at least 10mins": {"--registry=in_memory", "--agent_reregister_timeout=1mins"},
	} {
		if got := problems(t, Source{Args: args}); len(got) != 1 || !strings.HasPrefix(got[0], want) {
			t.Errorf("%q: problems %q, want one that begins with %q", args, got, want)
		}
	}
	if _, err := LoadAgent(Source{}); err == nil || !strings.Contains(err.Error(), "--master") || !strings.Contains(err.Error(), "--work_dir") {
		t.Errorf("an agent without master and work directory: %v", err)
	}
	for _, arg := range []string{"--resources=cpus:x", "--default_role=/a", "--attributes=a", "--resources=[{}]"} {
		_, err := LoadAgent(Source{Args: []string{"--master=a", "--work_dir=/w", arg}})
		if name, _, _ := strings.Cut(arg, "="); err == nil || !strings.HasPrefix(err.Error(), name+": ") {
			t.Errorf("%s: error %v, want one that names the flag", arg, err)
		}
	}
	master(t, "--no-authenticate_http_readonly", "--authenticate_frameworks=false")
}

func TestBadFilesAreProblems(t *testing.T) {
	t.Parallel()
	for name, content := range map[string]string{
		"list.yaml":      "- a\n",
		"duplicate.yaml": "cluster: a\ncluster: b\n",
		"text.yaml":      "{",
		"alias.yaml":     "role_sorter: drf\nuser_sorter: drf\n",
		"nested.yaml":    "config: other.yaml\n",
		"large.yaml":     "cluster: " + strings.Repeat("x", maxFileSize),
	} {
		path := write(t, name, content)
		if got := problems(t, Source{Args: []string{"--registry=in_memory", "--config", path}}); len(got) != 1 || !strings.Contains(got[0], path) {
			t.Errorf("%s: problems %q, want one that names the file", name, got)
		}
	}
	if got := problems(t, Source{Args: []string{"--registry=in_memory", "--config=/does/not/exist"}}); len(got) != 1 {
		t.Errorf("a missing file: problems %q, want one", got)
	}
	if got := problems(t, Source{Args: []string{"--registry=in_memory", "--cluster=file:///does/not/exist"}}); len(got) != 1 {
		t.Errorf("a missing value file: problems %q, want one", got)
	}
}

func TestDirectoriesBecomeAbsolute(t *testing.T) {
	t.Parallel()
	a, err := LoadAgent(Source{Args: []string{"--master=a", "--work_dir=w"}})
	if err != nil {
		t.Fatal(err)
	}
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	got := []string{a.WorkDir, a.RuntimeDir, a.FetcherCacheDir}
	want := []string{filepath.Join(here, "w"), filepath.Join(here, "w/runtime"), filepath.Join(here, "w/fetch")}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("directories differ (-want +got):\n%s", diff)
	}
}

func TestTheLogFileFollowsFromTheFlags(t *testing.T) {
	t.Parallel()
	for want, l := range map[string]Logging{
		"":                          {},
		"/var/log/meseta-agent.log": {Dir: "/var/log"},
		"/var/log/other":            {Dir: "/var/log", ExternalFile: "/var/log/other"},
	} {
		if got := l.File("agent"); got != want {
			t.Errorf("%+v is logged to %q, want %q", l, got, want)
		}
	}
}

func TestHelpAndVersionNeedNoOtherFlags(t *testing.T) {
	t.Parallel()
	for _, arg := range []string{"--help", "-h"} {
		if m, err := LoadMaster(Source{Args: []string{arg, "--port=x"}}); err != nil || !m.HelpWanted {
			t.Errorf("%s: %v", arg, err)
		}
	}
	if a, err := LoadAgent(Source{Args: []string{"--version"}}); err != nil || !a.VersionWanted {
		t.Errorf("--version: %v", err)
	}
}

func FuzzLoadNeverPanics(f *testing.F) {
	f.Add("--port=1 --no-quiet", "offer_timeout: 5secs")
	f.Add("--weights=a=1,b=2", `{"domain":{}}`)
	f.Fuzz(func(t *testing.T, line, file string) {
		path := filepath.Join(t.TempDir(), "f")
		if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
			t.Fatal(err)
		}
		l := &loader{table: new(Master).table(), given: map[string]bool{}}
		values := l.commandLine(strings.Fields(line))
		for name := range values {
			if l.table.find(name) == nil {
				t.Fatalf("%q gave a value to the unknown flag %q", line, name)
			}
		}
		l.file(path)
	})
}
