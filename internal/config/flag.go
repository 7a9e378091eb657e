package config

import "slices"

// flag is one row of a service's table, bound to the field it fills.
type flag struct {
	name    string
	aliases []string
	// group is the heading in the help.
	group string
	// kind is the placeholder in the help, such as DURATION.
	kind string
	help string
	// boolean flags may stand without a value and be negated by --no-name.
	boolean bool
	// path flags keep a value of file:///path as that path, instead of reading it.
	path bool
	// list flags may be written as a list in the file of settings.
	list bool
	// json flags may be written as an object or list there.
	json bool
	// secret values are never shown.
	secret bool
	// inert says why the flag has no effect; empty for flags that have one.
	inert string
	// refusal says why the flag cannot be given anything but its default, for
	// flags that protect something: to ignore them would leave it open.
	refusal string

	// parse checks text and stores it in the field. It stores nothing when it
	// returns an error.
	parse func(text string) error
	// format returns the present value as Mesos prints it, and false if there
	// is none.
	format func() (string, bool)
	// reset stores the default.
	reset func()
}

// alias adds older names under which the flag is also accepted.
func (f *flag) alias(names ...string) *flag { f.aliases = append(f.aliases, names...); return f }

// hide keeps the value out of every listing.
func (f *flag) hide() *flag { f.secret = true; return f }

// takesPath marks flags whose value names a file or directory.
func (f *flag) takesPath() *flag { f.path, f.kind = true, "PATH"; return f }

// takesJSON marks flags whose value is JSON text or the path of a file with it.
func (f *flag) takesJSON() *flag { f.json, f.kind = true, "JSON"; return f }

// mayBeJSON marks flags that have a text form besides JSON.
func (f *flag) mayBeJSON() *flag { f.json = true; return f }

// called sets the placeholder for the help.
func (f *flag) called(kind string) *flag { f.kind = kind; return f }

// refuse makes any value but the default a problem with this explanation.
func (f *flag) refuse(why string) *flag { f.refusal = why; return f }

// later marks flags that are read and checked but have no effect for the reason
// given. They are listed apart, and noticed when given.
func (f *flag) later(why string) *flag {
	f.inert, f.help, f.group = why, "", groupInert
	return f
}

// table is the list of flags of one service, bound to one struct. Building it
// changes nothing in the struct.
type table struct {
	flags   []*flag
	current string
}

// in starts a group of the help.
func (t *table) in(group string) { t.current = group }

// find returns the flag with that name or alias, or nil.
func (t *table) find(name string) *flag {
	for _, f := range t.flags {
		if f.name == name || slices.Contains(f.aliases, name) {
			return f
		}
	}
	return nil
}

// add appends a flag that fills target, which has the default def.
func add[T any](t *table, target *T, name string, def T, c codec[T], help string) *flag {
	f := &flag{
		name: name, group: t.current, kind: c.kind, help: help,
		boolean: c.kind == "BOOL", list: c.list,
		format: func() (string, bool) { return c.format(*target) },
		reset:  func() { *target = def },
	}
	f.parse = func(text string) error {
		v, err := c.parse(text)
		if err == nil {
			*target = v
		}
		return err
	}
	t.flags = append(t.flags, f)
	return f
}

// ignore appends a flag of Mesos that is accepted and checked for its type,
// kept in values for the listings, and otherwise without effect for the reason
// given. An empty def means unset.
func ignore[T any](t *table, values *map[string]string, name, def string, c codec[T], why string) *flag {
	f := &flag{
		name: name, group: groupInert, kind: c.kind, inert: why,
		boolean: c.kind == "BOOL", list: c.list,
	}
	f.format = func() (string, bool) {
		v, ok := (*values)[name]
		return v, ok
	}
	f.parse = func(text string) error {
		v, err := c.parse(text)
		if err != nil {
			return err
		}
		store(values, name, c, v)
		return nil
	}
	f.reset = func() {
		delete(*values, name)
		if def == "" {
			return
		}
		if v, err := c.parse(def); err == nil {
			store(values, name, c, v)
		}
	}
	t.flags = append(t.flags, f)
	return f
}

func store[T any](values *map[string]string, name string, c codec[T], v T) {
	if *values == nil {
		*values = make(map[string]string)
	}
	if s, ok := c.format(v); ok {
		(*values)[name] = s
	}
}

// groupInert is the heading under which flags without effect are listed.
const groupInert = "Accepted for compatibility"
