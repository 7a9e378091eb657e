package resources

import "slices"

// Meta is everything about a resource that is neither its name nor its amount
// nor its allocation. It is immutable once a Resource points at it and is
// shared freely between values; nil means unreserved, non-revocable, not
// shared, without disk and owned by the agent itself.
type Meta struct {
	// Reservations is the stack of reservations. The last one is the owner;
	// each one above the first is for a strict subrole of the one before.
	Reservations []Reservation
	// Disk describes the disk behind a "disk" resource, nil for plain space.
	Disk *Disk
	// Revocable resources may be taken back at any time.
	Revocable bool
	// Shared persistent volumes may be used by several tasks at once.
	Shared bool
	// ProviderID names the resource provider, "" for the agent's own.
	ProviderID string
}

// ReservationType tells who made a reservation.
type ReservationType uint8

const (
	// Static reservations come from the agent's command line and stay.
	Static ReservationType = iota + 1
	// Dynamic reservations are made and undone by RESERVE and UNRESERVE.
	Dynamic
)

// String returns the name used on the wire.
func (t ReservationType) String() string {
	switch t {
	case Static:
		return "STATIC"
	case Dynamic:
		return "DYNAMIC"
	}
	return "UNKNOWN"
}

// Label is free text attached to a reservation or a disk. A label without a
// value differs from one with an empty value.
type Label struct {
	Key, Value string
	HasValue   bool
}

// Reservation sets a resource aside for a role.
type Reservation struct {
	Type         ReservationType
	Role         string
	Principal    string
	HasPrincipal bool
	Labels       []Label
}

// Equal compares role, type, principal and labels (in any order).
func (r Reservation) Equal(o Reservation) bool {
	return r.Type == o.Type && r.Role == o.Role &&
		r.HasPrincipal == o.HasPrincipal && r.Principal == o.Principal &&
		equalLabels(r.Labels, o.Labels)
}

// equalLabels compares two lists as bags: labels carry no order.
func equalLabels(a, b []Label) bool {
	if len(a) != len(b) {
		return false
	}
	if slices.Equal(a, b) {
		return true
	}
	for _, l := range a {
		if count(a, l) != count(b, l) {
			return false
		}
	}
	return true
}

func count(labels []Label, l Label) int {
	n := 0
	for _, other := range labels {
		if other == l {
			n++
		}
	}
	return n
}

// Equal reports whether two resources with these metadata may be the same
// object. Pointers to the same Meta compare in constant time.
func (m *Meta) Equal(o *Meta) bool {
	if m == o {
		return true
	}
	if m == nil {
		m = &Meta{}
	}
	if o == nil {
		o = &Meta{}
	}
	return m.Revocable == o.Revocable && m.Shared == o.Shared &&
		m.ProviderID == o.ProviderID &&
		slices.EqualFunc(m.Reservations, o.Reservations, Reservation.Equal) &&
		m.Disk.Equal(o.Disk)
}

// normal returns nil for a Meta that says nothing, so that the common case is
// recognised by its pointer.
func (m *Meta) normal() *Meta {
	if m == nil || m.ProviderID == "" && !m.Revocable && !m.Shared &&
		m.Disk == nil && len(m.Reservations) == 0 {
		return nil
	}
	return m
}

// with returns a changed copy, nil when nothing is left to say.
func (m *Meta) with(change func(*Meta)) *Meta {
	var c Meta
	if m != nil {
		c = *m
	}
	change(&c)
	return c.normal()
}
