package allocator

import (
	"math"

	"github.com/meseta/meseta/internal/resources"
)

// vector holds one amount in thousandths for each scalar resource name, by the
// number that [names] gave it. A vector may be shorter than others: what is
// absent is zero.
type vector []int64

func (v vector) at(i int) int64 {
	if i < len(v) {
		return v[i]
	}
	return 0
}

func (v *vector) grow(n int) {
	for len(*v) < n {
		*v = append(*v, 0)
	}
}

func (v *vector) add(o vector) {
	v.grow(len(o))
	for i, amount := range o {
		(*v)[i] += amount
	}
}

func (v *vector) sub(o vector) {
	v.grow(len(o))
	for i, amount := range o {
		(*v)[i] -= amount
	}
}

func (v *vector) apply(o vector, sign int) {
	if sign > 0 {
		v.add(o)
	} else {
		v.sub(o)
	}
}

func (v *vector) addAt(i int, amount int64) {
	v.grow(i + 1)
	(*v)[i] += amount
}

func (v vector) contains(o vector) bool {
	for i, amount := range o {
		if v.at(i) < amount {
			return false
		}
	}
	return true
}

func (v vector) zero() bool {
	for _, amount := range v {
		if amount != 0 {
			return false
		}
	}
	return true
}

func (v vector) clone() vector { return append(vector(nil), v...) }

// names numbers the scalar resource names of the cluster. There are few, and
// equal names mostly share their memory, so going through them is fastest.
type names struct{ list []string }

func (n *names) id(name string) int {
	for i, known := range n.list {
		if known == name {
			return i
		}
	}
	n.list = append(n.list, name)
	return len(n.list) - 1
}

// addTo adds the scalars of rs for which keep is true to v. Shared volumes are
// left out: they are counted by their use, not by their copies.
func (n *names) addTo(v *vector, rs resources.Resources, keep func(*resources.Resource) bool) {
	for i := range rs.Len() {
		r := rs.At(i)
		if r.Kind == resources.KindScalar && !r.Shared() && (keep == nil || keep(r)) {
			v.addAt(n.id(r.Name), int64(r.Scalar))
		}
	}
}

// exclusive is the vector of everything in rs that is not shared.
func (n *names) exclusive(rs resources.Resources) vector {
	v := make(vector, 0, len(n.list))
	n.addTo(&v, rs, nil)
	return v
}

// whole is the vector of everything in rs, a shared volume counted once.
func (n *names) whole(rs resources.Resources) vector {
	v := make(vector, 0, max(4, len(n.list)))
	for i := range rs.Len() {
		if r := rs.At(i); r.Kind == resources.KindScalar {
			v.addAt(n.id(r.Name), int64(r.Scalar))
		}
	}
	return v
}

func (n *names) fromQuantities(q resources.Quantities) vector {
	var v vector
	for i := range q.Len() {
		item := q.At(i)
		v.addAt(n.id(item.Name), int64(item.Amount))
	}
	return v
}

func (n *names) quantities(v vector) resources.Quantities {
	var q resources.Quantities
	for i, amount := range v {
		q.AddAmountInPlace(n.list[i], resources.Scalar(amount))
	}
	return q
}

// share is the dominant share: the largest part of the cluster's total that v
// holds of any resource that counts, divided by the weight.
func share(v, total vector, excluded bitset, weight float64) float64 {
	most := 0.0
	for i, amount := range v {
		if amount <= 0 || total.at(i) <= 0 || len(excluded) > 0 && excluded.has(int32(i)) {
			continue
		}
		most = max(most, float64(amount)/float64(total[i]))
	}
	return most / weight
}

func shareBits(s float64) uint64 { return math.Float64bits(s) }
