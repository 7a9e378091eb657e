package journal

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/meseta/meseta/agent/containerizer/process/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// add appends a record and waits until it is durable.
func add(j *Journal, r Record) error {
	done := make(chan error, 1)
	j.Append(r, func(err error) { done <- err })
	return <-done
}

func load(t testing.TB, path string) map[string]Entry {
	t.Helper()
	entries, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	return entries
}

func TestAJournalTellsWhatHappened(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "journal")
	if got := load(t, path); len(got) != 0 {
		t.Errorf("a missing journal tells %v", got)
	}
	j, err := Create(path)
	if err != nil {
		t.Fatal(err)
	}
	exit := &wire.Exit{Known: true, Status: 1 << 8, Message: "line\nbreak"}
	for _, r := range []Record{
		{Kind: Intent, ID: "a", Dir: "/a"}, {Kind: Started, ID: "a", PID: 7, StartTime: 8}, {Kind: Ended, ID: "a", Exit: exit},
		{Kind: Intent, ID: "b", Dir: "/b"}, {Kind: Intent, ID: "c", Dir: "/c"}, {Kind: Removed, ID: "c"},
	} {
		if err := add(j, r); err != nil {
			t.Fatal(err)
		}
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	if err := add(j, Record{Kind: Intent, ID: "d"}); err == nil {
		t.Error("a closed journal takes records")
	}
	want := map[string]Entry{
		"a": {ID: "a", Dir: "/a", PID: 7, StartTime: 8, Exit: exit},
		"b": {ID: "b", Dir: "/b"},
	}
	if diff := cmp.Diff(want, load(t, path)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestAJournalCutAnywhereTellsAPrefix(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "journal")
	j, err := Create(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		if err := add(j, Record{Kind: Intent, ID: fmt.Sprint(i)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	cut := path + ".cut"
	for n := range len(whole) {
		if err := os.WriteFile(cut, whole[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		lines := strings.Count(string(whole[:n]), "\n")
		if got := len(load(t, cut)); got != lines && got != lines+1 {
			t.Errorf("cut after %d of %d bytes it tells of %d containers", n, len(whole), got)
		}
	}
}

func TestALongMessageDoesNotBreakTheReservedRoom(t *testing.T) {
	t.Parallel()
	line, err := formatLine(Record{Kind: Ended, ID: strings.Repeat("x", 36), Exit: &wire.Exit{Message: strings.Repeat("é", 4000)}})
	if err != nil || len(line) > reserve {
		t.Errorf("a line of %d bytes, %v", len(line), err)
	}
}

func TestAJournalStaysSmallAndForgetsNothingThatIsHeld(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "journal")
	j, err := Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := add(j, Record{Kind: Intent, ID: "kept", Dir: "/kept"}); err != nil {
		t.Fatal(err)
	}
	dir := strings.Repeat("d", 4000)
	for i := range 1500 {
		id := fmt.Sprint(i)
		j.Append(Record{Kind: Intent, ID: id, Dir: dir}, func(error) {})
		j.Append(Record{Kind: Removed, ID: id}, func(error) {})
		if i%100 == 0 {
			if err := add(j, Record{Kind: Started, ID: "kept", PID: i + 1}); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := j.Close(); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Size() > 2*compactSize {
		t.Errorf("the journal has %d bytes, %v", info.Size(), err)
	}
	want := map[string]Entry{"kept": {ID: "kept", Dir: "/kept", PID: 1401}}
	if diff := cmp.Diff(want, load(t, path)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestAnyLineIsReadBackOrSkipped(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		record := Record{Kind: rapid.SampledFrom([]string{Intent, Started, Ended, Removed}).Draw(t, "kind"), ID: rapid.StringN(1, 40, -1).Draw(t, "id"), Dir: rapid.String().Draw(t, "dir")}
		line, err := formatLine(record)
		if err != nil {
			t.Fatal(err)
		}
		got, ok := parseLine(line[:len(line)-1])
		if !ok || got.Kind != record.Kind {
			t.Fatalf("%q is read as %+v, %v", line, got, ok)
		}
		at := rapid.IntRange(0, len(line)-2).Draw(t, "at")
		line[at] ^= byte(1 << rapid.IntRange(0, 6).Draw(t, "bit"))
		if got, ok := parseLine(line[:len(line)-1]); ok && at > 8 {
			t.Fatalf("the damaged %q is read as %+v", line, got)
		}
	})
}
