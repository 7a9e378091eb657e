// Package validation has the rules that requests must keep, in the order and
// with the sentences of Mesos, since programs show and compare them. All of it
// is pure: nothing here knows the state of the master except through
// parameters.
package validation

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/meseta/meseta/gen/mesosv1"
	"github.com/meseta/meseta/internal/mesosid"
	"github.com/meseta/meseta/internal/resources"
	"github.com/meseta/meseta/internal/role"
)

// FrameworkRules are what the master's configuration says of frameworks.
type FrameworkRules struct {
	// RefuseRoot refuses frameworks whose user is root.
	RefuseRoot bool
	// Roles is the whitelist; empty allows every role.
	Roles []string
}

// FrameworkInfo checks what a framework says of itself when it subscribes or
// updates its information.
func FrameworkInfo(info *mesosv1.FrameworkInfo, rules FrameworkRules) error {
	if err := frameworkRoles(info, rules.Roles); err != nil {
		return err
	}
	if info.ID != nil && info.ID.Value != "" {
		if err := mesosid.Validate(mesosid.FrameworkID(info.ID.Value)); err != nil {
			return err
		}
	}
	if rules.RefuseRoot && info.User == "root" {
		return errors.New("User 'root' is not allowed to run frameworks without --root_submissions set")
	}
	if t := info.FailoverTimeout; t != nil && !representable(*t) {
		return fmt.Errorf("The framework failover_timeout (%s) is invalid", formatDouble(*t))
	}
	return offerFilters(info.OfferFilters)
}

// FrameworkPrincipal refuses a subscription that changes the principal.
func FrameworkPrincipal(old, info *mesosv1.FrameworkInfo) error {
	if text(old.Principal) != text(info.Principal) {
		return errors.New("Changing framework's principal is not allowed.")
	}
	return nil
}

// FrameworkUpdate refuses changes that UPDATE_FRAMEWORK cannot make.
func FrameworkUpdate(old, info *mesosv1.FrameworkInfo) error {
	if err := FrameworkPrincipal(old, info); err != nil {
		return err
	}
	if old.User != info.User {
		return fmt.Errorf("Updating 'FrameworkInfo.user' is unsupported; attempted to update from '%s' to '%s'", old.User, info.User)
	}
	was, now := flag(old.Checkpoint), flag(info.Checkpoint)
	if was != now {
		return fmt.Errorf("Updating 'FrameworkInfo.checkpoint' is unsupported; attempted to update from '%t' to '%t'", was, now)
	}
	return nil
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func flag(b *bool) bool { return b != nil && *b }

func frameworkRoles(info *mesosv1.FrameworkInfo, whitelist []string) error {
	multiRole := slices.ContainsFunc(info.Capabilities, func(c mesosv1.FrameworkInfoCapability) bool {
		return c.Type != nil && *c.Type == mesosv1.FrameworkInfoCapabilityTypeMultiRole
	})
	if !multiRole {
		if len(info.Roles) > 0 {
			return errors.New("'FrameworkInfo.roles' must not be set when the framework is not MULTI_ROLE capable")
		}
		if info.Role == nil {
			return nil
		}
		if err := role.Validate(*info.Role); err != nil {
			return fmt.Errorf("'FrameworkInfo.role' is not a valid role: %w", err)
		}
		return whitelisted([]string{*info.Role}, whitelist)
	}
	if info.Role != nil {
		return errors.New("'FrameworkInfo.role' must not be set when the framework is MULTI_ROLE capable")
	}
	if twice := duplicates(info.Roles); len(twice) > 0 {
		return fmt.Errorf("'FrameworkInfo.roles' contains duplicate items: %s", setText(twice))
	}
	for _, name := range info.Roles {
		if err := role.Validate(name); err != nil {
			return fmt.Errorf("'FrameworkInfo.roles' contains invalid role: %w", err)
		}
	}
	return whitelisted(info.Roles, whitelist)
}

func whitelisted(roles, whitelist []string) error {
	if len(whitelist) == 0 {
		return nil
	}
	var outside []string
	for _, name := range roles {
		if name != role.Default && !slices.Contains(whitelist, name) {
			outside = append(outside, name)
		}
	}
	if len(outside) > 0 {
		return fmt.Errorf("Roles %s are not present in the master's --roles", setText(outside))
	}
	return nil
}

func duplicates(list []string) []string {
	seen := make(map[string]int, len(list))
	var twice []string
	for _, s := range list {
		if seen[s]++; seen[s] == 2 {
			twice = append(twice, s)
		}
	}
	return twice
}

// setText writes a set as the texts of the v1 API do: { a, b }.
func setText(items []string) string { return "{ " + strings.Join(items, ", ") + " }" }

// FailoverTimeout gives the duration of a failover timeout in seconds. One
// that is negative counts as none; one that is too large as the largest.
func FailoverTimeout(s float64) time.Duration {
	switch {
	case math.IsNaN(s) || s <= 0:
		return 0
	case s >= math.MaxInt64/1e9:
		return math.MaxInt64
	}
	return time.Duration(s * float64(time.Second))
}

// representable reports whether seconds fit into a signed 64-bit number of
// nanoseconds.
func representable(s float64) bool {
	return !math.IsNaN(s) && math.Abs(s) < math.MaxInt64/1e9
}

// formatDouble writes a number as C++ streams do: 1e+10, 1e+30, 0.5.
func formatDouble(f float64) string { return strconv.FormatFloat(f, 'g', 6, 64) }

func offerFilters(filters map[string]mesosv1.OfferFilters) error {
	for _, name := range slices.Sorted(maps.Keys(filters)) {
		min := filters[name].MinAllocatableResources
		if min == nil {
			continue
		}
		for _, q := range min.Quantities {
			if len(q.Quantities) == 0 {
				return errors.New("Resource quantities must contain at least one quantity")
			}
			if _, err := resources.QuantitiesFromV1(q.Quantities); err != nil {
				return err
			}
		}
	}
	return nil
}

// Subscription checks suppressed roles and offer constraints against the roles
// subscribed to, and compiles the constraints, whose expressions may have
// maxProgram instructions each. No constraints give nil.
func Subscription(roles, suppressed []string, constraints *mesosv1.OfferConstraints, maxProgram int) (*Constraints, error) {
	var foreign []string
	for _, name := range suppressed {
		if !slices.Contains(roles, name) && !slices.Contains(foreign, name) {
			foreign = append(foreign, name)
		}
	}
	if len(foreign) > 0 {
		return nil, fmt.Errorf("Suppressed roles %s are not contained in the set of roles", setText(foreign))
	}
	if constraints == nil {
		return nil, nil
	}
	for _, name := range slices.Sorted(maps.Keys(constraints.RoleConstraints)) {
		if !slices.Contains(roles, name) {
			// The missing space is part of the text that Mesos sends.
			return nil, fmt.Errorf("Offer constraints specify `role_constraints` for a role '%s'not contained in the set of roles", name)
		}
	}
	compiled, err := compileConstraints(constraints, maxProgram)
	if err != nil {
		return nil, fmt.Errorf("Offer constraints are not valid: %w", err)
	}
	return compiled, nil
}
