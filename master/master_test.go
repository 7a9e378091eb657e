package master_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/meseta/meseta/gen/mesosv1"
	"github.com/meseta/meseta/gen/nodev1"
	"github.com/meseta/meseta/gen/schedulerv1"
	"github.com/meseta/meseta/internal/mesosid"
	"github.com/meseta/meseta/master"
)

func TestATaskLivesFromOfferToAcknowledgedEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := start(t, master.Options{})
		a := c.agent("agent1", 5051)
		s := c.subscribe()
		offer := s.oneOffer()

		s.launch(offer, commandTask(offer, "t1", 1))
		runs := nodeEvents(a.take(), nodev1.EventTypeRunTasks)
		if len(runs) != 1 || len(runs[0].RunTasks.Tasks) != 1 {
			t.Fatalf("the agent got %+v, want one RUN_TASKS with one task", runs)
		}
		if got := runs[0].RunTasks.Tasks[0].Resources[0].AllocationInfo; got == nil || *got.Role != "dev" {
			t.Errorf("the task's resources are allocated to %+v, want dev", got)
		}

		first := a.update(s.id, "t1", mesosv1.TaskRunning, mesosv1.TaskRunning)
		if got := s.updates(); len(got) != 1 || got[0].State != mesosv1.TaskRunning {
			t.Fatalf("the scheduler heard %+v, want TASK_RUNNING", got)
		}
		s.acknowledge(a.id, "t1", first)
		if got := nodeEvents(a.take(), nodev1.EventTypeAcknowledge); len(got) != 1 {
			t.Fatalf("the agent got %d acknowledgements, want 1", len(got))
		}

		last := a.update(s.id, "t1", mesosv1.TaskFinished, mesosv1.TaskFinished)
		s.acknowledge(a.id, "t1", last)
		view := c.view()
		f := view.Frameworks[0]
		if len(f.Tasks) != 0 || len(f.Finished) != 1 || f.Finished[0].State != mesosv1.TaskFinished {
			t.Errorf("live %d, completed %+v; want the task completed", len(f.Tasks), f.Finished)
		}
		if !f.Used.Empty() {
			t.Errorf("the framework still uses %v", f.Used)
		}
		if offers := s.offers(); len(offers) == 0 {
			t.Error("no offer came for what the task gave back")
		}
	})
}

func (c *cluster) view() *master.View {
	c.t.Helper()
	v, err := c.m.View(c.t.Context())
	if err != nil {
		c.t.Fatal(err)
	}
	return v
}

func TestResourcesAreFreeBeforeTheTerminalUpdateIsAcknowledged(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := start(t, master.Options{})
		a := c.agent("agent1", 5051)
		s := c.subscribe()
		offer := s.oneOffer()
		s.launch(offer, commandTask(offer, "t1", 4))
		// The oldest unacknowledged update is RUNNING, the task has ended.
		a.update(s.id, "t1", mesosv1.TaskRunning, mesosv1.TaskFinished)
		time.Sleep(6 * time.Second) // past the default filter
		offers := s.offers()
		if len(offers) == 0 {
			t.Fatal("no offer came")
		}
		for _, r := range offers[len(offers)-1].Resources {
			if r.Name == "cpus" && r.Scalar.Value == 4 {
				return
			}
		}
		t.Errorf("the offer has no 4 cpus: %+v", offers[len(offers)-1].Resources)
	})
}

func TestASecondSubscriptionTakesTheFrameworkOver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := start(t, master.Options{})
		old := c.subscribe()
		fresh := c.subscribe(withID(old.id))
		events := old.take()
		if len(events) != 1 || events[0].Type != schedulerv1.EventTypeError || events[0].Error.Message != "Framework failed over" {
			t.Errorf("the old stream got %+v, want ERROR", events)
		}
		if old.reason() == "" {
			t.Error("the old stream was not closed")
		}
		if err := old.try(&schedulerv1.Call{Type: schedulerv1.CallTypeRevive}); err == nil {
			t.Error("a call with the old stream id was taken")
		}
		fresh.call(&schedulerv1.Call{Type: schedulerv1.CallTypeRevive})
		// The end of the old stream must not disconnect the new one.
		c.m.Disconnected(mesosid.FrameworkID(old.id), old.streamID)
		c.m.DisconnectedStream(old.streamID)
		fresh.call(&schedulerv1.Call{Type: schedulerv1.CallTypeRevive})
	})
}

