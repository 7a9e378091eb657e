package agent_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/meseta/meseta/agent"
	"github.com/meseta/meseta/agent/containerizer"
	"github.com/meseta/meseta/gen/mesosv1"
	"github.com/meseta/meseta/gen/nodev1"
)

// inCluster runs a test in virtual time with an agent that has registered.
func inCluster(t *testing.T, test func(*testing.T, *cluster)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t)
		c.start()
		defer func() {
			if c.stop != nil {
				c.stop()
			}
		}()
		test(t, c)
	})
}

// restart stops the agent, lets time pass, and starts it again on the same
// work directory.
func (c *cluster) restart(away time.Duration) {
	c.t.Helper()
	c.stop()
	c.master.disconnect()
	time.Sleep(away)
	c.start()
}

func (c *cluster) kill(id string, grace time.Duration) {
	k := &nodev1.KillTask{FrameworkID: *c.framework.ID, TaskID: mesosv1.TaskID{Value: id}}
	if grace >= 0 {
		k.KillPolicy = &mesosv1.KillPolicy{GracePeriod: &mesosv1.DurationInfo{Nanoseconds: grace.Nanoseconds()}}
	}
	c.master.send(nodev1.Event{Type: nodev1.EventTypeKillTask, KillTask: k})
}

// running launches a task and waits until it runs.
func (c *cluster) running(id string) {
	c.t.Helper()
	c.run(command(id, "sleep 100"))
	c.master.waitState(id, mesosv1.TaskRunning)
	synctest.Wait()
}

func (c *cluster) understands(capabilities ...mesosv1.FrameworkInfoCapabilityType) {
	for _, have := range capabilities {
		c.framework.Capabilities = append(c.framework.Capabilities, mesosv1.FrameworkInfoCapability{Type: &have})
	}
}

func (c *cluster) view() *agent.View {
	c.t.Helper()
	v, err := c.agent.View(c.t.Context())
	if err != nil {
		c.t.Fatal(err)
	}
	return v
}

func TestUnacknowledgedUpdatesAreRepeatedAfterTenAndTwentySeconds(t *testing.T) {
	inCluster(t, func(t *testing.T, c *cluster) {
		c.master.locked(func() { c.master.acknowledge = false })
		c.run(command("t1", "exit 0"))
		c.master.waitState("t1", mesosv1.TaskStarting)
		synctest.Wait()
		c.process.finish("t1", exited(0))
		time.Sleep(9 * time.Second)
		synctest.Wait()
		c.expectStates("t1", mesosv1.TaskStarting)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		c.expectStates("t1", mesosv1.TaskStarting, mesosv1.TaskStarting)
		time.Sleep(20 * time.Second)
		synctest.Wait()
		c.expectStates("t1", mesosv1.TaskStarting, mesosv1.TaskStarting, mesosv1.TaskStarting)
		c.master.mu.Lock()
		last := c.master.updates[len(c.master.updates)-1]
		c.master.mu.Unlock()
		if last.LatestState != mesosv1.TaskFinished {
			t.Errorf("the newest state is told as %s, so the master cannot free the resources", last.LatestState)
		}
	})
}

func TestAKillIsAnnouncedOnlyToFrameworksThatKnowTaskKilling(t *testing.T) {
	t.Run("without the capability", func(t *testing.T) {
		inCluster(t, func(t *testing.T, c *cluster) {
			c.running("t1")
			c.kill("t1", -1)
			killed := c.master.waitState("t1", mesosv1.TaskKilled)
			if *killed.Message != "Command terminated with signal Terminated" || killed.Reason != nil {
				t.Errorf("TASK_KILLED: %v %v", *killed.Message, killed.Reason)
			}
			c.expectStates("t1", mesosv1.TaskStarting, mesosv1.TaskRunning, mesosv1.TaskKilled)
		})
	})
	t.Run("with the capability", func(t *testing.T) {
		inCluster(t, func(t *testing.T, c *cluster) {
			c.understands(mesosv1.FrameworkInfoCapabilityTypeTaskKillingState)
			c.running("t1")
			c.kill("t1", -1)
			c.master.waitState("t1", mesosv1.TaskKilled)
			c.expectStates("t1", mesosv1.TaskStarting, mesosv1.TaskRunning, mesosv1.TaskKilling, mesosv1.TaskKilled)
		})
	})
}

