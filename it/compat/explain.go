package compat

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Lists longer than this are compared by position when a mismatch is
// explained: finding the most similar partners would take too long.
const explainLimit = 60

// Everything that is printed is cut to these sizes.
const (
	maxDifferences = 25
	maxShownValue  = 300
	maxShownWhole  = 1500
)

// explain says where two values that did not match differ, one line each, and
// binds the placeholders in the parts that do match, so that the replay can go
// on after the failure.
func (m *matcher) explain(expected, actual any) string {
	if m.rules.prepare != nil {
		expected, actual = m.rules.prepare(expected, actual)
	}
	m.adopt(nil, expected, actual)
	lines := m.differences(nil, expected, actual)
	if len(lines) == 0 {
		// Each part matches by itself, but not all of them together.
		lines = []string{"the placeholders cannot all be given one value each"}
	}
	if len(lines) > maxDifferences {
		lines = append(lines[:maxDifferences], fmt.Sprintf("and %d more", len(lines)-maxDifferences))
	}
	lines = append(lines,
		"- expected "+shorten(m.bindings.show(expected), maxShownWhole),
		"+ got      "+shorten(actual, maxShownWhole))
	return strings.Join(lines, "\n")
}

// differences lists the differences below a path without binding anything.
func (m *matcher) differences(at path, expected, actual any) []string {
	if m.equal(at, expected, actual) {
		return nil
	}
	switch e := expected.(type) {
	case map[string]any:
		if a, ok := actual.(map[string]any); ok {
			return m.objectDifferences(at, e, a)
		}
	case []any:
		if a, ok := actual.([]any); ok {
			return m.listDifferences(at, e, a)
		}
	}
	return []string{fmt.Sprintf("%s: expected %s, got %s", at.show(),
		shorten(m.bindings.show(expected), maxShownValue), shorten(actual, maxShownValue))}
}

func (m *matcher) objectDifferences(at path, expected, actual map[string]any) []string {
	var lines []string
	used := make(map[string]bool)
	for _, name := range slices.Sorted(maps.Keys(expected)) {
		mark := m.bindings.mark()
		actualName, ok := m.memberName(name, actual, used)
		m.bindings.undo(mark)
		if !ok {
			if m.rules.optional == nil || !m.rules.optional(at, name, expected[name]) {
				lines = append(lines, fmt.Sprintf("%s: is missing; expected %s", at.child(name).show(),
					shorten(m.bindings.show(expected[name]), maxShownValue)))
			}
			continue
		}
		used[actualName] = true
		if m.rules.member != nil {
			if handled, equal := m.rules.member(at, actualName, actual, expected[name], actual[actualName]); handled {
				if !equal {
					lines = append(lines, fmt.Sprintf("%s: expected %s, got %s", at.child(name).show(),
						shorten(expected[name], maxShownValue), shorten(actual[actualName], maxShownValue)))
				}
				continue
			}
		}
		lines = append(lines, m.differences(at.child(actualName), expected[name], actual[actualName])...)
	}
	for _, name := range slices.Sorted(maps.Keys(actual)) {
		if !used[name] {
			lines = append(lines, fmt.Sprintf("%s: is unexpected: %s", at.child(name).show(),
				shorten(actual[name], maxShownValue)))
		}
	}
	return lines
}

func (m *matcher) listDifferences(at path, expected, actual []any) []string {
	partner := m.partners(at, expected, actual)
	at = at.child("[]")
	var lines []string
	used := make(map[int]bool)
	for i, e := range expected {
		if partner[i] < 0 {
			lines = append(lines, fmt.Sprintf("%s: element %d is missing; expected %s", at.show(), i,
				shorten(m.bindings.show(e), maxShownValue)))
			continue
		}
		used[partner[i]] = true
		lines = append(lines, m.differences(at, e, actual[partner[i]])...)
	}
	for j, a := range actual {
		if !used[j] {
			lines = append(lines, fmt.Sprintf("%s: element %d is unexpected: %s", at.show(), j, shorten(a, maxShownValue)))
		}
	}
	return lines
}

// partners finds for each expected element the index of the actual one to
// compare it with, or -1: the same position, or in a multiset the most similar
// one that is left, equal ones first.
func (m *matcher) partners(at path, expected, actual []any) []int {
	partner := make([]int, len(expected))
	ordered := m.rules.unordered == nil || !m.rules.unordered(at)
	if ordered || max(len(expected), len(actual)) > explainLimit {
		for i := range expected {
			partner[i] = i
			if i >= len(actual) {
				partner[i] = -1
			}
		}
		return partner
	}
	inside := at.child("[]")
	used := make(map[int]bool)
	for i, e := range expected {
		partner[i] = -1
		for j, a := range actual {
			if !used[j] && m.equal(inside, e, a) {
				partner[i], used[j] = j, true
				break
			}
		}
	}
	for i, e := range expected {
		if partner[i] >= 0 {
			continue
		}
		best := -1
		for j, a := range actual {
			if used[j] {
				continue
			}
			if d := len(m.differences(inside, e, a)); best < 0 || d < best {
				best, partner[i] = d, j
			}
		}
		if partner[i] >= 0 {
			used[partner[i]] = true
		}
	}
	return partner
}

// adopt binds what matches in a document that does not match as a whole.
func (m *matcher) adopt(at path, expected, actual any) {
	switch e := expected.(type) {
	case map[string]any:
		a, ok := actual.(map[string]any)
		if !ok {
			return
		}
		for _, name := range slices.Sorted(maps.Keys(e)) {
			if actualName, ok := m.memberName(name, a, nil); ok {
				m.adopt(at.child(actualName), e[name], a[actualName])
			}
		}
	case []any:
		a, ok := actual.([]any)
		if !ok {
			return
		}
		for i, j := range m.partners(at, e, a) {
			if j >= 0 {
				m.adopt(at.child("[]"), e[i], a[j])
			}
		}
	case string:
		m.leaf(at, expected, actual)
	}
}

// equal compares without binding anything.
func (m *matcher) equal(at path, expected, actual any) bool {
	mark := m.bindings.mark()
	defer m.bindings.undo(mark)
	return m.value(at, expected, actual, func() bool { return true })
}

func (p path) show() string {
	if len(p) == 0 {
		return "the whole"
	}
	return p.String()
}

// shorten prints a value as JSON, cut to a number of bytes.
func shorten(value any, limit int) string {
	encoded, err := json.Marshal(value)
	if err != nil {
		return fmt.Sprint(value)
	}
	s := string(encoded)
	if len(s) > limit {
		s = s[:limit] + fmt.Sprintf("… (%d bytes)", len(encoded))
	}
	return s
}
