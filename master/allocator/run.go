package allocator

import (
	"time"
)

// Allocate offers what is free on the agents on which something changed since
// the last run, or on all after an event that concerns all. Refusals that have
// ended by now no longer count. The owner calls it after events that may open
// something up, and at [Allocator.NextExpiry].
//
// An agent of which an offer is outstanding is left for AllocateAll: what
// comes free on it meanwhile is offered together with what comes back, and not
// in ever smaller pieces.
func (a *Allocator) Allocate(now time.Time) []Proposal {
	a.expire(now)
	return a.run(a.all)
}

// AllocateAll offers what is free on all agents. The owner calls it once per
// allocation interval. It also ends the refusals that protect a framework
// which refuses for no time from being asked again at once.
func (a *Allocator) AllocateAll(now time.Time) []Proposal {
	a.expire(now)
	a.endPassing()
	return a.run(true)
}

// sweep is the state of one run and the scratch memory of all.
type sweep struct {
	number     uint64
	candidates []*agent
	proposals  []Proposal
	// last is how many proposals the last run made.
	last     int
	headroom headroom
	union    bitset
	order    randomOrder

	// agent is the one at hand; the rest is about it.
	agent        *agent
	guaranteeing bool
	// exhausted: nothing is left. reservedOnly: all that is left is reserved.
	exhausted, reservedOnly bool
	// common: all roles see the same, so that views outlive the role.
	common bool
	views  [int(allFlags) + 1]view
	built  uint8
}

func (a *Allocator) run(all bool) []Proposal {
	s := &a.sweep
	s.number++
	a.choose(all)
	if len(s.candidates) == 0 {
		return nil
	}
	// About as many as last time, so that the list need not grow.
	s.proposals = make([]Proposal, 0, min(len(s.candidates), s.last+s.last/8+4))
	a.settle()
	if a.guarantees() {
		s.headroom.reset(a.limited)
		a.shuffle()
		for _, ag := range s.candidates {
			a.enter(ag, true)
			if !s.exhausted {
				a.guarantee()
				a.settle()
			}
		}
	} else {
		clear(s.headroom.required)
	}
	a.shuffle()
	for _, ag := range s.candidates {
		a.enter(ag, false)
		if s.exhausted {
			continue
		}
		if a.options.RandomSorter {
			a.visitRandomly()
		} else {
			a.visit(a.root)
		}
		a.settle()
		// What is left now, nobody wants or may have. Under a quota others
		// may still open it up, and shared volumes go to the next one later.
		if len(a.limited) == 0 && ag.flags&flagShared == 0 {
			ag.settled, ag.seen = true, a.openings
		}
	}
	clear(s.candidates)
	proposals := s.proposals
	s.proposals, s.agent, s.last = nil, nil, len(proposals)
	if s.last == 0 {
		return nil
	}
	return proposals
}

// choose collects the agents of the run.
func (a *Allocator) choose(all bool) {
	s := &a.sweep
	s.candidates = s.candidates[:0]
	from := a.dirty
	if all {
		from = a.slots
		a.all = false
	}
	for _, ag := range from {
		if ag != nil && ag.active && !ag.removed && !(ag.settled && ag.seen == a.openings) && (all || len(ag.offered) == 0) {
			s.candidates = append(s.candidates, ag)
		}
	}
	// What lies behind an outstanding offer waits for AllocateAll.
	waiting := a.dirty[:0]
	for _, ag := range a.dirty {
		if !all && len(ag.offered) > 0 && !ag.removed {
			waiting = append(waiting, ag)
			continue
		}
		ag.dirty = false
	}
	clear(a.dirty[len(waiting):])
	a.dirty = waiting
}

func (a *Allocator) shuffle() {
	list := a.sweep.candidates
	a.random.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
}

func (a *Allocator) guarantees() bool {
	for _, n := range a.limited {
		if len(n.quota.guarantee) > 0 {
			return true
		}
	}
	return false
}

// enter turns to an agent.
func (a *Allocator) enter(ag *agent, guaranteeing bool) {
	s := &a.sweep
	s.agent, s.guaranteeing = ag, guaranteeing
	s.common = len(a.limited) == 0
	for i := range ag.pools {
		if ag.pools[i].owner != nil {
			s.common = false
		}
	}
	a.look()
}

// look finds out what is left on the agent.
func (a *Allocator) look() {
	s := &a.sweep
	s.built = 0
	s.exhausted, s.reservedOnly = true, true
	for i := range s.agent.pools {
		if p := &s.agent.pools[i]; p.present(s.number) {
			s.exhausted = false
			s.reservedOnly = s.reservedOnly && p.owner != nil
		}
	}
}

// guarantee serves the roles that are short of what they are guaranteed.
func (a *Allocator) guarantee() {
	for _, block := range a.root.competitors.blocks {
		for _, e := range block {
			if n := a.numbered[e.id]; n.quota != nil && n.active.n > 0 && n.wanting() {
				if a.visitRole(n); a.sweep.exhausted {
					return
				}
			}
		}
	}
}