func TestTheGracePeriodOfTheKillPolicyIsKept(t *testing.T) {
	inCluster(t, func(t *testing.T, c *cluster) {
		c.process.onSignal = func(_ containerizer.Spec, s syscall.Signal) bool { return s == syscall.SIGKILL }
		info := command("t1", "trap '' TERM; sleep 100")
		info.KillPolicy = &mesosv1.KillPolicy{GracePeriod: &mesosv1.DurationInfo{Nanoseconds: int64(6 * time.Second)}}
		c.run(info)
		c.master.waitState("t1", mesosv1.TaskRunning)
		began := time.Now()
		c.kill("t1", -1)
		killed := c.master.waitState("t1", mesosv1.TaskKilled)
		if took := time.Since(began); took != 6*time.Second {
			t.Errorf("killed after %s, want 6s", took)
		}
		if *killed.Message != "Command terminated with signal Killed" {
			t.Errorf("message %q", *killed.Message)
		}
	})
}

func TestATaskCanBeKilledWhileItsImageIsPulled(t *testing.T) {
	inCluster(t, func(t *testing.T, c *cluster) {
		c.docker.prepare = func(ctx context.Context, _ containerizer.Spec, progress func(string)) error {
			progress("Pulling image busybox")
			<-ctx.Done()
			return ctx.Err()
		}
		info := command("t1", "true")
		info.Container = &mesosv1.ContainerInfo{
			Type: mesosv1.ContainerInfoTypeDocker, Docker: &mesosv1.ContainerInfoDockerInfo{Image: "busybox"},
		}
		c.run(info)
		pulling := c.master.waitState("t1", mesosv1.TaskStarting)
		if *pulling.Message != "Pulling image busybox" || pulling.ContainerStatus != nil {
			t.Errorf("progress: %+v", pulling)
		}
		c.kill("t1", -1)
		killed := c.master.waitState("t1", mesosv1.TaskKilled)
		if *killed.Reason != mesosv1.ReasonTaskKilledDuringLaunch || *killed.Source != mesosv1.SourceAgent {
			t.Errorf("TASK_KILLED: %v %v", *killed.Reason, *killed.Source)
		}
	})
}

func TestALaunchThatFailsNamesTheCause(t *testing.T) {
	inCluster(t, func(t *testing.T, c *cluster) {
		c.process.prepare = func(context.Context, containerizer.Spec, func(string)) error {
			return errors.New("user nobody-here does not exist")
		}
		c.run(command("t1", "true"))
		failed := c.master.waitState("t1", mesosv1.TaskFailed)
		want := mesosv1.TaskStatus{
			TaskID: mesosv1.TaskID{Value: "t1"}, State: mesosv1.TaskFailed,
			Message: new("Failed to launch container: user nobody-here does not exist"),
			Source:  new(mesosv1.SourceAgent), Reason: new(mesosv1.ReasonContainerLaunchFailed),
			AgentID: &mesosv1.AgentID{Value: "agent-S0"}, ExecutorID: &mesosv1.ExecutorID{Value: "t1"},
			Timestamp: failed.Timestamp, UUID: failed.UUID,
		}
		if diff := cmp.Diff(want, failed); diff != "" {
			t.Errorf("TASK_FAILED (-want +got):\n%s", diff)
		}
	})
}

