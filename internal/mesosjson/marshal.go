package mesosjson

import (
	"bytes"
	"encoding/json"
)

// Marshal writes v as the v1 API does: without white space, without escaping
// of <, > and &, and without a line feed at the end. The result is a slice of
// its own.
//
// Everything that Meseta sends goes through this function, so that the encoder
// can be changed in one place.
func Marshal(v any) ([]byte, error) {
	var buffer bytes.Buffer
	encoder := json.NewEncoder(&buffer)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(buffer.Bytes(), []byte{'\n'}), nil
}
