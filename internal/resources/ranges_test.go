package resources

import (
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestRangesCoalesceWhenTheyTouchOrOverlap(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ in, want []Range }{
		{nil, nil},
		{[]Range{{1, 3}}, []Range{{1, 3}}},
		{[]Range{{1, 3}, {4, 5}}, []Range{{1, 5}}},
		{[]Range{{4, 5}, {1, 3}}, []Range{{1, 5}}},
		{[]Range{{1, 10}, {2, 3}}, []Range{{1, 10}}},
		{[]Range{{1, 3}, {5, 6}}, []Range{{1, 3}, {5, 6}}},
		{[]Range{{7, math.MaxUint64}, {0, 6}}, []Range{{0, math.MaxUint64}}},
		{[]Range{{math.MaxUint64, math.MaxUint64}, {0, math.MaxUint64}}, []Range{{0, math.MaxUint64}}},
	} {
		before := slices.Clone(test.in)
		if diff := cmp.Diff(test.want, normalRanges(test.in)); diff != "" {
			t.Errorf("normal form of %v differs (-want +got):\n%s", test.in, diff)
		}
		if !slices.Equal(before, test.in) {
			t.Errorf("the argument %v was changed to %v", before, test.in)
		}
	}
}

func TestRangesAtTheEdgeOf64BitsCanBeTakenAway(t *testing.T) {
	t.Parallel()
	all := []Range{{0, math.MaxUint64}}
	for _, test := range []struct{ cut, want []Range }{
		{all, []Range{}},
		{[]Range{{0, 0}}, []Range{{1, math.MaxUint64}}},
		{[]Range{{math.MaxUint64, math.MaxUint64}}, []Range{{0, math.MaxUint64 - 1}}},
		{[]Range{{5, 6}, {9, 9}}, []Range{{0, 4}, {7, 8}, {10, math.MaxUint64}}},
	} {
		if diff := cmp.Diff(test.want, subtractRanges(all, test.cut)); diff != "" {
			t.Errorf("everything without %v differs (-want +got):\n%s", test.cut, diff)
		}
	}
	if got := all[0].Size(); got != math.MaxUint64 {
		t.Errorf("size of the full range = %d, want the largest number", got)
	}
}

// members lists the integers of ranges drawn from a small universe, which is
// the obvious model of them.
func members(ranges []Range) []uint64 {
	out := []uint64{}
	for n := range uint64(40) {
		if slices.ContainsFunc(ranges, func(r Range) bool { return r.Begin <= n && n <= r.End }) {
			out = append(out, n)
		}
	}
	return out
}

func TestRangesBehaveAsTheSetsOfTheirIntegers(t *testing.T) {
	t.Parallel()
	draw := rapid.Custom(func(t *rapid.T) []Range {
		raw := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Range {
			begin := rapid.Uint64Range(0, 35).Draw(t, "begin")
			return Range{begin, begin + rapid.Uint64Range(0, 4).Draw(t, "length")}
		}), 0, 5).Draw(t, "ranges")
		return normalRanges(raw)
	})
	rapid.Check(t, func(t *rapid.T) {
		a, b := draw.Draw(t, "a"), draw.Draw(t, "b")
		inA, inB := members(a), members(b)
		isIn := func(set []uint64) func(uint64) bool {
			return func(n uint64) bool { return slices.Contains(set, n) }
		}

		sum := addRanges(a, b)
		union := append(slices.Clone(inA), slices.DeleteFunc(slices.Clone(inB), isIn(inA))...)
		slices.Sort(union)
		if !slices.Equal(members(sum), union) || !slices.Equal(sum, normalRanges(sum)) {
			t.Fatalf("%v + %v = %v", a, b, sum)
		}
		difference := subtractRanges(a, b)
		if !slices.Equal(members(difference), slices.DeleteFunc(slices.Clone(inA), isIn(inB))) {
			t.Fatalf("%v - %v = %v", a, b, difference)
		}
		subset := !slices.ContainsFunc(inB, func(n uint64) bool { return !slices.Contains(inA, n) })
		if containsRanges(a, b) != subset {
			t.Fatalf("%v contains %v: got %v, want %v", a, b, !subset, subset)
		}
	})
}

func TestSetsBehaveAsSets(t *testing.T) {
	t.Parallel()
	draw := rapid.Map(rapid.SliceOfN(rapid.StringMatching(`[a-f]`), 0, 6), normalSet)
	rapid.Check(t, func(t *rapid.T) {
		a, b := draw.Draw(t, "a"), draw.Draw(t, "b")
		sum, difference := addSet(a, b), subtractSet(a, b)
		for _, item := range []string{"a", "b", "c", "d", "e", "f"} {
			inA, inB := slices.Contains(a, item), slices.Contains(b, item)
			if slices.Contains(sum, item) != (inA || inB) {
				t.Fatalf("%v + %v = %v, wrong about %s", a, b, sum, item)
			}
			if slices.Contains(difference, item) != (inA && !inB) {
				t.Fatalf("%v - %v = %v, wrong about %s", a, b, difference, item)
			}
		}
		if !slices.Equal(sum, normalSet(sum)) {
			t.Fatalf("%v + %v = %v is not in normal form", a, b, sum)
		}
		if containsSet(a, b) != (len(subtractSet(b, a)) == 0) {
			t.Fatalf("%v contains %v: got %v", a, b, containsSet(a, b))
		}
	})
}
