package config

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"sigs.k8s.io/yaml"
)

// Source is where settings are read from. The zero value has nothing, so that
// loading it gives the defaults.
type Source struct {
	// Args is the command line after the name of the service.
	Args []string
	// Env holds NAME=value, as os.Environ gives it.
	Env []string
}

// envPrefix stands before the upper-case name of a flag in the environment.
const envPrefix = "MESOS_"

// Error lists everything that is wrong with the settings.
type Error struct {
	// Problems are complete sentences, each naming its flag.
	Problems []string
}

func (e *Error) Error() string {
	if len(e.Problems) == 1 {
		return e.Problems[0]
	}
	return fmt.Sprintf("%d settings are wrong:\n  %s", len(e.Problems), strings.Join(e.Problems, "\n  "))
}

// common is the part that every service has.
type common struct {
	// File is the path given by --config; empty if none.
	File string
	// HelpWanted and VersionWanted are set by --help and --version. With them
	// nothing is validated, and the service must not start.
	HelpWanted, VersionWanted bool

	// flags is the table of the service that this is part of; its flags read and
	// write the fields of the service.
	flags *table
	// given holds the names of the flags that were set explicitly.
	given map[string]bool
	// inert holds the values of the flags without effect.
	inert map[string]string
}

// Asked tells whether the help or the version was asked for instead of the
// service, see HelpWanted and VersionWanted.
func (c *common) Asked() (help, version bool) { return c.HelpWanted, c.VersionWanted }

func (c *common) addFlags(t *table) {
	t.in("General")
	add(t, &c.File, configFlag, "", text(), "YAML or JSON file with settings; its keys are the names of flags.").takesPath()
	add(t, &c.HelpWanted, "help", false, boolean(), "Print this and exit.")
	add(t, &c.VersionWanted, "version", false, boolean(), "Print the version and exit.")
}

const configFlag = "config"

// LoadMaster reads and validates the settings of a master. The error is an
// *Error with all problems.
func LoadMaster(src Source) (*Master, error) {
	m := new(Master)
	if err := load(m.table(), &m.common, src, m.problems); err != nil {
		return nil, err
	}
	makeAbsolute(&m.WorkDir)
	return m, nil
}

// makeAbsolute completes relative paths by the present directory.
func makeAbsolute(paths ...*string) {
	for _, p := range paths {
		if *p == "" {
			continue
		}
		// Without a present directory the path stays as it was given.
		if absolute, err := filepath.Abs(*p); err == nil {
			*p = absolute
		}
	}
}

// LoadAgent reads and validates the settings of an agent. The error is an
// *Error with all problems.
func LoadAgent(src Source) (*Agent, error) {
	a := new(Agent)
	if err := load(a.table(), &a.common, src, a.problems); err != nil {
		return nil, err
	}
	a.derive()
	return a, nil
}

func (t *table) reset() {
	for _, f := range t.flags {
		f.reset()
	}
}

// loader collects problems while values of several origins are applied.
type loader struct {
	table    *table
	given    map[string]bool
	problems []string
}

func load(t *table, c *common, src Source, rules func(func(name, problem string))) error {
	t.reset()
	l := &loader{table: t, given: make(map[string]bool)}
	line := l.commandLine(src.Args)
	env := l.environment(src.Env)

	// The file's own path comes from the other two.
	for _, values := range []map[string]origin{line, env} {
		if v, ok := values[configFlag]; ok && c.File == "" {
			l.apply(t.find(configFlag), v)
		}
	}
	file := l.file(c.File)
	for _, f := range t.flags {
		for _, values := range []map[string]origin{line, env, file} {
			if v, ok := values[f.name]; ok {
				l.apply(f, v)
				break
			}
		}
	}
	c.flags, c.given = t, l.given
	if c.HelpWanted || c.VersionWanted {
		return nil
	}
	// Rules about combinations would only repeat what is wrong with a value.
	if len(l.problems) == 0 {
		rules(func(name, problem string) { l.report("--%s: %s", name, problem) })
	}
	if len(l.problems) > 0 {
		return &Error{Problems: l.problems}
	}
	return nil
}

func (l *loader) report(format string, args ...any) {
	l.problems = append(l.problems, fmt.Sprintf(format, args...))
}

// origin is a value with the words that tell where it was written.
type origin struct {
	text  string
	where string
}

// apply parses one value into its flag.
func (l *loader) apply(f *flag, v origin) {
	value := v.text
	if path, ok := strings.CutPrefix(value, "file://"); ok {
		if f.path {
			value = path
		} else {
			content, err := os.ReadFile(path)
			if err != nil {
				l.report("%s: %v", v.where, err)
				return
			}
			value = strings.TrimSpace(string(content))
		}
	}
	before, _ := f.format()
	if err := f.parse(value); err != nil {
		if f.secret {
			// The reason may quote the value.
			l.report("%s: the value (not shown) cannot be used", v.where)
			return
		}
		l.report("%s: %v", v.where, err)
		return
	}
	if after, _ := f.format(); f.refusal != "" && after != before {
		l.report("%s: %s", v.where, f.refusal)
		return
	}
	l.given[f.name] = true
}

