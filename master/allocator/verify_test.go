package allocator

import (
	"fmt"
	"slices"

	"github.com/meseta/meseta/internal/resources"
)

// Verify recomputes from the records on agents everything that the allocator
// keeps account of, and reports the first difference.
func (a *Allocator) Verify() error {
	for _, check := range []func() error{a.verifyAgents, a.verifyAccounts, a.verifyRefusals, a.verifyLists} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

func (a *Allocator) verifyAgents() error {
	var total, free vector
	for _, ag := range a.agents {
		total.add(a.names.whole(ag.Total))
		for i := range ag.pools {
			if p := &ag.pools[i]; !p.taken && p.plain() {
				free.add(a.names.whole(p.res))
			}
		}
		held, present := ag.held(), ag.present().NonShared()
		if ag.overcommitted {
			continue
		}
		if sum := held.Add(present); !sum.Equal(ag.Total.NonShared()) {
			return fmt.Errorf("agent %s: held %v and free %v are not its total %v", ag.ID, held, present, ag.Total)
		}
	}
	if !equal(total, a.total) {
		return fmt.Errorf("the agents have %v, the account says %v", total, a.total)
	}
	if !equal(free, a.free) {
		return fmt.Errorf("free are %v, the account says %v", free, a.free)
	}
	return nil
}

func equal(x, y vector) bool { return x.contains(y) && y.contains(x) }

func (a *Allocator) verifyAccounts() error {
	type account struct{ held, self, unreserved, reserved vector }
	roles := map[*node]*account{a.root: {}}
	for _, n := range a.roles {
		roles[n] = &account{}
	}
	for _, ag := range a.agents {
		for r := range ag.Total.All() {
			if r.Reserved() && r.Kind == resources.KindScalar {
				for n := a.roles[r.ReservationRole()]; n != nil; n = n.parent {
					roles[n].reserved.addAt(a.names.id(r.Name), int64(r.Scalar))
				}
			}
		}
		once := map[string]bool{}
		for _, c := range a.clients {
			if !c.exists || c.framework.gone {
				continue
			}
			for r := range ag.holdingsOf(c).All() {
				if r.Kind != resources.KindScalar {
					continue
				}
				name, amount := a.names.id(r.Name), int64(r.Scalar)
				count := func(into *vector, key string) {
					if r.Shared() {
						key += "/" + r.Meta.Disk.Persistence.ID
						if once[key] {
							return
						}
						once[key] = true
					}
					into.addAt(name, amount)
				}
				count(&roles[c.role].self, fmt.Sprintf("self %p", c.role))
				for n := c.role; n != nil; n = n.parent {
					count(&roles[n].held, fmt.Sprintf("held %p", n))
					if !r.Reserved() && !r.Revocable() {
						roles[n].unreserved.addAt(name, amount)
					}
				}
			}
		}
	}
	for n, want := range roles {
		if !equal(n.held, want.held) || !equal(n.selfHeld, want.self) ||
			!equal(n.unreserved, want.unreserved) || !equal(n.reserved, want.reserved) {
			return fmt.Errorf("role %q: held %v self %v unreserved %v reserved %v, but it should be %v", n.path,
				n.held, n.selfHeld, n.unreserved, n.reserved, *want)
		}
	}
	for _, c := range a.clients {
		if !c.exists {
			continue
		}
		holdings := 0
		var offered vector
		for _, ag := range a.agents {
			for i := range ag.offered {
				if ag.offered[i].client == c {
					holdings++
					offered.add(a.names.exclusive(ag.offered[i].res))
				}
			}
			for i := range ag.used {
				if ag.used[i].client == c {
					holdings++
				}
			}
		}
		if holdings != c.holdings || !equal(offered, c.offered) {
			return fmt.Errorf("framework %s: %d records offering %v, the account says %d and %v",
				c.framework.id, holdings, offered, c.holdings, c.offered)
		}
		if !c.subscribed && holdings == 0 {
			return fmt.Errorf("framework %s, role %s: should be forgotten", c.framework.id, c.role.path)
		}
	}
	return nil
}

func (a *Allocator) verifyRefusals() error {
	live, of := 0, map[int32]int{}
	for _, ag := range a.agents {
		for i := range ag.shapes {
			s, n := &ag.shapes[i], 0
			s.clients.eachWithout(nil, func(number int32) { n++; of[number]++ })
			if n != s.n || n == 0 {
				return fmt.Errorf("agent %s: %d clients refused %v, the account says %d", ag.ID, n, s.refused, s.n)
			}
			live += n
		}
	}
	if live != a.live {
		return fmt.Errorf("%d refusals, the account says %d", live, a.live)
	}
	ends := len(a.passing)
	a.refusals.compact(func(ref filterRef) bool {
		if _, s := a.find(ref); s != nil {
			ends++
		}
		return true
	})
	if ends < live {
		return fmt.Errorf("%d refusals have %d ends", live, ends)
	}
	for _, c := range a.clients {
		if c.exists && of[c.number] != c.refusals {
			return fmt.Errorf("framework %s: %d refusals, the account says %d", c.framework.id, of[c.number], c.refusals)
		}
	}
	return nil
}

// verifyLists settles first, so that lists can be compared with what is right.
func (a *Allocator) verifyLists() error {
	a.settle()
	for _, n := range append(slices.Clone(a.numbered), a.root) {
		if n == nil {
			continue
		}
		if err := n.competitors.verify(); err != nil {
			return fmt.Errorf("role %q: %w", n.path, err)
		}
		if err := n.active.verify(); err != nil {
			return fmt.Errorf("role %q: %w", n.path, err)
		}
		wanting := 0
		for _, c := range n.members {
			if c.placed != c.wantsOffers() || c.placed != n.activeSet.has(c.number) {
				return fmt.Errorf("role %q: framework %s is listed: %v", n.path, c.framework.id, c.placed)
			}
			if c.placed {
				wanting++
				if c.place != a.clientKey(c) {
					return fmt.Errorf("role %q: framework %s is in a wrong place", n.path, c.framework.id)
				}
			}
		}
		if n.active.n != wanting {
			return fmt.Errorf("role %q: %d active, want %d", n.path, n.active.n, wanting)
		}
		if n != a.root && (n.placed != (n.competitors.n > 0) || n.placed && n.place != a.nodeKey(n)) {
			return fmt.Errorf("role %q is in a wrong place", n.path)
		}
		if n.selfPlaced != (wanting > 0) || n.selfPlaced && n.selfPlace != a.selfKey(n) {
			return fmt.Errorf("role %q: its own frameworks are in a wrong place", n.path)
		}
	}
	return nil
}

func (o *order) verify() error {
	var last *key
	n := 0
	for _, block := range o.blocks {
		if len(block) == 0 || len(block) > blockSize {
			return fmt.Errorf("a block of %d", len(block))
		}
		for i := range block {
			if n++; last != nil && !last.less(block[i].key) {
				return fmt.Errorf("entry %d is out of order", n)
			}
			last = &block[i].key
		}
	}
	if n != o.n {
		return fmt.Errorf("%d entries, the account says %d", n, o.n)
	}
	return nil
}

// held is everything that is held on the agent, without allocations and
// without shared volumes, which do not take anything away.
func (ag *agent) held() resources.Resources {
	if len(ag.offered) == 0 && len(ag.used) == 0 {
		return resources.Resources{}
	}
	var b resources.Builder
	for i := range ag.offered {
		b.Add(ag.offered[i].res.NonShared().Unallocated())
	}
	for i := range ag.used {
		b.Add(ag.used[i].res.NonShared().Unallocated())
	}
	return b.Resources()
}

// CalendarSize is how many ends of refusals are kept.
func (a *Allocator) CalendarSize() int { return a.refusals.size }
