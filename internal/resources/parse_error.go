package resources

import "fmt"

// ParseError tells which part of a text form was not understood and what was
// expected in its place.
type ParseError struct {
	// Token is the offending part as it was written.
	Token string
	// Expected describes what would have been right.
	Expected string
}

func (e *ParseError) Error() string {
	return fmt.Sprintf("%q: expected %s", e.Token, e.Expected)
}

// inEntry puts the whole entry in front when the token alone does not show
// where in a long text it stands.
func inEntry(entry string, err error) error { return fmt.Errorf("in %q: %w", entry, err) }
