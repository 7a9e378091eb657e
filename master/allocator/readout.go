package allocator

import (
	"cmp"
	"slices"

	"github.com/meseta/meseta/internal/mesosid"
	"github.com/meseta/meseta/internal/resources"
)

// RoleStatus is what the allocator knows of a role. Amounts are of the whole
// sub-tree.
type RoleStatus struct {
	Role   string
	Weight float64
	// Share is the dominant share divided by the weight, as it is compared
	// with that of the siblings.
	Share float64
	// Offered and Allocated are held by frameworks; Allocated includes shared
	// volumes that are only offered.
	Offered, Allocated resources.Quantities
	// Reserved is what agents have reserved, in use or not.
	Reserved resources.Quantities
	// Consumed counts against the quota: Reserved, and what is held of
	// resources that are neither reserved nor revocable. Offers count.
	Consumed  resources.Quantities
	Guarantee resources.Quantities
	Limits    resources.Limits
	// Frameworks are those of exactly this role, sorted by id.
	Frameworks []RoleFramework
}

// RoleFramework is a framework in one of its roles.
type RoleFramework struct {
	ID                 mesosid.FrameworkID
	Share              float64
	Subscribed         bool
	Suppressed         bool
	Offered, Allocated resources.Quantities
	// Refusals counts those in force, over all agents.
	Refusals int
}

// Roles returns every role that has a framework, a sub-role, a reservation, a
// quota or a weight other than 1, sorted by name.
func (a *Allocator) Roles() []RoleStatus {
	offered := make(map[*node]vector, len(a.roles))
	for _, c := range a.clients {
		if !c.exists || c.framework.gone {
			continue
		}
		for n := c.role; n != a.root; n = n.parent {
			sum := offered[n]
			sum.add(c.offered)
			offered[n] = sum
		}
	}
	out := make([]RoleStatus, 0, len(a.roles))
	for _, n := range a.roles {
		out = append(out, a.status(n, offered[n]))
	}
	slices.SortFunc(out, func(x, y RoleStatus) int { return cmp.Compare(x.Role, y.Role) })
	return out
}

func (a *Allocator) status(n *node, offered vector) RoleStatus {
	allocated, consumed := n.held.clone(), n.reserved.clone()
	allocated.sub(offered)
	consumed.add(n.unreserved)
	s := RoleStatus{
		Role: n.path, Weight: n.weight,
		Share:   share(n.held, a.total, a.excluded, n.weight),
		Offered: a.names.quantities(offered), Allocated: a.names.quantities(allocated),
		Reserved: a.names.quantities(n.reserved), Consumed: a.names.quantities(consumed),
	}
	if n.quota != nil {
		s.Guarantee = a.names.quantities(n.quota.guarantee)
		bounds := make([]resources.Quantity, 0, len(n.quota.limits))
		for _, l := range n.quota.limits {
			bounds = append(bounds, resources.Quantity{Name: a.names.list[l.name], Amount: resources.Scalar(l.amount)})
		}
		s.Limits = resources.NewLimits(bounds...)
	}
	for _, c := range n.members {
		if c.framework.gone {
			continue
		}
		held := c.held.clone()
		held.sub(c.offered)
		s.Frameworks = append(s.Frameworks, RoleFramework{
			ID: c.framework.id, Share: share(c.held, a.total, a.excluded, 1),
			Subscribed: c.subscribed, Suppressed: c.suppressed,
			Offered: a.names.quantities(c.offered), Allocated: a.names.quantities(held),
			Refusals: c.refusals,
		})
	}
	slices.SortFunc(s.Frameworks, func(x, y RoleFramework) int { return cmp.Compare(x.ID, y.ID) })
	return s
}

// Totals returns what all agents have, revocable resources included, and of
// that what frameworks are offered and what is allocated to them.
func (a *Allocator) Totals() (total, offered, allocated resources.Quantities) {
	var open vector
	for _, c := range a.clients {
		if c.exists && !c.framework.gone {
			open.add(c.offered)
		}
	}
	held := a.root.held.clone()
	held.sub(open)
	return a.names.quantities(a.total), a.names.quantities(open), a.names.quantities(held)
}

// Refusals counts the refusals in force.
func (a *Allocator) Refusals() int { return a.live }
