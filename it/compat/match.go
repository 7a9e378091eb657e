package compat

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"
)

// stepBudget bounds the search of one comparison. It is far above what any
// real answer needs and keeps a pathological one from hanging the test.
const stepBudget = 200_000

// rules are the points in which the two formats compare differently.
type rules struct {
	// unordered says whether the list at a path is a multiset.
	unordered func(path path) bool
	// optional says whether an expected member may be missing.
	optional func(at path, name string, expected any) bool
	// member compares a member in a way of its own; handled is false for all
	// members that are compared as usual.
	member func(at path, name string, parent, expected, actual any) (handled, equal bool)
	// closeTo says whether two numbers that are not written alike are equal.
	closeTo func(a, b float64) bool
	// prepare rewrites both sides before the comparison. It must not change
	// its arguments.
	prepare func(expected, actual any) (any, any)
	// moments are checked against the time of the run when it is not zero.
	started time.Time
	// textPorts allows a port to be written as text.
	textPorts bool
	// texts are sentences that Meseta words differently on purpose.
	texts []TextDifference
}

// path locates a value in a JSON document; list elements are "[]".
type path []string

func (p path) child(name string) path { return append(slices.Clip(p), name) }

func (p path) String() string {
	return strings.ReplaceAll(strings.Join(p, "."), ".[]", "[]")
}

// last returns the name of the innermost member, whatever lists are around it.
func (p path) last() string {
	for _, name := range slices.Backward(p) {
		if name != "[]" {
			return name
		}
	}
	return ""
}

// matcher compares expected values, which may hold placeholders, with actual
// ones. It searches: where a multiset can be paired in several ways, or a
// placeholder be bound to several values, a choice is taken back if the rest
// of the document does not agree with it.
type matcher struct {
	bindings *Bindings
	rules    rules
	budget   int
}

func newMatcher(b *Bindings, r rules) *matcher {
	return &matcher{bindings: b, rules: r, budget: stepBudget}
}

// match reports whether the values are equal under the rules. On success the
// placeholders seen are bound; otherwise nothing is.
func (m *matcher) match(expected, actual any) bool {
	if m.rules.prepare != nil {
		expected, actual = m.rules.prepare(expected, actual)
	}
	mark := m.bindings.mark()
	if m.value(nil, expected, actual, func() bool { return true }) {
		return true
	}
	m.bindings.undo(mark)
	return false
}

// value compares one value and then asks the rest of the document. If that
// says no it tries the other ways to match, if there are any.
func (m *matcher) value(at path, expected, actual any, rest func() bool) bool {
	m.budget--
	if m.budget < 0 {
		return false
	}
	switch e := expected.(type) {
	case map[string]any:
		a, ok := actual.(map[string]any)
		return ok && m.object(at, e, a, rest)
	case []any:
		a, ok := actual.([]any)
		return ok && m.list(at, e, a, rest)
	default:
		mark := m.bindings.mark()
		if m.leaf(at, expected, actual) && rest() {
			return true
		}
		m.bindings.undo(mark)
		return false
	}
}

// object compares the members in the order of their names.
func (m *matcher) object(at path, expected, actual map[string]any, rest func() bool) bool {
	mark := m.bindings.mark()
	if m.members(at, expected, actual, rest) {
		return true
	}
	m.bindings.undo(mark)
	return false
}

func (m *matcher) members(at path, expected, actual map[string]any, rest func() bool) bool {
	pairs, ok := m.pairMembers(at, expected, actual)
	if !ok {
		return false
	}
	var from func(i int) bool
	from = func(i int) bool {
		if i == len(pairs) {
			return rest()
		}
		p := pairs[i]
		if m.rules.member != nil {
			if handled, equal := m.rules.member(at, p.name, actual, p.expected, p.actual); handled {
				return equal && from(i+1)
			}
		}
		// A member that can bind nothing has only one way to match; whatever
		// the rest says, it need not be looked at again.
		if !m.binds(p.expected) {
			return m.value(at.child(p.name), p.expected, p.actual, func() bool { return true }) && from(i+1)
		}
		return m.value(at.child(p.name), p.expected, p.actual, func() bool { return from(i + 1) })
	}
	return from(0)
}

type memberPair struct {
	name             string
	expected, actual any
}

