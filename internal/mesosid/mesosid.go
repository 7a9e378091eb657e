// Package mesosid gives every identifier of the Mesos v1 API a type of its
// own, so that an agent id can never be passed where a framework id belongs.
//
// The zero value of each type means "absent".
package mesosid

import (
	"errors"
	"fmt"
	"strings"
)

// Identifiers as they stand in the "value" member of the v1 messages.
type (
	// FrameworkID is "<master id>-NNNN", assigned at the first subscription.
	FrameworkID string
	// AgentID is "<master id>-S<n>", assigned at the first registration.
	AgentID string
	// OfferID is "<master id>-O<n>"; offers and inverse offers share the counter.
	OfferID string
	// TaskID is chosen by the framework, unique among its live tasks.
	TaskID string
	// ExecutorID is chosen by the framework, unique per framework and agent.
	ExecutorID string
	// ContainerID is a random UUID chosen by the agent, or a caller's own name
	// for containers launched through the agent's API.
	ContainerID string
	// OperationID is chosen by the framework that asks for operation feedback.
	OperationID string
	// ResourceProviderID names a resource provider of an agent.
	ResourceProviderID string
)

// maxLength is the longest identifier, since identifiers become directory
// names of a sandbox (NAME_MAX).
const maxLength = 255

// Validate checks the rules that Mesos has for every identifier that may
// become a directory name: not empty, at most 255 bytes, neither "." nor
// "..", no control character, no slash, no backslash. The error says what is
// wrong in the words of the v1 API; it does not name the kind of identifier.
func Validate[ID ~string](id ID) error {
	s := string(id)
	switch {
	case s == "":
		return errors.New("ID must not be empty")
	case len(s) > maxLength:
		return fmt.Errorf("ID must not be greater than %d characters", maxLength)
	case s == "." || s == "..":
		return fmt.Errorf("'%s' is disallowed", s)
	case strings.ContainsFunc(s, invalid):
		return fmt.Errorf("'%s' contains invalid characters", s)
	}
	return nil
}

func invalid(r rune) bool { return r < ' ' || r == 0x7f || r == '/' || r == '\\' }
