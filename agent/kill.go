package agent

import (
	"context"
	"time"

	"github.com/meseta/meseta/agent/checkpoint"
	"github.com/meseta/meseta/agent/statusupdate"
	"github.com/meseta/meseta/agent/task"
	"github.com/meseta/meseta/gen/mesosv1"
	"github.com/meseta/meseta/gen/nodev1"
	"github.com/meseta/meseta/internal/mesosid"
	"github.com/meseta/meseta/internal/taskstate"
)

// killTask kills a task for its scheduler. Of a task that is not here it
// reports the loss.
func (act *actor) killTask(e *nodev1.KillTask) {
	id := mesosid.TaskID(e.TaskID.Value)
	key := statusupdate.Key{Framework: mesosid.FrameworkID(e.FrameworkID.Value), Task: id}
	f := act.frameworks[key.Framework]
	if f != nil {
		if f.terminating {
			return
		}
		if executor, t := f.task(id); t != nil {
			if !taskstate.Terminal(t.reported) {
				act.kill(executor, graceOf(e.KillPolicy), "", "")
			}
			return
		}
	}
	if act.updates.Open(key) || act.stopping {
		return // its end is on the way
	}
	f = act.framework(key.Framework, nil)
	act.refuse(f, id, refused{Update: task.Update{
		State: lost(f), Source: mesosv1.SourceAgent,
		Reason: mesosv1.ReasonExecutorTerminated, Message: "Cannot find executor",
	}})
}

func graceOf(p *mesosv1.KillPolicy) *time.Duration {
	if p == nil || p.GracePeriod == nil {
		return nil
	}
	return new(time.Duration(p.GracePeriod.Nanoseconds))
}

// kill records that the tasks of an executor are to be killed, so that a
// restarted agent finishes it, and then kills them.
func (act *actor) kill(e *executor, grace *time.Duration, reason mesosv1.TaskStatusReason, state mesosv1.TaskState) {
	k := &checkpoint.Kill{
		FrameworkID: e.framework.id, ExecutorID: e.id,
		Requested: time.Now(), Grace: grace, Reason: reason, State: state,
	}
	act.journal.Append(checkpoint.Record{Kill: k}, false, func(error) {
		// One that could not be recorded is carried out all the same.
		e.runner.Kill(killOf(k))
	})
}

func killOf(k *checkpoint.Kill) task.Kill {
	return task.Kill{Requested: k.Requested, Grace: k.Grace, Reason: k.Reason, State: k.State}
}

// shutdownExecutor kills an executor with its tasks.
func (act *actor) shutdownExecutor(e *nodev1.ShutdownExecutor) {
	f := act.frameworks[mesosid.FrameworkID(e.FrameworkID.Value)]
	if f == nil || f.terminating {
		return
	}
	if executor := f.executors[mesosid.ExecutorID(e.ExecutorID.Value)]; executor != nil {
		act.kill(executor, nil, "", "")
	}
}

// shutdownFramework kills everything of a framework that is gone. Nobody is
// left to hear of it, so there are no updates.
func (act *actor) shutdownFramework(f *framework) {
	if f.terminating {
		return
	}
	f.terminating = true
	for _, key := range act.updates.Streams(f.id) {
		act.updates.Close(key)
	}
	kept := act.report.Updates[:0]
	for _, u := range act.report.Updates {
		if u.FrameworkID.Value != string(f.id) {
			kept = append(kept, u)
		}
	}
	act.report.Updates = kept
	act.changed()
	act.journal.Append(checkpoint.Record{FrameworkShutdown: f.id}, false, func(error) {
		for _, e := range f.executors {
			e.runner.Kill(task.Kill{Requested: time.Now(), Silent: true})
			act.complete(e)
		}
		act.tidy(f)
	})
}