// commandLine splits arguments into values by the canonical name of the flag.
// The last one wins where a flag is repeated, so that a script can put its
// user's flags behind its own.
func (l *loader) commandLine(args []string) map[string]origin {
	values := make(map[string]origin)
	for i := 0; i < len(args); i++ {
		arg := args[i]
		if arg == "-h" {
			arg = "--help"
		}
		body, ok := strings.CutPrefix(arg, "--")
		if !ok || body == "" {
			l.report("%q is not a flag: flags begin with --", arg)
			continue
		}
		name, value, hasValue := strings.Cut(body, "=")
		name = underscores(name)
		f := l.table.find(name)
		negated := false
		if positive, cut := strings.CutPrefix(name, "no_"); f == nil && cut {
			f, negated = l.table.find(positive), true
		}
		switch {
		case f == nil:
			l.report("--%s: there is no such flag%s", name, l.suggestion(name))
			continue
		case negated && !f.boolean:
			l.report("--no-%s: the flag is not a boolean and cannot be negated", f.name)
			continue
		case negated && hasValue:
			l.report("--no-%s: takes no value", f.name)
			continue
		case negated:
			value = "false"
		case !hasValue && f.boolean:
			value = "true"
		case !hasValue && i+1 < len(args) && !strings.HasPrefix(args[i+1], "--"):
			i++
			value = args[i]
		case !hasValue:
			l.report("--%s: needs a value: write --%s=%s", name, name, f.kind)
			continue
		}
		values[f.name] = origin{value, "--" + body[:min(len(body), len(name))]}
	}
	return values
}

func underscores(name string) string { return strings.ReplaceAll(name, "-", "_") }

// environment picks the values of the flags out of the environment. What
// belongs to no flag is none of our business.
func (l *loader) environment(env []string) map[string]origin {
	values := make(map[string]origin)
	for _, entry := range env {
		key, value, _ := strings.Cut(entry, "=")
		name, ok := strings.CutPrefix(key, envPrefix)
		if !ok {
			continue
		}
		f := l.table.find(strings.ToLower(name))
		if f == nil || name != strings.ToUpper(name) {
			continue
		}
		if first, twice := values[f.name]; twice && first.text != value {
			l.report("%s and %s are the same flag: set one of them", first.where, key)
			continue
		}
		values[f.name] = origin{value, key}
	}
	return values
}

// maxFileSize bounds the file of settings.
const maxFileSize = 1 << 20

// file reads the file of settings.
func (l *loader) file(path string) map[string]origin {
	if path == "" {
		return nil
	}
	content, err := readFile(path)
	if err != nil {
		l.report("--%s: %v", configFlag, err)
		return nil
	}
	var entries map[string]json.RawMessage
	if err := yaml.UnmarshalStrict(content, &entries); err != nil {
		l.report("--%s: %s is not an object of settings in YAML or JSON: %v", configFlag, path, err)
		return nil
	}
	values := make(map[string]origin)
	for _, key := range slices.Sorted(maps.Keys(entries)) {
		where := fmt.Sprintf("%s: %s", path, key)
		f := l.table.find(underscores(key))
		switch {
		case f == nil:
			l.report("%s: there is no such setting%s", where, l.suggestion(underscores(key)))
			continue
		case f.name == configFlag:
			l.report("%s: a file of settings cannot name another", where)
			continue
		}
		text, given, err := fileText(f, entries[key])
		if err != nil {
			l.report("%s: %v", where, err)
			continue
		}
		if first, twice := values[f.name]; twice {
			l.report("%s is the same setting as %s: give one of them", where, first.where)
			continue
		}
		if given {
			values[f.name] = origin{text, where}
		}
	}
	return values
}

func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, maxFileSize+1))
	if err == nil && len(content) > maxFileSize {
		err = fmt.Errorf("%s is larger than %s", path, Bytes(maxFileSize))
	}
	return content, err
}

// fileText turns a value of the file into the text that the command line would
// have. It returns false for null, which leaves a flag unset.
func fileText(f *flag, raw json.RawMessage) (string, bool, error) {
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		return "", false, err
	}
	switch v := v.(type) {
	case nil:
		return "", false, nil
	case string:
		return v, true, nil
	case bool:
		return strconv.FormatBool(v), true, nil
	case float64:
		return strings.TrimSpace(string(raw)), true, nil
	case []any:
		if f.list && !f.json {
			items := make([]string, len(v))
			for i, item := range v {
				items[i] = fmt.Sprint(item)
			}
			return strings.Join(items, ","), true, nil
		}
	}
	if f.json {
		return string(raw), true, nil
	}
	return "", false, fmt.Errorf("a list or an object cannot be used here: write %s as text", cmp.Or(f.kind, "the value"))
}
