package allocator

import "math/bits"

// bitset is a set of small integers. The nil set is empty.
type bitset []uint64

func (b bitset) has(i int32) bool {
	word := int(i >> 6)
	return word < len(b) && b[word]&(1<<(uint(i)&63)) != 0
}

func (b *bitset) set(i int32) {
	word := int(i >> 6)
	for len(*b) <= word {
		*b = append(*b, 0)
	}
	(*b)[word] |= 1 << (uint(i) & 63)
}

func (b bitset) unset(i int32) {
	if word := int(i >> 6); word < len(b) {
		b[word] &^= 1 << (uint(i) & 63)
	}
}

// or adds the members of o.
func (b *bitset) or(o bitset) {
	for len(*b) < len(o) {
		*b = append(*b, 0)
	}
	for i, word := range o {
		(*b)[i] |= word
	}
}

// without counts the members that are not in o.
func (b bitset) without(o bitset) int {
	n := 0
	for i, word := range b {
		if i < len(o) {
			word &^= o[i]
		}
		n += bits.OnesCount64(word)
	}
	return n
}

// eachWithout calls visit for every member that is not in o.
func (b bitset) eachWithout(o bitset, visit func(int32)) {
	for i, word := range b {
		if i < len(o) {
			word &^= o[i]
		}
		for ; word != 0; word &= word - 1 {
			visit(int32(i<<6 + bits.TrailingZeros64(word)))
		}
	}
}
