package resources

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/meseta/meseta/internal/role"
)

// Declared is what an agent's --resources flag says.
type Declared struct {
	Resources Resources
	// Names are all names that were mentioned, sorted, those with an amount of
	// zero among them: what is not mentioned at all is detected instead.
	Names []string
}

// Mentions reports whether the flag said anything about the name, be it that
// there is none of it.
func (d Declared) Mentions(name string) bool {
	_, found := slices.BinarySearch(d.Names, name)
	return found
}

func (d *Declared) add(r Resource) {
	if at, found := slices.BinarySearch(d.Names, r.Name); !found {
		d.Names = slices.Insert(d.Names, at, r.Name)
	}
	d.Resources = d.Resources.AddOne(r)
}

// Parse reads the --resources flag in either of its forms, a JSON array of v1
// Resource objects or the text "name(role):value;...". What names no role is
// reserved for defaultRole, where "*" or "" leaves it unreserved. Errors name
// the part that was not understood and what was expected.
//
// A path or file:// URI is resolved by the caller, for this package does no
// I/O.
func Parse(text, defaultRole string) (Declared, error) {
	if defaultRole == "" {
		defaultRole = role.Default
	}
	if err := role.Validate(defaultRole); err != nil {
		return Declared{}, fmt.Errorf("default role: %w", err)
	}
	read := parseText
	if strings.HasPrefix(strings.TrimSpace(text), "[") {
		read = parseJSON
	}
	list, err := read(text, defaultRole)
	if err != nil {
		return Declared{}, err
	}
	var d Declared
	for i := range list {
		if err := declarable(&list[i]); err != nil {
			return Declared{}, fmt.Errorf("resource %q: %w", list[i].String(), err)
		}
		d.add(list[i])
	}
	return d, oneKindPerName(list)
}

// declarable refuses what comes into being only while an agent runs.
func declarable(r *Resource) error {
	switch {
	case r.PersistentVolume():
		return errors.New("a persistent volume cannot be declared; frameworks and operators create it out of reserved disk")
	case r.Revocable():
		return errors.New("revocable resources cannot be declared")
	case r.Allocation != "":
		return errors.New("a declared resource cannot be allocated to a role yet; remove allocation_info")
	}
	for _, reservation := range r.Reservations() {
		if reservation.Type != Static {
			return errors.New("a dynamic reservation cannot be declared; use one of type STATIC")
		}
	}
	return nil
}

func oneKindPerName(list []Resource) error {
	kinds := make(map[string]Kind, len(list))
	for i := range list {
		r := &list[i]
		if kind, seen := kinds[r.Name]; seen && kind != r.Kind {
			return fmt.Errorf("resource %q is declared as %v and as %v; a name has one type on an agent", r.Name, kind, r.Kind)
		}
		kinds[r.Name] = r.Kind
	}
	return nil
}

// parseText reads "cpus:8;cpus(web):4;ports:[1-2]".
func parseText(text, defaultRole string) ([]Resource, error) {
	var out []Resource
	for _, entry := range entries(text) {
		r, err := parseResource(entry, defaultRole)
		if err != nil {
			return nil, inEntry(entry, err)
		}
		out = append(out, r)
	}
	return out, nil
}

// parseResource reads one "name(role):value".
func parseResource(entry, defaultRole string) (Resource, error) {
	name, owner, rest, err := parseHead(entry)
	if err != nil {
		return Resource{}, err
	}
	if owner == "" {
		owner = defaultRole
	}
	if err := role.Validate(owner); err != nil {
		return Resource{}, err
	}
	v, err := parseValue(rest)
	if err != nil {
		return Resource{}, err
	}
	r := Resource{Name: intern(name), Kind: v.kind, Ranges: v.ranges, Set: v.set}
	switch v.kind {
	case KindText:
		return Resource{}, &ParseError{v.text, `a number, ranges "[begin-end, ...]" or a set "{item, ...}"`}
	case KindScalar:
		if r.Scalar, err = parseScalar(rest, v.number); err != nil {
			return Resource{}, err
		}
	}
	if owner != role.Default {
		r = r.PushReservation(Reservation{Type: Static, Role: owner})
	}
	return r, nil
}

// parseHead splits an entry into name, role ("" when none is given) and the
// text of the value.
func parseHead(entry string) (name, owner, rest string, err error) {
	at := strings.IndexAny(entry, "(:")
	if at < 0 {
		return "", "", "", &ParseError{entry, `"name:value" or "name(role):value"`}
	}
	name = strings.TrimSpace(entry[:at])
	if name == "" || strings.ContainsAny(name, ")[]{}") {
		return "", "", "", &ParseError{entry, "a resource name before the value"}
	}
	if entry[at] == ':' {
		return name, "", entry[at+1:], nil
	}
	owner, rest, ok := strings.Cut(entry[at+1:], ")")
	if !ok {
		return "", "", "", &ParseError{entry[at:], `a closing ")" after the role`}
	}
	rest, ok = strings.CutPrefix(strings.TrimSpace(rest), ":")
	if !ok {
		return "", "", "", &ParseError{rest, `":" and a value after the role`}
	}
	if owner = strings.TrimSpace(owner); owner == "" {
		return "", "", "", &ParseError{entry[at:], "a role between the parentheses"}
	}
	return name, owner, rest, nil
}

func parseScalar(token string, number float64) (Scalar, error) {
	s, err := ScalarFromFloat(number)
	switch {
	case err != nil:
		return 0, &ParseError{strings.TrimSpace(token), "a number from 0 to " + MaxScalar.String()}
	case s == 0 && number != 0:
		return 0, &ParseError{strings.TrimSpace(token), "0 or at least 0.001"}
	}
	return s, nil
}

// FlagText renders the resources in the text form that [Parse] reads. It is
// false when something in them has no such form: only plain and statically
// reserved resources do, as long as no name in them uses the punctuation of
// the form itself.
func (rs Resources) FlagText() (string, bool) {
	var b []byte
	for i := range rs.list {
		r := rs.list[i]
		if !r.hasFlagText() {
			return "", false
		}
		if i > 0 {
			b = append(b, ';')
		}
		b = append(b, r.Name...)
		if owner := r.ReservationRole(); owner != "" {
			b = append(append(append(b, '('), owner...), ')')
		}
		r.Name, r.Meta = "", nil
		b = r.append(b)
	}
	return string(b), true
}

func (r *Resource) hasFlagText() bool {
	stack := r.Reservations()
	if r.Allocation != "" || len(stack) > 1 || !r.Meta.onlyReservations() || !plainToken(r.Name, ":;()[]{}\n") {
		return false
	}
	for _, item := range r.Set {
		if !plainToken(item, ";,{}\n") {
			return false
		}
	}
	return len(stack) == 0 ||
		stack[0].Equal(Reservation{Type: Static, Role: stack[0].Role}) && plainToken(stack[0].Role, ";)\n")
}

// plainToken reports whether s stands for itself in a text form that gives a
// meaning to the reserved characters and ignores space around tokens.
func plainToken(s, reserved string) bool {
	return s != "" && !strings.ContainsAny(s, reserved) && strings.TrimSpace(s) == s
}

// onlyReservations reports whether nothing but reservations is set.
func (m *Meta) onlyReservations() bool {
	return m == nil || m.with(func(m *Meta) { m.Reservations = nil }) == nil
}
