package allocator

import (
	"github.com/meseta/meseta/internal/resources"
)

// flags are the properties of resources that a framework must be able to
// handle.
type flags uint8

const (
	flagRevocable flags = 1 << iota
	flagShared
	flagRefined
	allFlags = flagRevocable | flagShared | flagRefined
)

// viewOf tells by the same bits what a framework can handle.
func viewOf(c Capabilities) uint8 {
	var f flags
	if c&CapRevocable != 0 {
		f |= flagRevocable
	}
	if c&CapShared != 0 {
		f |= flagShared
	}
	if c&CapRefinement != 0 {
		f |= flagRefined
	}
	return uint8(f)
}

func flagsOf(r *resources.Resource) flags {
	if r.Meta == nil {
		return 0
	}
	var f flags
	if r.Meta.Revocable {
		f |= flagRevocable
	}
	if r.Meta.Shared {
		f |= flagShared
	}
	if len(r.Meta.Reservations) > 1 {
		f |= flagRefined
	}
	return f
}

// pool is the part of an agent's free resources that the same clients may
// have: those of the owner role and below (nil: unreserved, for everybody)
// that can handle the flags.
//
// A pool that has been offered whole keeps its content and is only marked as
// taken: when it comes back as it was, the mark is removed.
type pool struct {
	owner *node
	flags flags
	taken bool
	// number identifies the content among all contents that the agent's pools
	// ever had. Contents with the same number are the same.
	number uint32
	// offeredIn is the run in which a shared pool was last offered.
	offeredIn uint64

	// res and amount are not written to; a new content is a new value.
	res    resources.Resources
	amount vector

	// allocated is res with the allocation that was asked for last.
	allocated resources.Resources
	role      string
}

func (p *pool) plain() bool { return p.owner == nil && p.flags == 0 }

// present reports whether the pool has something to give in this run. Shared
// volumes are there however often they are in use, but go to one client a run.
func (p *pool) present(run uint64) bool {
	return !p.taken && (p.flags&flagShared == 0 || p.offeredIn != run)
}

// forRole is the content with the role as its allocation.
func (p *pool) forRole(role string) resources.Resources {
	if p.role != role {
		p.role, p.allocated = role, p.res.Allocate(role)
	}
	return p.allocated
}

// fill replaces the content of a pool.
func (a *Allocator) fill(ag *agent, p *pool, content resources.Resources) {
	a.countFree(p, -1)
	ag.poolID++
	p.number = ag.poolID
	p.res, p.amount = content, a.names.whole(content)
	p.allocated, p.role = resources.Resources{}, ""
	p.taken = content.Empty()
	a.countFree(p, +1)
}

// take marks the whole content as gone.
func (a *Allocator) take(p *pool) {
	a.countFree(p, -1)
	p.taken = true
}

// putBack makes the content as it was available again.
func (a *Allocator) putBack(p *pool) {
	p.taken = false
	a.countFree(p, +1)
}

// countFree keeps the cluster's free amount, from which quota headroom comes.
func (a *Allocator) countFree(p *pool, sign int) {
	switch {
	case p.taken || !p.plain():
	case sign > 0:
		a.free.add(p.amount)
	default:
		a.free.sub(p.amount)
	}
}

// addFree puts resources without allocation that are not shared into the
// pools where they belong.
func (a *Allocator) addFree(ag *agent, free resources.Resources) {
	if free.Empty() {
		return
	}
	first := free.At(0)
	if !free.Any(func(r *resources.Resource) bool { return !sameClass(first, r) }) {
		a.addToPool(ag, first, free)
		return
	}
	for !free.Empty() {
		first = free.At(0)
		a.addToPool(ag, first, free.Filter(func(r *resources.Resource) bool { return sameClass(first, r) }))
		free = free.Filter(func(r *resources.Resource) bool { return !sameClass(first, r) })
	}
}

func sameClass(x, y *resources.Resource) bool {
	return x.Meta == y.Meta || flagsOf(x) == flagsOf(y) && x.ReservationRole() == y.ReservationRole()
}

// addToPool adds resources of one class, to which sample belongs.
func (a *Allocator) addToPool(ag *agent, sample *resources.Resource, content resources.Resources) {
	p := a.pool(ag, sample)
	if !p.taken && p.number != 0 {
		content = p.res.Add(content)
	}
	a.fill(ag, p, content)
}

func (a *Allocator) pool(ag *agent, sample *resources.Resource) *pool {
	f, owner := flagsOf(sample), sample.ReservationRole()
	for i := range ag.pools {
		p := &ag.pools[i]
		if p.flags == f && (p.owner == nil && owner == "" || p.owner != nil && p.owner.path == owner) {
			return p
		}
	}
	p := pool{flags: f, taken: true}
	if owner != "" {
		p.owner = a.role(owner)
	}
	ag.pools = append(ag.pools, p)
	ag.flags |= f
	return &ag.pools[len(ag.pools)-1]
}

// dropPools empties the agent's pools.
func (a *Allocator) dropPools(ag *agent) {
	for i := range ag.pools {
		p := &ag.pools[i]
		a.countFree(p, -1)
		if p.owner != nil {
			a.release(p.owner)
		}
	}
	clear(ag.pools)
	ag.pools, ag.flags = ag.pools[:0], 0
}

// refill computes what is free anew from what the agent has and what is held.
func (a *Allocator) refill(ag *agent) {
	a.dropPools(ag)
	ag.overcommitted = false
	exclusive := ag.Total.NonShared()
	if len(ag.offered)+len(ag.used) == 0 {
		a.addFree(ag, exclusive)
	} else {
		a.rest.Reset(exclusive)
		for i := range ag.offered {
			a.takeRest(ag, ag.offered[i].res)
		}
		for i := range ag.used {
			a.takeRest(ag, ag.used[i].res)
		}
		a.addFree(ag, a.rest.Resources())
	}
	a.addFree(ag, ag.Total.Shared())
}

func (a *Allocator) takeRest(ag *agent, held resources.Resources) {
	held = held.NonShared().Unallocated()
	if !a.rest.View().Contains(held) {
		ag.overcommitted = true
	}
	a.rest.Subtract(held)
}

// present returns everything that is free, shared volumes included.
func (ag *agent) present() resources.Resources {
	var free resources.Resources
	for i := range ag.pools {
		if p := &ag.pools[i]; !p.taken {
			free = free.Add(p.res)
		}
	}
	return free
}
