package resources

import (
	"slices"
	"strings"
)

// Quantity is a scalar amount of one name.
type Quantity struct {
	Name   string
	Amount Scalar
}

// Quantities is a short vector of amounts, sorted by name and without zeros;
// a name that is absent has the amount zero. It is an immutable value: sums
// and differences are new ones, except for the InPlace methods, whose receiver
// must own its memory ([Quantities.Clone], or built up from the zero value).
type Quantities struct{ list []Quantity }

// NewQuantities sums up the given amounts.
func NewQuantities(items ...Quantity) Quantities {
	var q Quantities
	for _, item := range items {
		q.AddAmountInPlace(item.Name, item.Amount)
	}
	return q
}

// Quantities returns the scalar amounts of everything, whatever its identity.
// Ranges and sets do not count; a shared volume counts once.
func (rs Resources) Quantities() Quantities {
	var q Quantities
	q.AddResourcesInPlace(rs)
	return q
}

// Len is the number of names with an amount.
func (q Quantities) Len() int { return len(q.list) }

// At returns the i-th amount in the order of names.
func (q Quantities) At(i int) Quantity { return q.list[i] }

// Empty reports whether all amounts are zero.
func (q Quantities) Empty() bool { return len(q.list) == 0 }

// Clone returns a copy with memory of its own.
func (q Quantities) Clone() Quantities { return Quantities{slices.Clone(q.list)} }

// Get returns the amount of a name, zero when it is absent.
func (q Quantities) Get(name string) Scalar {
	if i, found := q.index(name); found {
		return q.list[i].Amount
	}
	return 0
}

// index finds a name. The vectors have a handful of entries, for which going
// through them beats a binary search.
func (q Quantities) index(name string) (int, bool) {
	for i := range q.list {
		if q.list[i].Name >= name {
			return i, q.list[i].Name == name
		}
	}
	return len(q.list), false
}

// Add returns the sum.
func (q Quantities) Add(o Quantities) Quantities {
	if len(o.list) == 0 {
		return q
	}
	if len(q.list) == 0 {
		return o
	}
	out := Quantities{make([]Quantity, len(q.list), len(q.list)+len(o.list))}
	copy(out.list, q.list)
	out.AddInPlace(o)
	return out
}

// Subtract returns the difference; amounts that would fall below zero are
// zero, for a quantity is never owed.
func (q Quantities) Subtract(o Quantities) Quantities {
	if len(o.list) == 0 || len(q.list) == 0 {
		return q
	}
	out := q.Clone()
	out.SubtractInPlace(o)
	return out
}

// Contains reports whether every amount of o is available here.
func (q Quantities) Contains(o Quantities) bool {
	i := 0
	for _, want := range o.list {
		for i < len(q.list) && q.list[i].Name < want.Name {
			i++
		}
		if i == len(q.list) || q.list[i].Name != want.Name || q.list[i].Amount < want.Amount {
			return false
		}
	}
	return true
}

// Equal compares all amounts.
func (q Quantities) Equal(o Quantities) bool { return slices.Equal(q.list, o.list) }

// AddInPlace adds o to the receiver.
func (q *Quantities) AddInPlace(o Quantities) {
	for _, item := range o.list {
		q.AddAmountInPlace(item.Name, item.Amount)
	}
}

// AddResourcesInPlace adds the scalar amounts of rs to the receiver.
func (q *Quantities) AddResourcesInPlace(rs Resources) {
	for i := range rs.list {
		if r := &rs.list[i]; r.Kind == KindScalar {
			q.AddAmountInPlace(r.Name, r.Scalar)
		}
	}
}

// AddAmountInPlace adds one amount to the receiver. Amounts that are not
// positive are ignored.
func (q *Quantities) AddAmountInPlace(name string, amount Scalar) {
	if amount <= 0 {
		return
	}
	i, found := q.index(name)
	if found {
		q.list[i].Amount = q.list[i].Amount.Add(amount)
		return
	}
	q.list = slices.Insert(q.list, i, Quantity{intern(name), amount})
}

// SubtractInPlace takes o from the receiver, stopping at zero.
func (q *Quantities) SubtractInPlace(o Quantities) {
	for _, item := range o.list {
		q.SubtractAmountInPlace(item.Name, item.Amount)
	}
}

// SubtractResourcesInPlace takes the scalar amounts of rs from the receiver,
// stopping at zero.
func (q *Quantities) SubtractResourcesInPlace(rs Resources) {
	for i := range rs.list {
		if r := &rs.list[i]; r.Kind == KindScalar {
			q.SubtractAmountInPlace(r.Name, r.Scalar)
		}
	}
}

// SubtractAmountInPlace takes one amount from the receiver, stopping at zero.
func (q *Quantities) SubtractAmountInPlace(name string, amount Scalar) {
	i, found := q.index(name)
	if !found || amount <= 0 {
		return
	}
	if q.list[i].Amount -= amount; q.list[i].Amount <= 0 {
		q.list = slices.Delete(q.list, i, i+1)
	}
}

// String renders the amounts by name: "cpus:4; disk:4096; mem:2048", and "{}"
// when there are none.
func (q Quantities) String() string { return renderQuantities(q.list) }

func renderQuantities(list []Quantity) string {
	if len(list) == 0 {
		return "{}"
	}
	var b strings.Builder
	for i, item := range list {
		if i > 0 {
			b.WriteString("; ")
		}
		b.WriteString(item.Name)
		b.WriteByte(':')
		b.WriteString(item.Amount.String())
	}
	return b.String()
}