func TestWhatTheAgentCannotDoIsRefusedWithAReason(t *testing.T) {
	tests := []struct {
		name   string
		change func(*cluster, *mesosv1.TaskInfo)
		state  mesosv1.TaskState
		reason mesosv1.TaskStatusReason
		text   string
	}{
		{"a task with an executor", func(_ *cluster, i *mesosv1.TaskInfo) {
			i.Executor = &mesosv1.ExecutorInfo{ExecutorID: mesosv1.ExecutorID{Value: "e"}}
		}, mesosv1.TaskError, mesosv1.ReasonTaskInvalid, "an executor of their own yet"},
		{"a task with URIs", func(_ *cluster, i *mesosv1.TaskInfo) {
			i.Command.Uris = []mesosv1.CommandInfoURI{{Value: "http://x/y"}}
		}, mesosv1.TaskFailed, mesosv1.ReasonContainerLaunchFailed, "does not support fetching URIs yet"},
		{"a task with a health check", func(_ *cluster, i *mesosv1.TaskInfo) { i.HealthCheck = &mesosv1.HealthCheck{} },
			mesosv1.TaskError, mesosv1.ReasonTaskInvalid, "health checks yet"},
		{"a task with a check", func(_ *cluster, i *mesosv1.TaskInfo) { i.Check = &mesosv1.CheckInfo{} },
			mesosv1.TaskError, mesosv1.ReasonTaskInvalid, "checks yet"},
		{"limits that cannot be enforced", func(_ *cluster, i *mesosv1.TaskInfo) {
			i.Limits = map[string]mesosv1.Limit{"cpus": {Value: 1}}
		}, mesosv1.TaskLost, mesosv1.ReasonGcError, "CPU limits can only be set on tasks launched in Mesos containers when the agent has loaded the 'cgroups/cpu' isolator"},
		{"limits, for a framework that knows TASK_DROPPED", func(c *cluster, i *mesosv1.TaskInfo) {
			c.understands(mesosv1.FrameworkInfoCapabilityTypePartitionAware)
			i.Limits = map[string]mesosv1.Limit{"mem": {Value: 64}}
		}, mesosv1.TaskDropped, mesosv1.ReasonGcError, "Memory limits can only be set on tasks launched in Mesos containers when the agent has loaded the 'cgroups/mem' isolator"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			inCluster(t, func(t *testing.T, c *cluster) {
				info := command("t1", "true")
				test.change(c, &info)
				c.run(info)
				status := c.master.waitState("t1", test.state)
				if *status.Reason != test.reason || *status.Source != mesosv1.SourceAgent || !strings.HasSuffix(*status.Message, test.text) {
					t.Errorf("got %s %s %q", *status.Source, *status.Reason, *status.Message)
				}
				synctest.Wait()
				if v := c.view(); len(v.Frameworks) != 0 {
					t.Errorf("the framework is still there: %+v", v.Frameworks)
				}
			})
		})
	}
}

func TestATaskIDIsFreeAgainOneSecondAfterItsContainerIsGone(t *testing.T) {
	inCluster(t, func(t *testing.T, c *cluster) {
		c.running("t1")
		c.kill("t1", -1)
		c.master.waitState("t1", mesosv1.TaskKilled)
		synctest.Wait()
		c.run(command("t1", "exit 0"))
		lost := c.master.waitState("t1", mesosv1.TaskLost)
		if *lost.Reason != mesosv1.ReasonTaskInvalid || *lost.Message != "Cannot reuse an already existing executor for a command task" ||
			lost.ExecutorID.Value != "t1" || lost.ContainerStatus != nil {
			t.Errorf("got %+v", lost)
		}
		time.Sleep(2 * time.Second)
		c.run(command("t1", "exit 0"))
		synctest.Wait()
		c.process.finish("t1", exited(0))
		c.master.waitState("t1", mesosv1.TaskFinished)
	})
}

