package allocator

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/meseta/meseta/internal/resources"
)

// node is a role in the tree. It exists as long as something needs it: a
// framework, a sub-role, a reservation, a weight or a quota.
type node struct {
	number   int32
	path     string
	name     *ranked
	selfName *ranked
	parent   *node
	depth    int
	uses     int
	weight   float64
	quota    *quota

	// held, unreserved and reserved describe the sub-tree: everything its
	// frameworks hold or are offered; the part of it that is not reserved and
	// not revocable; and what agents have reserved, in use or not.
	held, unreserved, reserved vector
	served                     uint64
	// selfHeld and selfServed are of the role's own frameworks.
	selfHeld   vector
	selfServed uint64

	// competitors lists the sub-roles with active frameworks, and the virtual
	// leaf [selfID] when the role has active frameworks of its own.
	competitors order
	place       key
	placed      bool
	selfPlace   key
	selfPlaced  bool

	// members are all clients of the role; active lists those that want
	// offers, and activeSet has the same by number.
	members   []*client
	active    order
	activeSet bitset
	// choosy counts members with their own idea of what is worth offering.
	choosy int
}

// selfID stands for the virtual leaf in a list of competitors.
const selfID int32 = -1

// role returns the node of a role, making it and its ancestors when they do
// not exist, and holds on to it until release.
func (a *Allocator) role(path string) *node {
	n := a.roles[path]
	if n == nil {
		n = &node{path: path, weight: 1, parent: a.root}
		if cut := strings.LastIndexByte(path, '/'); cut >= 0 {
			n.parent = a.role(path[:cut])
		}
		n.depth = n.parent.depth + 1
		if free := len(a.freeNodes); free > 0 {
			n.number, a.freeNodes = a.freeNodes[free-1], a.freeNodes[:free-1]
			a.numbered[n.number] = n
		} else {
			n.number = int32(len(a.numbered))
			a.numbered = append(a.numbered, n)
		}
		var again, selfAgain bool
		n.name, again = a.roleNames.add(path)
		n.selfName, selfAgain = a.roleNames.add(path + "/.")
		a.stale = a.stale || again || selfAgain
		a.roles[path] = n
	}
	n.uses++
	return n
}

// release lets go of a node.
func (a *Allocator) release(n *node) {
	if n.uses--; n.uses > 0 {
		return
	}
	if n.placed {
		n.parent.competitors.remove(n.place)
	}
	delete(a.roles, n.path)
	a.roleNames.drop(n.path)
	a.roleNames.drop(n.selfName.name)
	a.numbered[n.number] = nil
	a.freeNodes = append(a.freeNodes, n.number)
	if n.parent != a.root {
		a.release(n.parent)
	}
}

// within reports whether n is the role or below it.
func (n *node) within(role *node) bool {
	for n != nil && n.depth > role.depth {
		n = n.parent
	}
	return n == role
}

// top is the top-level role above n, or n itself.
func (n *node) top() *node {
	for n.depth > 1 {
		n = n.parent
	}
	return n
}

// UpdateWeight sets the weight of a role among its siblings. It takes effect
// with the next run. A weight that is not a positive number is refused; 1 is
// the default.
func (a *Allocator) UpdateWeight(role string, weight float64) error {
	if !(weight > 0) || math.IsInf(weight, 1) {
		return fmt.Errorf("weight of role %s: %v is not a positive number", role, weight)
	}
	n := a.role(role)
	had := n.weight != 1
	n.weight = weight
	a.stale = true
	if weight != 1 && !had {
		n.uses++
	}
	if weight == 1 && had {
		a.release(n)
	}
	a.release(n)
	return nil
}

// mark notes that the client's place, and those of its roles, must be found
// again before the next run.
func (a *Allocator) mark(c *client) {
	if !c.marked {
		c.marked = true
		a.changed = append(a.changed, c)
	}
}

// settle repairs the lists so that every place is where it belongs.
func (a *Allocator) settle() {
	if a.stale || len(a.changed) > 64 && len(a.changed) > len(a.clients)/2 {
		a.rebuild()
		return
	}
	for _, c := range a.changed {
		c.marked = false
		a.replace(c)
	}
	a.changed = a.changed[:0]
}

