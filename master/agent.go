package master

import (
	"maps"
	"net/netip"
	"slices"
	"time"

	"github.com/meseta/meseta/gen/mesosv1"
	"github.com/meseta/meseta/gen/nodev1"
	"github.com/meseta/meseta/internal/mesosid"
	"github.com/meseta/meseta/internal/resources"
	"github.com/meseta/meseta/master/allocator"
)

// agent is what the actor knows of one registered agent.
type agent struct {
	id           mesosid.AgentID
	info         *mesosv1.AgentInfo // never changed, only replaced
	version      string
	address      netip.AddrPort
	capabilities []mesosv1.AgentInfoCapability
	total        resources.Resources
	attributes   resources.Attributes

	// subscriber is nil while the agent is disconnected.
	subscriber Subscriber
	session    string
	// deactivated agents are made no offers, by an operator's decision; nor
	// are those that are not on the whitelist.
	deactivated    bool
	unlisted       bool
	unavailability *mesosv1.Unavailability

	registered   time.Time
	reregistered time.Time
	// missed counts the pings since the last answer.
	missed int
	// disconnects counts disconnections, so that a timer can tell whether it
	// is still about the present one.
	disconnects int

	tasks     map[mesosid.FrameworkID]map[mesosid.TaskID]*task
	executors map[mesosid.FrameworkID]map[mesosid.ExecutorID]*executor
	// used is what tasks and executors use; what is offered is not in it.
	used   map[mesosid.FrameworkID]resources.Resources
	offers map[mesosid.OfferID]*offer
	// kills are those asked for while the agent was disconnected.
	kills []nodev1.KillTask
	// acks wait for the end of the present burst of turns.
	acks []nodev1.Acknowledgement

	// record is the published form, nil when it has to be made anew.
	record *AgentRecord
}

// executor is an executor that runs on an agent, or is about to. Executors of
// command tasks are the agent's own business.
type executor struct {
	info      *mesosv1.ExecutorInfo
	resources resources.Resources
}

func newAgent(id mesosid.AgentID) *agent {
	return &agent{
		id:        id,
		tasks:     map[mesosid.FrameworkID]map[mesosid.TaskID]*task{},
		executors: map[mesosid.FrameworkID]map[mesosid.ExecutorID]*executor{},
		used:      map[mesosid.FrameworkID]resources.Resources{},
		offers:    map[mesosid.OfferID]*offer{},
	}
}

func (a *agent) connected() bool { return a.subscriber != nil }

// offerable reports whether the agent's resources may be offered.
func (a *agent) offerable() bool { return a.connected() && !a.deactivated && !a.unlisted }

// pid is the agent's address in the form that older tools read.
func (a *agent) pid() string { return "slave(1)@" + a.address.String() }

func (a *agent) url() *mesosv1.URL {
	return &mesosv1.URL{
		Scheme: "http",
		Address: mesosv1.Address{
			Hostname: new(a.info.Hostname),
			IP:       new(a.address.Addr().String()),
			Port:     int32(a.address.Port()),
		},
		Path: new("/slave(1)"),
	}
}

// send queues an event for the agent. A disconnected agent gets nothing: it
// learns the present state when it registers again.
func (a *agent) send(e nodev1.Event) {
	if a.subscriber == nil {
		return
	}
	a.sendEncoded(mustEncode(&e))
}

// sendEncoded is send for an event that many agents get, so that the actor does
// not encode it for each of them.
func (a *agent) sendEncoded(encoded []byte) {
	if a.subscriber == nil {
		return
	}
	a.subscriber.Send(encoded)
}

// tell sends one event to many agents.
func tell(agents map[mesosid.AgentID]*agent, e nodev1.Event) {
	if len(agents) == 0 {
		return
	}
	encoded := mustEncode(&e)
	for _, a := range agents {
		a.sendEncoded(encoded)
	}
}

// acknowledgeAgent collects an acknowledgement for the end of the burst.
func (m *Master) acknowledgeAgent(a *agent, ack nodev1.Acknowledgement) {
	if len(a.acks) == 0 {
		m.acknowledging = append(m.acknowledging, a)
	}
	a.acks = append(a.acks, ack)
}

