package allocator

import (
	"slices"
	"time"

	"github.com/meseta/meseta/internal/resources"
)

// shape is an amount on an agent that at least one client has refused. A
// client that refused it is not offered the same or less of that agent.
//
// Many frameworks refuse the same: whatever happens to be free. So the amount
// is kept once, with the set of clients that refused it, and compared with
// what is free once for all of them.
type shape struct {
	id uint32
	// refused carries no allocation.
	refused resources.Resources
	clients bitset
	n       int
	// covers is whether refused contains the content of the agent's only pool
	// when that content had the number seen.
	seen   uint32
	covers bool
}

// passingRefusal ends with the next run over all agents already.
type passingRefusal struct {
	until time.Time
	ref   filterRef
}

// refuse notes that a client does not want the resources, which carry no
// allocation, before a time.
func (a *Allocator) refuse(ag *agent, c *client, refused resources.Resources, until time.Time, passing bool) {
	s := ag.shape(refused)
	ref := filterRef{agent: ag.slot, client: c.number, shape: s.id, epoch: c.epoch}
	if s.clients.has(c.number) {
		a.repeated[ref]++
	} else {
		s.clients.set(c.number)
		s.n++
		c.refusals++
		a.live++
	}
	if passing {
		// All of these last equally long, so that the queue stays in order.
		a.passing = append(a.passing, passingRefusal{until, ref})
		return
	}
	a.refusals.add(until, ref)
	if a.refusals.size > 4096 && a.refusals.size > 2*(a.live+len(a.repeated)) {
		a.sweepRefusals()
	}
}

func (ag *agent) shape(refused resources.Resources) *shape {
	for i := range ag.shapes {
		if s := &ag.shapes[i]; same(s.refused, refused) || s.refused.Equal(refused) {
			return s
		}
	}
	ag.shapeID++
	ag.shapes = append(ag.shapes, shape{id: ag.shapeID, refused: refused})
	return &ag.shapes[len(ag.shapes)-1]
}

// same reports whether two values are certainly equal because they share their
// memory.
func same(x, y resources.Resources) bool {
	n := x.Len()
	return n == y.Len() && (n == 0 || x.At(0) == y.At(0))
}

// find returns the shape of a refusal that is still in force.
func (a *Allocator) find(ref filterRef) (*agent, *shape) {
	ag, c := a.slots[ref.agent], a.clients[ref.client]
	if ag == nil || !c.exists || c.epoch != ref.epoch {
		return nil, nil
	}
	for i := range ag.shapes {
		if s := &ag.shapes[i]; s.id == ref.shape {
			if s.clients.has(ref.client) {
				return ag, s
			}
			break
		}
	}
	return nil, nil
}

// expire ends the refusals whose time has come.
func (a *Allocator) expire(now time.Time) {
	a.refusals.due(now, a.endRefusal)
	n := 0
	for n < len(a.passing) && !a.passing[n].until.After(now) {
		a.endRefusal(a.passing[n].ref)
		n++
	}
	a.passing = slices.Delete(a.passing, 0, n)
}

// endPassing ends the refusals that hold until the next run over all agents.
func (a *Allocator) endPassing() {
	for _, p := range a.passing {
		a.endRefusal(p.ref)
	}
	a.passing = a.passing[:0]
}

// NextExpiry returns the earliest time at which a refusal ends, when
// [Allocator.Allocate] may have something to offer again without any other
// event. The time may prove to be too early, never too late.
func (a *Allocator) NextExpiry() (time.Time, bool) {
	at, found := a.refusals.next()
	if len(a.passing) > 0 && (!found || a.passing[0].until.Before(at)) {
		return a.passing[0].until, true
	}
	return at, found
}

// endRefusal ends one refusal unless a later one for the same is in force.
func (a *Allocator) endRefusal(ref filterRef) {
	if n := a.repeated[ref]; n > 0 {
		if a.repeated[ref] = n - 1; n == 1 {
			delete(a.repeated, ref)
		}
		return
	}
	if ag, s := a.find(ref); s != nil {
		a.unrefuse(ag, s, ref.client)
		a.touch(ag)
	}
}

func (a *Allocator) unrefuse(ag *agent, s *shape, number int32) {
	s.clients.unset(number)
	s.n--
	a.live--
	a.clients[number].refusals--
	if s.n == 0 {
		last := len(ag.shapes) - 1
		*s = ag.shapes[last]
		ag.shapes[last] = shape{}
		ag.shapes = ag.shapes[:last]
	}
}

// dropRefusals ends all refusals of a client. The caller sees to it that the
// agents are looked at again.
func (a *Allocator) dropRefusals(c *client) {
	if c.refusals > 0 {
		for _, ag := range a.slots {
			if ag == nil {
				continue
			}
			for i := len(ag.shapes) - 1; i >= 0; i-- {
				if ag.shapes[i].clients.has(c.number) {
					a.unrefuse(ag, &ag.shapes[i], c.number)
				}
			}
		}
	}
	c.epoch++
}

// dropShapes ends all refusals of an agent.
func (a *Allocator) dropShapes(ag *agent) {
	for i := range ag.shapes {
		ag.shapes[i].clients.eachWithout(nil, func(number int32) {
			a.clients[number].refusals--
			a.live--
		})
	}
	ag.shapes = nil
}

// sweepRefusals takes references to refusals that have gone out of the
// calendar, so that a framework that revives often does not fill it.
func (a *Allocator) sweepRefusals() {
	a.refusals.compact(func(ref filterRef) bool {
		_, s := a.find(ref)
		if s == nil {
			delete(a.repeated, ref)
		}
		return s != nil
	})
}

// covered returns the clients that refused at least the resources. number is
// that of the pool whose whole content they are, or 0.
func (a *Allocator) covered(ag *agent, free resources.Resources, number uint32) bitset {
	var only bitset
	found := 0
	for i := range ag.shapes {
		s := &ag.shapes[i]
		if !s.contains(free, number) {
			continue
		}
		switch found++; found {
		case 1:
			only = s.clients
		case 2:
			clear(a.sweep.union)
			a.sweep.union.or(only)
			a.sweep.union.or(s.clients)
			only = a.sweep.union
		default:
			a.sweep.union.or(s.clients)
			only = a.sweep.union
		}
	}
	return only
}

func (s *shape) contains(free resources.Resources, number uint32) bool {
	if number == 0 {
		return s.refused.Contains(free)
	}
	if s.seen != number {
		s.seen = number
		s.covers = same(s.refused, free) || s.refused.Contains(free)
	}
	return s.covers
}

// refusedBy reports whether the client has refused exactly these resources.
func (ag *agent) refusedBy(c *client, res resources.Resources) bool {
	for i := range ag.shapes {
		if s := &ag.shapes[i]; s.clients.has(c.number) && (same(s.refused, res) || s.refused.Equal(res)) {
			return true
		}
	}
	return false
}
