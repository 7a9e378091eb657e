package compat

import (
	"encoding/base64"
	"regexp"
	"strings"
	"sync"
)

// shape says what a placeholder may stand for.
type shape int

const (
	identity  shape = iota // text; two names of one kind never share a value
	text                   // text, the same everywhere
	directory              // a path, known before the first step
	port                   // a port number, a JSON number where it stands alone
	anyNumber              // a number, different at every place
	anyMoment              // a number other than 0, different at every place
	anyText                // any text, also none
	anyFile                // a file name
	anything               // any JSON value
)

// kind is what the word of a placeholder means, without its number.
type kind struct {
	shape shape
	valid func(string) bool // nil: every value
}

// bound reports whether the placeholder has one value in the whole file.
func (k kind) bound() bool { return k.shape <= port }

// kinds lists the words of both formats. A dollar sign before any other word
// is ordinary text, such as a shell variable in a command.
var kinds = sync.OnceValue(func() map[string]kind {
	dashed := regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)
	framework := regexp.MustCompile(`-[0-9]{4,}$`)
	uuid := func(s string) bool {
		if dashed.MatchString(s) {
			return true
		}
		raw, err := base64.StdEncoding.DecodeString(s)
		return err == nil && len(raw) == 16
	}
	all := map[string]kind{
		"FRAMEWORK_ID": {identity, framework.MatchString},
		"UUID":         {identity, uuid},
		"TIMESTAMP":    {anyMoment, nil},
		"NANOSECONDS":  {anyMoment, nil},
		"PID":          {anyNumber, nil},
		"NUMBER":       {anyNumber, nil},
		"STRING":       {anyText, nil},
		"LOG_FILE":     {anyFile, nil},
		"ANY":          {anything, nil},
	}
	for _, word := range []string{"MASTER_ID", "AGENT_ID", "OFFER_ID", "CONTAINER_ID", "STREAM_ID"} {
		all[word] = kind{shape: identity}
	}
	for _, word := range []string{"VERSION", "USER", "GROUP"} {
		all[word] = kind{shape: text}
	}
	for _, word := range []string{"MASTER_PORT", "AGENT_PORT", "PORT"} {
		all[word] = kind{shape: port}
	}
	for _, word := range []string{
		"WORK_DIR", "RUNTIME_DIR", "LAUNCHER_DIR", "SCRATCH", "TMP_DIR", "CONF_DIR", "WEBUI_DIR",
		"MASTER_WORK_DIR", "MASTER_LOG_DIR", "AGENT_WORK_DIR", "AGENT_RUNTIME_DIR", "AGENT_LOG_DIR",
	} {
		all[word] = kind{shape: directory}
	}
	return all
})

var placeholderPattern = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`\$([A-Z]+(?:_[A-Z]+)*)(_[0-9]+)?`)
})

// segment is a piece of a template: literal text, or a placeholder.
type segment struct {
	literal string // if name is empty
	name    string // word and number, without the dollar sign
	word    string
	kind    kind
}

// parseTemplate splits text into literals and placeholders.
func parseTemplate(s string) []segment {
	if !strings.Contains(s, "$") {
		return []segment{{literal: s}}
	}
	var segments []segment
	literal := 0
	for _, at := range placeholderPattern().FindAllStringSubmatchIndex(s, -1) {
		word := s[at[2]:at[3]]
		k, ok := kinds()[word]
		if !ok {
			continue
		}
		if at[0] > literal {
			segments = append(segments, segment{literal: s[literal:at[0]]})
		}
		segments = append(segments, segment{name: s[at[0]+1 : at[1]], word: word, kind: k})
		literal = at[1]
	}
	if literal < len(s) || len(segments) == 0 {
		segments = append(segments, segment{literal: s[literal:]})
	}
	return segments
}

// alone returns the placeholder that s consists of, if it is exactly one.
func alone(s string) (segment, bool) {
	if !strings.HasPrefix(s, "$") {
		return segment{}, false
	}
	segments := parseTemplate(s)
	if len(segments) != 1 || segments[0].name == "" {
		return segment{}, false
	}
	return segments[0], true
}
