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

// newObject begins an object whose text will have about size bytes.
func newObject(size int) *object {
	return &object{buf: append(make([]byte, 0, size), '{'), first: true}
}

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
func (o *object) members(value any) { o.inner(mesosjson.Marshal(value)) }

// inner writes all members of an object that exists as text.
func (o *object) inner(text []byte, err error) {
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
	o.element(write)
	o.first = false
}

// list writes a member that is an array, also when it is empty. Each element
// is written at once, so only one at a time exists as a value.
func list[T any](o *object, name string, elements []T, write func(*object, T)) {
	o.member(name)
	o.buf = append(o.buf, '[')
	for i, e := range elements {
		if i > 0 {
			o.buf = append(o.buf, ',')
		}
		write(o, e)
	}
	o.buf = append(o.buf, ']')
	o.first = false
}

// value writes an element of an array.
func (o *object) value(v any) { o.text(mesosjson.Marshal(v)) }

// text writes an element of an array that exists as text.
func (o *object) text(text []byte, err error) {
	if err != nil {
		o.fail(err)
		return
	}
	o.buf = append(o.buf, text...)
}

// element writes an element of an array that is an object.
func (o *object) element(write func()) {
	o.buf = append(o.buf, '{')
	o.first = true
	write()
	o.buf = append(o.buf, '}')
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
