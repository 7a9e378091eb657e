package mesosjson

import (
	"bytes"
	"encoding/json"
	"maps"
	"math"
	"reflect"
	"strconv"
	"sync/atomic"
)

// absent reads null. Every other value is refused, either because the field
// does not take its kind or because it is not JSON.
func (s *state) absent(name string) (bool, *Error) {
	switch c := s.peek(); c {
	case 'n':
		return false, s.literal("null")
	case '{', '[', '"', 't', 'f', '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		return false, notExpecting(c, name)
	default:
		return false, s.syntax()
	}
}

func stringValue(name string) decodeFunc {
	return func(s *state, v reflect.Value) (bool, *Error) {
		if s.peek() != '"' {
			return s.absent(name)
		}
		text, err := s.text()
		if err != nil {
			return false, err
		}
		v.SetString(s.keep(text))
		return true, nil
	}
}

// validator is what generated enums implement.
type validator interface{ Valid() bool }

// enum is the plan of an enum. It remembers the valid names it has met, so
// that each exists once in memory and is checked once. The set is bounded by
// the enum itself.
type enum struct {
	name  string
	known atomic.Pointer[map[string]string]
}

func newEnum(name string) *enum {
	e := &enum{name: name}
	e.known.Store(&map[string]string{})
	return e
}

func (e *enum) decode(s *state, v reflect.Value) (bool, *Error) {
	if s.peek() != '"' {
		return s.absent(e.name)
	}
	text, err := s.text()
	if err != nil {
		return false, err
	}
	known := *e.known.Load()
	if valid, met := known[string(text)]; met {
		v.SetString(valid)
		return true, nil
	}
	fresh := string(text)
	v.SetString(fresh)
	if !v.Addr().Interface().(validator).Valid() {
		v.SetZero()
		return false, nil
	}
	// Two goroutines may both get here; then one name is learnt again later.
	more := maps.Clone(known)
	more[fresh] = fresh
	e.known.Store(&more)
	return true, nil
}

func boolValue(name string) decodeFunc {
	return func(s *state, v reflect.Value) (bool, *Error) {
		switch s.peek() {
		case 't':
			v.SetBool(true)
			return true, s.literal("true")
		case 'f':
			return true, s.literal("false")
		case '"':
			text, err := s.text()
			if err != nil {
				return false, err
			}
			switch trimmed := string(bytes.TrimSpace(text)); trimmed {
			case "true", "false":
				v.SetBool(trimmed == "true")
				return true, nil
			default:
				return false, quoted(text, "boolean", name)
			}
		}
		return s.absent(name)
	}
}

// quoted is the refusal of a string that does not hold a value of the kind.
func quoted(text []byte, kind, name string) *Error {
	why := "syntax error at line 1 near: " + string(text)
	if json.Valid(text) {
		why = "Unexpected JSON type parsed"
	}
	return conversionf("Failed to parse '%s' as a JSON %s for field '%s': %s", text, kind, name, why)
}

// numeral reads a number, plain or inside a string. It returns nil without an
// error for null, and for the names of the infinities their text.
func (s *state) numeral(name string, infinities bool) ([]byte, *Error) {
	switch c := s.peek(); {
	case c == '-' || '0' <= c && c <= '9':
		return s.number()
	case c != '"':
		_, err := s.absent(name)
		return nil, err
	}
	text, err := s.text()
	if err != nil {
		return nil, err
	}
	trimmed := bytes.TrimSpace(text)
	if infinities && (string(trimmed) == "Infinity" || string(trimmed) == "-Infinity") {
		return trimmed, nil
	}
	if end, ok := numberEnd(trimmed, 0); !ok || end != len(trimmed) {
		return nil, quoted(text, "number", name)
	}
	return trimmed, nil
}

func intValue(name string) decodeFunc {
	return func(s *state, v reflect.Value) (bool, *Error) {
		text, err := s.numeral(name, false)
		if text == nil {
			return false, err
		}
		n, inRange := toInt(text)
		if !inRange || v.OverflowInt(n) {
			return false, outOfRange(text, name)
		}
		v.SetInt(n)
		return true, nil
	}
}

func uintValue(name string) decodeFunc {
	return func(s *state, v reflect.Value) (bool, *Error) {
		text, err := s.numeral(name, false)
		if text == nil {
			return false, err
		}
		if n, inRange := toInt(text); inRange && n < 0 {
			v.SetUint(uint64(n) & (math.MaxUint64 >> (64 - v.Type().Bits())))
			return true, nil
		}
		n, inRange := toUint(text)
		if !inRange || v.OverflowUint(n) {
			return false, outOfRange(text, name)
		}
		v.SetUint(n)
		return true, nil
	}
}

func floatValue(name string) decodeFunc {
	return func(s *state, v reflect.Value) (bool, *Error) {
		text, err := s.numeral(name, true)
		if text == nil {
			return false, err
		}
		if n, short := shortInt(text); short {
			v.SetFloat(float64(n))
			return true, nil
		}
		f, problem := strconv.ParseFloat(string(text), v.Type().Bits())
		if problem != nil {
			return false, outOfRange(text, name)
		}
		v.SetFloat(f)
		return true, nil
	}
}

func outOfRange(number []byte, name string) *Error {
	return conversionf("The number %s is out of range for field '%s'", number, name)
}

// shortInt reads integers so short that they fit an int64, and a float64
// without loss.
func shortInt(text []byte) (n int64, ok bool) {
	digits := text
	if digits[0] == '-' {
		digits = digits[1:]
	}
	if len(digits) > 15 {
		return 0, false
	}
	for _, c := range digits {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	if len(digits) < len(text) {
		// Minus zero is a float of its own.
		return -n, n != 0
	}
	return n, true
}

// toInt converts any JSON number, dropping its fraction.
func toInt(text []byte) (n int64, inRange bool) {
	if n, short := shortInt(text); short {
		return n, true
	}
	if n, err := strconv.ParseInt(string(text), 10, 64); err == nil {
		return n, true
	}
	f, err := strconv.ParseFloat(string(text), 64)
	if err != nil || f < math.MinInt64 || f >= math.MaxInt64 {
		return 0, false
	}
	return int64(f), true
}

// toUint converts any JSON number that is not negative, dropping its fraction.
func toUint(text []byte) (n uint64, inRange bool) {
	if n, err := strconv.ParseUint(string(text), 10, 64); err == nil {
		return n, true
	}
	f, err := strconv.ParseFloat(string(text), 64)
	if err != nil || f < 0 || f >= math.MaxUint64 {
		return 0, false
	}
	return uint64(f), true
}

// foreign leaves a value to its type's own UnmarshalJSON.
func foreign(name string) decodeFunc {
	return func(s *state, v reflect.Value) (bool, *Error) {
		if s.peek() == 'n' {
			return false, s.literal("null")
		}
		start := s.i
		if err := s.skip(); err != nil {
			return false, err
		}
		if err := v.Addr().Interface().(json.Unmarshaler).UnmarshalJSON(s.data[start:s.i]); err != nil {
			return false, conversionf("Failed to read field '%s': %v", name, err)
		}
		return true, nil
	}
}
