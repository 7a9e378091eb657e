package read

import (
	"context"
	"encoding/json"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/meseta/meseta/gen/mesosv1"
	"github.com/meseta/meseta/internal/config"
	"github.com/meseta/meseta/internal/fault"
	"github.com/meseta/meseta/internal/mesosid"
	"github.com/meseta/meseta/internal/mesosjson"
	"github.com/meseta/meseta/internal/resources"
	"github.com/meseta/meseta/master"
)

// Moments of the sample.
var (
	registeredAt   = time.Unix(1000, 500_000_000)
	reregisteredAt = time.Unix(2000, 0)
	endedAt        = time.Unix(3000, 0)
)

// fakeSource is a master that stands still.
type fakeSource struct {
	view *master.View
	torn []mesosid.FrameworkID
	err  error
}

var _ Source = (*fakeSource)(nil)

func (s *fakeSource) View(context.Context) (*master.View, error) { return s.view, s.err }

func (s *fakeSource) StartTime() time.Time { return time.Unix(900, 0) }

func (s *fakeSource) Info() mesosv1.MasterInfo {
	return mesosv1.MasterInfo{
		ID: "M", IP: 16777343, Port: 5050, Pid: new("master@127.0.0.1:5050"), Hostname: new("master.test"), Version: new("1.12.0"),
		Address:      &mesosv1.Address{Hostname: new("master.test"), IP: new(netip.MustParseAddr("127.0.0.1").String()), Port: 5050},
		Capabilities: []mesosv1.MasterInfoCapability{{Type: new(mesosv1.MasterInfoCapabilityTypeAgentUpdate)}},
	}
}

func (s *fakeSource) Teardown(_ context.Context, id mesosid.FrameworkID) error {
	for _, f := range s.view.Frameworks {
		if f.ID == id {
			s.torn = append(s.torn, id)
			return nil
		}
	}
	return fault.New(fault.Invalid, "No framework found with specified ID")
}

// fakeCounters has counted a little.
type fakeCounters struct{}

func (fakeCounters) Counters() map[string]uint64 {
	return map[string]uint64{"master/tasks_finished": 3, "master/frameworks/fw/F1/calls/accept": 2}
}

func (fakeCounters) Timers(time.Time) map[string]float64 {
	return map[string]float64{"allocator/mesos/allocation_run_ms": 1.5}
}

func (fakeCounters) Waiting() int { return 4 }

func parse(t *testing.T, text string) resources.Resources {
	t.Helper()
	declared, err := resources.Parse(text, "*")
	if err != nil {
		t.Fatal(err)
	}
	return declared.Resources
}

