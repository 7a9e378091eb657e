package mesosjson

import "fmt"

// Kind tells at which stage a text was refused.
type Kind int

const (
	// Syntax means that the text is not JSON at all.
	Syntax Kind = iota + 1
	// Conversion means that the text is JSON but does not fit the message.
	Conversion
	// Limit means that the text is deeper or has more elements than allowed.
	Limit
)

// Error says why a text could not be decoded. It is a fault of the sender.
type Error struct {
	Kind Kind
	// Text is the sentence of the v1 API, without the prefix that depends on
	// the endpoint.
	Text string
}

func (e *Error) Error() string { return e.Text }

// BodyText is the plain-text body with which an endpoint refuses the request.
// Message names the protobuf message for the endpoints whose text does, such
// as "Call"; the agent's operator API leaves it out and passes "".
func (e *Error) BodyText(message string) string {
	switch {
	case e.Kind != Conversion:
		return "Failed to parse body into JSON: " + e.Text
	case message == "":
		return e.Text
	default:
		return "Failed to convert JSON into " + message + " protobuf: " + e.Text
	}
}

func conversionf(format string, args ...any) *Error {
	return &Error{Kind: Conversion, Text: fmt.Sprintf(format, args...)}
}

func limitf(format string, args ...any) *Error {
	return &Error{Kind: Limit, Text: fmt.Sprintf(format, args...)}
}

// notExpecting is the refusal of a JSON value whose kind the field does not
// take. First is the first byte of the value.
func notExpecting(first byte, name string) *Error {
	kind := "number"
	switch first {
	case '{':
		kind = "object"
	case '[':
		kind = "array"
	case '"':
		kind = "string"
	case 't', 'f':
		kind = "boolean"
	case 'n':
		kind = "null"
	}
	return conversionf("Not expecting a JSON %s for field '%s'", kind, name)
}
