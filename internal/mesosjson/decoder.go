package mesosjson

import "reflect"

// Limits bound what one text may cost. Zero fields take the defaults.
type Limits struct {
	// Depth is the deepest nesting of arrays and objects, 100 by default.
	Depth int
	// Elements is the largest number of array elements and object members in
	// the whole text, 1,000,000 by default. A few bytes of text become a much
	// larger Go value, so the size of the text alone is no bound.
	Elements int
}

func (l Limits) withDefaults() Limits {
	if l.Depth <= 0 {
		l.Depth = 100
	}
	if l.Elements <= 0 {
		l.Elements = 1_000_000
	}
	return l
}

// Decoder reads texts into values of type T, which is a message (a struct) or
// a slice of messages. It is immutable and safe for concurrent use; make one
// per type and keep it.
type Decoder[T any] struct {
	limits Limits
	root   decodeFunc
}

// NewDecoder compiles the plan for T. It panics if T or a type reachable from
// it does not have the shape described in the package comment, since that is
// a mistake in the program.
func NewDecoder[T any](limits Limits) *Decoder[T] {
	return &Decoder[T]{limits: limits.withDefaults(), root: compileRoot(reflect.TypeFor[T]())}
}

// Decode reads one JSON text and nothing but white space around it. It does
// not keep body. The error is always an *Error.
//
// Errors come in the order in which Mesos finds them: first of syntax, then of
// the kinds of values, then of missing fields. Among several of one kind the
// first in the text is reported; missing fields are all reported.
func (d *Decoder[T]) Decode(body []byte) (*T, error) {
	value := new(T)
	s := state{data: body, limits: d.limits}
	if err := s.document(d.root, reflect.ValueOf(value).Elem()); err != nil {
		return nil, d.explain(body, err)
	}
	if s.incomplete {
		return d.decodeAgain(body)
	}
	return value, nil
}

// explain works out which error to report for a text that was refused with err.
func (d *Decoder[T]) explain(body []byte, err *Error) *Error {
	if err.Kind == Syntax {
		return err
	}
	// The text after the place of this error has not been looked at yet.
	check := state{data: body, limits: d.limits}
	if first := check.document(nil, reflect.Value{}); first != nil {
		return first
	}
	return err
}

// decodeAgain finds the paths of missing fields. There may be none after all,
// if they were missing from a member that a later one replaces.
func (d *Decoder[T]) decodeAgain(body []byte) (*T, error) {
	value := new(T)
	s := state{data: body, limits: d.limits, missing: new(missing)}
	if err := s.document(d.root, reflect.ValueOf(value).Elem()); err != nil {
		return nil, err
	}
	if len(s.missing.found) > 0 {
		return nil, s.missing.err()
	}
	return value, nil
}
