package mesosjson

import (
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
)

// decodeFunc reads one JSON value into v, which is settable and zero. It
// reports false if the value leaves the field unset: null, or an unknown name
// of an enum. V is then still zero.
type decodeFunc func(s *state, v reflect.Value) (set bool, err *Error)

// compiler builds the plan for a type. Messages may contain themselves, so
// they are entered before their fields are compiled.
type compiler struct {
	messages map[reflect.Type]*message
}

// compileRoot compiles T itself: a message, or a list of messages as some of
// the older endpoints take. The elements of such a list are messages of their
// own; paths of missing fields begin with them.
func compileRoot(t reflect.Type) decodeFunc {
	c := compiler{messages: map[reflect.Type]*message{}}
	switch t.Kind() {
	case reflect.Struct:
		m := c.message(t)
		return func(s *state, v reflect.Value) (bool, *Error) {
			if first := s.peek(); first != '{' {
				return false, s.unexpectedRoot("Expecting a JSON object")
			}
			return m.decode(s, v)
		}
	case reflect.Slice:
		list := repeated{element: c.value("", t.Elem()), root: true}
		return func(s *state, v reflect.Value) (bool, *Error) {
			if first := s.peek(); first != '[' {
				return false, s.unexpectedRoot("Unexpected JSON type parsed")
			}
			return list.decode(s, v)
		}
	default:
		panic(fmt.Sprintf("mesosjson: %s is neither a message nor a list of messages", t))
	}
}

// unexpectedRoot refuses a whole text of the wrong kind, unless it is not even
// JSON.
func (s *state) unexpectedRoot(text string) *Error {
	if err := s.skip(); err != nil {
		return err
	}
	return conversionf("%s", text)
}

// value compiles one value of type t. Name is the field's, for errors.
func (c *compiler) value(name string, t reflect.Type) decodeFunc {
	if t.Kind() != reflect.Float64 && t.Kind() != reflect.Float32 && reflect.PointerTo(t).Implements(reflect.TypeFor[json.Unmarshaler]()) {
		return foreign(name)
	}
	switch t.Kind() {
	case reflect.Pointer:
		return pointer(t.Elem(), c.value(name, t.Elem()))
	case reflect.Struct:
		m := c.message(t)
		return func(s *state, v reflect.Value) (bool, *Error) {
			if s.peek() != '{' {
				return s.absent(name)
			}
			return m.decode(s, v)
		}
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return bytesValue(name)
		}
		return repeated{element: c.value(name, t.Elem())}.decode
	case reflect.Map:
		if t.Key().Kind() != reflect.String {
			break
		}
		// Mesos sees the entries of a map as messages with a field "value".
		return mapping{name: name, t: t, element: c.value("value", t.Elem())}.decode
	case reflect.String:
		if reflect.PointerTo(t).Implements(reflect.TypeFor[validator]()) {
			return newEnum(name).decode
		}
		return stringValue(name)
	case reflect.Bool:
		return boolValue(name)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return intValue(name)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return uintValue(name)
	case reflect.Float32, reflect.Float64:
		return floatValue(name)
	}
	panic(fmt.Sprintf("mesosjson: field %q has type %s, for which the v1 API has no JSON", name, t))
}

// message compiles a struct, once.
func (c *compiler) message(t reflect.Type) *message {
	if m, known := c.messages[t]; known {
		return m
	}
	m := &message{}
	c.messages[t] = m
	for i := range t.NumField() {
		f := t.Field(i)
		tag, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if tag == "-" || !f.IsExported() {
			continue
		}
		if tag == "" {
			panic(fmt.Sprintf("mesosjson: %s.%s has no name in its json tag", t, f.Name))
		}
		m.add(field{name: tag, index: i, decode: c.value(tag, f.Type)}, f,
			!strings.Contains(","+options+",", ",omitempty,") && f.Tag.Get("mesos") != "optional")
	}
	m.index()
	return m
}

// defaultOf parses a default tag into a function that stores it. Each call
// makes a value of its own, since the receiver of a message may change it.
func defaultOf(t reflect.Type, text string) func(v reflect.Value) {
	base := t
	if t.Kind() == reflect.Pointer {
		base = t.Elem()
	}
	parsed := reflect.New(base)
	var err error
	switch {
	case base.Kind() == reflect.String:
		parsed.Elem().SetString(text)
	default:
		if u, ok := parsed.Interface().(encoding.TextUnmarshaler); ok {
			err = u.UnmarshalText([]byte(text))
		} else {
			err = json.Unmarshal([]byte(text), parsed.Interface())
		}
	}
	if err != nil {
		panic(fmt.Sprintf("mesosjson: default %q of a %s: %v", text, t, err))
	}
	if base == t {
		return func(v reflect.Value) { v.Set(parsed.Elem()) }
	}
	return func(v reflect.Value) {
		fresh := reflect.New(base)
		fresh.Elem().Set(parsed.Elem())
		v.Set(fresh)
	}
}
