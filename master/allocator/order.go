package allocator

import "slices"

// key is the place of a competitor among its siblings. A smaller key is served
// first: lower share, then fewer past allocations, then the name.
type key struct {
	// share holds the bits of a non-negative float64, which sort like it.
	share uint64
	// tie is the number of allocations so far; its top bit is set unless a
	// request is outstanding (see [Allocator.Request]).
	tie uint64
	// rank sorts by name and makes every key unique among siblings.
	rank uint64
}

func (k key) less(o key) bool {
	if k.share != o.share {
		return k.share < o.share
	}
	if k.tie != o.tie {
		return k.tie < o.tie
	}
	return k.rank < o.rank
}

func (k key) compare(o key) int {
	switch {
	case k.less(o):
		return -1
	case o.less(k):
		return 1
	}
	return 0
}

type entry struct {
	key
	id int32
}

// blockSize bounds the memory that one insertion moves (4 kB).
const blockSize = 128

// order is a list sorted by key, cut into blocks of at most [blockSize]
// entries, none of them empty.
//
// A whole allocation run reads such lists from the front again and again and
// moves the entry it has served towards the back. A heap would make the move
// cheap and the reading in order costly; one flat array the reverse. Blocks
// keep both cheap: reading is a scan through memory, a move touches two blocks
// and a short directory.
type order struct {
	blocks [][]entry
	n      int
	// spare is the memory of a block that became empty.
	spare []entry
}

// block returns the first block that may hold k: the first whose last entry is
// not less than k.
func (o *order) block(k key) int {
	lo, hi := 0, len(o.blocks)
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		b := o.blocks[mid]
		if b[len(b)-1].less(k) {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo
}

// within returns the position in a block of the first entry not less than k.
func within(b []entry, k key) int {
	lo, hi := 0, len(b)
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		if b[mid].less(k) {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo
}

// insert adds an entry whose key is not in the list.
func (o *order) insert(k key, id int32) {
	o.n++
	if len(o.blocks) == 0 {
		// Most lists are short, and many have just one entry that moves.
		if o.spare == nil {
			o.spare = make([]entry, 0, 4)
		}
		o.blocks = append(o.blocks, append(o.spare, entry{k, id}))
		o.spare = nil
		return
	}
	at := min(o.block(k), len(o.blocks)-1)
	b := o.blocks[at]
	if len(b) == blockSize {
		half := make([]entry, blockSize/2, blockSize)
		copy(half, b[blockSize/2:])
		o.blocks = slices.Insert(o.blocks, at+1, half)
		b = b[:blockSize/2]
		o.blocks[at] = b
		if b[len(b)-1].less(k) {
			at++
			b = half
		}
	}
	o.blocks[at] = slices.Insert(b, within(b, k), entry{k, id})
}

// remove deletes the entry with exactly this key, which must be in the list.
func (o *order) remove(k key) {
	at := o.block(k)
	b := o.blocks[at]
	i := within(b, k)
	if b[i].key != k {
		panic("allocator: an entry is not where its key says")
	}
	o.n--
	if len(b) == 1 {
		o.spare = b[:0]
		o.blocks = slices.Delete(o.blocks, at, at+1)
		return
	}
	o.blocks[at] = slices.Delete(b, i, i+1)
}

// rebuild replaces the contents. It takes the entries in any order and sorts
// them in place; nearly sorted input is cheap.
func (o *order) rebuild(entries []entry) {
	byKey := func(a, b entry) int { return a.compare(b.key) }
	if !slices.IsSortedFunc(entries, byKey) {
		slices.SortFunc(entries, byKey)
	}
	o.n = len(entries)
	old := o.blocks
	o.blocks = o.blocks[:0]
	// Blocks start three quarters full, to have room for what moves.
	const fill = blockSize * 3 / 4
	for len(entries) > 0 {
		n := min(fill, len(entries))
		var b []entry
		if len(o.blocks) < len(old) {
			b = old[len(o.blocks)][:0]
		}
		if cap(b) < n {
			b = make([]entry, 0, blockSize)
		}
		o.blocks = append(o.blocks, append(b, entries[:n]...))
		entries = entries[n:]
	}
}
