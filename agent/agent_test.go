package agent_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/meseta/meseta/agent"
	"github.com/meseta/meseta/agent/containerizer/process"
	"github.com/meseta/meseta/gen/mesosv1"
	"github.com/meseta/meseta/gen/nodev1"
)

// TestMain is also the supervisor of containers and the agent that tests kill:
// both are this test binary, started again.
func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == supervisorRole {
		os.Exit(process.SupervisorMain(os.Args[2:]))
	}
	if len(os.Args) > 2 && os.Args[1] == agentRole {
		if err := runAgentProcess(os.Args[2]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

// cluster is one agent with a master and a containerizer that are not real.
type cluster struct {
	t         *testing.T
	master    *fakeMaster
	process   *fakeContainerizer
	docker    *fakeContainerizer
	options   agent.Options
	agent     *agent.Agent
	stop      func()
	result    chan error
	framework mesosv1.FrameworkInfo
}

func newCluster(t *testing.T) *cluster {
	c := &cluster{t: t, master: newFakeMaster(t), process: newFakeContainerizer(), docker: newFakeContainerizer()}
	c.options = agent.Options{
		WorkDir: t.TempDir(), Masters: []string{"127.0.0.1:5050"},
		HTTP:     &http.Client{Transport: c.master},
		Hostname: "agent1.test", IP: "127.0.0.1", Port: 5051, Version: "1.12.0", BootID: "boot-1",
		Resources: []mesosv1.Resource{
			{Name: "cpus", Type: mesosv1.ValueTypeScalar, Scalar: &mesosv1.ValueScalar{Value: 4}},
			{Name: "mem", Type: mesosv1.ValueTypeScalar, Scalar: &mesosv1.ValueScalar{Value: 2048}},
		},
		Containerizers: agent.Containerizers{Process: c.process, Docker: c.docker},
	}
	c.framework = mesosv1.FrameworkInfo{
		ID: &mesosv1.FrameworkID{Value: "f1"}, User: "tester", Name: "golden",
		Roles: []string{"dev"}, Checkpoint: new(true),
	}
	return c
}

// start runs the agent and waits until it has registered.
func (c *cluster) start() {
	c.t.Helper()
	sessions := 0
	c.master.mu.Lock()
	sessions = c.master.sessions
	c.master.mu.Unlock()
	c.launchAgent()
	c.master.waitSessions(sessions + 1)
	synctest.Wait()
}

func (c *cluster) launchAgent() {
	c.t.Helper()
	a, err := agent.New(c.options)
	if err != nil {
		c.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(c.t.Context())
	c.agent, c.result = a, make(chan error, 1)
	go func() { c.result <- a.Run(ctx) }()
	c.stop = func() {
		c.t.Helper()
		cancel()
		if err := <-c.result; err != nil {
			c.t.Errorf("Run: %v", err)
		}
	}
}

func command(id, value string) mesosv1.TaskInfo {
	return mesosv1.TaskInfo{
		Name: "task " + id, TaskID: mesosv1.TaskID{Value: id}, AgentID: mesosv1.AgentID{Value: "agent-S0"},
		Command: &mesosv1.CommandInfo{Value: &value},
		Resources: []mesosv1.Resource{
			{Name: "cpus", Type: mesosv1.ValueTypeScalar, Scalar: &mesosv1.ValueScalar{Value: 0.1}, AllocationInfo: &mesosv1.ResourceAllocationInfo{Role: new("dev")}},
			{Name: "mem", Type: mesosv1.ValueTypeScalar, Scalar: &mesosv1.ValueScalar{Value: 32}, AllocationInfo: &mesosv1.ResourceAllocationInfo{Role: new("dev")}},
		},
	}
}

func (c *cluster) run(tasks ...mesosv1.TaskInfo) {
	c.master.send(nodev1.Event{Type: nodev1.EventTypeRunTasks, RunTasks: &nodev1.RunTasks{
		FrameworkInfo: c.framework, Tasks: tasks,
	}})
}

func (c *cluster) expectStates(id string, want ...mesosv1.TaskState) {
	c.t.Helper()
	if diff := cmp.Diff(want, c.master.states(id)); diff != "" {
		c.t.Errorf("states of %s (-want +got):\n%s", id, diff)
	}
}

func TestACommandTaskRunsToItsEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t)
		c.start()
		defer func() { c.stop() }()
		c.run(command("t1", "echo hi"))
		c.master.waitState("t1", mesosv1.TaskRunning)
		c.process.finish("t1", exited(0))
		finished := c.master.waitState("t1", mesosv1.TaskFinished)
		synctest.Wait()

		c.expectStates("t1", mesosv1.TaskStarting, mesosv1.TaskRunning, mesosv1.TaskFinished)
		container := finished.ContainerStatus.ContainerID
		want := mesosv1.TaskStatus{
			TaskID: mesosv1.TaskID{Value: "t1"}, State: mesosv1.TaskFinished,
			Message: new("Command exited with status 0"), Source: new(mesosv1.SourceExecutor),
			AgentID: &mesosv1.AgentID{Value: "agent-S0"}, ExecutorID: &mesosv1.ExecutorID{Value: "t1"},
			Timestamp: finished.Timestamp, UUID: finished.UUID,
			ContainerStatus: &mesosv1.ContainerStatus{
				ContainerID: container, ExecutorPid: new(uint32(4711)),
				NetworkInfos: []mesosv1.NetworkInfo{{IPAddresses: []mesosv1.NetworkInfoIPAddress{
					{Protocol: new(mesosv1.NetworkInfoProtocolIpv4), IPAddress: new("127.0.0.1")},
				}}},
			},
		}
		if diff := cmp.Diff(want, finished); diff != "" {
			t.Errorf("TASK_FINISHED (-want +got):\n%s", diff)
		}
		if c.process.of("t1") != nil {
			t.Error("the container is still there after the terminal update was stored")
		}
	})
}
