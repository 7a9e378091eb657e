package agent

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/meseta/meseta/agent/checkpoint"
	"github.com/meseta/meseta/agent/session"
	"github.com/meseta/meseta/gen/mesosv1"
	"github.com/meseta/meseta/gen/nodev1"
	"github.com/meseta/meseta/internal/mesosid"
)

// handler is the agent as the session sees it: each call becomes a command.
type handler Agent

func (h *handler) Register(ctx context.Context) (*nodev1.Register, error) {
	register, err := ask(ctx, (*Agent)(h), func(act *actor) *nodev1.Register {
		if act.stopping || act.leaving {
			return nil
		}
		return act.register()
	})
	if err == nil && register == nil {
		err = session.ErrLeaving
	}
	return register, err
}

func (h *handler) Registered(ctx context.Context, id, host string, r *nodev1.Registered) {
	if err := h.layout.CreateAgent(mesosid.AgentID(r.AgentID.Value)); err != nil {
		h.log.Error("the directory of the agent cannot be made; its tasks will fail", "err", err)
	}
	_ = (*Agent)(h).do(ctx, func(act *actor) { act.registered(id, host, r) })
}

func (h *handler) Event(ctx context.Context, e *nodev1.Event) {
	_ = (*Agent)(h).do(ctx, func(act *actor) { act.event(e) })
}

func (h *handler) Disconnected(context.Context) {
	(*Agent)(h).post(func(act *actor) { act.disconnected() })
}

// capabilities are what this agent understands.
func capabilities() []mesosv1.AgentInfoCapability {
	var list []mesosv1.AgentInfoCapability
	for _, c := range []mesosv1.AgentInfoCapabilityType{
		mesosv1.AgentInfoCapabilityTypeMultiRole,
		mesosv1.AgentInfoCapabilityTypeHierarchicalRole,
		mesosv1.AgentInfoCapabilityTypeReservationRefinement,
		mesosv1.AgentInfoCapabilityTypeResourceProvider,
		mesosv1.AgentInfoCapabilityTypeResizeVolume,
		mesosv1.AgentInfoCapabilityTypeAgentOperationFeedback,
		mesosv1.AgentInfoCapabilityTypeAgentDraining,
		mesosv1.AgentInfoCapabilityTypeTaskResourceLimits,
	} {
		list = append(list, mesosv1.AgentInfoCapability{Type: &c})
	}
	return list
}

// register is what the agent introduces itself with.
func (act *actor) register() *nodev1.Register {
	r := &nodev1.Register{
		AgentInfo:    act.opts.info(),
		Version:      act.opts.Version,
		IP:           act.opts.IP,
		Port:         int32(act.opts.Port),
		Capabilities: capabilities(),
	}
	if act.id != "" {
		r.AgentID = &mesosv1.AgentID{Value: string(act.id)}
		r.AgentInfo.ID = r.AgentID
	}
	for _, fid := range slices.Sorted(maps.Keys(act.frameworks)) {
		f := act.frameworks[fid]
		if f.terminating || f.info == nil {
			continue
		}
		r.Frameworks = append(r.Frameworks, *f.info)
		for _, eid := range slices.Sorted(maps.Keys(f.executors)) {
			e := f.executors[eid]
			if !e.launch.Command && e.state == executorActive {
				r.Executors = append(r.Executors, nodev1.Executor{
					FrameworkID: mesosv1.FrameworkID{Value: string(fid)}, ExecutorInfo: e.launch.Executor,
				})
			}
			for _, tid := range slices.Sorted(maps.Keys(e.tasks)) {
				if t := e.tasks[tid]; !t.acknowledged {
					r.Tasks = append(r.Tasks, *t.record)
				}
			}
		}
	}
	return r
}

