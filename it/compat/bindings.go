package compat

import (
	"encoding/json"
	"fmt"
	"strings"
)

// Bindings are the values of the placeholders of one replay. Two names of the
// same identity kind never have the same value.
//
// A Bindings belongs to the goroutine of its replay.
type Bindings struct {
	values map[string]string
	owners map[string]string // word and value of an identity, to its name
	trail  []string          // names in the order of their binding
}

// NewBindings returns an empty set.
func NewBindings() *Bindings {
	return &Bindings{values: make(map[string]string), owners: make(map[string]string)}
}

// Value returns what a placeholder, named without its dollar sign, stands for.
func (b *Bindings) Value(name string) (string, bool) {
	value, ok := b.values[name]
	return value, ok
}

// Bind gives a placeholder its value. It reports false, and changes nothing,
// if it has another one, if a sibling has this one, or if the value is not of
// its kind.
func (b *Bindings) Bind(name, value string) bool {
	s, ok := alone("$" + name)
	if !ok || !s.kind.bound() || value == "" {
		return false
	}
	if old, ok := b.values[name]; ok {
		return old == value
	}
	if s.kind.valid != nil && !s.kind.valid(value) {
		return false
	}
	if s.kind.shape == identity {
		key := s.word + "\x00" + value
		if _, taken := b.owners[key]; taken {
			return false
		}
		b.owners[key] = name
	}
	b.values[name] = value
	b.trail = append(b.trail, name)
	return true
}

// mark and undo bracket an attempt: undo forgets what was bound since.
func (b *Bindings) mark() int { return len(b.trail) }

func (b *Bindings) undo(mark int) {
	for _, name := range b.trail[mark:] {
		s, _ := alone("$" + name)
		delete(b.owners, s.word+"\x00"+b.values[name])
		delete(b.values, name)
	}
	b.trail = b.trail[:mark]
}

// owner returns the name that stands for an identity, if there is one.
func (b *Bindings) owner(word, value string) (string, bool) {
	name, ok := b.owners[word+"\x00"+value]
	return name, ok
}

// Expand replaces the placeholders in a text that is to be sent.
func (b *Bindings) Expand(s string) (string, error) {
	var out strings.Builder
	for _, part := range parseTemplate(s) {
		if part.name == "" {
			out.WriteString(part.literal)
			continue
		}
		value, ok := b.values[part.name]
		if !ok {
			return "", fmt.Errorf("$%s has no value yet", part.name)
		}
		out.WriteString(value)
	}
	return out.String(), nil
}

// ExpandJSON replaces the placeholders in a JSON value that is to be sent,
// member names included. A placeholder for a number that stands alone becomes
// a number.
func (b *Bindings) ExpandJSON(value any) (any, error) {
	switch v := value.(type) {
	case string:
		text, err := b.Expand(v)
		if s, ok := alone(v); err == nil && ok && s.kind.shape == port {
			return json.Number(text), nil
		}
		return text, err
	case []any:
		out := make([]any, len(v))
		for i, element := range v {
			var err error
			if out[i], err = b.ExpandJSON(element); err != nil {
				return nil, err
			}
		}
		return out, nil
	case map[string]any:
		out := make(map[string]any, len(v))
		for name, member := range v {
			name, err := b.Expand(name)
			if err != nil {
				return nil, err
			}
			if out[name], err = b.ExpandJSON(member); err != nil {
				return nil, err
			}
		}
		return out, nil
	default:
		return value, nil
	}
}

// show replaces what is bound and leaves the rest, for messages.
func (b *Bindings) show(value any) any {
	switch v := value.(type) {
	case string:
		var out strings.Builder
		for _, part := range parseTemplate(v) {
			if bound, ok := b.values[part.name]; ok && part.name != "" {
				out.WriteString(bound)
			} else if part.name != "" {
				out.WriteString("$" + part.name)
			} else {
				out.WriteString(part.literal)
			}
		}
		return out.String()
	case []any:
		out := make([]any, len(v))
		for i, element := range v {
			out[i] = b.show(element)
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for name, member := range v {
			out[b.show(name).(string)] = b.show(member)
		}
		return out
	default:
		return value
	}
}
