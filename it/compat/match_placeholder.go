package compat

import (
	"encoding/json"
	"regexp"
	"strings"
	"time"
)

// placeholder compares a value with a placeholder that stands alone.
func (m *matcher) placeholder(at path, s segment, actual any) bool {
	number, isNumber := actual.(json.Number)
	str, isText := actual.(string)
	switch s.kind.shape {
	case anything:
		return true
	case anyText:
		return isText
	case anyFile:
		return isText && str != "" && !strings.Contains(str, "/")
	case anyNumber:
		return isNumber
	case anyMoment:
		return isNumber && m.moment(s.word, at, number)
	case port:
		if isNumber {
			return m.bindings.Bind(s.name, number.String())
		}
		return isText && m.rules.textPorts && m.bindings.Bind(s.name, str)
	default:
		return isText && m.bindings.Bind(s.name, str)
	}
}

// slack is how far a time stamp may lie outside of the run, for clocks of
// different granularity.
const slack = 2 * time.Second

func (m *matcher) moment(word string, at path, number json.Number) bool {
	value, err := number.Float64()
	if err != nil || value == 0 {
		return false
	}
	if m.rules.started.IsZero() {
		return true
	}
	if word == "NANOSECONDS" || at.last() == "nanoseconds" {
		value /= 1e9
	}
	when := time.Unix(0, int64(value*1e9))
	return when.After(m.rules.started.Add(-slack)) && when.Before(time.Now().Add(slack))
}

// text compares a text, which may hold placeholders, and binds them.
func (m *matcher) text(expected, actual string) bool {
	if !strings.Contains(expected, "$") {
		return expected == actual
	}
	segments := parseTemplate(expected)
	pattern, names := m.pattern(segments)
	compiled, err := regexp.Compile(pattern)
	if err != nil {
		return false
	}
	groups := compiled.FindStringSubmatch(actual)
	if groups == nil {
		return false
	}
	mark := m.bindings.mark()
	for i, name := range names {
		if !m.bindings.Bind(name, groups[i+1]) {
			m.bindings.undo(mark)
			return false
		}
	}
	return true
}

// pattern turns a template into a regular expression whose groups are the
// placeholders without a value, in order.
func (m *matcher) pattern(segments []segment) (string, []string) {
	var out strings.Builder
	var names []string
	out.WriteString(`(?s)\A`)
	for _, s := range segments {
		if s.name == "" {
			out.WriteString(regexp.QuoteMeta(s.literal))
			continue
		}
		if value, ok := m.bindings.Value(s.name); ok {
			out.WriteString(regexp.QuoteMeta(value))
			continue
		}
		switch s.kind.shape {
		case anything, anyText:
			out.WriteString(`.*`)
		case anyFile:
			out.WriteString(`[^/]+`)
		case anyNumber, anyMoment:
			out.WriteString(`[-+0-9.eE]+`)
		case port:
			out.WriteString(`([0-9]+)`)
			names = append(names, s.name)
		case directory:
			out.WriteString(`(.+)`)
			names = append(names, s.name)
		default:
			out.WriteString(`([^\s'",;:/()]+)`)
			names = append(names, s.name)
		}
	}
	out.WriteString(`\z`)
	return out.String(), names
}
