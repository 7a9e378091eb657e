package mesosjson

import (
	"encoding/base64"
	"reflect"
	"strings"
)

func bytesValue(name string) decodeFunc {
	return func(s *state, v reflect.Value) (bool, *Error) {
		if s.peek() != '"' {
			return s.absent(name)
		}
		text, err := s.text()
		if err != nil {
			return false, err
		}
		decoded := make([]byte, base64.StdEncoding.DecodedLen(len(text)))
		if n, failure := base64.StdEncoding.Decode(decoded, text); failure == nil {
			v.SetBytes(decoded[:n])
			return true, nil
		}
		decoded, invalid := decodeLoosely(decoded[:0], string(text))
		if invalid != "" {
			return false, conversionf("Failed to base64 decode bytes field '%s': Invalid character '%s'", name, invalid)
		}
		v.SetBytes(decoded)
		return true, nil
	}
}

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

// decodeLoosely decodes base64 as Mesos does: white space is skipped, the
// first '=' ends the data, and bits that do not fill a byte are dropped. It
// returns the first character that does not belong, if there is one.
func decodeLoosely(dst []byte, text string) (decoded []byte, invalid string) {
	var bits uint32
	held := 0
	for _, c := range text {
		if c == '=' {
			break
		}
		if c == ' ' || '\t' <= c && c <= '\r' {
			continue
		}
		digit := strings.IndexRune(alphabet, c)
		if digit < 0 {
			return nil, string(c)
		}
		bits = bits<<6 | uint32(digit)
		if held += 6; held >= 8 {
			held -= 8
			dst = append(dst, byte(bits>>held))
		}
	}
	return dst, ""
}
