package read

import (
	"maps"
	"slices"

	"github.com/meseta/meseta/gen/mesosv1"
	"github.com/meseta/meseta/gen/operatorv1"
	"github.com/meseta/meseta/internal/resources"
	"github.com/meseta/meseta/internal/role"
	"github.com/meseta/meseta/master"
)

// roleUse is what a role and the roles below it have.
type roleUse struct {
	name string
	// frameworks are subscribed to the role itself or have something for it.
	frameworks []string
	// allocated is used by tasks and executors, offered is in offers, reserved
	// is set aside on agents.
	allocated, offered, reserved amounts
	// unreserved is the part of allocated that nobody has reserved.
	unreserved amounts
}

// amounts sums up resources by name. Ranges and sets count their elements.
type amounts map[string]float64

func (a amounts) add(rs *resources.Resource) {
	switch rs.Kind {
	case resources.KindScalar:
		// In thousandths, so that sums are exact.
		a[rs.Name] += float64(rs.Scalar)
	case resources.KindRanges:
		for _, one := range rs.Ranges {
			a[rs.Name] += float64(one.Size()) * 1000
		}
	case resources.KindSet:
		a[rs.Name] += float64(len(rs.Set)) * 1000
	}
}

// plus gives the sums of both in whole units; it is never nil.
func (a amounts) plus(b amounts) operatorv1.LegacyQuantities {
	out := make(operatorv1.LegacyQuantities, len(a)+len(b))
	for name, n := range a {
		out[name] = (n + b[name]) / 1000
	}
	for name, n := range b {
		out[name] = (n + a[name]) / 1000
	}
	return out
}

// rolesOf works out every known role, in the order of names. Known are roles
// with frameworks, reservations or weights, and those above them; with a
// whitelist they are the roles on it and those above them.
func rolesOf(v *master.View, whitelist []string) []*roleUse {
	uses := map[string]*roleUse{}
	use := func(name string) *roleUse {
		u := uses[name]
		if u == nil {
			u = &roleUse{name: name, allocated: amounts{}, offered: amounts{}, reserved: amounts{}, unreserved: amounts{}}
			uses[name] = u
		}
		return u
	}
	for _, f := range v.Frameworks {
		members := map[string]bool{}
		for _, name := range f.Roles {
			members[name] = true
		}
		for r := range f.Used.All() {
			members[r.Allocation] = true
			up(r.Allocation, func(name string) {
				use(name).allocated.add(r)
				if !r.Reserved() && !r.Revocable() {
					use(name).unreserved.add(r)
				}
			})
		}
		for r := range f.Offered.All() {
			members[r.Allocation] = true
			up(r.Allocation, func(name string) { use(name).offered.add(r) })
		}
		delete(members, "")
		for name := range members {
			up(name, func(n string) { use(n) })
			use(name).frameworks = append(use(name).frameworks, string(f.ID))
		}
	}
	for _, a := range v.Agents {
		for r := range a.Total.All() {
			if r.Reserved() {
				up(r.ReservationRole(), func(name string) { use(name).reserved.add(r) })
			}
		}
	}
	for name := range v.Weights {
		up(name, func(n string) { use(n) })
	}
	if len(whitelist) > 0 {
		listed := map[string]bool{}
		for _, name := range whitelist {
			up(name, func(n string) {
				use(n)
				listed[n] = true
			})
		}
		maps.DeleteFunc(uses, func(name string, _ *roleUse) bool { return !listed[name] })
	}
	out := make([]*roleUse, 0, len(uses))
	for _, name := range slices.Sorted(maps.Keys(uses)) {
		out = append(out, uses[name])
	}
	return out
}

// up visits a role and those above it.
func up(name string, visit func(string)) {
	if name == "" {
		return
	}
	visit(name)
	for above := range role.Ancestors(name) {
		visit(above)
	}
}

// weightOf gives the weight of a role, 1 unless it has been set.
func weightOf(v *master.View, name string) float64 {
	if w, ok := v.Weights[name]; ok {
		return w
	}
	return 1
}

// roleV1 describes a role. Only scalars of the standard names are counted.
func roleV1(v *master.View, u *roleUse) mesosv1.Role {
	out := mesosv1.Role{Name: u.name, Weight: weightOf(v, u.name)}
	for _, id := range u.frameworks {
		out.Frameworks = append(out.Frameworks, mesosv1.FrameworkID{Value: id})
	}
	total := u.allocated.plus(u.offered)
	for _, name := range slices.Sorted(maps.Keys(total)) {
		if standard(name) && total[name] > 0 {
			out.Resources = append(out.Resources, mesosv1.Resource{
				Name: name, Type: mesosv1.ValueTypeScalar, Scalar: &mesosv1.ValueScalar{Value: total[name]},
			})
		}
	}
	return out
}

// legacyRole describes a role as /roles does.
func legacyRole(v *master.View, u *roleUse) operatorv1.LegacyRole {
	return operatorv1.LegacyRole{
		Name:   u.name,
		Weight: weightOf(v, u.name),
		Quota: operatorv1.LegacyRoleQuota{
			Role:      u.name,
			Guarantee: operatorv1.LegacyQuantities{},
			Limit:     operatorv1.LegacyQuantities{},
			Consumed:  u.reserved.plus(u.unreserved),
		},
		Resources:  u.allocated.plus(u.offered),
		Allocated:  u.allocated.plus(nil),
		Offered:    u.offered.plus(nil),
		Reserved:   u.reserved.plus(nil),
		Frameworks: append([]string{}, u.frameworks...),
	}
}

func legacyRoles(v *master.View, whitelist []string) operatorv1.LegacyRoles {
	out := operatorv1.LegacyRoles{Roles: []operatorv1.LegacyRole{}}
	for _, u := range rolesOf(v, whitelist) {
		out.Roles = append(out.Roles, legacyRole(v, u))
	}
	return out
}

// weights lists the weights that have been set, in the order of roles; it is
// never nil.
func weights(v *master.View) []mesosv1.WeightInfo {
	out := []mesosv1.WeightInfo{}
	for _, name := range slices.Sorted(maps.Keys(v.Weights)) {
		out = append(out, mesosv1.WeightInfo{Role: new(name), Weight: v.Weights[name]})
	}
	return out
}
