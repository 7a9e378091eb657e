package allocator

import (
	"time"

	"github.com/meseta/meseta/internal/mesosid"
	"github.com/meseta/meseta/internal/resources"
)

// Reason is why a framework is not offered an agent for a role, or anything.
type Reason uint8

// The reasons that concern the framework as a whole, and then those that
// concern an agent, in the order in which they are looked for.
const (
	// NoReason: nothing stands in the way.
	NoReason Reason = iota
	// UnknownFramework: it is not registered.
	UnknownFramework
	// NotSubscribed: it does not have the role.
	NotSubscribed
	// FrameworkInactive: it is disconnected or deactivated.
	FrameworkInactive
	// RoleSuppressed: it has suppressed the role.
	RoleSuppressed
	// NoAgents: there is none.
	NoAgents

	// OfferedToIt: it has an outstanding offer of the agent for the role.
	OfferedToIt
	// AgentInactive: it is disconnected, deactivated or draining.
	AgentInactive
	// OfferedToOthers: competitors with a lower share were served first.
	OfferedToOthers
	// InUse: tasks use all of it.
	InUse
	// ReservedForOthers: what is free is reserved for other roles.
	ReservedForOthers
	// NestedRoleUnsupported: the agent does not support roles with a slash.
	NestedRoleUnsupported
	// MultiRoleUnsupported: the framework has MULTI_ROLE, the agent has not.
	MultiRoleUnsupported
	// NeedsGPUResources: only GPU_RESOURCES frameworks get agents with gpus.
	NeedsGPUResources
	// NeedsRegionAware: the agent is in another region than the master.
	NeedsRegionAware
	// NeedsCapability: what is free is revocable, shared or has refined
	// reservations, and the framework has not said that it can handle these.
	NeedsCapability
	// ConstraintsExclude: its offer constraints exclude the agent.
	ConstraintsExclude
	// QuotaHolds: a limit of its role, or guarantees of others, hold it back.
	QuotaHolds
	// TooSmall: what is free is not worth offering.
	TooSmall
	// Refused: it has refused as much recently.
	Refused
	// NextRun: nothing; it is or may be offered in the next run.
	NextRun

	reasons
)

var reasonTexts = [reasons]string{
	NoReason:              "nothing stands in the way",
	UnknownFramework:      "the framework is not registered",
	NotSubscribed:         "the framework is not subscribed to the role",
	FrameworkInactive:     "the framework is not active",
	RoleSuppressed:        "the framework has suppressed the role",
	NoAgents:              "there are no agents",
	OfferedToIt:           "offered to the framework, which has not answered",
	AgentInactive:         "agent not active",
	OfferedToOthers:       "offered to frameworks with a lower share",
	InUse:                 "all in use",
	ReservedForOthers:     "free resources are reserved for other roles",
	NestedRoleUnsupported: "agent does not support nested roles",
	MultiRoleUnsupported:  "agent does not support MULTI_ROLE frameworks",
	NeedsGPUResources:     "agent has gpus, framework lacks GPU_RESOURCES",
	NeedsRegionAware:      "agent in another region, framework lacks REGION_AWARE",
	NeedsCapability:       "free resources need a capability that the framework lacks",
	ConstraintsExclude:    "excluded by the offer constraints",
	QuotaHolds:            "held back by quota",
	TooSmall:              "not enough free",
	Refused:               "refused by the framework",
	NextRun:               "free for the next run",
}

// String is a sentence fragment for people.
func (r Reason) String() string {
	if r < reasons {
		return reasonTexts[r]
	}
	return "unknown reason"
}

// Explanation is why a framework has no (more) offers for a role.
type Explanation struct {
	Framework mesosid.FrameworkID
	Role      string
	// Reason is set when it concerns all agents alike; the rest is empty then.
	Reason Reason
	// Agents counts the agents by reason, the most frequent first.
	Agents []ReasonCount
	// Until is the first time at which a refusal ends; zero without Refused.
	Until time.Time
	// Nearest is the agent, of those with TooSmall, that lacks the least, with
	// what is free there for the role and what is missing.
	Nearest       mesosid.AgentID
	Free, Missing resources.Quantities
	// Share is the framework's in the role, RoleShare the role's among its
	// siblings, weight included.
	Share, RoleShare float64
}

// ReasonCount is a number of agents with the same reason.
type ReasonCount struct {
	Reason Reason
	Agents int
}

