package allocator

import (
	"slices"

	"github.com/meseta/meseta/internal/resources"
)

// serve counts an allocation: of equal shares, who was served less often goes
// first. Giving back does not count.
func (a *Allocator) serve(c *client) {
	if c.framework.gone {
		return
	}
	c.served++
	c.role.selfServed++
	for n := c.role; n != nil; n = n.parent {
		n.served++
	}
	a.mark(c)
}

// charge adds to what a client holds, or with sign -1 takes away from it.
// open is the part that is neither reserved nor revocable. The vectors are
// only read.
func (a *Allocator) charge(c *client, amount, open vector, sign int) {
	c.held.apply(amount, sign)
	if !c.framework.gone {
		a.chargeRoles(c, amount, open, sign)
	}
}

// chargeRoles does so in the client's role and the roles above.
func (a *Allocator) chargeRoles(c *client, amount, open vector, sign int) {
	c.role.selfHeld.apply(amount, sign)
	for n := c.role; n != nil; n = n.parent {
		n.held.apply(amount, sign)
		n.unreserved.apply(open, sign)
	}
	a.mark(c)
}

// split returns the vectors by which resources count in the role tree.
func (a *Allocator) split(res resources.Resources) (amount, open vector) {
	amount = a.names.exclusive(res)
	if !res.Any(func(r *resources.Resource) bool { return r.Meta != nil }) {
		return amount, amount
	}
	a.names.addTo(&open, res, func(r *resources.Resource) bool { return !r.Reserved() && !r.Revocable() })
	return amount, open
}

// countIn and countOut keep account of resources that a client has got or
// given back.
func (a *Allocator) countIn(ag *agent, c *client, res resources.Resources) {
	amount, open := a.split(res)
	a.charge(c, amount, open, +1)
	a.share(ag, c, res, +1)
}

func (a *Allocator) countOut(ag *agent, c *client, res resources.Resources) {
	amount, open := a.split(res)
	a.charge(c, amount, open, -1)
	a.share(ag, c, res, -1)
}

// sharing is who holds a shared volume of an agent.
type sharing struct {
	volume  resources.Resource
	amount  vector
	holders []holder
}

type holder struct {
	client *client
	copies int
}

// share keeps account of shared volumes in res. A volume counts once in what a
// client or role holds, however many tasks or frameworks use it.
func (a *Allocator) share(ag *agent, c *client, res resources.Resources, sign int) {
	for i := range res.Len() {
		r := res.At(i)
		if !r.Shared() || r.Kind != resources.KindScalar {
			continue
		}
		s := a.sharing(ag, r)
		at := slices.IndexFunc(s.holders, func(h holder) bool { return h.client == c })
		if at < 0 {
			at = len(s.holders)
			s.holders = append(s.holders, holder{client: c})
		}
		before := s.holders[at].copies
		after := before + sign*r.Count
		s.holders[at].copies = after
		if after == 0 {
			s.holders = slices.Delete(s.holders, at, at+1)
		}
		if (before > 0) == (after > 0) {
			continue
		}
		c.held.apply(s.amount, sign)
		if !c.framework.gone {
			a.shareRoles(s, c, sign)
		}
	}
	ag.sharing = slices.DeleteFunc(ag.sharing, func(s sharing) bool { return len(s.holders) == 0 })
}

func (a *Allocator) sharing(ag *agent, r *resources.Resource) *sharing {
	for i := range ag.sharing {
		if s := &ag.sharing[i]; s.volume.Scalar == r.Scalar && s.volume.Meta.Equal(r.Meta) {
			return s
		}
	}
	s := sharing{volume: *r}
	s.amount.addAt(a.names.id(r.Name), int64(r.Scalar))
	ag.sharing = append(ag.sharing, s)
	return &ag.sharing[len(ag.sharing)-1]
}

// shareRoles counts the volume in the roles of a client where nobody else
// holds it.
func (a *Allocator) shareRoles(s *sharing, c *client, sign int) {
	alone := func(holds func(*client) bool) bool {
		return !slices.ContainsFunc(s.holders, func(h holder) bool {
			return h.client != c && !h.client.framework.gone && holds(h.client)
		})
	}
	if alone(func(o *client) bool { return o.role == c.role }) {
		c.role.selfHeld.apply(s.amount, sign)
	}
	for n := c.role; n != nil; n = n.parent {
		if alone(func(o *client) bool { return o.role.within(n) }) {
			n.held.apply(s.amount, sign)
		}
	}
	a.mark(c)
}

// chargeAll takes everything that a client holds out of its roles, before its
// framework goes, or counts it there again after it has come back.
func (a *Allocator) chargeAll(c *client, sign int) {
	for _, ag := range a.slots {
		if ag == nil {
			continue
		}
		if holds := ag.holdingsOf(c); !holds.Empty() {
			amount, open := a.split(holds)
			a.chargeRoles(c, amount, open, sign)
		}
		for i := range ag.sharing {
			s := &ag.sharing[i]
			if slices.ContainsFunc(s.holders, func(h holder) bool { return h.client == c }) {
				a.shareRoles(s, c, sign)
			}
		}
	}
}
