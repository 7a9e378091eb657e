package validation

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"regexp/syntax"
	"slices"

	"github.com/meseta/meseta/gen/mesosv1"
	"github.com/meseta/meseta/internal/resources"
)

// DefaultRegexProgram is the largest compiled expression of a constraint, in
// instructions, as the Mesos flag offer_constraints_re2_max_program_size has
// it by default.
const DefaultRegexProgram = 100

// Constraints are compiled offer constraints: which agents a framework wants
// to be offered, by role. They are immutable.
type Constraints struct {
	roles map[string][]constraintGroup
}

// constraintGroup matches when all of its constraints do.
type constraintGroup []attributeConstraint

// attributeConstraint is one test of an agent.
type attributeConstraint struct {
	value func(t ConstraintTarget) (constrained, bool)
	test  func(v constrained, present bool) bool
}

// constrained is the value that a constraint looks at. Values that are not
// text satisfy every test of text.
type constrained struct {
	text   string
	isText bool
}

// ConstraintTarget is an agent as constraints see it.
type ConstraintTarget struct {
	Hostname string
	// Region and Zone count only if HasDomain is set.
	Region, Zone string
	HasDomain    bool
	Attributes   resources.Attributes
}

// Match reports whether the agent may be offered for the role: any group of
// the role matches, or the role is not constrained.
func (c *Constraints) Match(role string, t ConstraintTarget) bool {
	groups, ok := c.roles[role]
	if !ok {
		return true
	}
	for _, group := range groups {
		if group.match(t) {
			return true
		}
	}
	return false
}

func (g constraintGroup) match(t ConstraintTarget) bool {
	for i := range g {
		v, present := g[i].value(t)
		if !g[i].test(v, present) {
			return false
		}
	}
	return true
}

func compileConstraints(in *mesosv1.OfferConstraints, maxProgram int) (*Constraints, error) {
	out := &Constraints{roles: make(map[string][]constraintGroup, len(in.RoleConstraints))}
	for _, name := range slices.Sorted(maps.Keys(in.RoleConstraints)) {
		groups := in.RoleConstraints[name].Groups
		if len(groups) == 0 {
			return nil, fmt.Errorf("'OfferConstraints::role_constraints' has an empty 'RoleConstraints::groups' for role %s", name)
		}
		for _, g := range groups {
			if len(g.AttributeConstraints) == 0 {
				// The missing space is part of the text that Mesos sends.
				return nil, fmt.Errorf("'OfferConstraints::RoleConstraints::groups' for role %scontains an empty RoleConstraints::Group", name)
			}
			var group constraintGroup
			for i := range g.AttributeConstraints {
				one, err := compileConstraint(&g.AttributeConstraints[i], maxProgram)
				if err != nil {
					return nil, fmt.Errorf("A role %s has an invalid 'AttributeConstraint': %w", name, err)
				}
				group = append(group, one)
			}
			out.roles[name] = append(out.roles[name], group)
		}
	}
	return out, nil
}

func compileConstraint(in *mesosv1.AttributeConstraint, maxProgram int) (attributeConstraint, error) {
	value, err := compileSelector(&in.Selector)
	if err != nil {
		return attributeConstraint{}, err
	}
	test, err := compilePredicate(&in.Predicate, maxProgram)
	if err != nil {
		return attributeConstraint{}, err
	}
	return attributeConstraint{value, test}, nil
}

func compileSelector(s *mesosv1.AttributeConstraintSelector) (func(ConstraintTarget) (constrained, bool), error) {
	if (s.AttributeName == nil) == (s.PseudoattributeType == nil) {
		return nil, errors.New("Exactly one of 'AttributeConstraint::Selector::name' or 'AttributeConstraint::Selector::pseudoattribute_type' must be set")
	}
	if s.AttributeName != nil {
		name := *s.AttributeName
		return func(t ConstraintTarget) (constrained, bool) {
			a, ok := t.Attributes.First(name)
			if !ok {
				return constrained{}, false
			}
			text, isText := a.TextValue()
			return constrained{text, isText}, true
		}, nil
	}
	switch *s.PseudoattributeType {
	case mesosv1.AttributeConstraintSelectorPseudoattributeTypeHostname:
		return func(t ConstraintTarget) (constrained, bool) { return constrained{t.Hostname, true}, true }, nil
	case mesosv1.AttributeConstraintSelectorPseudoattributeTypeRegion:
		return func(t ConstraintTarget) (constrained, bool) { return constrained{t.Region, true}, t.HasDomain }, nil
	case mesosv1.AttributeConstraintSelectorPseudoattributeTypeZone:
		return func(t ConstraintTarget) (constrained, bool) { return constrained{t.Zone, true}, t.HasDomain }, nil
	}
	return nil, errors.New("Unknown pseudoattribute type")
}

func compilePredicate(p *mesosv1.AttributeConstraintPredicate, maxProgram int) (func(constrained, bool) bool, error) {
	switch {
	case p.Exists != nil:
		return func(_ constrained, present bool) bool { return present }, nil
	case p.NotExists != nil:
		return func(_ constrained, present bool) bool { return !present }, nil
	case p.TextEquals != nil:
		want := p.TextEquals.Value
		return ofText(false, func(s string) bool { return s == want }), nil
	case p.TextNotEquals != nil:
		want := p.TextNotEquals.Value
		return ofText(true, func(s string) bool { return s != want }), nil
	case p.TextMatches != nil:
		re, err := compileRegex(p.TextMatches.Regex, maxProgram)
		if err != nil {
			return nil, err
		}
		return ofText(false, re.MatchString), nil
	case p.TextNotMatches != nil:
		re, err := compileRegex(p.TextNotMatches.Regex, maxProgram)
		if err != nil {
			return nil, err
		}
		return ofText(true, func(s string) bool { return !re.MatchString(s) }), nil
	}
	return nil, errors.New("Unknown predicate type")
}

// ofText tests text; absent says what holds for an attribute that the agent
// does not have, and values that are not text always pass.
func ofText(absent bool, test func(string) bool) func(constrained, bool) bool {
	return func(v constrained, present bool) bool {
		switch {
		case !present:
			return absent
		case !v.isText:
			return true
		default:
			return test(v.text)
		}
	}
}

// compileRegex compiles an expression that must match the whole value. Errors
// read as those of RE2.
func compileRegex(pattern string, maxProgram int) (*regexp.Regexp, error) {
	refuse := func(cause string) error {
		return fmt.Errorf("Failed to construct regex from pattern '%s': %s", pattern, cause)
	}
	parsed, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return nil, refuse(re2Text(err))
	}
	program, err := syntax.Compile(parsed.Simplify())
	if err != nil || len(program.Inst) > maxProgram {
		return nil, refuse("pattern too large - compile failed")
	}
	return regexp.MustCompile(`\A(?:` + pattern + `)\z`), nil
}

// re2Text gives the error of Go's parser in the words of RE2.
func re2Text(err error) string {
	var e *syntax.Error
	if !errors.As(err, &e) {
		return err.Error()
	}
	code := string(e.Code)
	switch e.Code {
	case syntax.ErrMissingParen:
		code = "missing )"
	case syntax.ErrMissingBracket:
		code = "missing ]"
	case syntax.ErrUnexpectedParen:
		code = "unexpected )"
	case syntax.ErrMissingRepeatArgument:
		code = "no argument for repetition operator"
	case syntax.ErrInvalidCharRange:
		code = "invalid character class range"
	case syntax.ErrInvalidRepeatSize:
		code = "invalid repetition size"
	}
	if e.Expr == "" {
		return code
	}
	return code + ": " + e.Expr
}
