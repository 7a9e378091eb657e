package allocator

import (
	"github.com/meseta/meseta/internal/resources"
)

// view is what clients of one role that can handle the same flags may have of
// the agent at hand.
type view struct {
	parts []part
	// amount is the sum of the parts.
	amount vector
	// worthwhile: the amount is worth offering by the allocator's minimum.
	worthwhile bool
	// refused are the clients that do not want it, once known.
	refused      bitset
	knowsRefused bool
	// sum and own are memory for amount and refused.
	sum vector
	own bitset
}

// part is what is offered of a pool: mostly its whole content.
type part struct {
	pool   int32
	whole  bool
	res    resources.Resources
	amount vector
}

// view returns what clients of a role may have who can handle the flags. It
// is valid until the next offer.
func (a *Allocator) view(n *node, able uint8) *view {
	s := &a.sweep
	v := &s.views[able]
	if s.built&(1<<able) != 0 {
		return v
	}
	s.built |= 1 << able
	v.parts, v.knowsRefused = v.parts[:0], false
	short := true
	for i := range s.agent.pools {
		p := &s.agent.pools[i]
		if !p.present(s.number) || uint8(p.flags)&^able != 0 {
			continue
		}
		if p.owner != nil && !(n == p.owner || !s.guaranteeing && n.within(p.owner)) {
			continue
		}
		piece := part{int32(i), true, p.res, p.amount}
		if p.plain() && len(a.limited) > 0 {
			bounds, any := a.allowance(n, p.amount, s.guaranteeing)
			if !any {
				short = false
			}
			if !bounds.Empty() || !any {
				piece.res = p.res.ShrinkToLimits(bounds)
				piece.amount = a.names.whole(piece.res)
				piece.whole = false
			}
			if piece.res.Empty() {
				continue
			}
		}
		v.parts = append(v.parts, piece)
	}
	if s.guaranteeing && !(short && a.hasPlain(v)) {
		v.parts = v.parts[:0]
	}
	switch len(v.parts) {
	case 0:
		v.amount, v.worthwhile = nil, false
		return v
	case 1:
		v.amount = v.parts[0].amount
	default:
		clear(v.sum)
		for i := range v.parts {
			v.sum.add(v.parts[i].amount)
		}
		v.amount = v.sum
	}
	v.worthwhile = allocatable(v.amount, a.minimum)
	return v
}

// hasPlain reports whether the view has unreserved resources, without which
// no guarantee is fulfilled.
func (a *Allocator) hasPlain(v *view) bool {
	for i := range v.parts {
		if a.sweep.agent.pools[v.parts[i].pool].plain() {
			return true
		}
	}
	return false
}

// resources is the content of the view, without allocation.
func (v *view) resources() resources.Resources {
	if len(v.parts) == 1 {
		return v.parts[0].res
	}
	var b resources.Builder
	for i := range v.parts {
		b.Add(v.parts[i].res)
	}
	return b.Resources()
}

// refusedBy returns the clients that refused at least what is in the view.
func (a *Allocator) refusedBy(v *view) bitset {
	if v.knowsRefused {
		return v.refused
	}
	v.knowsRefused = true
	ag := a.sweep.agent
	switch {
	case len(ag.shapes) == 0 || len(v.parts) == 0:
		v.refused = nil
	case len(v.parts) == 1 && v.parts[0].whole && ag.flags == 0:
		v.refused = a.covered(ag, v.parts[0].res, ag.pools[v.parts[0].pool].number)
	default:
		number := uint32(0)
		if len(v.parts) == 1 && v.parts[0].whole {
			number = ag.pools[v.parts[0].pool].number
		}
		// The answer lies in memory that the next question uses again.
		v.refused = append(v.own[:0], a.covered(ag, v.resources(), number)...)
		v.own = v.refused
	}
	return v.refused
}

// offer gives a client everything in the view.
func (a *Allocator) offer(c *client, v *view) {
	s := &a.sweep
	ag := s.agent
	top := c.role.top()
	s.headroom.count(top, -1)

	o := offered{client: c, intact: true, whole: true}
	if only := &v.parts[0]; len(v.parts) == 1 && only.whole && ag.pools[only.pool].flags&flagShared == 0 {
		p := &ag.pools[only.pool]
		o.res, o.amount = p.forRole(c.role.path), p.amount
		if p.plain() {
			o.open = p.amount
		}
		o.single = poolContent{only.pool, p.number}
		a.take(p)
	} else {
		a.offerParts(&o, v)
	}
	c.holdings++
	c.offered.add(o.amount)
	a.charge(c, o.amount, o.open, +1)
	if ag.flags&flagShared != 0 {
		a.share(ag, c, o.res, +1)
	}
	a.serve(c)
	if len(c.framework.requests) > 0 {
		a.meet(c.framework, ag, v.amount)
	}
	s.headroom.count(top, +1)
	ag.offered = append(ag.offered, o)
	s.proposals = append(s.proposals, Proposal{
		Framework: c.framework.id, Role: c.role.path, Agent: ag.ID, Resources: o.res,
	})
	a.look()
}

// offerParts takes the parts of a view that is not just one pool.
func (a *Allocator) offerParts(o *offered, v *view) {
	s := &a.sweep
	content := v.resources()
	for i := range v.parts {
		piece := &v.parts[i]
		p := &s.agent.pools[piece.pool]
		if p.flags&flagShared != 0 {
			p.offeredIn = s.number
			o.intact = false
			continue
		}
		o.amount.add(piece.amount)
		if p.plain() {
			o.open.add(piece.amount)
		}
		taken := poolContent{piece.pool, p.number}
		switch {
		case !piece.whole:
			o.intact = false
			a.fill(s.agent, p, p.res.Subtract(piece.res))
			continue
		case i == 0:
			o.single = taken
		default:
			o.more = append(o.more, taken)
		}
		a.take(p)
	}
	o.res = content.Allocate(o.client.role.path)
}
