package role_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/meseta/meseta/internal/role"
)

func TestRoleNamesAreRefusedInTheWordsOfMesos(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"":        "Role names cannot be the empty string",
		"/":       "Role '/' cannot start with a slash",
		"/a":      "Role '/a' cannot start with a slash",
		"a/":      "Role 'a/' cannot end with a slash",
		"a//b":    "Role 'a//b' cannot contain two adjacent slashes",
		".":       "Role '.' cannot include '.' as a component",
		"..":      "Role '..' cannot include '..' as a component",
		"a/./b":   "Role 'a/./b' cannot include '.' as a component",
		"a/*":     "Role 'a/*' cannot include '*' as a component",
		"*/a":     "Role '*/a' cannot include '*' as a component",
		"-a":      "Role component '-a' is invalid because it starts with a dash",
		"a/-b":    "Role component '-b' is invalid because it starts with a dash",
		"a b":     "Role component 'a b' is invalid because it contains backspace or whitespace",
		"a\tb":    "Role component 'a\tb' is invalid because it contains backspace or whitespace",
		"x/a\x7f": "Role component 'a\x7f' is invalid because it contains backspace or whitespace",
	} {
		err := role.Validate(name)
		if err == nil || err.Error() != want {
			t.Errorf("Validate(%q) says %v, want %q", name, err, want)
		}
	}
}

func TestOrdinaryRoleNamesAreAccepted(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"*", "a", "a/b/c", "a-b", "...", "**", "a.b", "prod:eu", "größe", "a\\b"} {
		if err := role.Validate(name); err != nil {
			t.Errorf("Validate(%q) says %v, want acceptance", name, err)
		}
	}
}

func TestOnlyRolesBelowAnotherAreItsStrictSubroles(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		role, ancestor string
		want           bool
	}{
		{"a/b", "a", true},
		{"a/b/c", "a", true},
		{"a/b/c", "a/b", true},
		{"a", "a", false},
		{"ab", "a", false},
		{"a", "a/b", false},
		{"b/a", "a", false},
		{"a/b", "", false},
		{"a", "*", false},
	} {
		if got := role.IsStrictSubrole(test.role, test.ancestor); got != test.want {
			t.Errorf("IsStrictSubrole(%q, %q) = %v, want %v", test.role, test.ancestor, got, test.want)
		}
	}
}

func TestAncestorsGoFromTheParentUpwards(t *testing.T) {
	t.Parallel()
	if diff := cmp.Diff([]string{"a/b", "a"}, slices.Collect(role.Ancestors("a/b/c"))); diff != "" {
		t.Errorf("ancestors of a/b/c differ (-want +got):\n%s", diff)
	}
	if got := slices.Collect(role.Ancestors("a")); got != nil {
		t.Errorf("ancestors of a top-level role = %q, want none", got)
	}
	for ancestor := range role.Ancestors("a/b/c") {
		if ancestor != "a/b" {
			t.Error("iteration went on after the loop ended")
		}
		break
	}
}

func TestARoleIsAStrictSubroleOfExactlyItsAncestors(t *testing.T) {
	t.Parallel()
	names := rapid.StringMatching(`[ab]{1,2}(/[ab]{1,2}){0,3}`)
	rapid.Check(t, func(t *rapid.T) {
		r, other := names.Draw(t, "role"), names.Draw(t, "other")
		isAncestor := slices.Contains(slices.Collect(role.Ancestors(r)), other)
		if got := role.IsStrictSubrole(r, other); got != isAncestor {
			t.Fatalf("IsStrictSubrole(%q, %q) = %v, but among the ancestors: %v", r, other, got, isAncestor)
		}
	})
}

func FuzzValidate(f *testing.F) {
	for _, seed := range []string{"", "*", "a", "a/b", "/", "a//b", "-a", "a b", ".."} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if role.Validate(name) != nil {
			return
		}
		for ancestor := range role.Ancestors(name) {
			if err := role.Validate(ancestor); err != nil {
				t.Errorf("%q is valid but its ancestor %q is not: %v", name, ancestor, err)
			}
		}
	})
}
