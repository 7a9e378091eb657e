package resources

import (
	"encoding/json"
	"testing"

	"github.com/meseta/meseta/gen/mesosv1"
)

// parse reads the text form of unreserved and statically reserved resources.
func parse(t testing.TB, text string) Resources {
	t.Helper()
	d, err := Parse(text, "*")
	if err != nil {
		t.Fatalf("Parse(%q): %v", text, err)
	}
	return d.Resources
}

// decode reads a JSON array of v1 resources.
func decode(t testing.TB, text string) []mesosv1.Resource {
	t.Helper()
	var in []mesosv1.Resource
	if err := json.Unmarshal([]byte(text), &in); err != nil {
		t.Fatalf("bad JSON in the test: %v", err)
	}
	return in
}

// fromJSON reads valid resources in any wire format.
func fromJSON(t testing.TB, text string) Resources {
	t.Helper()
	rs, err := FromV1(decode(t, text))
	if err != nil {
		t.Fatalf("FromV1: %v", err)
	}
	return rs
}

// scalar is an amount of one name with an identity.
func scalar(name string, amount float64, m *Meta) Resource {
	s, err := ScalarFromFloat(amount)
	if err != nil {
		panic(err)
	}
	return Resource{Name: name, Scalar: s, Meta: m}
}

// reserved is the identity of what is dynamically reserved to the roles, each
// refining the one before.
func reserved(roles ...string) *Meta {
	m := &Meta{}
	for _, r := range roles {
		m.Reservations = append(m.Reservations, Reservation{Type: Dynamic, Role: r})
	}
	return m
}

// volume is a persistent volume of the role.
func volume(role, id string, amount float64) Resource {
	m := reserved(role)
	m.Disk = &Disk{
		Persistence: &Persistence{ID: id},
		Volume:      &Volume{Mode: ReadWrite, ContainerPath: "data"},
	}
	return scalar(DiskSpace, amount, m)
}

// wantText compares a rendering.
func wantText(t testing.TB, rs Resources, want string) {
	t.Helper()
	if got := rs.String(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
