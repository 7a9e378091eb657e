package resources

import (
	"errors"
	"strings"
)

// ParseQuantities reads scalar amounts without roles, "cpus:0.01;mem:32".
func ParseQuantities(text string) (Quantities, error) {
	var q Quantities
	for _, entry := range entries(text) {
		name, rest, ok := strings.Cut(entry, ":")
		if name = strings.TrimSpace(name); !ok || name == "" {
			return Quantities{}, &ParseError{entry, `"name:number"`}
		}
		number, ok := parseNumber(strings.TrimSpace(rest))
		if !ok {
			return Quantities{}, inEntry(entry, &ParseError{strings.TrimSpace(rest), "a number"})
		}
		amount, err := parseScalar(rest, number)
		if err != nil {
			return Quantities{}, inEntry(entry, err)
		}
		if q.Get(name) != 0 {
			return Quantities{}, &ParseError{entry, "every name only once"}
		}
		q.AddAmountInPlace(name, amount)
	}
	return q, nil
}

// ParseMinAllocatable reads --min_allocatable_resources: alternatives divided
// by "|", of which an offer must contain at least one, each a list of amounts:
// "cpus:0.01|mem:32". An empty text gives none, which lets everything through.
func ParseMinAllocatable(text string) ([]Quantities, error) {
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	var out []Quantities
	for alternative := range strings.SplitSeq(text, "|") {
		q, err := ParseQuantities(alternative)
		if err != nil {
			return nil, err
		}
		if q.Empty() {
			return nil, inEntry(text, errors.New("every alternative needs an amount above zero"))
		}
		out = append(out, q)
	}
	return out, nil
}
