// Package role knows the names of roles and how they nest.
//
// A role is a path of components separated by slashes: "eng/web" is a child of
// "eng" and may use what is reserved for it. The one name outside the tree is
// "*", the default role, for which nothing can be reserved.
package role

import (
	"fmt"
	"iter"
	"strings"
)

// Default is the role of frameworks that name none and the marker of
// unreserved resources in the old resource format.
const Default = "*"

// Error tells why a string cannot name a role. Its text is Mesos's own, because
// schedulers and tests compare it.
type Error struct {
	// Role is the refused name as it was given.
	Role string
	// Reason is the complete sentence shown to users.
	Reason string
}

func (e *Error) Error() string { return e.Reason }

// Validate returns nil when role may name a role, and an *Error otherwise.
// The default role is valid here; whether it is acceptable in a certain place
// (a reservation, a quota) is the caller's rule.
func Validate(role string) error {
	if role == Default {
		return nil
	}
	switch {
	case role == "":
		return &Error{role, "Role names cannot be the empty string"}
	case role[0] == '/':
		return &Error{role, fmt.Sprintf("Role '%s' cannot start with a slash", role)}
	case role[len(role)-1] == '/':
		return &Error{role, fmt.Sprintf("Role '%s' cannot end with a slash", role)}
	case strings.Contains(role, "//"):
		return &Error{role, fmt.Sprintf("Role '%s' cannot contain two adjacent slashes", role)}
	}
	for component := range strings.SplitSeq(role, "/") {
		if reason := refuseComponent(role, component); reason != "" {
			return &Error{role, reason}
		}
	}
	return nil
}

// refuseComponent gives the reason against one component of role, or "".
func refuseComponent(role, component string) string {
	switch component {
	case ".", "..", Default:
		return fmt.Sprintf("Role '%s' cannot include '%s' as a component", role, component)
	}
	if component[0] == '-' {
		return fmt.Sprintf("Role component '%s' is invalid because it starts with a dash", component)
	}
	// The refused bytes are the ASCII white space from tab to carriage return,
	// the space, and DEL, which Mesos calls backspace.
	if strings.ContainsAny(component, "\t\n\v\f\r \x7f") {
		return fmt.Sprintf("Role component '%s' is invalid because it contains backspace or whitespace", component)
	}
	return ""
}

// IsStrictSubrole reports whether role lies below ancestor in the tree:
// "a/b" below "a", but neither "a" below itself nor "ab" below "a".
func IsStrictSubrole(role, ancestor string) bool {
	n := len(ancestor)
	return n > 0 && len(role) > n && role[n] == '/' && role[:n] == ancestor
}

// Parent returns the role directly above, and false for a top-level role.
func Parent(role string) (string, bool) {
	i := strings.LastIndexByte(role, '/')
	if i < 0 {
		return "", false
	}
	return role[:i], true
}

// Ancestors yields the roles above role, from its parent up to the top level.
// The strings share role's memory, so nothing is allocated.
func Ancestors(role string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for {
			parent, ok := Parent(role)
			if !ok || !yield(parent) {
				return
			}
			role = parent
		}
	}
}
