package show

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/meseta/meseta/gen/operatorv1"
)

// decode reads an answer of the master.
func decode[T any](t *testing.T, text string) *T {
	t.Helper()
	var v T
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatal(err)
	}
	return &v
}

func print(t *testing.T, l *Listing, f Format) string {
	t.Helper()
	var b strings.Builder
	if err := l.Print(&b, f); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

const agents = `{"agents":[
 {"agent_info":{"id":{"value":"S1"},"hostname":"b"},"active":false,"version":"1.12.0"},
 {"agent_info":{"id":{"value":"S0"},"hostname":"a","attributes":[{"name":"rack","type":"TEXT","text":{"value":"r1"}}]},
  "active":true,"version":"1.12.0","pid":"slave(1)@10.0.0.1:5051","registered_time":{"nanoseconds":1700000000000000000},
  "total_resources":[{"name":"cpus","type":"SCALAR","scalar":{"value":4}},{"name":"mem","type":"SCALAR","scalar":{"value":1024}}],
  "allocated_resources":[{"name":"cpus","type":"SCALAR","scalar":{"value":0.1}}]}]}`

func TestAgentsAreShownInEveryFormat(t *testing.T) {
	t.Parallel()
	l := Agents(decode[operatorv1.ResponseGetAgents](t, agents))
	for f, want := range map[Format]string{
		FormatTable: "ID   HOSTNAME   ADDRESS         STATUS         CPUS    MEM\n" +
			"S0   a          10.0.0.1:5051   active         0.1/4   0/1024\n" +
			"S1   b          b:5051          disconnected   0/0     0/0\n",
		FormatWide: "ID   HOSTNAME   ADDRESS         STATUS         CPUS    MEM      DISK   GPUS   ATTRIBUTES   VERSION   REGISTERED\n" +
			"S0   a          10.0.0.1:5051   active         0.1/4   0/1024   0/0    0/0    rack:r1      1.12.0    2023-11-14T22:13:20Z\n" +
			"S1   b          b:5051          disconnected   0/0     0/0      0/0    0/0    -            1.12.0    -\n",
		FormatName: "S0\nS1\n",
	} {
		if diff := cmp.Diff(want, print(t, l, f)); diff != "" {
			t.Errorf("%s differs (-want +got):\n%s", f, diff)
		}
	}
	var back []operatorv1.ResponseGetAgentsAgent
	if err := json.Unmarshal([]byte(print(t, l, FormatJSON)), &back); err != nil || len(back) != 2 || back[0].AgentInfo.Hostname != "a" {
		t.Errorf("the JSON is not the list of the API: %v", err)
	}
	if y := print(t, l, FormatYAML); !strings.HasPrefix(y, "- active: true\n") {
		t.Errorf("the YAML begins with %.40q", y)
	}
}

func TestFrameworksShowTheirCondition(t *testing.T) {
	t.Parallel()
	f := decode[operatorv1.ResponseGetFrameworks](t, `{"frameworks":[
	 {"framework_info":{"id":{"value":"F0"},"name":"n","user":"u","roles":["a","b"],"failover_timeout":90},"active":true,"connected":true,"recovered":false},
	 {"framework_info":{"id":{"value":"F1"},"name":"n","user":"u","role":"c"},"active":false,"connected":true,"recovered":false},
	 {"framework_info":{"id":{"value":"F2"},"name":"n","user":"u"},"active":false,"connected":false,"recovered":false},
	 {"framework_info":{"id":{"value":"F3"},"name":"n","user":"u"},"active":false,"connected":false,"recovered":true}],
	 "completed_frameworks":[{"framework_info":{"id":{"value":"F4"},"name":"n","user":"u"},"active":false,"connected":false,"recovered":false}]}`)
	want := "ID   NAME   USER   ROLES   STATUS         CPUS   MEM\n" +
		"F0   n      u      a,b     active         0      0\n" +
		"F1   n      u      c       inactive       0      0\n" +
		"F2   n      u      -       disconnected   0      0\n" +
		"F3   n      u      -       recovered      0      0\n"
	if diff := cmp.Diff(want, print(t, Frameworks(f, false), FormatTable)); diff != "" {
		t.Errorf("the table differs (-want +got):\n%s", diff)
	}
	if got := print(t, Frameworks(f, true), FormatTable); !strings.HasSuffix(got, "F4   n      u      -       completed      0      0\n") {
		t.Errorf("with completed ones:\n%s", got)
	}
	if got := print(t, Frameworks(f, false), FormatWide); !strings.Contains(got, "90secs") {
		t.Errorf("the failover timeout is missing:\n%s", got)
	}
}

func TestTasksOfAllConditionsAreShownOnDemandAndCannotBreakTheTable(t *testing.T) {
	t.Parallel()
	tasks := decode[operatorv1.ResponseGetTasks](t, `{
	 "tasks":[{"name":"two\nlines\u001b[2J","task_id":{"value":"t1"},"framework_id":{"value":"F"},"agent_id":{"value":"A"},"state":"TASK_RUNNING",
	   "resources":[{"name":"cpus","type":"SCALAR","scalar":{"value":0.5}}],
	   "statuses":[{"task_id":{"value":"t1"},"state":"TASK_RUNNING","timestamp":1700000000.5,"message":"m"}]}],
	 "unreachable_tasks":[{"name":"u","task_id":{"value":"t2"},"framework_id":{"value":"F"},"agent_id":{"value":"A"},"state":"TASK_UNREACHABLE"}],
	 "completed_tasks":[{"name":"c","task_id":{"value":"t3"},"framework_id":{"value":"F"},"agent_id":{"value":"A"},"state":"TASK_FINISHED"}]}`)
	want := "ID   NAME            FRAMEWORK   AGENT   STATE         CPUS   MEM\n" +
		"t1   two lines [2J   F           A       RUNNING       0.5    0\n" +
		"t2   u               F           A       UNREACHABLE   0      0\n"
	if diff := cmp.Diff(want, print(t, Tasks(tasks, false), FormatTable)); diff != "" {
		t.Errorf("the table differs (-want +got):\n%s", diff)
	}
	if got := print(t, Tasks(tasks, true), FormatName); got != "t1\nt2\nt3\n" {
		t.Errorf("with completed ones: %q", got)
	}
	if got := print(t, Tasks(tasks, true), FormatWide); !strings.Contains(got, "2023-11-14T22:13:20Z   m") {
		t.Errorf("the last update is missing:\n%s", got)
	}
}

func TestEmptyListingsAreEmptyListsInJSON(t *testing.T) {
	t.Parallel()
	for _, l := range []*Listing{
		Agents(&operatorv1.ResponseGetAgents{}), Frameworks(&operatorv1.ResponseGetFrameworks{}, true),
		Tasks(&operatorv1.ResponseGetTasks{}, true), Roles(&operatorv1.ResponseGetRoles{}),
	} {
		if got := print(t, l, FormatJSON); got != "[]\n" || !l.Empty() {
			t.Errorf("an empty listing is %q", got)
		}
	}
}

func TestRolesShowTheirShare(t *testing.T) {
	t.Parallel()
	r := decode[operatorv1.ResponseGetRoles](t, `{"roles":[{"name":"web","weight":2.5,"frameworks":[{"value":"F"}],
	 "resources":[{"name":"mem","type":"SCALAR","scalar":{"value":64}}]},{"name":"*","weight":1}]}`)
	want := "NAME   WEIGHT   FRAMEWORKS   CPUS   MEM\n*      1        0            0      0\nweb    2.5      1            0      64\n"
	if diff := cmp.Diff(want, print(t, Roles(r), FormatTable)); diff != "" {
		t.Errorf("the table differs (-want +got):\n%s", diff)
	}
}

func TestFormatsAreChecked(t *testing.T) {
	t.Parallel()
	if _, err := ParseFormat("xml"); err == nil || !strings.Contains(err.Error(), "table, wide, json, yaml, name") {
		t.Errorf("xml gave %v", err)
	}
	if f, err := ParseFormat("wide"); err != nil || f != FormatWide {
		t.Errorf("wide gave %v, %v", f, err)
	}
}