// visit asks the roles below n, and its own frameworks, in the order of their
// shares. The order does not change while the agent is at hand.
func (a *Allocator) visit(n *node) {
	s := &a.sweep
	for _, block := range n.competitors.blocks {
		for _, e := range block {
			switch {
			case e.id == selfID:
				a.visitRole(n)
			case !s.reservedOnly || a.concerned(a.numbered[e.id]):
				a.visit(a.numbered[e.id])
			}
			if s.exhausted {
				return
			}
		}
	}
}

// concerned reports whether something on the agent is reserved for the role,
// a role above or a role below.
func (a *Allocator) concerned(n *node) bool {
	for i := range a.sweep.agent.pools {
		if p := &a.sweep.agent.pools[i]; p.present(a.sweep.number) && (p.owner == nil || n.within(p.owner) || p.owner.within(n)) {
			return true
		}
	}
	return false
}

// visitRole asks the active frameworks of a role in the order of their shares
// until nothing is left for the role.
func (a *Allocator) visitRole(n *node) {
	s := &a.sweep
	if !a.mayHave(n) {
		return
	}
	blocks := n.active.blocks
	if a.options.RandomSorter {
		blocks = s.order.clients(n, a.random)
	}
	if s.agent.flags != 0 {
		a.askEach(n, blocks)
		return
	}
	a.askAlike(n, blocks)
}

// mayHave reports whether anything on the agent could go to the role.
func (a *Allocator) mayHave(n *node) bool {
	s := &a.sweep
	if n.depth > 1 && s.agent.Capabilities&AgentHierarchicalRole == 0 {
		return false
	}
	if !s.common {
		s.built = 0
	}
	most := a.view(n, uint8(s.agent.flags))
	return len(most.parts) > 0 && (most.worthwhile || n.choosy > 0)
}

// manySkips is after how many refusals in a row it pays to look who has not
// refused, and fewRemain how many of these are worth comparing one by one.
const manySkips, fewRemain = 48, 32

// askAlike is askEach for an agent whose resources anybody can handle: all
// clients of the role see the same view.
func (a *Allocator) askAlike(n *node, blocks [][]entry) {
	s := &a.sweep
	v := a.view(n, 0)
	refused := a.refusedBy(v)
	skips := 0
	for _, block := range blocks {
		for i := range block {
			e := &block[i]
			if refused.has(e.id) {
				if skips++; skips == manySkips && !a.options.RandomSorter {
					remain := n.activeSet.without(refused)
					if remain == 0 {
						return
					}
					if remain <= fewRemain {
						a.askRemaining(n, v, e.key)
						return
					}
				}
				continue
			}
			c := a.clients[e.id]
			if !a.qualifies(c, v) {
				continue
			}
			a.offer(c, v)
			if s.exhausted || !a.mayHave(n) {
				return
			}
			v = a.view(n, 0)
			refused = a.refusedBy(v)
		}
	}
}

// askRemaining asks those clients after a place who have not refused, picking
// the first of the few that remain each time.
func (a *Allocator) askRemaining(n *node, v *view, after key) {
	refused := a.refusedBy(v)
	for {
		var next *client
		n.activeSet.eachWithout(refused, func(number int32) {
			if c := a.clients[number]; after.less(c.place) && (next == nil || c.place.less(next.place)) {
				next = c
			}
		})
		if next == nil {
			return
		}
		after = next.place
		if !a.qualifies(next, v) {
			continue
		}
		a.offer(next, v)
		if a.sweep.exhausted || !a.mayHave(n) {
			return
		}
		v = a.view(n, 0)
		refused = a.refusedBy(v)
	}
}

// askEach asks clients that may see different parts of the agent.
func (a *Allocator) askEach(n *node, blocks [][]entry) {
	s := &a.sweep
	for _, block := range blocks {
		for i := range block {
			c := a.clients[block[i].id]
			v := a.view(n, c.view&uint8(s.agent.flags))
			if len(v.parts) == 0 || a.refusedBy(v).has(c.number) || !a.qualifies(c, v) {
				continue
			}
			a.offer(c, v)
			if s.exhausted || !a.mayHave(n) {
				return
			}
		}
	}
}

// qualifies reports whether a client may be offered what it sees, refusals
// aside.
func (a *Allocator) qualifies(c *client, v *view) bool {
	ag := a.sweep.agent
	able := c.framework.capabilities
	if able&ag.need != ag.need || able&ag.refuse != 0 {
		return false
	}
	if c.picky {
		if !allocatable(v.amount, c.minimum) {
			return false
		}
	} else if !v.worthwhile {
		return false
	}
	return c.framework.constraints == nil || c.admits(ag)
}

// admits asks the framework's constraints, once per agent.
func (c *client) admits(ag *agent) bool {
	if !c.judged.has(ag.slot) {
		c.judged.set(ag.slot)
		if !c.framework.constraints(c.role.path, &ag.Agent) {
			c.excluded.set(ag.slot)
		}
	}
	return !c.excluded.has(ag.slot)
}
