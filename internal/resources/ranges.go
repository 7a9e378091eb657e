package resources

import (
	"cmp"
	"math"
	"slices"
)

// Range is an interval of integers that includes both ends.
type Range struct{ Begin, End uint64 }

// Size is the number of integers in the range. The full range of 64 bits has
// one more than fits and counts one less.
func (r Range) Size() uint64 {
	if r.Begin == 0 && r.End == math.MaxUint64 {
		return math.MaxUint64
	}
	return r.End - r.Begin + 1
}

// The functions below work on normal ranges: sorted, disjoint and not even
// adjacent, so that equal sets of integers are equal slices. They never write
// into their arguments and return one of them when it is the answer.

// normalRanges sorts and coalesces, copying only when something must change.
func normalRanges(in []Range) []Range {
	normal := true
	for i := 1; i < len(in) && normal; i++ {
		normal = in[i-1].End < in[i].Begin && in[i].Begin-in[i-1].End > 1
	}
	if normal {
		return in
	}
	sorted := slices.Clone(in)
	slices.SortFunc(sorted, func(a, b Range) int {
		return cmp.Or(cmp.Compare(a.Begin, b.Begin), cmp.Compare(a.End, b.End))
	})
	out := sorted[:0]
	for _, r := range sorted {
		out = appendRange(out, r)
	}
	return out
}

// appendRange adds r to ranges that begin no later than it does.
func appendRange(out []Range, r Range) []Range {
	if n := len(out); n > 0 {
		last := &out[n-1]
		if r.Begin <= last.End || r.Begin-last.End == 1 {
			last.End = max(last.End, r.End)
			return out
		}
	}
	return append(out, r)
}

// addRanges is the union.
func addRanges(a, b []Range) []Range {
	if len(a) == 0 {
		return b
	}
	if len(b) == 0 {
		return a
	}
	out := make([]Range, 0, len(a)+len(b))
	for len(a) > 0 || len(b) > 0 {
		if len(b) == 0 || len(a) > 0 && a[0].Begin <= b[0].Begin {
			out, a = appendRange(out, a[0]), a[1:]
		} else {
			out, b = appendRange(out, b[0]), b[1:]
		}
	}
	return out
}

// subtractRanges is the difference a minus b.
func subtractRanges(a, b []Range) []Range {
	if len(a) == 0 || len(b) == 0 {
		return a
	}
	// Each range taken away splits at most one other, hence the capacity.
	out := make([]Range, 0, len(a)+len(b))
	for _, r := range a {
		for len(b) > 0 && b[0].End < r.Begin {
			b = b[1:]
		}
		rest := true
		for _, cut := range b {
			if cut.Begin > r.End {
				break
			}
			if cut.Begin > r.Begin {
				out = append(out, Range{r.Begin, cut.Begin - 1})
			}
			if cut.End >= r.End {
				rest = false
				break
			}
			r.Begin = cut.End + 1
		}
		if rest {
			out = append(out, r)
		}
	}
	return out
}

// containsRanges reports whether b is a subset of a.
func containsRanges(a, b []Range) bool {
	for _, r := range b {
		for len(a) > 0 && a[0].End < r.Begin {
			a = a[1:]
		}
		if len(a) == 0 || r.Begin < a[0].Begin || r.End > a[0].End {
			return false
		}
	}
	return true
}
