package resources

import (
	"errors"
	"fmt"
	"slices"

	"github.com/meseta/meseta/internal/role"
)

// Map returns the collection of the changed copies. Objects that become equal
// merge; those that become empty vanish.
func (rs Resources) Map(change func(Resource) Resource) Resources {
	var b Builder
	b.list = make([]Resource, 0, len(rs.list))
	for i := range rs.list {
		b.AddOne(change(rs.list[i]))
	}
	return b.take()
}

// Allocate marks everything as allocated to the role, replacing whatever role
// was there before.
func (rs Resources) Allocate(role string) Resources {
	role = intern(role)
	if !rs.Any(func(r *Resource) bool { return r.Allocation != role }) {
		return rs
	}
	if rs.uniformAllocation() {
		// Objects that differ now still differ when all change alike.
		out := slices.Clone(rs.list)
		for i := range out {
			out[i].Allocation = role
		}
		return Resources{out}
	}
	return rs.Map(func(r Resource) Resource {
		r.Allocation = role
		return r
	})
}

// Unallocated removes the allocation, which is how amounts in use compare with
// agent totals.
func (rs Resources) Unallocated() Resources { return rs.Allocate("") }

func (rs Resources) uniformAllocation() bool {
	for i := 1; i < len(rs.list); i++ {
		if rs.list[i].Allocation != rs.list[0].Allocation {
			return false
		}
	}
	return true
}

// AllocateUnallocated marks as allocated to the role only what carries no
// allocation yet. Frameworks with a single role need not write it themselves.
func (rs Resources) AllocateUnallocated(role string) Resources {
	return rs.Map(func(r Resource) Resource {
		if r.Allocation == "" {
			r.Allocation = role
		}
		return r
	})
}

// PushReservation reserves everything once more on top of what is already
// reserved. It fails when the new reservation would not be a dynamic
// refinement of the present owner.
func (rs Resources) PushReservation(top Reservation) (Resources, error) {
	for i := range rs.list {
		if err := checkPush(rs.list[i].Reservations(), top); err != nil {
			return Resources{}, err
		}
	}
	return rs.Map(func(r Resource) Resource { return r.PushReservation(top) }), nil
}

// checkPush tells whether top may lie on the stack.
func checkPush(stack []Reservation, top Reservation) error {
	if top.Role == role.Default {
		return errors.New(`Invalid reservation: role "*" cannot be reserved`)
	}
	if len(stack) == 0 {
		return nil
	}
	if top.Type == Static {
		return errors.New("Invalid refined reservation: A refined reservation cannot be STATIC")
	}
	if owner := stack[len(stack)-1].Role; !role.IsStrictSubrole(top.Role, owner) {
		return fmt.Errorf("Invalid refined reservation: role '%s' is not a refinement of '%s'", top.Role, owner)
	}
	return nil
}

// PopReservation removes the topmost reservation of everything; what is
// unreserved stays as it is.
func (rs Resources) PopReservation() Resources {
	return rs.Map(func(r Resource) Resource {
		if !r.Reserved() {
			return r
		}
		return r.PopReservation()
	})
}

// ToUnreserved removes all reservations and keeps the rest of the identity.
func (rs Resources) ToUnreserved() Resources {
	if !rs.Any((*Resource).Reserved) {
		return rs
	}
	return rs.Map(func(r Resource) Resource { return r.withReservations(nil) })
}

// Flatten keeps only names and amounts. A shared volume counts once.
func (rs Resources) Flatten() Resources {
	if !rs.Any(func(r *Resource) bool { return r.Meta != nil || r.Allocation != "" }) {
		return rs
	}
	return rs.Map(func(r Resource) Resource {
		r.Meta, r.Allocation, r.Count = nil, "", 0
		return r
	})
}

// PushReservation returns the resource with one more reservation on top. The
// caller has checked that it fits.
func (r Resource) PushReservation(top Reservation) Resource {
	top.Role = intern(top.Role)
	stack := r.Reservations()
	return r.withReservations(append(stack[:len(stack):len(stack)], top))
}

// PopReservation returns the resource without its topmost reservation. It
// panics for an unreserved resource, which is the caller's mistake.
func (r Resource) PopReservation() Resource {
	stack := r.Reservations()
	if len(stack) == 0 {
		panic("resources: PopReservation of an unreserved resource")
	}
	return r.withReservations(stack[:len(stack)-1])
}

func (r Resource) withReservations(stack []Reservation) Resource {
	r.Meta = r.Meta.with(func(m *Meta) { m.Reservations = stack })
	return r
}

// WithDisk returns the resource with another disk description; nil makes it
// plain space on the root disk.
func (r Resource) WithDisk(disk *Disk) Resource {
	r.Meta = r.Meta.with(func(m *Meta) { m.Disk = disk })
	return r
}

// WithShared returns the resource as a shared or as an exclusive one.
func (r Resource) WithShared(shared bool) Resource {
	r.Meta = r.Meta.with(func(m *Meta) { m.Shared = shared })
	return r
}

// WithRevocable returns the resource as a revocable or as a lasting one.
func (r Resource) WithRevocable(revocable bool) Resource {
	r.Meta = r.Meta.with(func(m *Meta) { m.Revocable = revocable })
	return r
}

// Shrink returns the part of a scalar resource that is at most the amount.
// A disk that can only be used whole is given entirely or not at all. The
// second result is false when nothing is left.
func (r Resource) Shrink(to Scalar) (Resource, bool) {
	if r.Kind != KindScalar || to <= 0 {
		return Resource{}, false
	}
	if r.Scalar <= to {
		return r, !r.Empty()
	}
	if r.Whole() {
		return Resource{}, false
	}
	r.Scalar = to
	return r, true
}