func TestAFrameworkThatIsGoneIsKilledWithoutAWord(t *testing.T) {
	inCluster(t, func(t *testing.T, c *cluster) {
		c.understands(mesosv1.FrameworkInfoCapabilityTypeTaskKillingState)
		c.running("t1")
		c.running("t2")
		c.master.send(nodev1.Event{Type: nodev1.EventTypeShutdownFramework, ShutdownFramework: &nodev1.ShutdownFramework{FrameworkID: *c.framework.ID}})
		time.Sleep(10 * time.Second)
		c.expectStates("t1", mesosv1.TaskStarting, mesosv1.TaskRunning)
		if c.process.of("t1") != nil || c.process.of("t2") != nil {
			t.Error("containers are still there")
		}
		if v := c.view(); len(v.Frameworks) != 0 || len(v.CompletedFrameworks) != 1 {
			t.Errorf("frameworks %+v", v.Frameworks)
		}
	})
}

func TestTasksThatAreNotHereAreReportedLost(t *testing.T) {
	inCluster(t, func(t *testing.T, c *cluster) {
		c.running("t1")
		task := func(id string, aware bool) nodev1.ReconcileTask {
			return nodev1.ReconcileTask{FrameworkID: *c.framework.ID, TaskID: mesosv1.TaskID{Value: id}, PartitionAware: &aware}
		}
		c.master.send(nodev1.Event{Type: nodev1.EventTypeReconcile, Reconcile: &nodev1.Reconcile{
			Tasks: []nodev1.ReconcileTask{task("t1", false), task("t2", false), task("t3", true)},
		}})
		if lost := c.master.waitState("t2", mesosv1.TaskLost); *lost.Reason != mesosv1.ReasonReconciliation {
			t.Errorf("reason %s", *lost.Reason)
		}
		c.master.waitState("t3", mesosv1.TaskDropped)
		c.kill("t4", -1)
		if lost := c.master.waitState("t4", mesosv1.TaskLost); *lost.Reason != mesosv1.ReasonExecutorTerminated {
			t.Errorf("reason %s", *lost.Reason)
		}
		c.expectStates("t1", mesosv1.TaskStarting, mesosv1.TaskRunning)
	})
}

func TestADrainingAgentKillsItsTasksAndTakesNoOthers(t *testing.T) {
	inCluster(t, func(t *testing.T, c *cluster) {
		c.understands(mesosv1.FrameworkInfoCapabilityTypeTaskKillingState)
		c.process.onSignal = func(_ containerizer.Spec, s syscall.Signal) bool { return s == syscall.SIGKILL }
		c.running("t1")
		began := time.Now()
		c.master.send(nodev1.Event{Type: nodev1.EventTypeDrain, Drain: &mesosv1.DrainConfig{
			MaxGracePeriod: &mesosv1.DurationInfo{Nanoseconds: int64(time.Second)},
		}})
		killing := c.master.waitState("t1", mesosv1.TaskKilling)
		c.run(command("t2", "true"))
		refused := c.master.waitState("t2", mesosv1.TaskLost)
		killed := c.master.waitState("t1", mesosv1.TaskKilled)
		for _, s := range []mesosv1.TaskStatus{killing, refused, killed} {
			if *s.Reason != mesosv1.ReasonAgentDraining {
				t.Errorf("%s has the reason %s", s.State, *s.Reason)
			}
		}
		if took := time.Since(began); took != time.Second {
			t.Errorf("drained after %s; the drain allows 1s", took)
		}
		time.Sleep(2 * time.Second)
		if c.view().Drain != nil {
			t.Error("the drain goes on although nothing is left")
		}
		c.running("t3")
	})
}

func TestAnAgentThatIsToldToShutDownKillsEverythingAndForgetsItsID(t *testing.T) {
	inCluster(t, func(t *testing.T, c *cluster) {
		c.running("t1")
		c.master.send(nodev1.Event{Type: nodev1.EventTypeShutdown, Shutdown: &nodev1.Message{Message: "gone"}})
		err := <-c.result
		c.stop = nil
		if e, ok := errors.AsType[*agent.ShutdownError](err); !ok || e.Message != "gone" {
			t.Errorf("Run: %v", err)
		}
		if c.process.of("t1") != nil {
			t.Error("the container is still there")
		}
		c.expectStates("t1", mesosv1.TaskStarting, mesosv1.TaskRunning)
		c.start()
		if id := c.master.lastRegister().AgentID; id != nil {
			t.Errorf("registered again as %s", id.Value)
		}
	})
}

