package resources

import (
	"errors"
	"slices"
	"strconv"
	"strings"
)

// value is an amount as read from text, before it is known what it is of.
type value struct {
	kind   Kind
	number float64
	ranges []Range
	set    []string
	text   string
}

// parseValue reads "4.5", "[1-3,7-9]" or "{a,b}"; anything that looks like
// none of these is text. White space around tokens does not count.
func parseValue(s string) (value, error) {
	s = strings.TrimSpace(s)
	switch {
	case s == "":
		return value{}, &ParseError{s, "a value"}
	case s[0] == '[':
		ranges, err := parseRanges(s)
		return value{kind: KindRanges, ranges: ranges}, err
	case s[0] == '{':
		set, err := parseSet(s)
		return value{kind: KindSet, set: set}, err
	}
	if n, ok := parseNumber(s); ok {
		return value{kind: KindScalar, number: n}, nil
	}
	return value{kind: KindText, text: s}, nil
}

// parseNumber reads a decimal number; the names of infinities, hexadecimal
// digits and digit separators are not numbers here.
func parseNumber(s string) (float64, bool) {
	if strings.Trim(s, "+-.0123456789eE") != "" {
		return 0, false
	}
	n, err := strconv.ParseFloat(s, 64)
	if errors.Is(err, strconv.ErrRange) {
		// Too large for a float64; the infinity that comes with the error lets
		// the caller refuse it as a number rather than take it for text.
		return n, true
	}
	return n, err == nil
}

// parseRanges reads "[1-3, 7-9]". Ranges may touch, overlap and come in any
// order; an empty list is allowed and says that there are none.
func parseRanges(s string) ([]Range, error) {
	body, ok := strings.CutSuffix(s[1:], "]")
	if !ok {
		return nil, &ParseError{s, `ranges of the form "[begin-end, ...]"`}
	}
	if strings.TrimSpace(body) == "" {
		return nil, nil
	}
	var out []Range
	for token := range strings.SplitSeq(body, ",") {
		r, err := parseRange(strings.TrimSpace(token))
		if err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return normalRanges(out), nil
}

func parseRange(token string) (Range, error) {
	malformed := &ParseError{token, `a range "begin-end" of whole numbers`}
	first, last, ok := strings.Cut(token, "-")
	if !ok {
		return Range{}, malformed
	}
	begin, err := strconv.ParseUint(strings.TrimSpace(first), 10, 64)
	if err != nil {
		return Range{}, malformed
	}
	end, err := strconv.ParseUint(strings.TrimSpace(last), 10, 64)
	if err != nil {
		return Range{}, malformed
	}
	if begin > end {
		return Range{}, &ParseError{token, "a range that does not begin after its end"}
	}
	return Range{begin, end}, nil
}

// parseSet reads "{a, b}". An empty set is allowed, an empty or repeated item
// is not.
func parseSet(s string) ([]string, error) {
	body, ok := strings.CutSuffix(s[1:], "}")
	if !ok || strings.ContainsAny(body, "{}") {
		return nil, &ParseError{s, `a set of the form "{item, ...}"`}
	}
	if strings.TrimSpace(body) == "" {
		return nil, nil
	}
	var out []string
	for token := range strings.SplitSeq(body, ",") {
		item := strings.TrimSpace(token)
		if item == "" {
			return nil, &ParseError{s, "no empty item in the set"}
		}
		if slices.Contains(out, item) {
			return nil, &ParseError{item, "every item of a set only once"}
		}
		out = append(out, item)
	}
	return normalSet(out), nil
}

// entries splits a text form at semicolons and line ends, and drops the empty
// pieces that a trailing separator leaves.
func entries(s string) []string {
	var out []string
	for entry := range strings.FieldsFuncSeq(s, func(r rune) bool { return r == ';' || r == '\n' }) {
		if entry = strings.TrimSpace(entry); entry != "" {
			out = append(out, entry)
		}
	}
	return out
}
