package allocator

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
)

// randomOrder is scratch memory for runs in weighted random order.
type randomOrder struct {
	leaves []leaf
	block  []entry
	blocks [1][]entry
}

// leaf is a role with active frameworks of its own.
type leaf struct {
	role *node
	// at is its place: an exponentially distributed draw, whose rate is the
	// part of all weight that belongs to the role. Sorting by such draws is
	// drawing without replacement in proportion to the weights.
	at float64
}

// visitRandomly asks the roles in an order drawn by their weights: each node
// divides its part among its active children and its own frameworks.
func (a *Allocator) visitRandomly() {
	s := &a.sweep
	s.order.leaves = s.order.leaves[:0]
	a.drawLeaves(a.root, 1)
	slices.SortFunc(s.order.leaves, func(x, y leaf) int { return cmp.Compare(x.at, y.at) })
	for _, l := range s.order.leaves {
		if a.visitRole(l.role); s.exhausted {
			return
		}
	}
}

func (a *Allocator) drawLeaves(n *node, part float64) {
	weight := func(e *entry) float64 {
		if e.id == selfID {
			return 1
		}
		return a.numbered[e.id].weight
	}
	sum := 0.0
	for _, block := range n.competitors.blocks {
		for i := range block {
			sum += weight(&block[i])
		}
	}
	for _, block := range n.competitors.blocks {
		for i := range block {
			e := &block[i]
			share := part * weight(e) / sum
			if e.id != selfID {
				a.drawLeaves(a.numbered[e.id], share)
				continue
			}
			a.sweep.order.leaves = append(a.sweep.order.leaves,
				leaf{n, -math.Log(1-a.random.Float64()) / share})
		}
	}
}

// clients returns the active clients of a role in random order.
func (o *randomOrder) clients(n *node, random *rand.Rand) [][]entry {
	o.block = o.block[:0]
	for _, block := range n.active.blocks {
		o.block = append(o.block, block...)
	}
	random.Shuffle(len(o.block), func(i, j int) { o.block[i], o.block[j] = o.block[j], o.block[i] })
	o.blocks[0] = o.block
	return o.blocks[:]
}
