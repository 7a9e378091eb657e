package mesosid_test

import (
	"strings"
	"testing"

	"github.com/meseta/meseta/internal/mesosid"
)

func TestIdentifiersThatCouldLeaveADirectoryAreRefused(t *testing.T) {
	t.Parallel()
	for id, want := range map[mesosid.TaskID]string{
		"ok":                                     "",
		"spaces and dots. are fine":              "",
		"":                                       "ID must not be empty",
		".":                                      "'.' is disallowed",
		"..":                                     "'..' is disallowed",
		"a/b":                                    "'a/b' contains invalid characters",
		`a\b`:                                    `'a\b' contains invalid characters`,
		"a\x00b":                                 "'a\x00b' contains invalid characters",
		mesosid.TaskID(strings.Repeat("x", 255)): "",
		mesosid.TaskID(strings.Repeat("x", 256)): "ID must not be greater than 255 characters",
	} {
		got := ""
		if err := mesosid.Validate(id); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("Validate(%q) = %q, want %q", id, got, want)
		}
	}
}
