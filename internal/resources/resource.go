package resources

import (
	"slices"

	"github.com/meseta/meseta/internal/role"
)

// Kind is the type of an amount.
type Kind uint8

// The kinds of value. Resources are scalars, ranges or sets; only attributes
// can be text.
const (
	KindScalar Kind = iota
	KindRanges
	KindSet
	KindText
)

// String returns the name used on the wire.
func (k Kind) String() string {
	switch k {
	case KindScalar:
		return "SCALAR"
	case KindRanges:
		return "RANGES"
	case KindSet:
		return "SET"
	case KindText:
		return "TEXT"
	}
	return "UNKNOWN"
}

// The names with a meaning of their own.
const (
	CPUs      = "cpus"
	Mem       = "mem"
	DiskSpace = "disk"
	Ports     = "ports"
	GPUs      = "gpus"
)

// Resource is an amount of one thing together with its identity. Only the
// field that belongs to Kind is used. The slices and the Meta are shared
// between copies: whoever holds a Resource replaces them, and never writes
// into them.
type Resource struct {
	Name string
	Kind Kind

	Scalar Scalar
	// Ranges is sorted and coalesced inside a Resources.
	Ranges []Range
	// Set is sorted and without duplicates inside a Resources.
	Set []string

	// Meta is nil for plain unreserved resources.
	Meta *Meta
	// Allocation is the role this is allocated to. Agent totals have none;
	// whatever is offered or used has one.
	Allocation string
	// Count is the number of users of a shared resource, at least 1 inside a
	// Resources; it is 0 for resources that are not shared.
	Count int
}

// Empty reports whether there is nothing of it. A shared resource with an
// amount is never empty by itself: its count decides inside a Resources.
func (r *Resource) Empty() bool {
	switch r.Kind {
	case KindScalar:
		return r.Scalar == 0
	case KindRanges:
		return len(r.Ranges) == 0
	case KindSet:
		return len(r.Set) == 0
	}
	return true
}

// Reservations returns the reservation stack, which must not be changed.
func (r *Resource) Reservations() []Reservation {
	if r.Meta == nil {
		return nil
	}
	return r.Meta.Reservations
}

// Reserved reports whether any role has reserved it.
func (r *Resource) Reserved() bool { return len(r.Reservations()) > 0 }

// ReservationRole returns the role that owns it, or "" when it is unreserved.
func (r *Resource) ReservationRole() string {
	stack := r.Reservations()
	if len(stack) == 0 {
		return ""
	}
	return stack[len(stack)-1].Role
}

// DynamicallyReserved reports whether the owning reservation can be undone.
func (r *Resource) DynamicallyReserved() bool {
	stack := r.Reservations()
	return len(stack) > 0 && stack[len(stack)-1].Type == Dynamic
}

// Refined reports whether a reservation lies on top of another.
func (r *Resource) Refined() bool { return len(r.Reservations()) > 1 }

// AvailableTo reports whether the role may use it: it is unreserved, or
// reserved for the role itself or a role above it.
func (r *Resource) AvailableTo(name string) bool {
	owner := r.ReservationRole()
	return owner == "" || owner == name || role.IsStrictSubrole(name, owner)
}

// Disk returns the description of the disk, or nil.
func (r *Resource) Disk() *Disk {
	if r.Meta == nil {
		return nil
	}
	return r.Meta.Disk
}

// Revocable reports whether it may be taken back at any time.
func (r *Resource) Revocable() bool { return r.Meta != nil && r.Meta.Revocable }

// Shared reports whether several tasks may use it at once.
func (r *Resource) Shared() bool { return r.Meta != nil && r.Meta.Shared }

// ProviderID returns the resource provider, or "" for the agent's own.
func (r *Resource) ProviderID() string {
	if r.Meta == nil {
		return ""
	}
	return r.Meta.ProviderID
}

// PersistentVolume reports whether it is a persistent volume.
func (r *Resource) PersistentVolume() bool {
	disk := r.Disk()
	return disk != nil && disk.Persistence != nil
}

// Whole reports whether it can only be used as one piece: a persistent
// volume, a mounted or block disk, or raw storage with an identity.
func (r *Resource) Whole() bool { return r.Meta != nil && r.Meta.Disk.whole() }

// sameIdentity reports whether two resources differ at most in their amount.
func (r *Resource) sameIdentity(o *Resource) bool {
	return r.Name == o.Name && r.Kind == o.Kind && r.Allocation == o.Allocation &&
		(r.Meta == o.Meta || r.Meta.Equal(o.Meta))
}

// sameAmount compares the values of two resources of one kind.
func (r *Resource) sameAmount(o *Resource) bool {
	switch r.Kind {
	case KindScalar:
		return r.Scalar == o.Scalar
	case KindRanges:
		return slices.Equal(r.Ranges, o.Ranges)
	default:
		return slices.Equal(r.Set, o.Set)
	}
}

// addable reports whether o merges into r. Disks that are used as one piece
// never merge; shared resources merge by counting identical copies.
func (r *Resource) addable(o *Resource) bool {
	if !r.sameIdentity(o) {
		return false
	}
	if r.Shared() {
		return r.sameAmount(o)
	}
	return !r.Whole()
}

// subtractable reports whether o can be taken out of r, as far as identity
// goes: pieces that cannot be split must be the same piece.
func (r *Resource) subtractable(o *Resource) bool {
	if !r.sameIdentity(o) {
		return false
	}
	return !r.Shared() && !r.Whole() || r.sameAmount(o)
}

// contains reports whether r has at least what o asks for.
func (r *Resource) contains(o *Resource) bool {
	if !r.subtractable(o) {
		return false
	}
	if r.Shared() {
		return r.Count >= o.Count
	}
	switch r.Kind {
	case KindScalar:
		return r.Scalar >= o.Scalar
	case KindRanges:
		return containsRanges(r.Ranges, o.Ranges)
	default:
		return containsSet(r.Set, o.Set)
	}
}

// merge adds o's amount to r; the two must be addable.
func (r *Resource) merge(o *Resource) {
	if r.Shared() {
		r.Count += o.Count
		return
	}
	switch r.Kind {
	case KindScalar:
		r.Scalar = r.Scalar.Add(o.Scalar)
	case KindRanges:
		r.Ranges = addRanges(r.Ranges, o.Ranges)
	default:
		r.Set = addSet(r.Set, o.Set)
	}
}

// remove takes o's amount from r and reports whether nothing is left; the two
// must be subtractable. What r does not have is ignored, never owed.
func (r *Resource) remove(o *Resource) (gone bool) {
	if r.Shared() {
		r.Count -= o.Count
		return r.Count <= 0
	}
	switch r.Kind {
	case KindScalar:
		r.Scalar -= o.Scalar
		return r.Scalar <= 0
	case KindRanges:
		r.Ranges = subtractRanges(r.Ranges, o.Ranges)
		return len(r.Ranges) == 0
	default:
		r.Set = subtractSet(r.Set, o.Set)
		return len(r.Set) == 0
	}
}
