package compat

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
)

// stepBudget bounds the search of one comparison. It is far above what any
// real answer needs and keeps a pathological one from hanging the test.
const stepBudget = 500_000

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

// placeholder compares a value with a placeholder that stands alone.
func (m *matcher) placeholder(at path, s segment, actual any) bool {
	number, isNumber := actual.(json.Number)
	str, isText := actual.(string)
	switch s.kind.shape {
	case anything:
		return true
	case anyText:
		return isText
	case anyFile:
		return isText && str != "" && !strings.Contains(str, "/")
	case anyNumber:
		return isNumber
	case anyMoment:
		return isNumber && m.moment(s.word, at, number)
	case port:
		if isNumber {
			return m.bindings.Bind(s.name, number.String())
		}
		return isText && m.rules.textPorts && m.bindings.Bind(s.name, str)
	default:
		return isText && m.bindings.Bind(s.name, str)
	}
}

// slack is how far a time stamp may lie outside of the run, for clocks of
// different granularity.
const slack = 2 * time.Second

func (m *matcher) moment(word string, at path, number json.Number) bool {
	value, err := number.Float64()
	if err != nil || value == 0 {
		return false
	}
	if m.rules.started.IsZero() {
		return true
	}
	if word == "NANOSECONDS" || at.last() == "nanoseconds" {
		value /= 1e9
	}
	when := time.Unix(0, int64(value*1e9))
	return when.After(m.rules.started.Add(-slack)) && when.Before(time.Now().Add(slack))
}

// text compares a text, which may hold placeholders, and binds them.
func (m *matcher) text(expected, actual string) bool {
	if !strings.Contains(expected, "$") {
		return expected == actual
	}
	segments := parseTemplate(expected)
	pattern, names := m.pattern(segments)
	compiled, err := regexp.Compile(pattern)
	if err != nil {
		return false
	}
	groups := compiled.FindStringSubmatch(actual)
	if groups == nil {
		return false
	}
	mark := m.bindings.mark()
	for i, name := range names {
		if !m.bindings.Bind(name, groups[i+1]) {
			m.bindings.undo(mark)
			return false
		}
	}
	return true
}

// pattern turns a template into a regular expression whose groups are the
// placeholders without a value, in order.
func (m *matcher) pattern(segments []segment) (string, []string) {
	var out strings.Builder
	var names []string
	out.WriteString(`(?s)\A`)
	for _, s := range segments {
		if s.name == "" {
			out.WriteString(regexp.QuoteMeta(s.literal))
			continue
		}
		if value, ok := m.bindings.Value(s.name); ok {
			out.WriteString(regexp.QuoteMeta(value))
			continue
		}
		switch s.kind.shape {
		case anything, anyText:
			out.WriteString(`.*`)
		case anyFile:
			out.WriteString(`[^/]+`)
		case anyNumber, anyMoment:
			out.WriteString(`[-+0-9.eE]+`)
		case port:
			out.WriteString(`([0-9]+)`)
			names = append(names, s.name)
		case directory:
			out.WriteString(`(.+)`)
			names = append(names, s.name)
		default:
			out.WriteString(`([^\s'",;:/()]+)`)
			names = append(names, s.name)
		}
	}
	out.WriteString(`\z`)
	return out.String(), names
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