// updateFramework replaces what is known of a framework.
func (act *actor) updateFramework(info *mesosv1.FrameworkInfo) {
	if info.ID == nil {
		return
	}
	id := mesosid.FrameworkID(info.ID.Value)
	// The scheduler has just subscribed again: it may have missed updates, also
	// of a framework that has nothing here any more but these.
	for _, d := range act.updates.Resend(time.Now(), id) {
		act.deliver(d)
	}
	f := act.frameworks[id]
	if f == nil {
		return
	}
	f.info = info
	act.record(checkpoint.Record{Framework: info})
	act.changed()
}

// reconcile reports the loss of tasks that the master knows and the agent
// does not.
func (act *actor) reconcile(tasks []nodev1.ReconcileTask) {
	for i := range tasks {
		id := mesosid.TaskID(tasks[i].TaskID.Value)
		key := statusupdate.Key{Framework: mesosid.FrameworkID(tasks[i].FrameworkID.Value), Task: id}
		if act.updates.Open(key) || act.stopping {
			continue
		}
		f := act.framework(key.Framework, nil)
		if _, t := f.task(id); t != nil || f.terminating {
			continue
		}
		act.refuse(f, id, refused{Update: task.Update{
			State:   lostState(tasks[i].PartitionAware != nil && *tasks[i].PartitionAware),
			Source:  mesosv1.SourceAgent,
			Reason:  mesosv1.ReasonReconciliation,
			Message: "Reconciliation: task unknown to the agent",
		}})
	}
}

// startDrain kills everything for maintenance and refuses further tasks. The
// master repeats DRAIN in every session as long as it lasts, so that it need
// not be stored.
func (act *actor) startDrain(config *mesosv1.DrainConfig) {
	if act.drain == nil {
		act.drainStarted = time.Now()
	}
	act.drain = config
	act.changed()
	for _, f := range act.frameworks {
		if f.terminating {
			continue
		}
		state := mesosv1.TaskState("")
		if config.MarkGone != nil && *config.MarkGone && f.capable(mesosv1.FrameworkInfoCapabilityTypePartitionAware) {
			state = mesosv1.TaskGoneByOperator
		}
		for _, e := range f.executors {
			if e.state == executorActive {
				act.kill(e, act.drainGrace(e), mesosv1.ReasonAgentDraining, state)
			}
		}
	}
	act.finishDrain()
}

// drainGrace is the grace period of the executor's tasks, but never more than
// the drain allows.
func (act *actor) drainGrace(e *executor) *time.Duration {
	if act.drain.MaxGracePeriod == nil {
		return nil
	}
	limit := time.Duration(act.drain.MaxGracePeriod.Nanoseconds)
	for _, t := range e.tasks {
		limit = min(limit, act.killGrace(t.info))
	}
	return &limit
}

// finishDrain ends a drain when nothing is left on the agent.
func (act *actor) finishDrain() {
	if act.drain != nil && len(act.frameworks) == 0 {
		act.drain = nil
		act.changed()
	}
}

// unregister tells the master that the agent ends, and then ends it.
func (act *actor) unregister() {
	if act.session == "" {
		act.stop(nil)
		return
	}
	act.leaving = true
	id := act.session
	act.runners.Go(func() {
		ctx, cancel := context.WithTimeout(act.ctx, unregisterTimeout)
		defer cancel()
		err := act.agent.session.Call(ctx, id, &nodev1.Call{Type: nodev1.CallTypeUnregister})
		act.agent.post(func(act *actor) {
			if err != nil {
				act.log.Warn("the master has not heard of the end of this agent", "err", err)
			}
			act.stop(nil)
		})
	})
}

// stop kills everything and then ends the agent with the given result of Run.
// Its id is not used again.
func (act *actor) stop(result error) {
	if act.stopping {
		return
	}
	act.stopping, act.forget, act.shutdown = true, true, result
	for _, f := range act.frameworks {
		act.shutdownFramework(f)
	}
	act.finishStop()
}

func (act *actor) finishStop() {
	if act.stopping && len(act.frameworks) == 0 {
		act.done = true
	}
}
