package bench

import (
	"encoding/json"
	"fmt"
	"sync/atomic"

	"github.com/google/uuid"

	"github.com/meseta/meseta/gen/mesosv1"
	"github.com/meseta/meseta/gen/nodev1"
	"github.com/meseta/meseta/internal/recordio"
	"github.com/meseta/meseta/master/api"
)

// emulatedAgent speaks the node API like an agent whose tasks end as soon as
// they have started: it keeps the rules of reliable updates, one in flight for
// each task, and runs nothing.
type emulatedAgent struct {
	id      string
	events  *recordio.Reader
	calls   *pipe
	session string
	// ending are the tasks whose RUNNING has not been acknowledged.
	ending map[string]mesosv1.FrameworkID
}

// emulate registers n agents. Several agents share a connection for their
// calls, as if through one proxy, so that their number is not bounded by that
// of sockets; each has a stream of its own.
func (c *cluster) emulate(n int, resources []mesosv1.Resource) ([]*emulatedAgent, error) {
	const perPipe = 64
	var shared *pipe
	agents := make([]*emulatedAgent, n)
	for i := range agents {
		if i%perPipe == 0 {
			var err error
			if shared, err = c.pipe(); err != nil {
				return nil, err
			}
		}
		a := &emulatedAgent{calls: shared, ending: map[string]mesosv1.FrameworkID{}}
		if err := a.register(c, i, resources); err != nil {
			return nil, fmt.Errorf("agent %d: %w", i, err)
		}
		agents[i] = a
	}
	return agents, nil
}

func (a *emulatedAgent) register(c *cluster, i int, resources []mesosv1.Resource) error {
	register := &nodev1.Register{
		AgentInfo: mesosv1.AgentInfo{Hostname: fmt.Sprintf("agent%d", i), Resources: resources},
		Version:   "1.12.0",
		IP:        fmt.Sprintf("10.%d.%d.%d", i>>16&255, i>>8&255, i&255),
		Port:      5051,
	}
	for _, one := range []mesosv1.AgentInfoCapabilityType{
		mesosv1.AgentInfoCapabilityTypeMultiRole,
		mesosv1.AgentInfoCapabilityTypeHierarchicalRole,
		mesosv1.AgentInfoCapabilityTypeReservationRefinement,
	} {
		register.Capabilities = append(register.Capabilities, mesosv1.AgentInfoCapability{Type: &one})
	}
	events, session, err := c.open("/api/v1/node", api.SessionIDHeader, &nodev1.Call{Type: nodev1.CallTypeRegister, Register: register})
	if err != nil {
		return err
	}
	record, err := events.Next()
	if err != nil {
		return err
	}
	var first nodev1.Event
	if err := json.Unmarshal(record, &first); err != nil || first.Registered == nil {
		return fmt.Errorf("the first event is %s", record)
	}
	a.id, a.events, a.session = first.Registered.AgentID.Value, events, session
	return nil
}

// run answers the master until the stream ends.
func (a *emulatedAgent) run(ended *atomic.Int64) {
	for {
		record, err := a.events.Next()
		if err != nil {
			return
		}
		var e nodev1.Event
		if err := json.Unmarshal(record, &e); err != nil {
			return
		}
		switch e.Type {
		case nodev1.EventTypePing:
			err = a.call(&nodev1.Call{Type: nodev1.CallTypePong})
		case nodev1.EventTypeRunTasks:
			err = a.started(e.RunTasks)
		case nodev1.EventTypeAcknowledge:
			err = a.acknowledged(e.Acknowledge, ended)
		}
		if err != nil {
			return
		}
	}
}

func (a *emulatedAgent) call(call *nodev1.Call) error {
	body, err := json.Marshal(call)
	if err != nil {
		return err
	}
	return a.calls.send(request("/api/v1/node", api.SessionIDHeader, a.session, body))
}

func (a *emulatedAgent) started(run *nodev1.RunTasks) error {
	updates := make([]nodev1.StatusUpdate, 0, len(run.Tasks))
	for i := range run.Tasks {
		a.ending[run.Tasks[i].TaskID.Value] = *run.FrameworkInfo.ID
		updates = append(updates, a.update(*run.FrameworkInfo.ID, run.Tasks[i].TaskID, mesosv1.TaskRunning))
	}
	return a.call(&nodev1.Call{Type: nodev1.CallTypeReport, Report: &nodev1.Report{Updates: updates}})
}

func (a *emulatedAgent) acknowledged(acks *nodev1.Acknowledge, ended *atomic.Int64) error {
	var updates []nodev1.StatusUpdate
	for _, ack := range acks.Updates {
		framework, running := a.ending[ack.TaskID.Value]
		if !running {
			ended.Add(1)
			continue
		}
		delete(a.ending, ack.TaskID.Value)
		updates = append(updates, a.update(framework, ack.TaskID, mesosv1.TaskFinished))
	}
	if len(updates) == 0 {
		return nil
	}
	return a.call(&nodev1.Call{Type: nodev1.CallTypeReport, Report: &nodev1.Report{Updates: updates}})
}

func (a *emulatedAgent) update(framework mesosv1.FrameworkID, task mesosv1.TaskID, state mesosv1.TaskState) nodev1.StatusUpdate {
	id := uuid.New()
	return nodev1.StatusUpdate{
		FrameworkID: framework,
		LatestState: state,
		Status: mesosv1.TaskStatus{
			TaskID:     task,
			State:      state,
			Source:     new(mesosv1.SourceExecutor),
			AgentID:    &mesosv1.AgentID{Value: a.id},
			ExecutorID: &mesosv1.ExecutorID{Value: task.Value},
			UUID:       id[:],
		},
	}
}
