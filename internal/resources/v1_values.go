package resources

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"

	"github.com/meseta/meseta/gen/mesosv1"
)

// parseJSON reads a JSON array of v1 resources in any of the wire formats.
// Those that say nothing about roles are reserved for defaultRole.
func parseJSON(text, defaultRole string) ([]Resource, error) {
	dec := json.NewDecoder(bytes.NewReader([]byte(text)))
	var in []mesosv1.Resource
	if err := dec.Decode(&in); err != nil {
		return nil, fmt.Errorf("the JSON form is an array of Resource objects: %w", jsonError(err))
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("unexpected text after the JSON array, at byte %d", dec.InputOffset())
	}
	for i := range in {
		r := &in[i]
		if r.Role == nil && r.Reservation == nil && len(r.Reservations) == 0 {
			r.Role = &defaultRole
		}
		if r.Type == "" {
			return nil, fmt.Errorf("resource %d (%q) has no type; give one of SCALAR, RANGES, SET", i+1, r.Name)
		}
	}
	return ListFromV1(in)
}

// jsonError names the place of a mistake.
func jsonError(err error) error {
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		return fmt.Errorf("%w, at byte %d", err, syntax.Offset)
	}
	return err
}

// AttributesFromV1 reads the attributes of a message. A value that does not
// belong to its type is an error naming the attribute.
func AttributesFromV1(in []mesosv1.Attribute) (Attributes, error) {
	if len(in) == 0 {
		return nil, nil
	}
	out := make(Attributes, len(in))
	for i := range in {
		a := Attribute{Name: intern(in[i].Name)}
		var found bool
		switch v := &in[i]; v.Type {
		case mesosv1.ValueTypeScalar:
			if a.Kind, found = KindScalar, v.Scalar != nil; found {
				a.Scalar = v.Scalar.Value
			}
		case mesosv1.ValueTypeRanges:
			if a.Kind, found = KindRanges, v.Ranges != nil; found {
				a.Ranges = normalRanges(readRanges(v.Ranges))
			}
		case mesosv1.ValueTypeSet:
			if a.Kind, found = KindSet, v.Set != nil; found {
				a.Set = normalSet(v.Set.Item)
			}
		case mesosv1.ValueTypeText:
			if a.Kind, found = KindText, v.Text != nil; found {
				a.Text = v.Text.Value
			}
		}
		if !found {
			return nil, fmt.Errorf("attribute '%s' has no value of its type '%s'", in[i].Name, in[i].Type)
		}
		out[i] = a
	}
	return out, nil
}

// ToV1 writes the attributes in their order.
func (as Attributes) ToV1() []mesosv1.Attribute {
	if len(as) == 0 {
		return nil
	}
	out := make([]mesosv1.Attribute, len(as))
	for i, a := range as {
		out[i] = mesosv1.Attribute{Name: a.Name, Type: mesosv1.ValueType(a.Kind.String())}
		switch a.Kind {
		case KindScalar:
			out[i].Scalar = &mesosv1.ValueScalar{Value: a.Scalar}
		case KindRanges:
			out[i].Ranges = writeRanges(a.Ranges)
		case KindSet:
			out[i].Set = &mesosv1.ValueSet{Item: slices.Clone(a.Set)}
		case KindText:
			out[i].Text = &mesosv1.ValueText{Value: a.Text}
		}
	}
	return out
}

// AmountError says which amount of a message is not one.
type AmountError struct {
	Name   string
	Value  float64
	Reason string
}

func (e *AmountError) Error() string {
	return fmt.Sprintf("Invalid resource quantity for '%s': %s", e.Name, e.Reason)
}

func readQuantity(name string, v float64) (Scalar, error) {
	s, err := ScalarFromFloat(v)
	switch {
	case v < 0:
		return 0, &AmountError{name, v, "Negative values not supported"}
	case errors.Is(err, ErrNotFinite) && math.IsNaN(v):
		return 0, &AmountError{name, v, "NaN not supported"}
	case errors.Is(err, ErrNotFinite):
		return 0, &AmountError{name, v, "Infinite values not supported"}
	case err != nil:
		return 0, &AmountError{name, v, err.Error()}
	}
	return s, nil
}

// QuantitiesFromV1 reads a map of amounts. The first bad one in the order of
// names gives an *[AmountError].
func QuantitiesFromV1(in map[string]mesosv1.ValueScalar) (Quantities, error) {
	var q Quantities
	for _, name := range slices.Sorted(maps.Keys(in)) {
		s, err := readQuantity(name, in[name].Value)
		if err != nil {
			return Quantities{}, err
		}
		q.AddAmountInPlace(name, s)
	}
	return q, nil
}

// ToV1 writes the amounts as a map, nil when there are none.
func (q Quantities) ToV1() map[string]mesosv1.ValueScalar {
	if len(q.list) == 0 {
		return nil
	}
	out := make(map[string]mesosv1.ValueScalar, len(q.list))
	for _, item := range q.list {
		out[item.Name] = mesosv1.ValueScalar{Value: item.Amount.Float()}
	}
	return out
}

// LimitsFromV1 reads a map of bounds, of which infinity is none. The first bad
// one in the order of names gives an *[AmountError].
func LimitsFromV1(in map[string]mesosv1.Limit) (Limits, error) {
	var list []Quantity
	for _, name := range slices.Sorted(maps.Keys(in)) {
		v := float64(in[name].Value)
		if math.IsInf(v, 1) {
			continue
		}
		s, err := readQuantity(name, v)
		if err != nil {
			return Limits{}, err
		}
		list = append(list, Quantity{intern(name), s})
	}
	return Limits{list}, nil
}
