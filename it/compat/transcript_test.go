package compat

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func contextFor(t *testing.T, d time.Duration) (context.Context, context.CancelFunc) {
	t.Helper()
	return context.WithTimeout(t.Context(), d)
}

func write(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestTranscriptsAreFoundInAFolderAndInTheFoldersOfIt(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	const scheduler = `{"name":"N","setup":{},"steps":[{"do":"wait","seconds":1}]}`
	const operator = `{"setup":{},"steps":[{"do":"call","target":"master","path":"/","expect":{"status":200}}]}`
	write(t, dir, "one/a.json", scheduler)
	write(t, dir, "two/b.json", operator)
	write(t, dir, "c.json", operator)
	write(t, dir, "two/definition.json", `{"id":"/app"}`)
	write(t, dir, "two/list.json", `[1,2]`)
	write(t, dir, "two/README.md", "text")
	write(t, dir, "two/deeper/d.json", operator)
	list, err := Find(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, transcript := range list {
		got = append(got, transcript.Key())
	}
	if diff := cmp.Diff([]string{"operator/c", "scheduler/N", "operator/b"}, got); diff != "" {
		t.Errorf("transcripts (-want +got):\n%s", diff)
	}
	if _, err := Find(t.TempDir()); err == nil {
		t.Error("an empty folder is no error")
	}
}

func TestABrokenTranscriptIsAnError(t *testing.T) {
	t.Parallel()
	cases := []struct{ name, text, want string }{
		{"an unknown step", `{"setup":{},"steps":[{"do":"dance"}]}`, `unknown step "dance"`},
		{"both formats", `{"setup":{},"steps":[{"do":"wait"},{"do":"sleep"}]}`, "operator format"},
		{"nothing expected", `{"setup":{},"steps":[{"do":"call"}]}`, "expects nothing"},
		{"an event without a type", `{"setup":{},"steps":[{"do":"event","event":{}}]}`, "without a type"},
		{"broken JSON", `{"setup":{},"steps":[{"do":"wait"`, "unexpected end"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := Load(write(t, t.TempDir(), "x.json", c.text))
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "x.json") {
				t.Errorf("got %v, want an error with %q", err, c.want)
			}
		})
	}
}

func TestARelativeFolderCountsFromTheRepository(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	write(t, root, "shared/x", "")
	got, err := Locate("shared", root)
	if err != nil || got != filepath.Join(root, "shared") {
		t.Errorf("got %q, %v", got, err)
	}
	if _, err := Locate("nowhere", root); !errors.Is(err, ErrAbsent) {
		t.Errorf("got %v, want ErrAbsent", err)
	}
}

func TestTheOutcomeDependsOnTheList(t *testing.T) {
	t.Parallel()
	good, bad := &Report{}, &Report{Failures: []Failure{{Step: 1}}}
	cases := []struct {
		name   string
		report *Report
		entry  Known
		listed bool
		want   Outcome
	}{
		{"not listed and good", good, Known{}, false, Pass},
		{"not listed and bad", bad, Known{}, false, Fail},
		{"listed for later", bad, Known{Status: Later}, true, KnownLater},
		{"listed as decided", bad, Known{Status: Decided}, true, KnownDecided},
		{"listed and good", good, Known{Status: Later}, true, Surprise},
		{"listed as unsteady and good", good, Known{Status: Later, Sometimes: true}, true, Pass},
	}
	for _, c := range cases {
		if got := judge(c.report, c.entry, c.listed); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

func TestTheKnownListIsInOrderAndComplete(t *testing.T) {
	t.Parallel()
	last := ""
	for _, k := range knownList() {
		if k.Transcript <= last {
			t.Errorf("%s is listed twice or out of order", k.Transcript)
		}
		last = k.Transcript
		if k.Status != Later && k.Status != Decided || k.Reason == "" || k.Covered == "" {
			t.Errorf("%s: status, reason or what covers it is missing", k.Transcript)
		}
	}
	for _, d := range stepDifferences() {
		if _, listed := known(knownList(), d.Transcript); listed || d.Reason == "" || d.Covered == "" {
			t.Errorf("steps %v of %s: reason or what covers it is missing, or the whole transcript is listed", d.Steps, d.Transcript)
		}
	}
	for _, d := range textDifferences() {
		if d.Reason == "" || d.Theirs == d.Ours {
			t.Errorf("the difference %+v has no reason or is none", d)
		}
	}
}

func TestResourcesAreBroughtIntoOneForm(t *testing.T) {
	t.Parallel()
	list := mustDecode(t, `{"a":[
		{"name":"x","type":"SET","set":{"item":["b","a"]}},
		{"name":"cpus","type":"SCALAR","scalar":{"value":0.1}},
		{"name":"x","type":"SET","set":{"item":["c","a"]}},
		{"name":"cpus","type":"SCALAR","scalar":{"value":0.2}}],
		"b":[{"name":"flag","value":"x"}],
		"c":[{"name":"cpus","type":"SCALAR","scalar":{"value":"$NUMBER"}}]}`)
	got, err := json.Marshal(canonicalResources(list))
	if err != nil {
		t.Fatal(err)
	}
	want := `{"a":[{"name":"x","set":{"item":["a","b","c"]},"type":"SET"},` +
		`{"name":"cpus","scalar":{"value":0.300},"type":"SCALAR"}],` +
		`"b":[{"name":"flag","value":"x"}],` +
		`"c":[{"name":"cpus","scalar":{"value":"$NUMBER"},"type":"SCALAR"}]}`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