// flush sends the acknowledgements that have collected.
func (a *agent) flush() {
	if len(a.acks) == 0 {
		return
	}
	a.send(nodev1.Event{Type: nodev1.EventTypeAcknowledge, Acknowledge: &nodev1.Acknowledge{Updates: a.acks}})
	a.acks = nil
}

func (a *agent) addTask(t *task) {
	if a.tasks[t.framework] == nil {
		a.tasks[t.framework] = map[mesosid.TaskID]*task{}
	}
	a.tasks[t.framework][t.id] = t
	if !t.released {
		a.use(t.framework, t.resources)
	}
}

func (a *agent) removeTask(t *task) {
	delete(a.tasks[t.framework], t.id)
	if len(a.tasks[t.framework]) == 0 {
		delete(a.tasks, t.framework)
	}
}

func (a *agent) use(id mesosid.FrameworkID, rs resources.Resources) {
	a.used[id] = a.used[id].Add(rs)
}

func (a *agent) unuse(id mesosid.FrameworkID, rs resources.Resources) {
	left := a.used[id].Subtract(rs)
	if left.Empty() {
		delete(a.used, id)
		return
	}
	a.used[id] = left
}

func (a *agent) addExecutor(id mesosid.FrameworkID, e *executor) {
	if a.executors[id] == nil {
		a.executors[id] = map[mesosid.ExecutorID]*executor{}
	}
	a.executors[id][mesosid.ExecutorID(e.info.ExecutorID.Value)] = e
	a.use(id, e.resources)
}

func (a *agent) removeExecutor(id mesosid.FrameworkID, executorID mesosid.ExecutorID) *executor {
	e := a.executors[id][executorID]
	if e == nil {
		return nil
	}
	delete(a.executors[id], executorID)
	if len(a.executors[id]) == 0 {
		delete(a.executors, id)
	}
	a.unuse(id, e.resources)
	return e
}

// knows reports whether the agent has a task or an executor of the framework.
func (a *agent) knows(id mesosid.FrameworkID) bool {
	return len(a.tasks[id]) > 0 || len(a.executors[id]) > 0
}

func (a *agent) forgetFramework(id mesosid.FrameworkID) {
	delete(a.tasks, id)
	delete(a.executors, id)
	delete(a.used, id)
	a.record = nil
}

func (a *agent) executorIDs(id mesosid.FrameworkID) []mesosv1.ExecutorID {
	out := make([]mesosv1.ExecutorID, 0, len(a.executors[id]))
	for executorID := range a.executors[id] {
		out = append(out, mesosv1.ExecutorID{Value: string(executorID)})
	}
	slices.SortFunc(out, func(x, y mesosv1.ExecutorID) int {
		if x.Value < y.Value {
			return -1
		}
		return 1
	})
	return out
}

func (a *agent) can(c mesosv1.AgentInfoCapabilityType) bool {
	return slices.ContainsFunc(a.capabilities, func(x mesosv1.AgentInfoCapability) bool {
		return x.Type != nil && *x.Type == c
	})
}

// forAllocator gives the allocator's view of the agent.
func (a *agent) forAllocator() allocator.Agent {
	out := allocator.Agent{
		ID:         a.id,
		Hostname:   a.info.Hostname,
		Total:      a.total,
		Attributes: a.attributes,
	}
	for _, one := range []struct {
		has mesosv1.AgentInfoCapabilityType
		bit allocator.AgentCapabilities
	}{
		{mesosv1.AgentInfoCapabilityTypeMultiRole, allocator.AgentMultiRole},
		{mesosv1.AgentInfoCapabilityTypeHierarchicalRole, allocator.AgentHierarchicalRole},
		{mesosv1.AgentInfoCapabilityTypeReservationRefinement, allocator.AgentReservationRefinement},
	} {
		if a.can(one.has) {
			out.Capabilities |= one.bit
		}
	}
	if d := a.info.Domain; d != nil && d.FaultDomain != nil {
		out.HasDomain = true
		out.Region = d.FaultDomain.Region.Name
		out.Zone = d.FaultDomain.Zone.Name
	}
	return out
}

// usedByFramework gives what the agent's tasks and executors use.
func (a *agent) usedByFramework() map[mesosid.FrameworkID]resources.Resources {
	return maps.Clone(a.used)
}