// pairMembers finds the actual member of each expected one. Names with
// placeholders are matched as texts.
func (m *matcher) pairMembers(at path, expected, actual map[string]any) ([]memberPair, bool) {
	used := make(map[string]bool, len(expected))
	pairs := make([]memberPair, 0, len(expected))
	for _, name := range slices.Sorted(maps.Keys(expected)) {
		actualName, ok := m.memberName(name, actual, used)
		if !ok {
			if m.rules.optional != nil && m.rules.optional(at, name, expected[name]) {
				continue
			}
			return nil, false
		}
		used[actualName] = true
		pairs = append(pairs, memberPair{actualName, expected[name], actual[actualName]})
	}
	return pairs, len(used) == len(actual)
}

func (m *matcher) memberName(name string, actual map[string]any, used map[string]bool) (string, bool) {
	if _, ok := actual[name]; ok || !strings.Contains(name, "$") {
		return name, ok
	}
	for _, candidate := range slices.Sorted(maps.Keys(actual)) {
		if !used[candidate] && m.text(name, candidate) {
			return candidate, true
		}
	}
	return "", false
}

func (m *matcher) list(at path, expected, actual []any, rest func() bool) bool {
	if len(expected) != len(actual) {
		return false
	}
	at = at.child("[]")
	if m.rules.unordered == nil || !m.rules.unordered(at[:len(at)-1]) {
		var from func(i int) bool
		from = func(i int) bool {
			if i == len(expected) {
				return rest()
			}
			return m.value(at, expected[i], actual[i], func() bool { return from(i + 1) })
		}
		return from(0)
	}
	if !m.binds(expected) {
		return m.multiset(at, expected, actual, func() bool { return true }) && rest()
	}
	return m.multiset(at, expected, actual, rest)
}

// multiset pairs the elements off in any order. Elements with few possible
// partners are placed first, which keeps the search short.
func (m *matcher) multiset(at path, expected, actual []any, rest func() bool) bool {
	candidates := make([][]int, len(expected))
	for i, e := range expected {
		for j, a := range actual {
			mark := m.bindings.mark()
			if m.value(at, e, a, func() bool { return true }) {
				candidates[i] = append(candidates[i], j)
			}
			m.bindings.undo(mark)
		}
		if len(candidates[i]) == 0 {
			return false
		}
	}
	order := make([]int, len(expected))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return len(candidates[a]) - len(candidates[b]) })
	used := make([]bool, len(actual))
	var from func(n int) bool
	from = func(n int) bool {
		if n == len(order) {
			return rest()
		}
		i := order[n]
		for _, j := range candidates[i] {
			if used[j] {
				continue
			}
			used[j] = true
			if m.value(at, expected[i], actual[j], func() bool { return from(n + 1) }) {
				return true
			}
			used[j] = false
		}
		return false
	}
	return from(0)
}

// leaf compares values that are neither objects nor lists.
func (m *matcher) leaf(at path, expected, actual any) bool {
	switch e := expected.(type) {
	case nil:
		return actual == nil
	case bool:
		a, ok := actual.(bool)
		return ok && a == e
	case json.Number:
		a, ok := actual.(json.Number)
		return ok && m.number(e, a)
	case string:
		if s, ok := alone(e); ok {
			return m.placeholder(at, s, actual)
		}
		a, ok := actual.(string)
		return ok && m.sentence(e, a)
	default:
		return false
	}
}

func (m *matcher) number(expected, actual json.Number) bool {
	if expected == actual {
		return true
	}
	e, errE := expected.Float64()
	a, errA := actual.Float64()
	if errE != nil || errA != nil {
		return false
	}
	return e == a || m.rules.closeTo != nil && m.rules.closeTo(e, a)
}

// sentence compares texts, allowing for those that are worded differently on
// purpose.
func (m *matcher) sentence(expected, actual string) bool {
	if m.text(expected, actual) {
		return true
	}
	for _, d := range m.rules.texts {
		if d.Theirs == expected && m.text(d.Ours, actual) {
			return true
		}
	}
	return false
}

// binds reports whether matching the value could give a placeholder a value.
func (m *matcher) binds(expected any) bool {
	switch e := expected.(type) {
	case string:
		for _, s := range parseTemplate(e) {
			if s.name == "" || !s.kind.bound() {
				continue
			}
			if _, ok := m.bindings.Value(s.name); !ok {
				return true
			}
		}
	case []any:
		return slices.ContainsFunc(e, m.binds)
	case map[string]any:
		for name, member := range e {
			if m.binds(name) || m.binds(member) {
				return true
			}
		}
	}
	return false
}

// within returns a rule for numbers that differ by less than a share of the
// greater one.
func within(share, absolute float64) func(a, b float64) bool {
	return func(a, b float64) bool {
		difference, size := a-b, max(a, -a, b, -b)
		return max(difference, -difference) <= max(share*size, absolute)
	}
}
