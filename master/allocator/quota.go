package allocator

import (
	"fmt"
	"slices"
	"strings"

	"github.com/meseta/meseta/internal/resources"
)

// quota is what a top-level role is guaranteed and limited to, its sub-roles
// included.
type quota struct {
	guarantee vector
	limits    []limit
}

type limit struct {
	name   int
	amount int64
}

// UpdateQuota sets what a top-level role, with its sub-roles, is guaranteed
// and limited to; with neither the quota is removed. It takes effect with the
// next run; offers that stand in the way are the owner's to rescind. A nested
// role is refused.
//
// Only frameworks of exactly that role are served first for its guarantee,
// while its sub-roles use it up as well. Unlike in Mesos, the limit holds for
// sub-roles too when they are made offers.
func (a *Allocator) UpdateQuota(role string, guarantee resources.Quantities, limits resources.Limits) error {
	if strings.Contains(role, "/") {
		return fmt.Errorf("quota of role %s: only top-level roles can have a quota", role)
	}
	n := a.role(role)
	defer a.release(n)
	if n.quota != nil {
		n.quota = nil
		a.limited = slices.DeleteFunc(a.limited, func(o *node) bool { return o == n })
		a.release(n)
	}
	if !guarantee.Empty() || !limits.Empty() {
		n.quota = &quota{guarantee: a.names.fromQuantities(guarantee)}
		for i := range limits.Len() {
			bound := limits.At(i)
			n.quota.limits = append(n.quota.limits, limit{a.names.id(bound.Name), int64(bound.Amount)})
		}
		a.limited = append(a.limited, n)
		n.uses++
	}
	a.open(false)
	return nil
}

// consumed is what counts against the quota of the role: what is reserved for
// its sub-tree, in use or not, and what the sub-tree holds of the rest.
func (n *node) consumed(name int) int64 { return n.reserved.at(name) + n.unreserved.at(name) }

// unsatisfied is how much of the guarantee the role has not got.
func (n *node) unsatisfied(name int) int64 {
	return max(0, n.quota.guarantee.at(name)-n.consumed(name))
}

func (n *node) wanting() bool {
	for name := range n.quota.guarantee {
		if n.unsatisfied(name) > 0 {
			return true
		}
	}
	return false
}

// headroom keeps account, during a run, of what must stay free so that all
// guarantees can still be fulfilled.
type headroom struct{ required vector }

func (h *headroom) reset(limited []*node) {
	clear(h.required)
	for _, n := range limited {
		h.count(n, +1)
	}
}

// count adds what a role is still to get, or takes it away.
func (h *headroom) count(n *node, sign int64) {
	if n.quota == nil {
		return
	}
	for name := range n.quota.guarantee {
		h.required.addAt(name, sign*n.unsatisfied(name))
	}
}

// allowance is how much of an amount in the unreserved pool a role may be
// offered. With guaranteeing set only a role that is short of its guarantee
// may be offered any; what it then gets beyond is subject to the same bounds
// as what others get. It returns false when there is nothing to offer, and no
// limits when everything is allowed.
func (a *Allocator) allowance(n *node, amount vector, guaranteeing bool) (resources.Limits, bool) {
	top := n.top()
	var bounds []resources.Quantity
	any, short := false, false
	for name, there := range amount {
		if there <= 0 {
			continue
		}
		given := int64(0)
		if guaranteeing {
			given = min(there, top.unsatisfied(name))
			short = short || given > 0
		}
		extra := max(0, a.free.at(name)-a.sweep.headroom.required.at(name))
		if left, limited := top.left(name); limited {
			extra = min(extra, max(0, left-given))
		}
		allowed := min(there, given+extra)
		any = any || allowed > 0
		if allowed < there {
			bounds = append(bounds, resources.Quantity{Name: a.names.list[name], Amount: resources.Scalar(allowed)})
		}
	}
	if guaranteeing && !short {
		return resources.Limits{}, false
	}
	return resources.NewLimits(bounds...), any || len(bounds) == 0
}

// left is how much more of a name the role may consume.
func (n *node) left(name int) (int64, bool) {
	if n.quota == nil {
		return 0, false
	}
	for _, l := range n.quota.limits {
		if l.name == name {
			return l.amount - n.consumed(name), true
		}
	}
	return 0, false
}