func TestAnAgentUnregisters(t *testing.T) {
	inCluster(t, func(t *testing.T, c *cluster) {
		c.running("t1")
		c.agent.Unregister()
		err := <-c.result
		c.stop = nil
		if err != nil {
			t.Errorf("Run: %v", err)
		}
		var calls []nodev1.CallType
		c.master.locked(func() { calls = c.master.calls })
		if calls[len(calls)-1] != nodev1.CallTypeUnregister || c.master.sessionsNow() != 1 {
			t.Errorf("calls: %v, %d sessions", calls, c.master.sessionsNow())
		}
		if c.process.of("t1") != nil {
			t.Error("the container is still there")
		}
		c.expectStates("t1", mesosv1.TaskStarting, mesosv1.TaskRunning)
	})
}

func TestOrdersThatCannotBeStoredAreRefusedNotFaked(t *testing.T) {
	inCluster(t, func(t *testing.T, c *cluster) {
		c.master.send(nodev1.Event{Type: nodev1.EventTypeApplyOperation, ApplyOperation: &nodev1.ApplyOperation{OperationUUID: []byte("0123456789abcdef")}})
		synctest.Wait()
		c.master.mu.Lock()
		defer c.master.mu.Unlock()
		if len(c.master.operations) != 1 || c.master.operations[0].Status.State != mesosv1.OperationError {
			t.Errorf("operations: %+v", c.master.operations)
		}
	})
}

func TestATaskFindsItsEnvironmentAndSandbox(t *testing.T) {
	inCluster(t, func(t *testing.T, c *cluster) {
		c.framework.Checkpoint = new(false)
		c.running("t1")
		spec := c.process.of("t1").spec
		var names []string
		values := map[string]string{}
		for _, entry := range spec.Environment {
			name, value, _ := strings.Cut(entry, "=")
			names = append(names, name)
			values[name] = value
		}
		want := []string{
			"LIBPROCESS_IP", "LIBPROCESS_PORT", "MESOS_AGENT_ENDPOINT", "MESOS_ALLOCATION_ROLE", "MESOS_CHECKPOINT",
			"MESOS_DIRECTORY", "MESOS_EXECUTOR_ID", "MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD", "MESOS_FRAMEWORK_ID",
			"MESOS_HTTP_COMMAND_EXECUTOR", "MESOS_SANDBOX", "MESOS_SLAVE_ID", "MESOS_SLAVE_PID", "PATH",
		}
		if diff := cmp.Diff(want, names); diff != "" {
			t.Errorf("names (-want +got):\n%s", diff)
		}
		sandbox := filepath.Join(c.options.WorkDir, "slaves/agent-S0/frameworks/f1/executors/t1/runs", string(spec.ID))
		if spec.Sandbox != sandbox || values["MESOS_SANDBOX"] != sandbox || values["MESOS_SLAVE_PID"] != "slave(1)@127.0.0.1:5051" ||
			values["MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD"] != "5secs" {
			t.Errorf("sandbox %s, environment %v", spec.Sandbox, values)
		}
		for _, link := range []string{filepath.Join(filepath.Dir(sandbox), "latest"), filepath.Join(c.options.WorkDir, "slaves/latest/frameworks/f1/executors/t1/runs/latest")} {
			if got, err := filepath.EvalSymlinks(link); err != nil || got != sandbox {
				t.Errorf("%s leads to %s, %v", link, got, err)
			}
		}
		if spec.Limits.MemoryBytes != 64<<20 || fmt.Sprintf("%.1f", spec.Limits.CPUs) != "0.2" || spec.User != "" {
			t.Errorf("limits %+v, user %q", spec.Limits, spec.User)
		}
		if _, err := os.Stat(filepath.Join(c.options.WorkDir, "meta")); err != nil {
			t.Error(err)
		}
	})
}
