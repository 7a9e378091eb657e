package resources

import (
	"math"
	"slices"
)

// NoLimit is the limit of a name that has none.
const NoLimit Scalar = math.MaxInt64

// Limits are upper bounds by name, sorted; a name that is absent has none.
// Unlike in [Quantities] a zero is meaningful and kept. It is an immutable
// value.
type Limits struct{ list []Quantity }

// NewLimits collects bounds; of several for one name the last counts.
func NewLimits(items ...Quantity) Limits {
	var l Limits
	for _, item := range items {
		item.Name = intern(item.Name)
		i, found := l.index(item.Name)
		if found {
			l.list[i] = item
		} else {
			l.list = slices.Insert(l.list, i, item)
		}
	}
	return l
}

func (l Limits) index(name string) (int, bool) { return Quantities{l.list}.index(name) }

// Len is the number of names with a bound.
func (l Limits) Len() int { return len(l.list) }

// At returns the i-th bound in the order of names.
func (l Limits) At(i int) Quantity { return l.list[i] }

// Empty reports whether nothing is bounded.
func (l Limits) Empty() bool { return len(l.list) == 0 }

// Get returns the bound of a name, or [NoLimit] and false.
func (l Limits) Get(name string) (Scalar, bool) {
	if i, found := l.index(name); found {
		return l.list[i].Amount, true
	}
	return NoLimit, false
}

// Allows reports whether the amounts stay within every bound.
func (l Limits) Allows(q Quantities) bool {
	for _, bound := range l.list {
		if q.Get(bound.Name) > bound.Amount {
			return false
		}
	}
	return true
}

// Contains reports whether these bounds are at least as wide as o's.
func (l Limits) Contains(o Limits) bool {
	for _, bound := range l.list {
		if other, _ := o.Get(bound.Name); other > bound.Amount {
			return false
		}
	}
	return true
}

// Subtract returns what remains of every bound after the amounts are used;
// it does not fall below zero.
func (l Limits) Subtract(q Quantities) Limits {
	if len(l.list) == 0 || len(q.list) == 0 {
		return l
	}
	out := slices.Clone(l.list)
	for i := range out {
		out[i].Amount = max(0, out[i].Amount-q.Get(out[i].Name))
	}
	return Limits{out}
}

// Equal compares all bounds.
func (l Limits) Equal(o Limits) bool { return slices.Equal(l.list, o.list) }

// String renders the bounds by name: "cpus:1; mem:0", and "{}" for none.
func (l Limits) String() string { return renderQuantities(l.list) }

// ShrinkToQuantities keeps scalars up to the given amounts, an absent name
// being zero, and drops everything that is not scalar. Objects are taken in
// their order; those that can only be used whole are kept or dropped.
func (rs Resources) ShrinkToQuantities(q Quantities) Resources {
	left := q.Clone()
	return rs.shrink(
		func(r *Resource) Scalar { return left.Get(r.Name) },
		func(r *Resource) { left.SubtractAmountInPlace(r.Name, r.Scalar) })
}

// ShrinkToLimits keeps scalars within the bounds. Names without a bound, and
// what is not scalar, are kept as they are. Objects are taken in their order;
// those that can only be used whole are kept or dropped.
func (rs Resources) ShrinkToLimits(l Limits) Resources {
	if len(l.list) == 0 {
		return rs
	}
	left := slices.Clone(l.list)
	at := func(r *Resource) *Quantity {
		if i, found := (Limits{left}).index(r.Name); found && r.Kind == KindScalar {
			return &left[i]
		}
		return nil
	}
	return rs.shrink(
		func(r *Resource) Scalar {
			if bound := at(r); bound != nil {
				return bound.Amount
			}
			return NoLimit
		},
		func(r *Resource) {
			if bound := at(r); bound != nil {
				bound.Amount -= r.Scalar
			}
		})
}

// shrink cuts each object to what is allowed at its turn and reports what was
// used of it.
func (rs Resources) shrink(allowed func(*Resource) Scalar, use func(*Resource)) Resources {
	out := make([]Resource, 0, len(rs.list))
	for i := range rs.list {
		r := rs.list[i]
		if bound := allowed(&r); bound != NoLimit {
			kept, ok := r.Shrink(bound)
			if !ok {
				continue
			}
			r = kept
			use(&r)
		}
		out = append(out, r)
	}
	if len(out) == 0 {
		return Resources{}
	}
	return Resources{out}
}
