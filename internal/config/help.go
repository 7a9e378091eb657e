package config

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// MasterHelp writes the flags of a master in groups with their meaning.
func MasterHelp(w io.Writer) error { return new(Master).table().help(w) }

// AgentHelp writes the flags of an agent in groups with their meaning.
func AgentHelp(w io.Writer) error { return new(Agent).table().help(w) }

// MasterFlagNames and AgentFlagNames list the names of all flags, in the order
// of the help and without older names, for shell completion.
func MasterFlagNames() []string { return new(Master).table().names() }

// AgentFlagNames is the list for agents.
func AgentFlagNames() []string { return new(Agent).table().names() }

func (t *table) names() []string {
	out := make([]string, len(t.flags))
	for i, f := range t.flags {
		out[i] = f.name
	}
	return out
}

// helpWidth is the column where the text of the help wraps.
const helpWidth = 80

func (t *table) help(w io.Writer) error {
	t.reset()
	var b strings.Builder
	b.WriteString("Flags (--name=value; also in the environment as MESOS_NAME, in the file named by\n" +
		"--config, or as --name=file:///path to read the value from a file):\n")
	var groups []string
	for _, f := range t.flags {
		if f.inert == "" && !slices.Contains(groups, f.group) {
			groups = append(groups, f.group)
		}
	}
	for _, g := range groups {
		fmt.Fprintf(&b, "\n%s:\n", g)
		for _, f := range t.flags {
			if f.group == g && f.inert == "" {
				f.describe(&b)
			}
		}
	}
	t.describeInert(&b)
	_, err := io.WriteString(w, b.String())
	return err
}

func (f *flag) describe(b *strings.Builder) {
	switch {
	case f.boolean:
		fmt.Fprintf(b, "  --[no-]%s\n", f.name)
	default:
		fmt.Fprintf(b, "  --%s=%s\n", f.name, f.kind)
	}
	help := f.help
	var notes []string
	if value, ok := f.format(); ok && value != "" && value != "false" {
		notes = append(notes, "default: "+value)
	}
	if len(f.aliases) > 0 {
		notes = append(notes, "also --"+strings.Join(f.aliases, ", --"))
	}
	if len(notes) > 0 {
		help += " (" + strings.Join(notes, "; ") + ")"
	}
	wrap(b, "        ", help)
}

// describeInert lists the flags without effect under their reasons.
func (t *table) describeInert(b *strings.Builder) {
	byReason := make(map[string][]string)
	var reasons []string
	for _, f := range t.flags {
		if f.inert == "" {
			continue
		}
		if byReason[f.inert] == nil {
			reasons = append(reasons, f.inert)
		}
		byReason[f.inert] = append(byReason[f.inert], "--"+f.name)
	}
	slices.Sort(reasons)
	fmt.Fprintf(b, "\n%s with Mesos, without effect here:\n", groupInert)
	for _, r := range reasons {
		wrap(b, "  ", "Because "+r+":")
		wrap(b, "        ", strings.Join(byReason[r], ", "))
	}
}

// wrap writes text in lines of at most helpWidth columns behind an indent.
func wrap(b *strings.Builder, indent, text string) {
	line := indent
	for word := range strings.FieldsSeq(text) {
		if line != indent && len(line)+1+len(word) > helpWidth {
			b.WriteString(line + "\n")
			line = indent
		}
		if line != indent {
			line += " "
		}
		line += word
	}
	b.WriteString(line + "\n")
}
