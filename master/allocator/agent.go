package allocator

import (
	"cmp"
	"slices"

	"github.com/meseta/meseta/internal/mesosid"
	"github.com/meseta/meseta/internal/resources"
)

// agent is what is known of one agent. Agent is the description as given.
type agent struct {
	Agent
	slot   int32
	active bool
	// dirty: it is in the list for the next run. settled: nobody qualified for
	// what is free when openings had the value seen.
	dirty   bool
	settled bool
	seen    uint64

	// need and refuse are what frameworks must and must not be capable of.
	need, refuse Capabilities

	totalAmount vector
	pools       []pool
	poolID      uint32
	// flags of all pools together.
	flags flags
	// overcommitted: more is held than the agent has now, so that what comes
	// back is not necessarily free.
	overcommitted bool

	// offered are the outstanding offers; used is the rest of what is held,
	// one record for each client.
	offered []offered
	used    []usage
	sharing []sharing

	shapes  []shape
	shapeID uint32

	// Nearly every agent has one pool and few have more than one offer, user or
	// refused amount: the first of each lies with the agent in memory.
	firstPool  [1]pool
	firstOffer [1]offered
	firstUsage [1]usage
	firstShape [1]shape
	removed    bool
}

// AddAgent makes an agent known and active. used is what frameworks hold on
// it, those included that are not registered (yet). An agent that is known
// already is replaced.
func (a *Allocator) AddAgent(description Agent, used map[mesosid.FrameworkID]resources.Resources) {
	a.RemoveAgent(description.ID)
	ag := &agent{Agent: description, active: true}
	ag.pools, ag.offered, ag.shapes = ag.firstPool[:0], ag.firstOffer[:0], ag.firstShape[:0]
	ag.used = ag.firstUsage[:0]
	if n := len(a.freeSlots); n > 0 {
		ag.slot, a.freeSlots = a.freeSlots[n-1], a.freeSlots[:n-1]
	} else {
		ag.slot = int32(len(a.slots))
		a.slots = append(a.slots, nil)
		a.lastShapes = append(a.lastShapes, 0)
	}
	a.slots[ag.slot] = ag
	a.agents[ag.ID] = ag
	ag.shapeID = a.lastShapes[ag.slot]
	a.describe(ag)
	a.countTotal(ag, +1)
	a.keys = sortedKeys(a.keys[:0], used)
	for _, id := range a.keys {
		a.hold(ag, a.framework(id), used[id])
	}
	a.refill(ag)
	a.touch(ag)
}

// sortedKeys appends the keys of a map in order, so that the same history
// gives the same answers.
func sortedKeys[K cmp.Ordered, V any](keys []K, m map[K]V) []K {
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// describe derives what the description implies.
func (a *Allocator) describe(ag *agent) {
	ag.totalAmount = a.names.whole(ag.Total)
	ag.need, ag.refuse = 0, 0
	if a.options.FilterGPU && ag.Total.Amount(resources.GPUs) > 0 {
		ag.need |= CapGPU
	}
	if ag.HasDomain && (!a.options.HasRegion || ag.Region != a.options.MasterRegion) {
		ag.need |= CapRegionAware
	}
	if ag.Capabilities&AgentMultiRole == 0 {
		ag.refuse |= CapMultiRole
	}
}

// UpdateAgent replaces the description and total of a known agent. It reports
// whether anything changed, which is when the agent is due for a run. Another
// set of attributes ends all refusals of the agent.
func (a *Allocator) UpdateAgent(description Agent) bool {
	ag := a.agents[description.ID]
	if ag == nil {
		return false
	}
	old := ag.Agent
	sameAttributes := old.Attributes.Equal(description.Attributes)
	sameTotal := old.Total.Equal(description.Total)
	if sameAttributes && sameTotal && old.Hostname == description.Hostname &&
		old.Capabilities == description.Capabilities && old.HasDomain == description.HasDomain &&
		old.Region == description.Region && old.Zone == description.Zone &&
		equalWindows(old.Unavailability, description.Unavailability) {
		return false
	}
	if !sameTotal {
		a.countTotal(ag, -1)
	}
	ag.Agent = description
	a.describe(ag)
	if !sameTotal {
		a.countTotal(ag, +1)
		a.refill(ag)
	}
	if !sameAttributes {
		a.dropShapes(ag)
	}
	a.unjudge(ag)
	a.touch(ag)
	return true
}

// unjudge forgets what constraints said about the agent.
func (a *Allocator) unjudge(ag *agent) {
	for _, c := range a.clients {
		c.judged.unset(ag.slot)
		c.excluded.unset(ag.slot)
	}
}

func equalWindows(x, y *Unavailability) bool {
	if x == nil || y == nil {
		return x == y
	}
	return x.Start.Equal(y.Start) && x.HasDuration == y.HasDuration && x.Duration == y.Duration
}

// RemoveAgent forgets an agent, everything held on it and its refusals.
func (a *Allocator) RemoveAgent(id mesosid.AgentID) {
	ag := a.agents[id]
	if ag == nil {
		return
	}
	a.letGo(ag)
	a.dropPools(ag)
	a.dropShapes(ag)
	a.unjudge(ag)
	a.countTotal(ag, -1)
	delete(a.agents, id)
	ag.removed = true
	a.slots[ag.slot] = nil
	a.lastShapes[ag.slot] = ag.shapeID
	a.freeSlots = append(a.freeSlots, ag.slot)
	if len(a.limited) > 0 {
		a.open(false)
	}
}

// ActivateAgent lets an agent take part in runs again.
func (a *Allocator) ActivateAgent(id mesosid.AgentID) {
	if ag := a.agents[id]; ag != nil && !ag.active {
		ag.active = true
		a.touch(ag)
	}
}

// DeactivateAgent keeps an agent out of runs. What is held on it still counts.
// The owner recovers its offers.
func (a *Allocator) DeactivateAgent(id mesosid.AgentID) {
	if ag := a.agents[id]; ag != nil {
		ag.active = false
	}
}

// UpdateUnavailability sets or, with nil, removes the maintenance window. The
// agent is due for a run, since its offers have to be made anew.
func (a *Allocator) UpdateUnavailability(id mesosid.AgentID, window *Unavailability) {
	if ag := a.agents[id]; ag != nil && !equalWindows(ag.Unavailability, window) {
		ag.Unavailability = window
		a.touch(ag)
	}
}
