// Package show prints what the master knows as tables for people and as JSON,
// YAML or bare ids for programs.
package show

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/meseta/meseta/gen/mesosv1"
	"github.com/meseta/meseta/internal/resources"
)

// Format is how a listing is printed.
type Format string

// The formats.
const (
	FormatTable Format = "table"
	FormatWide  Format = "wide"
	FormatJSON  Format = "json"
	FormatYAML  Format = "yaml"
	FormatName  Format = "name"
)

// Formats lists all formats.
func Formats() []string {
	return []string{string(FormatTable), string(FormatWide), string(FormatJSON), string(FormatYAML), string(FormatName)}
}

// ParseFormat checks the name of a format.
func ParseFormat(s string) (Format, error) {
	if !slices.Contains(Formats(), s) {
		return "", fmt.Errorf("output format %q is none of %s", s, strings.Join(Formats(), ", "))
	}
	return Format(s), nil
}

// Listing is a list of things of one kind.
type Listing struct {
	// columns of the table; those marked wide are left out of FormatTable.
	columns []column
	rows    [][]string
	// names are the ids, for FormatName.
	names []string
	// objects is the list as the API gives it, for FormatJSON and FormatYAML.
	objects any
}

type column struct {
	title string
	wide  bool
}

// Empty tells that there is nothing in the listing.
func (l *Listing) Empty() bool { return len(l.names) == 0 }

func (l *Listing) add(name string, cells ...string) {
	l.names = append(l.names, name)
	l.rows = append(l.rows, cells)
}

// Print writes the listing.
func (l *Listing) Print(w io.Writer, f Format) error {
	switch f {
	case FormatJSON, FormatYAML:
		if l.Empty() {
			return object(w, f, []struct{}{}) // a list, not null
		}
		return object(w, f, l.objects)
	case FormatName:
		var b strings.Builder
		for _, n := range l.names {
			b.WriteString(n + "\n")
		}
		_, err := io.WriteString(w, b.String())
		return err
	}
	return l.table(w, f == FormatWide)
}

func object(w io.Writer, f Format, v any) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	if f == FormatYAML {
		text, err = yaml.JSONToYAML(text)
		if err != nil {
			return err
		}
	} else {
		text = append(text, '\n')
	}
	_, err = w.Write(text)
	return err
}

func (l *Listing) table(w io.Writer, wide bool) error {
	var b strings.Builder
	tw := tabwriter.NewWriter(&b, 0, 0, 3, ' ', 0)
	for i, c := range l.columns {
		l.cell(tw, i, c.title, wide)
	}
	fmt.Fprintln(tw)
	for _, row := range l.rows {
		for i, text := range row {
			l.cell(tw, i, text, wide)
		}
		fmt.Fprintln(tw)
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	var out strings.Builder
	for line := range strings.Lines(b.String()) {
		out.WriteString(strings.TrimRight(line, " \n") + "\n")
	}
	_, err := io.WriteString(w, out.String())
	return err
}

// cell writes one cell, if its column is shown. Text from the cluster cannot
// break the table.
func (l *Listing) cell(w io.Writer, i int, text string, wide bool) {
	if l.columns[i].wide && !wide {
		return
	}
	if text == "" {
		text = "-"
	}
	fmt.Fprint(w, strings.Map(printable, text), "\t")
}

// printable replaces what would move the cursor of a terminal.
func printable(r rune) rune {
	if r < ' ' || r == 0x7f {
		return ' '
	}
	return r
}

// parsed reads a list of resources. One that cannot be read counts as empty.
func parsed(list []mesosv1.Resource) resources.Resources {
	rs, err := resources.FromV1(list)
	if err != nil {
		return resources.Resources{}
	}
	return rs
}

// share prints how much of a resource is in use.
func share(used, total resources.Resources, name string) string {
	return fmt.Sprintf("%s/%s", used.Amount(name), total.Amount(name))
}

// when prints a moment in UTC.
func when(t *mesosv1.TimeInfo) string {
	if t == nil || t.Nanoseconds == 0 {
		return ""
	}
	return time.Unix(0, t.Nanoseconds).UTC().Format(time.RFC3339)
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
