package resources

import (
	"iter"
	"slices"
)

// Resources is an immutable collection of resources in which no two objects
// could be merged and none is empty. The zero value has nothing in it. Copies
// and results share memory, which is safe because nothing writes to it.
//
// The order of the objects is that in which they came, except that removing
// one puts the last in its place. It carries no meaning and is not part of
// equality; it only shows in [Resources.String] and on the wire.
type Resources struct{ list []Resource }

// New merges the given resources into a collection and drops empty ones.
// The caller must not change their slices afterwards.
func New(items ...Resource) Resources {
	var b Builder
	for i := range items {
		b.AddOne(items[i])
	}
	return b.take()
}

// Len is the number of distinct objects.
func (rs Resources) Len() int { return len(rs.list) }

// Empty reports whether nothing is in it.
func (rs Resources) Empty() bool { return len(rs.list) == 0 }

// At returns the i-th object, for loops that must not copy. It must not be
// written to.
func (rs Resources) At(i int) *Resource { return &rs.list[i] }

// All yields every object, for reading only.
func (rs Resources) All() iter.Seq[*Resource] {
	return func(yield func(*Resource) bool) {
		for i := range rs.list {
			if !yield(&rs.list[i]) {
				return
			}
		}
	}
}

// Add returns the sum.
func (rs Resources) Add(o Resources) Resources {
	if len(o.list) == 0 {
		return rs
	}
	if len(rs.list) == 0 {
		return o
	}
	extra := 0
	for i := range o.list {
		if rs.indexAddable(&o.list[i]) < 0 {
			extra++
		}
	}
	b := Builder{list: make([]Resource, len(rs.list), len(rs.list)+extra)}
	copy(b.list, rs.list)
	b.Add(o)
	return b.take()
}

// AddOne returns the sum with a single resource.
func (rs Resources) AddOne(r Resource) Resources { return rs.Add(New(r)) }

// Subtract returns what is left when o is taken away. The caller makes sure
// that o is contained; whatever is not there is ignored, so that the result is
// never negative.
func (rs Resources) Subtract(o Resources) Resources {
	if len(o.list) == 0 || len(rs.list) == 0 {
		return rs
	}
	b := Builder{list: slices.Clone(rs.list)}
	b.Subtract(o)
	return b.take()
}

// Contains reports whether everything in o is here as well. Each object of o
// must find its own counterpart.
func (rs Resources) Contains(o Resources) bool {
	for i := range o.list {
		if !rs.containsNth(&o.list[i], o.list[:i]) {
			return false
		}
	}
	return true
}

// ContainsOne reports whether the single resource is here. An empty resource
// always is. Its ranges and set must be in normal order, as they are in any
// object taken from a Resources.
func (rs Resources) ContainsOne(r *Resource) bool {
	return r.Empty() || rs.containsNth(r, nil)
}

// containsNth looks for r, where those before it in the same request may have
// used up equal objects. Only pieces that cannot be split occur repeatedly;
// all others have been merged.
func (rs Resources) containsNth(r *Resource, before []Resource) bool {
	skip := 0
	if r.Whole() && !r.Shared() {
		for i := range before {
			if before[i].subtractable(r) {
				skip++
			}
		}
	}
	for i := range rs.list {
		if !rs.list[i].contains(r) {
			continue
		}
		if skip == 0 {
			return true
		}
		skip--
	}
	return false
}

// Equal reports whether both have the same objects in whatever order.
func (rs Resources) Equal(o Resources) bool {
	return len(rs.list) == len(o.list) && rs.Contains(o) && o.Contains(rs)
}

func (rs Resources) indexAddable(r *Resource) int {
	for i := range rs.list {
		if rs.list[i].addable(r) {
			return i
		}
	}
	return -1
}

// Builder is a collection that changes in place, for loops in which a new
// [Resources] at each step would cost too much. It belongs to one goroutine.
// The zero value is empty and ready to use.
type Builder struct{ list []Resource }

// Reset makes the builder hold a copy of rs, reusing its memory.
func (b *Builder) Reset(rs Resources) { b.list = append(b.list[:0], rs.list...) }

// Resources returns an independent copy of what the builder holds.
func (b *Builder) Resources() Resources { return Resources{slices.Clone(b.list)} }

// View returns what the builder holds without copying. It is valid only until
// the builder changes.
func (b *Builder) View() Resources { return Resources{b.list} }

// take hands the memory over; the builder is not used afterwards.
func (b *Builder) take() Resources {
	if len(b.list) == 0 {
		return Resources{}
	}
	return Resources{b.list}
}

// Add adds every object of rs.
func (b *Builder) Add(rs Resources) {
	for i := range rs.list {
		b.add(&rs.list[i])
	}
}

// AddOne adds a resource from outside, bringing it into normal form first.
func (b *Builder) AddOne(r Resource) {
	r.normalise()
	if !r.Empty() {
		b.add(&r)
	}
}

func (b *Builder) add(r *Resource) {
	if i := (Resources{b.list}).indexAddable(r); i >= 0 {
		b.list[i].merge(r)
		return
	}
	b.list = append(b.list, *r)
}

// Subtract takes away every object of rs; what is not there is ignored.
func (b *Builder) Subtract(rs Resources) {
	for i := range rs.list {
		b.subtract(&rs.list[i])
	}
}

func (b *Builder) subtract(r *Resource) {
	for i := range b.list {
		if !b.list[i].subtractable(r) {
			continue
		}
		if b.list[i].remove(r) {
			last := len(b.list) - 1
			b.list[i] = b.list[last]
			b.list[last] = Resource{}
			b.list = b.list[:last]
		}
		return
	}
}

// normalise brings a resource that comes from outside into the form that the
// arithmetic relies on.
func (r *Resource) normalise() {
	r.Name = intern(r.Name)
	r.Allocation = intern(r.Allocation)
	r.Meta = r.Meta.normal()
	r.Ranges = normalRanges(r.Ranges)
	r.Set = normalSet(r.Set)
	switch {
	case !r.Shared():
		r.Count = 0
	case r.Count < 1:
		r.Count = 1
	}
}
