package resources

import (
	"errors"
	"fmt"
	"slices"

	"github.com/meseta/meseta/internal/role"
)

// InvalidError says why a resource from outside cannot be used. Its text is
// Mesos's own: "Resource 'cpus:-1' is invalid: Invalid scalar resource: …".
type InvalidError struct {
	// Resource is the refused resource as rendered for messages.
	Resource string
	// Reason is what is wrong with it.
	Reason error
}

func (e *InvalidError) Error() string {
	return fmt.Sprintf("Resource '%s' is invalid: %v", e.Resource, e.Reason)
}

func (e *InvalidError) Unwrap() error { return e.Reason }

// Validate returns an *[InvalidError] when the resource breaks a rule that
// holds everywhere. It looks at ranges and sets as they were given, before
// they are brought into normal form.
func (r Resource) Validate() error {
	if reason := r.invalid(); reason != nil {
		return &InvalidError{r.String(), reason}
	}
	return nil
}

func (r *Resource) invalid() error {
	if r.Name == "" {
		return errors.New("Empty resource name")
	}
	if err := r.invalidAmount(); err != nil {
		return err
	}
	if disk := r.Disk(); disk != nil {
		if r.Name != DiskSpace {
			return fmt.Errorf("DiskInfo should not be set for %s resource", r.Name)
		}
		if disk.Source != nil && disk.Source.Type == SourceUnknown {
			return errors.New("Unsupported 'DiskInfo.Source.Type'")
		}
	}
	if err := invalidStack(r.Reservations()); err != nil {
		return err
	}
	if r.Shared() && !r.PersistentVolume() {
		return errors.New("Only persistent volumes can be shared")
	}
	return nil
}

func (r *Resource) invalidAmount() error {
	switch r.Kind {
	case KindScalar:
		if r.Scalar < 0 {
			return errors.New("Invalid scalar resource: value <= 0")
		}
	case KindRanges:
		for i, a := range r.Ranges {
			if a.Begin > a.End {
				return errors.New("Invalid ranges resource: begin > end")
			}
			for _, b := range r.Ranges[:i] {
				if a.Begin <= b.End && b.Begin <= a.End {
					return errors.New("Invalid ranges resource: overlapping ranges")
				}
			}
		}
	case KindSet:
		for i, item := range r.Set {
			if slices.Contains(r.Set[:i], item) {
				return errors.New("Invalid set resource: duplicated elements")
			}
		}
	default:
		return errors.New("Unsupported resource type")
	}
	return nil
}

// invalidStack checks a reservation stack from the bottom up.
func invalidStack(stack []Reservation) error {
	for i, reservation := range stack {
		if err := role.Validate(reservation.Role); err != nil {
			return err
		}
		if err := checkPush(stack[:i], reservation); err != nil {
			return err
		}
	}
	return nil
}
