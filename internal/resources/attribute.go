package resources

import (
	"math"
	"slices"
	"strconv"
	"strings"
)

// Attribute is a property of an agent, told to frameworks with each offer. It
// is described and compared, never calculated with.
type Attribute struct {
	Name   string
	Kind   Kind
	Scalar float64
	Ranges []Range
	Set    []string
	Text   string
}

// TextValue returns the text of a text attribute; constraints that compare or
// match text look only at these.
func (a Attribute) TextValue() (string, bool) { return a.Text, a.Kind == KindText }

// Value returns the attribute for the read endpoints, which show a number as
// it is and everything else as text: 10.0, "r1", "[1000-1500]".
func (a Attribute) Value() any {
	if a.Kind == KindScalar {
		return a.Scalar
	}
	return a.valueText()
}

func (a Attribute) valueText() string {
	switch a.Kind {
	case KindScalar:
		return strconv.FormatFloat(a.Scalar, 'f', -1, 64)
	case KindRanges:
		return string(appendRanges(nil, a.Ranges))
	case KindSet:
		return string(appendSet(nil, a.Set))
	default:
		return a.Text
	}
}

// String renders "name:value".
func (a Attribute) String() string { return a.Name + ":" + a.valueText() }

// Equal compares name, kind and value.
func (a Attribute) Equal(o Attribute) bool {
	return a.Name == o.Name && a.Kind == o.Kind && a.Scalar == o.Scalar && a.Text == o.Text &&
		slices.Equal(a.Ranges, o.Ranges) && slices.Equal(a.Set, o.Set)
}

// Attributes are an agent's attributes in the order of its flag. A name may
// occur more than once, though constraints see only the first.
type Attributes []Attribute

// First returns the first attribute with the name, the one constraints mean.
func (as Attributes) First(name string) (Attribute, bool) {
	for _, a := range as {
		if a.Name == name {
			return a, true
		}
	}
	return Attribute{}, false
}

// Equal compares two lists regardless of order.
func (as Attributes) Equal(o Attributes) bool {
	if len(as) != len(o) {
		return false
	}
	rest := slices.Clone(o)
	for _, a := range as {
		i := slices.IndexFunc(rest, a.Equal)
		if i < 0 {
			return false
		}
		rest = slices.Delete(rest, i, i+1)
	}
	return true
}

// String renders the text form of the --attributes flag.
func (as Attributes) String() string {
	parts := make([]string, len(as))
	for i, a := range as {
		parts[i] = a.String()
	}
	return strings.Join(parts, ";")
}

// ParseAttributes reads the --attributes flag, "rack:r1;level:10;span:[1-3]".
// Each entry is split at its first colon. Spaces inside values are removed. A
// value that is not a number of zero or more nor ranges is text; sets are
// refused, because Mesos has no sets here.
func ParseAttributes(text string) (Attributes, error) {
	var out Attributes
	for _, entry := range entries(text) {
		name, rest, ok := strings.Cut(entry, ":")
		if name = strings.TrimSpace(name); !ok || name == "" {
			return nil, &ParseError{entry, `"name:value"`}
		}
		v, err := parseValue(strings.ReplaceAll(rest, " ", ""))
		if err != nil {
			return nil, inEntry(entry, err)
		}
		a := Attribute{Name: intern(name), Kind: v.kind, Ranges: v.ranges, Text: v.text}
		switch v.kind {
		case KindSet:
			return nil, inEntry(entry, &ParseError{strings.TrimSpace(rest), "a number, ranges or text; attributes cannot be sets"})
		case KindScalar:
			if a.Scalar = v.number; math.IsInf(v.number, 0) || math.Signbit(v.number) {
				a = Attribute{Name: a.Name, Kind: KindText, Text: strings.ReplaceAll(strings.TrimSpace(rest), " ", "")}
			}
		}
		out = append(out, a)
	}
	return out, nil
}
