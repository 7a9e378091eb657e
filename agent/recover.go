package agent

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/meseta/meseta/agent/checkpoint"
	"github.com/meseta/meseta/agent/containerizer"
	"github.com/meseta/meseta/agent/statusupdate"
	"github.com/meseta/meseta/agent/task"
	"github.com/meseta/meseta/gen/mesosv1"
	"github.com/meseta/meseta/internal/mesosid"
	"github.com/meseta/meseta/internal/taskstate"
)

// recover takes over what an earlier run has left. It is the only method of
// the actor that blocks; nothing else runs yet.
//
// Tasks of frameworks that checkpoint go on. Those of others end with the
// agent: Mesos tells their schedulers that they are lost as soon as the agent
// is gone, so here their containers are destroyed and forgotten.
func (act *actor) recover(ctx context.Context, state *checkpoint.State) error {
	act.ctx = ctx
	act.counters.Terminal = map[mesosv1.TaskState]int64{}
	began := time.Now()
	if err := act.recoverIdentity(state); err != nil {
		return err
	}
	if act.opts.Cleanup {
		state.Frameworks = nil
		act.stopping, act.forget, act.done = true, true, true
	}
	statuses, err := act.recoverContainers(ctx, state)
	if err != nil {
		return err
	}
	for _, id := range slices.Sorted(maps.Keys(state.Frameworks)) {
		act.recoverFramework(id, state.Frameworks[id], statuses)
	}
	act.counters.RecoverySeconds = time.Since(began).Seconds()
	return nil
}

// recoverIdentity decides whether this is the agent that was checkpointed.
func (act *actor) recoverIdentity(state *checkpoint.State) error {
	if state.Agent == nil {
		return nil
	}
	now := act.opts.info()
	err := reconfigured(act.opts.ReconfigurationPolicy, state.Agent.Info, now)
	rebooted := state.Agent.BootID != act.opts.BootID
	switch {
	case err != nil && !rebooted && !act.opts.Cleanup:
		return fmt.Errorf("this agent was started with another configuration before: %w; start it as before, allow additions by --reconfiguration_policy=additive, or remove %s to make it a new agent, which loses its tasks",
			err, act.agent.checkpointDir())
	case err != nil:
		act.log.Warn("the machine was rebooted and the configuration differs: this is a new agent", "was", state.Agent.ID, "difference", err)
		for id := range state.Frameworks {
			act.record(checkpoint.Record{FrameworkGone: id})
		}
		state.Frameworks = nil
		return nil
	}
	act.id = state.Agent.ID
	// A changed configuration replaces the one that later starts compare with.
	act.identityStored = false
	act.storeIdentity()
	return nil
}

// recoverContainers asks the containerizers for the containers of tasks that
// are to go on. All others are destroyed.
func (act *actor) recoverContainers(ctx context.Context, state *checkpoint.State) (map[mesosid.ContainerID]containerizer.Status, error) {
	specs := map[string][]containerizer.Spec{}
	for id, f := range state.Frameworks {
		if !survives(f) {
			act.log.Info("tasks of a framework that does not checkpoint are given up", "framework", id, "executors", len(f.Executors))
			continue
		}
		for _, e := range f.Executors {
			specs[e.Launch.Containerizer] = append(specs[e.Launch.Containerizer], e.Launch.Spec)
		}
	}
	all := map[mesosid.ContainerID]containerizer.Status{}
	for name, c := range map[string]containerizer.Containerizer{
		dockerName: act.opts.Containerizers.Docker, processName: act.opts.Containerizers.Process,
	} {
		if c == nil {
			if n := len(specs[name]); n > 0 {
				return nil, fmt.Errorf("%d checkpointed tasks run under the %s containerizer, which this agent was started without", n, name)
			}
			continue
		}
		statuses, err := c.Recover(ctx, specs[name])
		if err != nil {
			return nil, fmt.Errorf("recovery of the %s containers: %w", name, err)
		}
		maps.Copy(all, statuses)
	}
	return all, nil
}

// survives reports whether the tasks of a framework outlive the agent. Those
// of a framework that is being shut down are kept until they are dead.
func survives(f *checkpoint.Framework) bool {
	return f.Info != nil && f.Info.Checkpoint != nil && *f.Info.Checkpoint || f.Shutdown
}

func (act *actor) recoverFramework(id mesosid.FrameworkID, saved *checkpoint.Framework, statuses map[mesosid.ContainerID]containerizer.Status) {
	if !survives(saved) {
		act.record(checkpoint.Record{FrameworkGone: id})
		return
	}
	f := newFramework(id)
	f.info, f.terminating = saved.Info, saved.Shutdown
	act.frameworks[id] = f
	now := time.Now()
	for _, tid := range slices.Sorted(maps.Keys(saved.Streams)) {
		for _, u := range saved.Streams[tid].Pending() {
			act.updates.Append(now, statusupdate.Key{Framework: id, Task: tid}, u)
		}
	}
	for _, eid := range slices.Sorted(maps.Keys(saved.Executors)) {
		act.recoverExecutor(f, saved, saved.Executors[eid], statuses)
	}
	act.tidy(f)
}

func (act *actor) recoverExecutor(f *framework, saved *checkpoint.Framework, e *checkpoint.Executor, statuses map[mesosid.ContainerID]containerizer.Status) {
	executor := act.addExecutor(f, e.Launch)
	act.agent.gc.Keep(e.Launch.Spec.Sandbox)
	// A command task is its executor's only one.
	info := &e.Launch.Tasks[0]
	t := executor.tasks[mesosid.TaskID(info.TaskID.Value)]
	stream := saved.Streams[mesosid.TaskID(info.TaskID.Value)]
	var launched time.Time
	if stream != nil {
		for i, u := range stream.Updates {
			t.reported = u.State
			t.record = withStatus(t.record, u)
			executor.status = cmp.Or(u.ContainerStatus, executor.status)
			if u.State == mesosv1.TaskRunning && launched.IsZero() && u.Timestamp != nil {
				launched = time.UnixMicro(int64(*u.Timestamp * 1e6))
			}
			if i <= stream.Acknowledged {
				t.record.StatusUpdateState, t.record.StatusUpdateUUID = &u.State, u.UUID
			}
		}
	}
	ended := stream != nil && taskstate.Terminal(t.reported)
	t.acknowledged = ended && len(stream.Pending()) == 0
	status, known := statuses[e.Launch.Spec.ID]
	var recovered *task.Recovered
	switch {
	case known || ended:
		recovered = &task.Recovered{Status: status, Launched: launched, Ended: ended, Announced: stream != nil}
	case !launched.IsZero():
		// It did run, and its containerizer knows nothing of it any more.
		recovered = &task.Recovered{Launched: launched, Announced: true}
	}
	executor.runner = task.NewRunner(act.runnerOptions(executor, info, recovered))
	for _, k := range e.Kills {
		executor.runner.Kill(killOf(k))
	}
	if f.terminating {
		executor.runner.Kill(task.Kill{Requested: time.Now(), Silent: true})
	}
	act.start(executor)
	act.log.Info("task recovered", "framework", f.id, "task", info.TaskID.Value, "state", t.reported, "container_known", known)
}
