package mesosjson

import (
	"fmt"
	"reflect"
)

// repeated is the plan of a repeated field.
type repeated struct {
	element decodeFunc
	root    bool // a list that is the whole text: its elements have no path
}

// firstCapacity is what a list is given room for at first.
const firstCapacity = 4

func (r repeated) decode(s *state, v reflect.Value) (bool, *Error) {
	switch s.peek() {
	case 'n':
		return false, s.literal("null")
	case '[':
		err := r.array(s, v)
		if err == nil && v.IsNil() {
			v.Set(reflect.MakeSlice(v.Type(), 0, 0))
		}
		return true, err
	default:
		return true, r.append(s, v)
	}
}

// array reads an array whose opening bracket is the next byte. Arrays inside
// it are flattened.
func (r repeated) array(s *state, v reflect.Value) *Error {
	more, err := s.open(']')
	for more {
		if s.peek() == '[' {
			err = r.array(s, v)
		} else {
			err = r.append(s, v)
		}
		if err != nil {
			return err
		}
		more, err = s.next(']')
	}
	return err
}

// append reads one value behind the others. Null and unknown names of an enum
// add nothing.
func (r repeated) append(s *state, v reflect.Value) *Error {
	if err := s.element(); err != nil {
		return err
	}
	if s.peek() == 'n' {
		return s.literal("null")
	}
	n := v.Len()
	if n == v.Cap() {
		v.Grow(max(firstCapacity, n))
	}
	v.SetLen(n + 1)
	if s.missing != nil && !r.root {
		s.missing.push(n, fmt.Sprintf("[%d]", n))
		defer s.missing.pop()
	}
	set, err := r.element(s, v.Index(n))
	if !set {
		v.SetLen(n)
	}
	return err
}

// mapping is the plan of a map.
type mapping struct {
	name    string
	t       reflect.Type
	element decodeFunc
}

func (m mapping) decode(s *state, v reflect.Value) (bool, *Error) {
	if s.peek() != '{' {
		return s.absent(m.name)
	}
	v.Set(reflect.MakeMap(m.t))
	more, err := s.open('}')
	for more {
		if err = m.entry(s, v); err != nil {
			return false, err
		}
		more, err = s.next('}')
	}
	return err == nil, err
}

func (m mapping) entry(s *state, v reflect.Value) *Error {
	name, err := s.key()
	if err != nil {
		return err
	}
	key := reflect.New(m.t.Key()).Elem()
	key.SetString(s.keep(name))
	if s.missing != nil {
		// A later entry with the same key replaces this one, but entries have
		// no order of their own: a missing field is reported all the same.
		s.missing.push(v.Len(), fmt.Sprintf("['%s']", key))
		defer s.missing.pop()
	}
	value := reflect.New(m.t.Elem()).Elem()
	set, err := m.element(s, value)
	if err == nil && set {
		v.SetMapIndex(key, value)
	}
	return err
}

// pointer is the plan of an optional field.
func pointer(t reflect.Type, target decodeFunc) decodeFunc {
	return func(s *state, v reflect.Value) (bool, *Error) {
		if s.peek() == 'n' {
			return false, s.literal("null")
		}
		p := reflect.New(t)
		set, err := target(s, p.Elem())
		if set {
			v.Set(p)
		}
		return set, err
	}
}