func TestAFrameworkIsRemovedWhenItsFailoverTimeoutHasPassed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := start(t, master.Options{})
		a := c.agent("agent1", 5051)
		s := c.subscribe(withFailover(10))
		offer := s.oneOffer()
		s.launch(offer, commandTask(offer, "t1", 1))
		c.m.DisconnectedStream(s.streamID)
		time.Sleep(9 * time.Second)
		if n := len(c.view().Frameworks); n != 1 {
			t.Fatalf("%d frameworks are known before the timeout, want 1", n)
		}
		time.Sleep(2 * time.Second)
		view := c.view()
		if len(view.Frameworks) != 0 || len(view.Completed) != 1 {
			t.Fatalf("known %d, completed %d; want the framework completed", len(view.Frameworks), len(view.Completed))
		}
		if got := view.Completed[0].Finished; len(got) != 1 || got[0].State != mesosv1.TaskKilled {
			t.Errorf("its task is %+v, want TASK_KILLED", got)
		}
		if got := nodeEvents(a.take(), nodev1.EventTypeShutdownFramework); len(got) != 1 {
			t.Errorf("the agent got %d SHUTDOWN_FRAMEWORK, want 1", len(got))
		}
		again := c.open(withID(s.id))
		if events := again.take(); len(events) != 1 || events[0].Type != schedulerv1.EventTypeError {
			t.Errorf("the removed framework came back: %+v", events)
		}
	})
}

func TestAnAgentThatDoesNotAnswerPingsIsGivenUpAndMayReturn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := start(t, master.Options{PingInterval: time.Second, MaxMissedPings: 2})
		a := c.agent("agent1", 5051)
		s := c.subscribe(withCapability(mesosv1.FrameworkInfoCapabilityTypePartitionAware), withCheckpoint)
		offer := s.oneOffer()
		s.launch(offer, commandTask(offer, "t1", 1))
		a.update(s.id, "t1", mesosv1.TaskRunning, mesosv1.TaskRunning)
		record := *c.view().Frameworks[0].Tasks[0]
		s.take()

		time.Sleep(4 * time.Second)
		var lost, failed bool
		for _, e := range s.take() {
			switch e.Type {
			case schedulerv1.EventTypeUpdate:
				lost = lost || e.Update.Status.State == mesosv1.TaskUnreachable && e.Update.Status.UnreachableTime != nil
			case schedulerv1.EventTypeFailure:
				failed = true
			}
		}
		if !lost || !failed {
			t.Fatalf("TASK_UNREACHABLE %v, FAILURE %v; want both", lost, failed)
		}
		if n := len(c.view().Frameworks[0].Unreachable); n != 1 {
			t.Fatalf("%d unreachable tasks, want 1", n)
		}

		a.info.Tasks = []mesosv1.Task{record}
		a.info.Frameworks = []mesosv1.FrameworkInfo{*c.view().Frameworks[0].Info}
		a.register()
		got := s.updates()
		if len(got) != 1 || got[0].State != mesosv1.TaskRunning || *got[0].Reason != mesosv1.ReasonAgentReregistered {
			t.Errorf("the scheduler heard %+v, want TASK_RUNNING with REASON_AGENT_REREGISTERED", got)
		}
		f := c.view().Frameworks[0]
		if len(f.Tasks) != 1 || len(f.Unreachable) != 0 {
			t.Errorf("live %d, unreachable %d; want the task back", len(f.Tasks), len(f.Unreachable))
		}
	})
}

