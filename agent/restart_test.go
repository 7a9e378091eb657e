package agent_test

import (
	"context"
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

func TestARestartedAgentTakesItsTasksOver(t *testing.T) {
	inCluster(t, func(t *testing.T, c *cluster) {
		c.running("t1")
		c.running("t2")
		c.stop()
		c.master.disconnect()
		c.process.finish("t1", exited(7)) // while nobody watches
		time.Sleep(time.Minute)
		c.start()
		register := c.master.lastRegister()
		if register.AgentID == nil || register.AgentID.Value != "agent-S0" || len(register.Tasks) != 2 || len(register.Frameworks) != 1 {
			t.Errorf("registered again with %+v", register)
		}
		for _, task := range register.Tasks {
			if task.TaskID.Value == "t1" {
				continue // its end may be known already
			}
			if task.State != mesosv1.TaskRunning || *task.StatusUpdateState != mesosv1.TaskRunning || len(task.Statuses) != 2 {
				t.Errorf("task %s: %s %v, %d statuses", task.TaskID.Value, task.State, task.StatusUpdateState, len(task.Statuses))
			}
		}
		failed := c.master.waitState("t1", mesosv1.TaskFailed)
		if *failed.Message != "Command exited with status 7" || *failed.ContainerStatus.ExecutorPid != 4711 {
			t.Errorf("TASK_FAILED: %+v", failed)
		}
		c.process.finish("t2", exited(0))
		c.master.waitState("t2", mesosv1.TaskFinished)
		synctest.Wait()
		c.expectStates("t1", mesosv1.TaskStarting, mesosv1.TaskRunning, mesosv1.TaskFailed)
		if n := c.process.launchesOf("t1"); n != 1 {
			t.Errorf("t1 was launched %d times", n)
		}
	})
}

func TestUpdatesThatWereNotAcknowledgedSurviveARestartWithTheirUUID(t *testing.T) {
	inCluster(t, func(t *testing.T, c *cluster) {
		c.master.locked(func() { c.master.acknowledge = false })
		c.run(command("t1", "exit 0"))
		first := c.master.waitState("t1", mesosv1.TaskStarting)
		synctest.Wait()
		c.process.finish("t1", exited(0))
		synctest.Wait()
		c.restart(time.Second)
		if tasks := c.master.lastRegister().Tasks; len(tasks) != 1 || tasks[0].State != mesosv1.TaskFinished {
			t.Errorf("registered again with %+v", tasks)
		}
		synctest.Wait()
		c.expectStates("t1", mesosv1.TaskStarting, mesosv1.TaskStarting)
		c.master.mu.Lock()
		again := c.master.updates[1]
		c.master.acknowledge = true
		c.master.mu.Unlock()
		if diff := cmp.Diff(first, again.Status); diff != "" {
			t.Errorf("the repetition differs:\n%s", diff)
		}
		time.Sleep(10 * time.Second)
		c.master.waitState("t1", mesosv1.TaskFinished)
		synctest.Wait()
		time.Sleep(2 * time.Second)
		if v := c.view(); len(v.Frameworks) != 0 || len(v.CompletedFrameworks) != 1 {
			t.Errorf("after the last acknowledgement the framework is still there: %+v", v.Frameworks)
		}
	})
}

func TestTasksOfFrameworksThatDoNotCheckpointEndWithTheAgent(t *testing.T) {
	inCluster(t, func(t *testing.T, c *cluster) {
		c.framework.Checkpoint = new(false)
		c.running("t1")
		c.restart(time.Second)
		register := c.master.lastRegister()
		if register.AgentID.Value != "agent-S0" || len(register.Tasks) != 0 || len(register.Frameworks) != 0 {
			t.Errorf("registered again with %+v", register)
		}
		if c.process.of("t1") != nil || len(c.process.recovered) != 0 {
			t.Error("the container is still there")
		}
	})
}

func TestAnAgentRestartedDuringALaunchGoesOnWithIt(t *testing.T) {
	inCluster(t, func(t *testing.T, c *cluster) {
		c.process.prepare = func(ctx context.Context, _ containerizer.Spec, _ func(string)) error {
			<-ctx.Done()
			return ctx.Err()
		}
		c.run(command("t1", "true"))
		synctest.Wait()
		c.stop()
		c.master.disconnect()
		c.process.prepare = nil
		c.start()
		c.master.waitState("t1", mesosv1.TaskRunning)
		c.expectStates("t1", mesosv1.TaskStarting, mesosv1.TaskRunning)
		if n := c.process.launchesOf("t1"); n != 1 {
			t.Errorf("launched %d times", n)
		}
	})
}

func TestAContainerThatVanishedWithTheMachineHasFailed(t *testing.T) {
	inCluster(t, func(t *testing.T, c *cluster) {
		c.running("t1")
		c.stop()
		c.master.disconnect()
		c.process.Remove(t.Context(), c.process.of("t1").spec.ID)
		c.options.BootID = "boot-2"
		c.start()
		failed := c.master.waitState("t1", mesosv1.TaskFailed)
		if *failed.Reason != mesosv1.ReasonExecutorTerminated || *failed.Source != mesosv1.SourceAgent {
			t.Errorf("TASK_FAILED: %+v", failed)
		}
		if n := c.process.launchesOf("t1"); n != 1 {
			t.Errorf("launched %d times", n)
		}
	})
}

func TestAKillIsFinishedAfterARestart(t *testing.T) {
	inCluster(t, func(t *testing.T, c *cluster) {
		c.process.onSignal = func(_ containerizer.Spec, s syscall.Signal) bool { return s == syscall.SIGKILL }
		c.running("t1")
		c.kill("t1", 30*time.Second)
		synctest.Wait()
		began := time.Now()
		c.restart(10 * time.Second)
		c.master.waitState("t1", mesosv1.TaskKilled)
		if took := time.Since(began); took != 30*time.Second {
			t.Errorf("SIGKILL came after %s, want 30s from the request", took)
		}
	})
}

func TestATaskKilledDuringItsLaunchIsNotCalledRunningAfterARestart(t *testing.T) {
	inCluster(t, func(t *testing.T, c *cluster) {
		c.understands(mesosv1.FrameworkInfoCapabilityTypeTaskKillingState)
		release := make(chan struct{})
		c.process.started = func(*fakeContainer) { <-release }
		c.run(command("t1", "sleep 100"))
		c.master.waitState("t1", mesosv1.TaskStarting)
		c.kill("t1", -1)
		c.master.waitState("t1", mesosv1.TaskKilling)
		synctest.Wait()
		// The container is there, but nobody has heard of it when the agent ends.
		time.AfterFunc(time.Second, func() { close(release) })
		c.stop()
		c.master.disconnect()
		c.start()
		c.master.waitState("t1", mesosv1.TaskKilled)
		c.expectStates("t1", mesosv1.TaskStarting, mesosv1.TaskKilling, mesosv1.TaskKilled)
	})
}

func TestATaskThatHasEndedIsNeverLaunchedAgain(t *testing.T) {
	inCluster(t, func(t *testing.T, c *cluster) {
		c.running("t1")
		c.process.finish("t1", exited(0))
		c.master.waitState("t1", mesosv1.TaskFinished)
		synctest.Wait()
		c.restart(0) // before the executor's id is free
		time.Sleep(time.Minute)
		c.expectStates("t1", mesosv1.TaskStarting, mesosv1.TaskRunning, mesosv1.TaskFinished)
		if n := c.process.launchesOf("t1"); n != 1 {
			t.Errorf("launched %d times", n)
		}
		if v := c.view(); len(v.Frameworks) != 0 {
			t.Errorf("the framework is still there: %+v", v.Frameworks)
		}
	})
}

func TestAFrameworkThatWasGoneStaysGoneAcrossARestart(t *testing.T) {
	inCluster(t, func(t *testing.T, c *cluster) {
		c.process.onSignal = func(containerizer.Spec, syscall.Signal) bool { return false }
		c.running("t1")
		c.master.send(nodev1.Event{Type: nodev1.EventTypeShutdownFramework, ShutdownFramework: &nodev1.ShutdownFramework{FrameworkID: *c.framework.ID}})
		synctest.Wait()
		c.process.onSignal = nil
		c.restart(time.Second)
		if tasks := c.master.lastRegister().Tasks; len(tasks) != 0 {
			t.Errorf("registered again with %+v", tasks)
		}
		time.Sleep(10 * time.Second)
		if c.process.of("t1") != nil {
			t.Error("the container is still there")
		}
		c.expectStates("t1", mesosv1.TaskStarting, mesosv1.TaskRunning)
	})
}

func TestACleanupDestroysWhatIsThereAndEnds(t *testing.T) {
	inCluster(t, func(t *testing.T, c *cluster) {
		c.running("t1")
		c.stop()
		c.options.Cleanup = true
		c.launchAgent()
		if err := <-c.result; err != nil {
			t.Errorf("Run: %v", err)
		}
		c.stop = nil
		if c.process.of("t1") != nil {
			t.Error("the container is still there")
		}
	})
}

func TestAnotherConfigurationIsRefusedUnlessItOnlyAdds(t *testing.T) {
	inCluster(t, func(t *testing.T, c *cluster) {
		c.stop()
		c.options.Resources[0].Scalar.Value = 8
		c.launchAgent()
		err := <-c.result
		c.stop = nil
		if err == nil || !strings.Contains(err.Error(), "resources: before cpus:4; mem:2048, now cpus:8; mem:2048") {
			t.Errorf("Run: %v", err)
		}
		c.options.ReconfigurationPolicy = agent.ReconfigureAdditive
		c.start()
		if got := c.master.lastRegister().AgentInfo.Resources[0].Scalar.Value; got != 8 {
			t.Errorf("registered with %v cpus", got)
		}
		c.stop()
		c.options.ReconfigurationPolicy = agent.ReconfigureEqual
		c.start() // the additions are the new measure
	})
}
