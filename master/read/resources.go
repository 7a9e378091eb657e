package read

import (
	"slices"
	"strconv"

	"github.com/meseta/meseta/gen/mesosv1"
	"github.com/meseta/meseta/internal/resources"
)

// standardNames are always there in a sum, in this order.
var standardNames = [...]string{resources.DiskSpace, resources.Mem, resources.GPUs, resources.CPUs}

// sum is how the older endpoints show resources: {"cpus":4,"ports":"[1-2]"}.
// Whatever resources are reserved for, allocated to or made of, those of one
// name are added up; only revocable ones stay apart, by a suffix.
func sum(rs resources.Resources) raw {
	var plain resources.Builder
	for r := range rs.All() {
		name := r.Name
		if r.Revocable() {
			name += "_revocable"
		}
		plain.AddOne(resources.Resource{Name: name, Kind: r.Kind, Scalar: r.Scalar, Ranges: r.Ranges, Set: r.Set})
	}
	out := make([]byte, 0, 96)
	out = append(out, '{')
	for i, name := range standardNames {
		if i > 0 {
			out = append(out, ',')
		}
		var amount resources.Scalar
		for r := range plain.View().All() {
			if r.Name == name && r.Kind == resources.KindScalar {
				amount = r.Scalar
			}
		}
		out = appendNumber(appendName(out, name), amount.Float())
	}
	for r := range plain.View().All() {
		switch {
		case r.Kind == resources.KindScalar && standard(r.Name):
		case r.Kind == resources.KindScalar:
			out = appendNumber(appendName(append(out, ','), r.Name), r.Scalar.Float())
		default:
			out = appendQuoted(appendName(append(out, ','), r.Name), amountText(r))
		}
	}
	return append(out, '}')
}

// sumV1 is sum of messages. Those that the master holds have been validated.
func sumV1(messages []mesosv1.Resource) raw {
	rs, err := resources.FromV1(messages)
	if err != nil {
		rs = resources.Resources{}
	}
	return sum(rs)
}

func standard(name string) bool { return slices.Contains(standardNames[:], name) }

// amountText is a range or a set as text.
func amountText(r *resources.Resource) string {
	text := resources.Resource{Kind: r.Kind, Ranges: r.Ranges, Set: r.Set}.String()
	return text[1:] // the colon behind the empty name
}

// byReservation groups what is reserved by the role that owns it, and gives
// the rest.
func byReservation(rs resources.Resources) (reserved map[string]resources.Resources, unreserved resources.Resources) {
	var free resources.Builder
	owned := map[string]*resources.Builder{}
	for r := range rs.All() {
		owner := r.ReservationRole()
		if owner == "" {
			free.AddOne(*r)
			continue
		}
		if owned[owner] == nil {
			owned[owner] = new(resources.Builder)
		}
		owned[owner].AddOne(*r)
	}
	reserved = make(map[string]resources.Resources, len(owned))
	for owner, b := range owned {
		reserved[owner] = b.Resources()
	}
	return reserved, free.Resources()
}

// full is how the older endpoints show resources one by one. A list is there
// even when it is empty.
func full(rs resources.Resources) []mesosv1.Resource {
	if rs.Empty() {
		return []mesosv1.Resource{}
	}
	return rs.ToV1(resources.Endpoint)
}

func appendName(b []byte, name string) []byte { return append(appendQuoted(b, name), ':') }

// appendQuoted writes text as a JSON string. Names of resources may hold
// anything, so it is not enough to put quotes around them.
func appendQuoted(b []byte, text string) []byte {
	for i := range len(text) {
		if c := text[i]; c < ' ' || c >= 0x7f || c == '"' || c == '\\' {
			return appendMarshalled(b, text)
		}
	}
	return append(append(append(b, '"'), text...), '"')
}

func appendNumber(b []byte, f float64) []byte { return strconv.AppendFloat(b, f, 'f', -1, 64) }