// registered begins a session.
func (act *actor) registered(session, host string, r *nodev1.Registered) {
	id := mesosid.AgentID(r.AgentID.Value)
	if act.id != "" && act.id != id {
		// Everything on this machine is filed under the old id, and the
		// master knows none of it. Going on would lose track of it.
		act.log.Error("the master has given this agent another id; it shuts down and registers as a new agent at its next start",
			"agent", act.id, "other", id)
		act.stop(fmt.Errorf("the master knows agent %s as %s", act.id, id))
		return
	}
	if act.id == "" {
		act.id = id
		act.log.Info("registered", "agent", id, "master", r.MasterID)
	} else {
		act.log.Info("registered again", "agent", id, "master", r.MasterID)
	}
	act.session, act.masterID, act.masterHost = session, r.MasterID, host
	act.drain = nil
	act.storeIdentity()
	act.changed()
	for _, d := range act.updates.Resume(time.Now()) {
		act.deliver(d)
	}
}

// storeIdentity records the id of the agent unless that has been done. A
// failure is made up for before the next launch.
func (act *actor) storeIdentity() {
	if act.identityStored {
		return
	}
	act.identityStored = true
	act.journal.Append(checkpoint.Record{Agent: &checkpoint.Agent{
		ID: act.id, Info: act.opts.info(), BootID: act.opts.BootID,
	}}, true, func(err error) {
		if err != nil {
			act.identityStored = false
			act.log.Error("the id of this agent is not checkpointed; a restart would make it a new agent", "agent", act.id, "err", err)
		}
	})
}

func (act *actor) disconnected() {
	act.session = ""
	act.report.Updates = nil // their streams send them again
	act.updates.Pause()
	act.changed()
}

// event takes an event of the master.
func (act *actor) event(e *nodev1.Event) {
	switch {
	case e.RunTasks != nil:
		act.runTasks(e.RunTasks)
	case e.KillTask != nil:
		act.killTask(e.KillTask)
	case e.Acknowledge != nil:
		act.acknowledge(e.Acknowledge.Updates)
	case e.Message != nil:
		act.counters.InvalidFrameworkMessages++
		act.log.Debug("message for an executor that is not here is dropped",
			"framework", e.Message.FrameworkID.Value, "executor", e.Message.ExecutorID.Value)
	case e.ShutdownExecutor != nil:
		act.shutdownExecutor(e.ShutdownExecutor)
	case e.UpdateFramework != nil:
		act.updateFramework(&e.UpdateFramework.FrameworkInfo)
	case e.ShutdownFramework != nil:
		if f := act.frameworks[mesosid.FrameworkID(e.ShutdownFramework.FrameworkID.Value)]; f != nil {
			act.shutdownFramework(f)
		}
	case e.Reconcile != nil:
		act.reconcile(e.Reconcile.Tasks)
	case e.ApplyOperation != nil:
		act.refuseOperation(e.ApplyOperation)
	case e.AcknowledgeOperation != nil:
		// Refusals of operations carry no uuid, so that none is expected.
	case e.Type == nodev1.EventTypeDrain:
		config := e.Drain
		if config == nil {
			config = &mesosv1.DrainConfig{}
		}
		act.startDrain(config)
	case e.Type == nodev1.EventTypeShutdown:
		message := "no reason given"
		if e.Shutdown != nil && e.Shutdown.Message != "" {
			message = e.Shutdown.Message
		}
		act.log.Warn("the master has told this agent to shut down", "message", message)
		act.stop(&ShutdownError{Message: message})
	default:
		act.log.Warn("unknown event of the master is ignored", "type", e.Type)
	}
}

// refuseOperation answers operations, which this agent does not carry out.
func (act *actor) refuseOperation(e *nodev1.ApplyOperation) {
	act.report.OperationUpdates = append(act.report.OperationUpdates, nodev1.OperationUpdate{
		FrameworkID:   e.FrameworkID,
		OperationUUID: e.OperationUUID,
		Status: mesosv1.OperationStatus{
			OperationID: e.Info.ID,
			State:       mesosv1.OperationError,
			Message:     new("This agent does not support operations on its resources yet"),
			AgentID:     &mesosv1.AgentID{Value: string(act.id)},
		},
	})
}