// replace moves a client, and the roles above it, to their present places.
func (a *Allocator) replace(c *client) {
	if !c.exists {
		return
	}
	n := c.role
	if want, k := c.wantsOffers(), a.clientKey(c); c.placed != want || want && c.place != k {
		c.displace()
		if want {
			n.active.insert(k, c.number)
			n.activeSet.set(c.number)
			c.place, c.placed = k, true
		}
	}
	if want, k := n.active.n > 0, a.selfKey(n); n.selfPlaced != want || want && n.selfPlace != k {
		if n.selfPlaced {
			n.competitors.remove(n.selfPlace)
		}
		if n.selfPlaced = want; want {
			n.competitors.insert(k, selfID)
			n.selfPlace = k
		}
	}
	for ; n.parent != nil; n = n.parent {
		want, k := n.competitors.n > 0, a.nodeKey(n)
		if n.placed == want && (!want || n.place == k) {
			continue
		}
		if n.placed {
			n.parent.competitors.remove(n.place)
		}
		if n.placed = want; want {
			n.parent.competitors.insert(k, n.number)
			n.place = k
		}
	}
}

// rebuild makes all lists anew, which beats repairing when most have changed.
func (a *Allocator) rebuild() {
	a.stale = false
	for _, c := range a.changed {
		c.marked = false
	}
	a.changed = a.changed[:0]
	// Deeper roles come first, so that it is known who has anybody active.
	nodes := make([]*node, 0, len(a.roles)+1)
	for _, n := range a.numbered {
		if n != nil {
			nodes = append(nodes, n)
		}
	}
	slices.SortStableFunc(nodes, func(x, y *node) int { return y.depth - x.depth })
	nodes = append(nodes, a.root)
	below := make(map[*node][]entry, len(nodes))
	var entries []entry
	for _, n := range nodes {
		entries = entries[:0]
		for _, c := range n.members {
			if c.placed = c.wantsOffers(); c.placed {
				c.place = a.clientKey(c)
				entries = append(entries, entry{c.place, c.number})
			}
		}
		n.active.rebuild(entries)
		competitors := below[n]
		if n.selfPlaced = n.active.n > 0; n.selfPlaced {
			n.selfPlace = a.selfKey(n)
			competitors = append(competitors, entry{n.selfPlace, selfID})
		}
		n.competitors.rebuild(competitors)
		if n == a.root {
			break
		}
		if n.placed = n.competitors.n > 0; n.placed {
			n.place = a.nodeKey(n)
			below[n.parent] = append(below[n.parent], entry{n.place, n.number})
		}
	}
	for _, n := range nodes {
		clear(n.activeSet)
		for _, c := range n.members {
			if c.placed {
				n.activeSet.set(c.number)
			}
		}
	}
}

const unasked = 1 << 63

func (a *Allocator) clientKey(c *client) key {
	k := key{share: shareBits(share(c.held, a.total, a.excluded, 1)), tie: c.served, rank: c.framework.name.rank}
	if len(c.framework.requests) == 0 {
		k.tie |= unasked
	}
	return k
}

func (a *Allocator) selfKey(n *node) key {
	return key{shareBits(share(n.selfHeld, a.total, a.excluded, 1)), n.selfServed, n.selfName.rank}
}

func (a *Allocator) nodeKey(n *node) key {
	return key{shareBits(share(n.held, a.total, a.excluded, n.weight)), n.served, n.name.rank}
}

// countTotal adds an agent's resources to the cluster, or takes them away.
func (a *Allocator) countTotal(ag *agent, sign int) {
	a.total.apply(ag.totalAmount, sign)
	// All shares are fractions of the total. Nobody's changes who has none.
	if !a.root.held.zero() {
		a.stale = true
	}
	a.countReserved(ag.Total, sign)
}

// countReserved keeps account of what is reserved in each role.
func (a *Allocator) countReserved(total resources.Resources, sign int) {
	for i := range total.Len() {
		r := total.At(i)
		if r.Kind != resources.KindScalar || !r.Reserved() {
			continue
		}
		owner := a.role(r.ReservationRole())
		if sign > 0 {
			owner.uses++
		}
		for n := owner; n != nil; n = n.parent {
			n.reserved.addAt(a.names.id(r.Name), int64(sign)*int64(r.Scalar))
		}
		if sign < 0 {
			a.release(owner)
		}
		a.release(owner)
	}
}