func TestPongsKeepAnAgent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := start(t, master.Options{PingInterval: time.Second, MaxMissedPings: 2})
		a := c.agent("agent1", 5051)
		for range 10 {
			time.Sleep(time.Second)
			if len(nodeEvents(a.take(), nodev1.EventTypePing)) > 0 {
				a.call(&nodev1.Call{Type: nodev1.CallTypePong})
			}
		}
		if n := len(c.view().Agents); n != 1 {
			t.Errorf("%d agents are known, want 1", n)
		}
	})
}

func TestTasksOfAFrameworkWithoutCheckpointsAreLostWithTheSession(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := start(t, master.Options{})
		a := c.agent("agent1", 5051)
		plain, durable := c.subscribe(), (*scheduler)(nil)
		offer := plain.oneOffer()
		plain.launch(offer, commandTask(offer, "t1", 1))
		plain.call(&schedulerv1.Call{Type: schedulerv1.CallTypeSuppress})
		durable = c.subscribe(withCheckpoint)
		offer = durable.oneOffer()
		durable.launch(offer, commandTask(offer, "t1", 1))

		c.m.SessionEnded(a.session)
		if got := plain.updates(); len(got) != 1 || got[0].State != mesosv1.TaskLost || *got[0].Reason != mesosv1.ReasonAgentDisconnected {
			t.Errorf("without checkpoints the scheduler heard %+v, want TASK_LOST", got)
		}
		if got := durable.updates(); len(got) != 0 {
			t.Errorf("with checkpoints the scheduler heard %+v, want nothing", got)
		}
	})
}

func TestKillsWaitForADisconnectedAgent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := start(t, master.Options{})
		a := c.agent("agent1", 5051)
		s := c.subscribe(withCheckpoint)
		offer := s.oneOffer()
		s.launch(offer, commandTask(offer, "t1", 1))
		record := *c.view().Frameworks[0].Tasks[0]
		c.m.SessionEnded(a.session)
		s.call(&schedulerv1.Call{Type: schedulerv1.CallTypeKill, Kill: &schedulerv1.CallKill{TaskID: mesosv1.TaskID{Value: "t1"}}})
		a.info.Tasks = []mesosv1.Task{record}
		a.register()
		if got := nodeEvents(a.take(), nodev1.EventTypeKillTask); len(got) != 1 || got[0].KillTask.TaskID.Value != "t1" {
			t.Errorf("the agent got %+v, want the kill of t1", got)
		}
	})
}

func TestAnAgentIsAskedAboutTasksItDidNotReport(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := start(t, master.Options{})
		a := c.agent("agent1", 5051)
		s := c.subscribe(withCheckpoint)
		offer := s.oneOffer()
		s.launch(offer, commandTask(offer, "t1", 1))
		c.m.SessionEnded(a.session)
		a.register()
		got := nodeEvents(a.take(), nodev1.EventTypeReconcile)
		if len(got) != 1 || len(got[0].Reconcile.Tasks) != 1 || got[0].Reconcile.Tasks[0].TaskID.Value != "t1" {
			t.Errorf("the agent got %+v, want a question about t1", got)
		}
	})
}

func TestAnotherFrameworksOfferCannotBeDeclinedOrAccepted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := start(t, master.Options{})
		c.agent("agent1", 5051)
		owner := c.subscribe()
		offer := owner.oneOffer()
		thief := c.subscribe()
		thief.call(&schedulerv1.Call{Type: schedulerv1.CallTypeDecline, Decline: &schedulerv1.CallDecline{OfferIds: []mesosv1.OfferID{offer.ID}}})
		thief.launch(offer, commandTask(offer, "t1", 1))
		if got := thief.updates(); len(got) != 1 || got[0].State != mesosv1.TaskLost {
			t.Errorf("the thief heard %+v, want TASK_LOST", got)
		}
		if n := c.view().Offers; n != 1 {
			t.Fatalf("%d offers are outstanding, want the owner's one", n)
		}
		owner.launch(offer, commandTask(offer, "t1", 1))
		if n := len(c.view().Frameworks[0].Tasks); n != 1 {
			t.Errorf("the owner has %d tasks, want 1", n)
		}
	})
}
