package allocator

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestAnOrderIsASortedListWhateverHappensToIt(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var o order
		var want []entry
		byKey := func(a, b entry) int { return a.compare(b.key) }
		draw := func(id int32) entry {
			return entry{key{uint64(rapid.IntRange(0, 9).Draw(t, "share")), uint64(rapid.IntRange(0, 9).Draw(t, "tie")), uint64(id)}, id}
		}
		for id := range int32(rapid.IntRange(0, 500).Draw(t, "initial")) {
			want = append(want, entry{key{uint64(id) % 7, uint64(id) % 3, uint64(id)}, id})
		}
		o.rebuild(slices.Clone(want))
		slices.SortFunc(want, byKey)
		for next := int32(1000); next < 1000+int32(rapid.IntRange(0, 300).Draw(t, "steps")); next++ {
			if len(want) > 0 && rapid.Bool().Draw(t, "remove") {
				i := rapid.IntRange(0, len(want)-1).Draw(t, "which")
				o.remove(want[i].key)
				want = slices.Delete(want, i, i+1)
				continue
			}
			e := draw(next)
			o.insert(e.key, e.id)
			at, _ := slices.BinarySearchFunc(want, e, byKey)
			want = slices.Insert(want, at, e)
		}
		if err := o.verify(); err != nil {
			t.Fatal(err)
		}
		if got := slices.Concat(o.blocks...); !slices.Equal(got, want) {
			t.Fatalf("have %v, want %v", got, want)
		}
	})
}

func TestAFullBlockIsSplit(t *testing.T) {
	t.Parallel()
	for name, at := range map[string]func(i int) uint64{
		"in front":      func(i int) uint64 { return uint64(1000 - i) },
		"at the end":    func(i int) uint64 { return uint64(i) },
		"in the middle": func(i int) uint64 { return uint64(i%2*1000 + i) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var o order
			for i := range 3 * blockSize {
				o.insert(key{rank: at(i)}, int32(i))
			}
			if err := o.verify(); err != nil || len(o.blocks) < 3 {
				t.Errorf("%d blocks: %v", len(o.blocks), err)
			}
		})
	}
}

func TestRemovingWhatIsNotThereIsABrokenInvariant(t *testing.T) {
	t.Parallel()
	var o order
	o.insert(key{rank: 1}, 1)
	o.insert(key{rank: 3}, 3)
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	o.remove(key{rank: 2})
}

func TestRanksSortLikeNames(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var r ranking
		names := rapid.SliceOfNDistinct(rapid.StringMatching(`[ab]{1,8}`), 0, 60, rapid.ID[string]).Draw(t, "names")
		for i, name := range names {
			if added, _ := r.add(name); added.name != name {
				t.Fatalf("added %q, want %q", added.name, name)
			}
			if i%3 == 2 {
				r.drop(names[i-1])
			}
		}
		for i := 1; i < len(r.sorted); i++ {
			if x, y := r.sorted[i-1], r.sorted[i]; x.name >= y.name || x.rank >= y.rank {
				t.Fatalf("%v before %v", *x, *y)
			}
		}
	})
}

func TestANameBetweenNeighboursWithoutRoomRenumbersAll(t *testing.T) {
	t.Parallel()
	var r ranking
	r.add("a")
	r.add("b")
	name, renumbered := "b", false
	for range 64 {
		// Each name lies between "a" and all others.
		name = "a" + name
		var again bool
		_, again = r.add(name)
		renumbered = renumbered || again
	}
	if !renumbered {
		t.Error("64 halvings of 32 bits need a new numbering")
	}
	for i := 1; i < len(r.sorted); i++ {
		if r.sorted[i-1].rank >= r.sorted[i].rank {
			t.Fatalf("%v before %v", *r.sorted[i-1], *r.sorted[i])
		}
	}
}
