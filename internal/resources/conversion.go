package resources

import "fmt"

// Conversion turns some resources into others: a reservation, its removal, the
// creation, destruction or resizing of a volume. The quantities on both sides
// are the same, except for what is known only when a plugin has answered.
type Conversion struct{ Consumed, Converted Resources }

// NotContainedError says that resources lack what an operation consumes.
type NotContainedError struct{ Have, Want Resources }

func (e *NotContainedError) Error() string {
	return fmt.Sprintf("%v does not contain %v", e.Have, e.Want)
}

// Apply replaces what the conversion consumes by what it makes. It fails with
// a *[NotContainedError], changing nothing, when not all of it is there.
func (rs Resources) Apply(c Conversion) (Resources, error) {
	if !rs.Contains(c.Consumed) {
		return Resources{}, &NotContainedError{Have: rs, Want: c.Consumed}
	}
	var b Builder
	b.Reset(rs)
	b.Subtract(c.Consumed)
	b.Add(c.Converted)
	return b.take(), nil
}

// ApplyAll applies the conversions in their order, all or none.
func (rs Resources) ApplyAll(conversions []Conversion) (Resources, error) {
	for _, c := range conversions {
		next, err := rs.Apply(c)
		if err != nil {
			return Resources{}, err
		}
		rs = next
	}
	return rs, nil
}

// ReserveConversions is one conversion for each of the resources as they are
// to be after RESERVE: each one comes from itself without the topmost
// reservation.
func ReserveConversions(reserved Resources) []Conversion {
	return conversions(reserved, func(r Resource) (Resource, Resource) {
		return r.PopReservation(), r
	})
}

// UnreserveConversions is the reverse of [ReserveConversions].
func UnreserveConversions(reserved Resources) []Conversion {
	return conversions(reserved, func(r Resource) (Resource, Resource) {
		return r, r.PopReservation()
	})
}

// CreateConversions is one conversion for each persistent volume to be
// created out of disk space of the same reservation and source.
func CreateConversions(volumes Resources) []Conversion {
	return conversions(volumes, func(r Resource) (Resource, Resource) {
		return r.volumeSpace(), r
	})
}

// DestroyConversions is the reverse of [CreateConversions].
func DestroyConversions(volumes Resources) []Conversion {
	return conversions(volumes, func(r Resource) (Resource, Resource) {
		return r, r.volumeSpace()
	})
}

// GrowConversion adds space to a persistent volume.
func GrowConversion(volume, addition Resource) Conversion {
	grown := volume
	grown.Scalar = volume.Scalar.Add(addition.Scalar)
	return Conversion{Consumed: New(volume, addition), Converted: New(grown)}
}

// ShrinkConversion gives space of a persistent volume back.
func ShrinkConversion(volume Resource, by Scalar) Conversion {
	shrunk, freed := volume, volume.volumeSpace()
	shrunk.Scalar -= by
	freed.Scalar = by
	return Conversion{Consumed: New(volume), Converted: New(shrunk, freed)}
}

// volumeSpace is the disk space that a persistent volume is made of: the same
// resource without persistence, volume and sharing.
func (r Resource) volumeSpace() Resource {
	r.Count = 0
	r.Meta = r.Meta.with(func(m *Meta) {
		m.Shared = false
		switch {
		case m.Disk == nil || m.Disk.Source == nil:
			m.Disk = nil
		default:
			m.Disk = &Disk{Source: m.Disk.Source}
		}
	})
	return r
}

func conversions(rs Resources, sides func(Resource) (from, to Resource)) []Conversion {
	out := make([]Conversion, 0, len(rs.list))
	for _, r := range rs.list {
		from, to := sides(r)
		out = append(out, Conversion{Consumed: New(from), Converted: New(to)})
	}
	return out
}
