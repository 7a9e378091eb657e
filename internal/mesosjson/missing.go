package mesosjson

import (
	"cmp"
	"slices"
	"strings"
)

// missing collects the required fields that a text lacks, in the pass that is
// made only for this purpose. Mesos lists the fields of a message before those
// of the messages inside it, both in the order of declaration, whatever their
// order in the text.
type missing struct {
	path  []step
	found []absence
}

// step is one element of the path from the root to a message.
type step struct {
	order int    // position among its siblings
	text  string // as written in the error, with its separator
}

// absence is one missing field of the message at path.
type absence struct {
	path []step
	last step
}

func (m *missing) push(order int, text string) { m.path = append(m.path, step{order, text}) }
func (m *missing) pop()                        { m.path = m.path[:len(m.path)-1] }

// add records that the current message lacks the field.
func (m *missing) add(order int, name string) {
	m.found = append(m.found, absence{slices.Clone(m.path), step{order, "." + name}})
}

// forget takes back what was found inside a member of the current message that
// a later member of the same name replaces.
func (m *missing) forget(order int) {
	depth := len(m.path)
	m.found = slices.DeleteFunc(m.found, func(a absence) bool {
		return len(a.path) > depth && a.path[depth].order == order && slices.Equal(a.path[:depth], m.path)
	})
}

func (m *missing) err() *Error {
	slices.SortStableFunc(m.found, func(a, b absence) int {
		order := slices.CompareFunc(a.path, b.path, func(x, y step) int { return cmp.Compare(x.order, y.order) })
		return cmp.Or(order, cmp.Compare(a.last.order, b.last.order))
	})
	paths := make([]string, len(m.found))
	for i, a := range m.found {
		var path strings.Builder
		for _, s := range a.path {
			path.WriteString(s.text)
		}
		path.WriteString(a.last.text)
		paths[i] = strings.TrimPrefix(path.String(), ".")
	}
	return conversionf("Missing required fields: %s", strings.Join(paths, ", "))
}
