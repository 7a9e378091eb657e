// Package wiretype has the Go types that the specifications name with
// x-go-type, where the generated ones could not carry the wire format.
package wiretype

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
)

// Double is a JSON number that may also be infinite. The v1 API writes
// infinity as the strings "Infinity" and "-Infinity", since JSON has no
// number for it. NaN has no wire form and fails to marshal.
type Double float64

// MarshalJSON writes the number, or the quoted name of an infinity.
func (d Double) MarshalJSON() ([]byte, error) {
	switch f := float64(d); {
	case math.IsInf(f, 1):
		return []byte(`"Infinity"`), nil
	case math.IsInf(f, -1):
		return []byte(`"-Infinity"`), nil
	default:
		return json.Marshal(f)
	}
}

// UnmarshalJSON reads a number, a number in a string, or the name of an
// infinity.
func (d *Double) UnmarshalJSON(text []byte) error {
	s := string(text)
	if unquoted, err := strconv.Unquote(s); err == nil {
		s = unquoted
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsNaN(f) {
		return fmt.Errorf("%s is neither a number nor \"Infinity\"", text)
	}
	*d = Double(f)
	return nil
}