// Explain tells why a framework has no (more) offers for a role, by asking
// for every agent as it is now what a run would. It changes nothing, and takes
// time in proportion to the agents and to the refusals in force.
func (a *Allocator) Explain(framework mesosid.FrameworkID, role string) Explanation {
	e := Explanation{Framework: framework, Role: role}
	c, reason := a.standing(framework, role)
	if e.Reason = reason; reason != NoReason {
		return e
	}
	e.Share = share(c.held, a.total, a.excluded, 1)
	e.RoleShare = share(c.role.held, a.total, a.excluded, c.role.weight)
	if len(a.agents) == 0 {
		e.Reason = NoAgents
		return e
	}
	a.sweep.number++
	a.sweep.headroom.reset(a.limited)
	var counts [reasons]int
	nearest := nearest{}
	for _, ag := range a.slots {
		if ag == nil {
			continue
		}
		reason := a.judge(ag, c)
		counts[reason]++
		if reason == TooSmall {
			nearest.consider(ag, a.sweep.views[c.view&uint8(ag.flags)].amount, a.enough(c))
		}
	}
	a.sweep.agent = nil
	for reason := reasons; reason > 0; reason-- {
		if n := counts[reason-1]; n > 0 {
			e.Agents = append(e.Agents, ReasonCount{reason - 1, n})
		}
	}
	sortCounts(e.Agents)
	if counts[Refused] > 0 {
		e.Until = a.firstEnd(c)
	}
	if nearest.agent != nil {
		e.Nearest = nearest.agent.ID
		e.Free, e.Missing = a.names.quantities(nearest.free), a.names.quantities(nearest.missing)
	}
	return e
}

// standing finds the client, or why there is nothing to be offered to it.
func (a *Allocator) standing(framework mesosid.FrameworkID, role string) (*client, Reason) {
	fw := a.known(framework)
	if fw == nil {
		return nil, UnknownFramework
	}
	for _, c := range fw.clients {
		switch {
		case c.role.path != role || !c.subscribed:
		case !fw.active:
			return nil, FrameworkInactive
		case c.suppressed:
			return nil, RoleSuppressed
		default:
			return c, NoReason
		}
	}
	return nil, NotSubscribed
}

// judge goes through what a run checks, for one agent and client.
func (a *Allocator) judge(ag *agent, c *client) Reason {
	for i := range ag.offered {
		if o := &ag.offered[i]; o.client == c && o.whole {
			return OfferedToIt
		}
	}
	if !ag.active {
		return AgentInactive
	}
	a.enter(ag, false)
	if a.sweep.exhausted {
		if len(ag.offered) > 0 {
			return OfferedToOthers
		}
		return InUse
	}
	n := c.role
	visible, plain := false, false
	for i := range ag.pools {
		if p := &ag.pools[i]; p.present(a.sweep.number) && (p.owner == nil || n.within(p.owner)) {
			visible = true
			plain = plain || uint8(p.flags)&^c.view == 0
		}
	}
	able := c.framework.capabilities
	switch v := a.view(n, c.view&uint8(ag.flags)); {
	case !visible && len(ag.offered) > 0:
		return OfferedToOthers
	case !visible:
		return ReservedForOthers
	case n.depth > 1 && ag.Capabilities&AgentHierarchicalRole == 0:
		return NestedRoleUnsupported
	case able&ag.refuse != 0:
		return MultiRoleUnsupported
	case ag.need&CapGPU&^able != 0:
		return NeedsGPUResources
	case ag.need&CapRegionAware&^able != 0:
		return NeedsRegionAware
	case !plain:
		return NeedsCapability
	case c.framework.constraints != nil && !c.admits(ag):
		return ConstraintsExclude
	case len(v.parts) == 0:
		return QuotaHolds
	case !allocatable(v.amount, a.enough(c)):
		if !v.entire() {
			return QuotaHolds
		}
		return TooSmall
	case a.refusedBy(v).has(c.number):
		return Refused
	}
	return NextRun
}

// entire reports whether quota has left all of it.
func (v *view) entire() bool {
	for i := range v.parts {
		if !v.parts[i].whole {
			return false
		}
	}
	return true
}

// enough are the alternatives of what is worth offering to the client.
func (a *Allocator) enough(c *client) []vector {
	if c.picky {
		return c.minimum
	}
	return a.minimum
}

// firstEnd is when the first of a client's refusals ends.
func (a *Allocator) firstEnd(c *client) time.Time {
	var first time.Time
	consider := func(until time.Time, ref filterRef) {
		if ref.client != c.number || !first.IsZero() && !until.Before(first) {
			return
		}
		if _, s := a.find(ref); s != nil {
			first = until
		}
	}
	a.refusals.each(consider)
	for _, p := range a.passing {
		consider(p.until, p.ref)
	}
	return first
}

// nearest keeps the agent that lacks the least of what would be enough.
type nearest struct {
	agent         *agent
	free, missing vector
	lack          float64
}

func (n *nearest) consider(ag *agent, free vector, alternatives []vector) {
	for _, enough := range alternatives {
		var missing vector
		lack := 0.0
		for name, amount := range enough {
			if short := amount - free.at(name); short > 0 {
				missing.addAt(name, short)
				lack += float64(short) / float64(amount)
			}
		}
		if n.agent == nil || lack < n.lack {
			n.agent, n.free, n.missing, n.lack = ag, free.clone(), missing, lack
		}
	}
}
