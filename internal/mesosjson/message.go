package mesosjson

import (
	"fmt"
	"math/bits"
	"reflect"
)

// message is the plan of one struct. Fields are numbered by their place in
// fields; the sets are bit masks over these numbers.
type message struct {
	fields    []field
	byName    map[string]int // only for messages with many fields
	required  uint64
	defaulted uint64
}

// field is the plan of one field.
type field struct {
	name       string
	index      int // in the struct
	decode     decodeFunc
	setDefault func(v reflect.Value)
}

const (
	// maxFields is what a bit mask holds.
	maxFields = 64
	// fewFields is up to where comparing names one by one beats a map.
	fewFields = 6
)

// add appends a field. Mandatory fields must be in the text, except for
// repeated ones and maps, whose absence is the same as no elements: they
// become empty rather than nil, so that they are written as [] or {}.
func (m *message) add(f field, source reflect.StructField, mandatory bool) {
	if len(m.fields) == maxFields {
		panic(fmt.Sprintf("mesosjson: the message of field %q has more than %d fields", f.name, maxFields))
	}
	bit := uint64(1) << len(m.fields)
	t := source.Type
	isList := t.Kind() == reflect.Slice && t.Elem().Kind() != reflect.Uint8
	switch text, hasDefault := source.Tag.Lookup("default"); {
	case mandatory && isList:
		f.setDefault = func(v reflect.Value) { v.Set(reflect.MakeSlice(t, 0, 0)) }
		m.defaulted |= bit
	case mandatory && t.Kind() == reflect.Map:
		f.setDefault = func(v reflect.Value) { v.Set(reflect.MakeMap(t)) }
		m.defaulted |= bit
	case mandatory:
		m.required |= bit
	case hasDefault:
		f.setDefault = defaultOf(t, text)
		m.defaulted |= bit
	}
	m.fields = append(m.fields, f)
}

// index is called when all fields are there.
func (m *message) index() {
	if len(m.fields) <= fewFields {
		return
	}
	m.byName = make(map[string]int, len(m.fields))
	for i, f := range m.fields {
		m.byName[f.name] = i
	}
}

// find returns the number of the field with this name, or -1. Clients tend to
// send members in the order of declaration, so the guess is mostly right.
func (m *message) find(name []byte, guess int) int {
	if guess < len(m.fields) && m.fields[guess].name == string(name) {
		return guess
	}
	if m.byName != nil {
		if i, known := m.byName[string(name)]; known {
			return i
		}
		return -1
	}
	for i := range m.fields {
		if m.fields[i].name == string(name) {
			return i
		}
	}
	return -1
}

// decode reads an object whose opening brace is the next byte.
func (m *message) decode(s *state, v reflect.Value) (bool, *Error) {
	var seen uint64
	guess := 0
	more, err := s.open('}')
	for more {
		var name []byte
		if name, err = s.key(); err != nil {
			return false, err
		}
		n := m.find(name, guess)
		if n < 0 {
			err = s.skip()
		} else {
			guess = n + 1
			seen, err = m.member(s, v, n, seen)
		}
		if err != nil {
			return false, err
		}
		more, err = s.next('}')
	}
	if err != nil {
		return false, err
	}
	if lacking := m.required &^ seen; lacking != 0 {
		s.incomplete = true
		for ; s.missing != nil && lacking != 0; lacking &= lacking - 1 {
			n := bits.TrailingZeros64(lacking)
			s.missing.add(n, m.fields[n].name)
		}
	}
	for rest := m.defaulted &^ seen; rest != 0; rest &= rest - 1 {
		f := &m.fields[bits.TrailingZeros64(rest)]
		f.setDefault(v.Field(f.index))
	}
	return true, nil
}

// member reads the value of field n and returns the set of fields seen.
func (m *message) member(s *state, v reflect.Value, n int, seen uint64) (uint64, *Error) {
	f := &m.fields[n]
	bit := uint64(1) << n
	to := v.Field(f.index)
	if seen&bit != 0 {
		to.SetZero()
		seen &^= bit
		if s.missing != nil {
			s.missing.forget(n)
		}
	}
	if s.missing != nil {
		s.missing.push(n, "."+f.name)
		defer s.missing.pop()
	}
	set, err := f.decode(s, to)
	if set {
		seen |= bit
	}
	return seen, err
}
