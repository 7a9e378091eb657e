package config

import (
	"log/slog"
	"slices"
	"strings"
)

// Flag is one setting as GET_FLAGS and /flags list it.
type Flag struct {
	Name string
	// Value is the text that Mesos would print; secrets are hidden.
	Value string
	// Set is true when the value was given rather than taken from the default.
	Set bool
}

// Notice explains a flag that was given but has no effect.
type Notice struct {
	Name string
	// Reason completes "it has no effect because ...".
	Reason string
}

// Values lists the flags that have a value, ordered by name.
func (c *common) Values() []Flag { return c.flags.values(c.given) }

// Notices lists the flags that were given although they have no effect, to be
// logged once at the start.
func (c *common) Notices() []Notice { return c.flags.notices(c.given) }

// LogValue shows the flags that were given, without secrets.
func (c *common) LogValue() slog.Value { return c.flags.logValue(c.given) }

func (t *table) values(given map[string]bool) []Flag {
	var out []Flag
	for _, f := range t.flags {
		value, ok := f.format()
		if !ok {
			continue
		}
		if f.secret && value != "" {
			value = redacted
		}
		out = append(out, Flag{Name: f.name, Value: value, Set: given[f.name]})
	}
	slices.SortFunc(out, func(a, b Flag) int { return strings.Compare(a.Name, b.Name) })
	return out
}

func (t *table) notices(given map[string]bool) []Notice {
	var out []Notice
	for _, f := range t.flags {
		if f.inert != "" && given[f.name] {
			out = append(out, Notice{Name: f.name, Reason: f.inert})
		}
	}
	slices.SortFunc(out, func(a, b Notice) int { return strings.Compare(a.Name, b.Name) })
	return out
}

func (t *table) logValue(given map[string]bool) slog.Value {
	var attrs []slog.Attr
	for _, f := range t.values(given) {
		if f.Set {
			attrs = append(attrs, slog.String(f.Name, f.Value))
		}
	}
	return slog.GroupValue(attrs...)
}
