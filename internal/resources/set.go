package resources

import "slices"

// Sets are sorted slices without duplicates. As with ranges, nothing here
// writes into its arguments.

// normalSet sorts and removes duplicates, copying only when needed.
func normalSet(in []string) []string {
	normal := true
	for i := 1; i < len(in) && normal; i++ {
		normal = in[i-1] < in[i]
	}
	if normal {
		return in
	}
	out := slices.Clone(in)
	slices.Sort(out)
	return slices.Compact(out)
}

// addSet is the union.
func addSet(a, b []string) []string {
	if len(a) == 0 {
		return b
	}
	if len(b) == 0 {
		return a
	}
	out := make([]string, 0, len(a)+len(b))
	for len(a) > 0 && len(b) > 0 {
		switch {
		case a[0] < b[0]:
			out, a = append(out, a[0]), a[1:]
		case a[0] > b[0]:
			out, b = append(out, b[0]), b[1:]
		default:
			out, a, b = append(out, a[0]), a[1:], b[1:]
		}
	}
	return append(append(out, a...), b...)
}

// subtractSet is the difference a minus b.
func subtractSet(a, b []string) []string {
	if len(a) == 0 || len(b) == 0 {
		return a
	}
	out := make([]string, 0, len(a))
	for _, item := range a {
		if _, found := slices.BinarySearch(b, item); !found {
			out = append(out, item)
		}
	}
	return out
}

// containsSet reports whether b is a subset of a.
func containsSet(a, b []string) bool {
	if len(b) > len(a) {
		return false
	}
	for _, item := range b {
		if _, found := slices.BinarySearch(a, item); !found {
			return false
		}
	}
	return true
}
