package read

import (
	"encoding/json"
	"errors"

	"github.com/meseta/meseta/internal/mesosjson"
)

// object writes one JSON object member by member, so that a long list never
// exists as values and as text at the same time. The first error sticks.
type object struct {
	buf   []byte
	err   error
	first bool
}

func newObject() *object { return &object{buf: []byte{'{'}, first: true} }

func (o *object) fail(err error) {
	if o.err == nil {
		o.err = err
	}
}

func (o *object) comma() {
	if !o.first {
		o.buf = append(o.buf, ',')
	}
	o.first = false
}

// member writes the name of the next member.
func (o *object) member(name string) {
	o.comma()
	o.buf = appendName(o.buf, name)
}

// set writes a member.
func (o *object) set(name string, value any) {
	o.member(name)
	text, err := mesosjson.Marshal(value)
	if err != nil {
		o.fail(err)
	}
	o.buf = append(o.buf, text...)
}

// members writes all members of a struct as members of this object.
func (o *object) members(value any) {
	text, err := mesosjson.Marshal(value)
	if err == nil && (len(text) < 2 || text[0] != '{') {
		err = errors.New("not an object")
	}
	if err != nil {
		o.fail(err)
		return
	}
	if inner := text[1 : len(text)-1]; len(inner) > 0 {
		o.comma()
		o.buf = append(o.buf, inner...)
	}
}

// in writes a member that is an object of its own.
func (o *object) in(name string, write func()) {
	o.member(name)
	o.buf = append(o.buf, '{')
	o.first = true
	write()
	o.buf = append(o.buf, '}')
	o.first = false
}

// list writes a member that is an array, also when it is empty. One element
// at a time exists as a value.
func list[T any](o *object, name string, elements []T, encode func(T) ([]byte, error)) {
	o.member(name)
	o.buf = append(o.buf, '[')
	for i, e := range elements {
		if i > 0 {
			o.buf = append(o.buf, ',')
		}
		text, err := encode(e)
		if err != nil {
			o.fail(err)
		}
		o.buf = append(o.buf, text...)
	}
	o.buf = append(o.buf, ']')
}

// done gives the text.
func (o *object) done() ([]byte, error) {
	if o.err != nil {
		return nil, o.err
	}
	return append(o.buf, '}'), nil
}

// raw lets finished text pass through functions that take values.
type raw = json.RawMessage

// appendMarshalled writes any text as a JSON string.
func appendMarshalled(b []byte, text string) []byte {
	quoted, err := mesosjson.Marshal(text)
	if err != nil {
		panic("a string cannot be encoded: " + err.Error()) // every string can
	}
	return append(b, quoted...)
}
