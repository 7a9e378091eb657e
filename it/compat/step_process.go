package compat

import (
	"context"
	"fmt"
	"strings"
)

func (r *Replayer) signalAgent(ctx context.Context, i int) (int, error) {
	s := &r.transcript.Steps[i]
	ctx, cancel := context.WithTimeout(ctx, exitPatience)
	defer cancel()
	return 1, r.cluster.SignalAgent(ctx, s.Agent, s.Signal)
}

// startAgent starts an agent again. In the scheduler format it then waits for
// the registration, unless the next note tells of a client that does not.
func (r *Replayer) startAgent(ctx context.Context, i int) (int, error) {
	s := &r.transcript.Steps[i]
	wait := r.transcript.Format == Scheduler
	if i+1 < len(r.transcript.Steps) {
		next := &r.transcript.Steps[i+1]
		if next.Do == "note" && strings.Contains(next.Text, "repeats SUBSCRIBE") {
			wait, r.patient = false, true
		}
	}
	started, cancel := context.WithTimeout(ctx, registerPatience)
	defer cancel()
	err := r.cluster.StartAgent(started, s.Agent, StartAgent{Flags: s.Flags, Wipe: s.WipeWorkDir, Wait: wait})
	if err != nil || !wait {
		return 1, err
	}
	return 1, r.nameAgent(ctx, s.Agent)
}

// nameAgent gives the id of an agent the next free number if it has none.
func (r *Replayer) nameAgent(ctx context.Context, agent int) error {
	id, err := r.cluster.AgentID(ctx, agent)
	if err != nil {
		return err
	}
	if _, known := r.bindings.owner("AGENT_ID", id); known {
		return nil
	}
	for n := 1; ; n++ {
		name := fmt.Sprintf("AGENT_ID_%d", n)
		if _, taken := r.bindings.Value(name); taken {
			continue
		}
		if !r.bindings.Bind(name, id) {
			return fmt.Errorf("agent %d registered with the id %q", agent, id)
		}
		return nil
	}
}

func (r *Replayer) agentExited(ctx context.Context, i int) (int, error) {
	s := &r.transcript.Steps[i]
	ctx, cancel := context.WithTimeout(ctx, exitPatience)
	defer cancel()
	if err := r.cluster.AwaitAgentExit(ctx, s.Agent); err != nil {
		return 0, fmt.Errorf("the agent has not ended by itself within %v: %w", exitPatience, err)
	}
	return 1, nil
}

func (r *Replayer) agentRunning(ctx context.Context, i int) (int, error) {
	s := &r.transcript.Steps[i]
	waiting, cancel := context.WithTimeout(ctx, runningFor)
	defer cancel()
	if err := r.cluster.AwaitAgentExit(waiting, s.Agent); err == nil {
		r.fail(i, "the agent has ended")
	}
	return 1, ctx.Err()
}

func (r *Replayer) restartMaster(ctx context.Context, _ int) (int, error) {
	return 1, r.cluster.RestartMaster(ctx)
}
