package resources

import "slices"

// Filter returns the objects for which keep is true, in their order. When all
// are kept it returns the receiver and allocates nothing.
func (rs Resources) Filter(keep func(*Resource) bool) Resources {
	n := 0
	for i := range rs.list {
		if keep(&rs.list[i]) {
			n++
		}
	}
	switch n {
	case 0:
		return Resources{}
	case len(rs.list):
		return rs
	}
	out := make([]Resource, 0, n)
	for i := range rs.list {
		if keep(&rs.list[i]) {
			out = append(out, rs.list[i])
		}
	}
	return Resources{out}
}

// Any reports whether at least one object satisfies the predicate.
func (rs Resources) Any(is func(*Resource) bool) bool {
	for i := range rs.list {
		if is(&rs.list[i]) {
			return true
		}
	}
	return false
}

// Unreserved returns what no role has reserved.
func (rs Resources) Unreserved() Resources {
	return rs.Filter(func(r *Resource) bool { return !r.Reserved() })
}

// Reserved returns what any role has reserved.
func (rs Resources) Reserved() Resources { return rs.Filter((*Resource).Reserved) }

// ReservedTo returns what is reserved to exactly this role.
func (rs Resources) ReservedTo(role string) Resources {
	return rs.Filter(func(r *Resource) bool { return r.Reserved() && r.ReservationRole() == role })
}

// AvailableTo returns what the role may use: unreserved resources and those
// reserved to it or to a role above it.
func (rs Resources) AvailableTo(role string) Resources {
	return rs.Filter(func(r *Resource) bool { return r.AvailableTo(role) })
}

// Revocable returns what may be taken back at any time.
func (rs Resources) Revocable() Resources { return rs.Filter((*Resource).Revocable) }

// NonRevocable returns what is the user's to keep.
func (rs Resources) NonRevocable() Resources {
	return rs.Filter(func(r *Resource) bool { return !r.Revocable() })
}

// Shared returns the shared persistent volumes.
func (rs Resources) Shared() Resources { return rs.Filter((*Resource).Shared) }

// NonShared returns everything but the shared persistent volumes.
func (rs Resources) NonShared() Resources {
	return rs.Filter(func(r *Resource) bool { return !r.Shared() })
}

// PersistentVolumes returns the persistent volumes, shared or not.
func (rs Resources) PersistentVolumes() Resources {
	return rs.Filter((*Resource).PersistentVolume)
}

// Scalars returns the objects whose amount is a scalar.
func (rs Resources) Scalars() Resources {
	return rs.Filter(func(r *Resource) bool { return r.Kind == KindScalar })
}

// Named returns the objects with this name.
func (rs Resources) Named(name string) Resources {
	return rs.Filter(func(r *Resource) bool { return r.Name == name })
}

// AllocatedTo returns what is allocated to exactly this role.
func (rs Resources) AllocatedTo(role string) Resources {
	return rs.Filter(func(r *Resource) bool { return r.Allocation == role })
}

// Amount is the sum of all scalars with this name whatever their identity; a
// shared volume counts once.
func (rs Resources) Amount(name string) Scalar {
	var sum Scalar
	for i := range rs.list {
		if r := &rs.list[i]; r.Kind == KindScalar && r.Name == name {
			sum = sum.Add(r.Scalar)
		}
	}
	return sum
}

// RangesOf is the union of all ranges with this name.
func (rs Resources) RangesOf(name string) []Range {
	var all []Range
	for i := range rs.list {
		if r := &rs.list[i]; r.Kind == KindRanges && r.Name == name {
			all = addRanges(all, r.Ranges)
		}
	}
	return all
}

// ReservationRoles returns the roles that own a reservation here, sorted.
func (rs Resources) ReservationRoles() []string {
	return rs.distinct((*Resource).ReservationRole)
}

// AllocationRoles returns the roles to which something here is allocated,
// sorted.
func (rs Resources) AllocationRoles() []string {
	return rs.distinct(func(r *Resource) string { return r.Allocation })
}

// Names returns the names that occur, sorted.
func (rs Resources) Names() []string {
	return rs.distinct(func(r *Resource) string { return r.Name })
}

// distinct collects the different non-empty answers, sorted.
func (rs Resources) distinct(of func(*Resource) string) []string {
	var out []string
	for i := range rs.list {
		s := of(&rs.list[i])
		if s == "" {
			continue
		}
		if at, found := slices.BinarySearch(out, s); !found {
			out = slices.Insert(out, at, s)
		}
	}
	return out
}
