package allocator

import (
	"cmp"
	"slices"
)

// rankGap is the distance left between neighbours, so that names can come in
// between without renumbering the others.
const rankGap = 1 << 32

// ranked is a name with a number that sorts like the name among all names of
// one [ranking].
type ranked struct {
	name string
	rank uint64
}

// ranking numbers names in their order, so that the hot path compares integers
// where the rule says to compare names.
type ranking struct{ sorted []*ranked }

func (r *ranking) search(name string) (int, bool) {
	// Identifiers are mostly issued in ascending order.
	if n := len(r.sorted); n == 0 || r.sorted[n-1].name < name {
		return n, false
	}
	return slices.BinarySearchFunc(r.sorted, name, func(a *ranked, name string) int {
		return cmp.Compare(a.name, name)
	})
}

// add numbers a new name. It reports whether all names had to be renumbered,
// after which keys made from earlier ranks must be made again.
func (r *ranking) add(name string) (added *ranked, renumbered bool) {
	at, found := r.search(name)
	if found {
		return r.sorted[at], false
	}
	added = &ranked{name: name}
	r.sorted = slices.Insert(r.sorted, at, added)
	low, high := uint64(0), uint64(0)
	if at > 0 {
		low = r.sorted[at-1].rank
	}
	if at+1 < len(r.sorted) {
		high = r.sorted[at+1].rank
	} else {
		high = low + 2*rankGap
	}
	if added.rank = low + (high-low)/2; high > low && added.rank > low {
		return added, false
	}
	for i, each := range r.sorted {
		each.rank = uint64(i+1) * rankGap
	}
	return added, true
}

// drop forgets a name.
func (r *ranking) drop(name string) {
	if at, found := r.search(name); found {
		r.sorted = slices.Delete(r.sorted, at, at+1)
	}
}