// sample is a small cluster: agents S1 with a reservation and S2 disconnected;
// framework F1 in two roles with a running task, an ended one and an offer;
// framework F2 with a single role and an unreachable task; F0 completed.
func sample(t *testing.T) *master.View {
	t.Helper()
	offered := parse(t, "mem:64;ports:[10-12]").Allocate("eng/web")
	used := parse(t, "cpus:0.5;mem:32").Allocate("eng/web")
	f1 := &master.FrameworkRecord{
		ID: "F1",
		Info: &mesosv1.FrameworkInfo{
			User: "nobody", Name: "fw", ID: &mesosv1.FrameworkID{Value: "F1"}, FailoverTimeout: new(0.0), Checkpoint: new(false),
			Roles: []string{"eng/web", "ops"}, Principal: new("p"), Labels: &mesosv1.Labels{Labels: []mesosv1.Label{{Key: "k", Value: new("v")}}},
			Capabilities: []mesosv1.FrameworkInfoCapability{{Type: new(mesosv1.FrameworkInfoCapabilityTypeMultiRole)}},
		},
		Roles: []string{"eng/web", "ops"}, Suppressed: []string{"ops"},
		Connected: true, Active: true, Registered: registeredAt,
		Tasks:    []*mesosv1.Task{task("t1", "F1", "S1", "", mesosv1.TaskRunning, used, 20)},
		Finished: []*mesosv1.Task{task("t0", "F1", "S1", "", mesosv1.TaskFinished, used, 10)},
		Offers: []*mesosv1.Offer{{
			ID: mesosv1.OfferID{Value: "O1"}, FrameworkID: mesosv1.FrameworkID{Value: "F1"}, AgentID: mesosv1.AgentID{Value: "S1"},
			Hostname: "agent1.test", Resources: offered.ToV1(resources.Post), AllocationInfo: &mesosv1.ResourceAllocationInfo{Role: new("eng/web")},
		}},
		Used: used, Offered: offered,
	}
	f2 := &master.FrameworkRecord{
		ID: "F2",
		Info: &mesosv1.FrameworkInfo{
			User: "nobody", Name: "old one", ID: &mesosv1.FrameworkID{Value: "F2"}, FailoverTimeout: new(60.0), Checkpoint: new(true),
			Role: new("*"), Hostname: new("sched.test"), WebuiURL: new("http://ui.test"),
		},
		Roles: []string{"*"}, Recovered: true, Registered: registeredAt, Reregistered: reregisteredAt,
		Unreachable: []*mesosv1.Task{task("t2", "F2", "S9", "e", mesosv1.TaskUnreachable, parse(t, "cpus:1").Allocate("*"), 5)},
		Executors: []master.ExecutorRecord{{
			Agent: "S1",
			Info: &mesosv1.ExecutorInfo{
				ExecutorID: mesosv1.ExecutorID{Value: "e"}, Name: new("x"), Type: new(mesosv1.ExecutorInfoTypeCustom),
				Command: &mesosv1.CommandInfo{Shell: new(true), Value: new("run"), Uris: []mesosv1.CommandInfoURI{{Value: "http://u"}}},
			},
			Resources: parse(t, "cpus:0.1").Allocate("*"),
		}},
		Used: parse(t, "cpus:0.1").Allocate("*"),
	}
	f0 := &master.FrameworkRecord{
		ID: "F0", Info: &mesosv1.FrameworkInfo{User: "u", Name: "gone", ID: &mesosv1.FrameworkID{Value: "F0"}},
		Roles: []string{"*"}, Registered: registeredAt, Unregistered: endedAt,
		Finished: []*mesosv1.Task{task("t3", "F0", "S1", "", mesosv1.TaskKilled, parse(t, "cpus:1").Allocate("*"), 15)},
	}
	s1 := &master.AgentRecord{
		ID: "S1", Info: agentInfo("S1", "agent1.test"), Version: "1.12.0", PID: "slave(1)@127.0.0.1:5051",
		Capabilities: []mesosv1.AgentInfoCapability{{Type: new(mesosv1.AgentInfoCapabilityTypeMultiRole)}},
		Attributes:   attributesOf(t, "rack:r1;level:3;span:[1-5]"),
		Connected:    true, Active: true, Registered: registeredAt,
		Total:      parse(t, "cpus:4;cpus(eng):1;mem:1024;ports:[1-100]"),
		Used:       map[mesosid.FrameworkID]resources.Resources{"F1": used, "F2": f2.Used},
		Offered:    offered,
		Frameworks: []mesosid.FrameworkID{"F1", "F2"},
	}
	s2 := &master.AgentRecord{
		ID: "S2", Info: agentInfo("S2", "agent2.test"), Version: "1.12.0", PID: "slave(1)@127.0.0.2:5051",
		Registered: registeredAt, Reregistered: reregisteredAt, Total: parse(t, "cpus:2"),
	}
	return &master.View{
		Frameworks: []*master.FrameworkRecord{f1, f2}, Completed: []*master.FrameworkRecord{f0},
		Agents: []*master.AgentRecord{s1, s2}, Unreachable: map[mesosid.AgentID]time.Time{"S9": endedAt},
		Offers: 1, Weights: map[string]float64{"eng": 2.5},
	}
}

func agentInfo(id, hostname string) *mesosv1.AgentInfo {
	return &mesosv1.AgentInfo{Hostname: hostname, Port: new(int32(5051)), ID: &mesosv1.AgentID{Value: id}}
}

func attributesOf(t *testing.T, text string) resources.Attributes {
	t.Helper()
	as, err := resources.ParseAttributes(text)
	if err != nil {
		t.Fatal(err)
	}
	return as
}

func task(id, framework, agent, executor string, state mesosv1.TaskState, rs resources.Resources, began float64) *mesosv1.Task {
	out := &mesosv1.Task{
		Name: id, TaskID: mesosv1.TaskID{Value: id}, FrameworkID: mesosv1.FrameworkID{Value: framework},
		AgentID: mesosv1.AgentID{Value: agent}, State: state, Resources: rs.ToV1(resources.Post),
		Statuses: []mesosv1.TaskStatus{{
			TaskID: mesosv1.TaskID{Value: id}, State: state, Timestamp: new(began), Message: new("not shown by the older endpoints"),
			ContainerStatus: &mesosv1.ContainerStatus{ContainerID: &mesosv1.ContainerID{Value: "c-" + id}, ExecutorPid: new(uint32(7))},
		}},
	}
	if executor != "" {
		out.ExecutorID = &mesosv1.ExecutorID{Value: executor}
	}
	return out
}

// reader reads a view.
func reader(source Source) *Reader {
	return New(source, Options{
		Flags:        []config.Flag{{Name: "cluster", Value: "east"}, {Name: "port", Value: "5050"}},
		Counters:     fakeCounters{},
		PerFramework: true,
	})
}

// sameJSON compares a value with JSON text by what they say.
func sameJSON(t *testing.T, got any, want string) {
	t.Helper()
	text, isText := got.([]byte)
	if !isText {
		var err error
		if text, err = mesosjson.Marshal(got); err != nil {
			t.Fatal(err)
		}
	}
	var a, b any
	if err := json.Unmarshal(text, &a); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	if err := json.Unmarshal([]byte(want), &b); err != nil {
		t.Fatalf("%v in the wanted text", err)
	}
	if diff := cmp.Diff(b, a); diff != "" {
		t.Errorf("differs (-want +got):\n%s", diff)
	}
}
