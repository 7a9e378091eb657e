package sandbox

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// box is a work directory with one sandbox of one executor.
type box struct {
	t      *testing.T
	layout Layout
	path   string
	files  *Files
}

const virtual = "/frameworks/f/executors/e/runs/latest"

func newBox(t *testing.T) *box {
	t.Helper()
	work, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	b := &box{t: t, layout: Layout{WorkDir: work}}
	log := filepath.Join(work, "agent.log")
	b.write(log, "log\n")
	b.files = NewFiles(b.layout, map[string]string{"/slave/log": log})
	b.path = b.layout.Run("S0", "f", "e", "c1")
	if err := errors.Join(b.layout.CreateAgent("S0"), Create(b.path, "")); err != nil {
		t.Fatal(err)
	}
	b.write(filepath.Join(b.path, "out.txt"), "hello golden\nline two\n")
	b.write(filepath.Join(work, "secret"), "secret")
	if err := os.Mkdir(filepath.Join(b.path, "sub"), 0o755); err != nil {
		t.Fatal(err)
	}
	b.write(filepath.Join(b.path, "sub/y"), "x")
	return b
}

func (b *box) write(path, text string) {
	b.t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		b.t.Fatal(err)
	}
}

func (b *box) link(target, name string) {
	b.t.Helper()
	if err := os.Symlink(target, filepath.Join(b.path, name)); err != nil {
		b.t.Fatal(err)
	}
}

func TestADirectoryIsListedUnderThePathThatWasAskedFor(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	for _, where := range []string{virtual, virtual + "/", b.path, b.layout.Runs("S0", "f", "e") + "/latest"} {
		infos, err := b.files.Browse(where)
		if err != nil {
			t.Fatalf("%s: %v", where, err)
		}
		var got []string
		for _, i := range infos {
			got = append(got, i.Path+" "+i.ModeString())
		}
		base := strings.TrimRight(where, "/")
		want := []string{base + "/out.txt -rw-r--r--", base + "/sub drwxr-xr-x"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", where, diff)
		}
		if infos[0].Size != 22 || infos[0].Mode != 0o100644 || infos[0].Nlink != 1 || infos[0].User == "" {
			t.Errorf("out.txt: %+v", infos[0])
		}
	}
	if infos, err := b.files.Browse(virtual + "/out.txt"); err != nil || len(infos) != 0 {
		t.Errorf("a file lists as %v, %v", infos, err)
	}
}

func TestAFileIsReadInParts(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	b.write(filepath.Join(b.path, "large"), strings.Repeat("x", 100<<10))
	tests := []struct {
		name, path string
		offset     uint64
		length     int64
		want       string
		size       uint64
	}{
		{"whole", virtual + "/out.txt", 0, -1, "hello golden\nline two\n", 22},
		{"a part", virtual + "/out.txt", 6, 6, "golden", 22},
		{"the end", virtual + "/out.txt", 18, 100, "two\n", 22},
		{"behind the end", virtual + "/out.txt", 100, 5, "", 22},
		{"nothing", virtual + "/out.txt", 0, 0, "", 22},
		{"by its real path", b.path + "/sub/y", 0, -1, "x", 1},
		{"not more than the limit", virtual + "/large", 0, 1 << 40, strings.Repeat("x", MaxRead), 100 << 10},
		{"an attached file", "/slave/log", 0, -1, "log\n", 4},
		{"a path that goes up and down within the sandbox", virtual + "/sub/../out.txt", 0, 5, "hello", 22},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			data, size, err := b.files.Read(test.path, test.offset, test.length)
			if err != nil || string(data) != test.want || size != test.size {
				t.Errorf("got %d bytes of %d, %v", len(data), size, err)
			}
		})
	}
}

func TestNothingOutsideASandboxCanBeReached(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	secret := filepath.Join(b.layout.WorkDir, "secret")
	b.link(secret, "absolute")
	b.link("../../../../../../../../../secret", "relative")
	b.link("/", "root")
	b.link("sub", "inside")
	if err := syscall.Mkfifo(filepath.Join(b.path, "pipe"), 0o644); err != nil {
		t.Fatal(err)
	}
	inaccessible := errors.New("inaccessible")
	tests := []struct {
		name, path string
		want       error
	}{
		{"a link with an absolute target", virtual + "/absolute", inaccessible},
		{"a link with a relative target", virtual + "/relative", inaccessible},
		{"a path through a link to the root", virtual + "/root/etc/passwd", inaccessible},
		{"dots that lead out of the sandbox", virtual + "/../../../..", inaccessible},
		{"dots in the part that names the sandbox", "/frameworks/../executors/e/runs/latest", ErrNotFound},
		{"the work directory", b.layout.WorkDir, ErrNotFound},
		{"a file beside the sandboxes", secret, ErrNotFound},
		{"the directory of the agent", b.layout.Agent("S0"), ErrNotFound},
		{"a run by its id under the virtual path", "/frameworks/f/executors/e/runs/c1", ErrNotFound},
		{"another path", "/etc/passwd", ErrNotFound},
		{"no path", "", ErrNotFound},
		{"a file that does not exist", virtual + "/nope", ErrNotFound},
		{"a directory", virtual + "/sub", ErrDirectory},
		{"a pipe, which must not block", virtual + "/pipe", inaccessible},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			data, _, err := b.files.Read(test.path, 0, -1)
			_, out := errors.AsType[*InaccessibleError](err)
			if !errors.Is(err, test.want) && !(out && test.want == inaccessible) {
				t.Errorf("got %q, %v", data, err)
			}
		})
	}
	infos, err := b.files.Browse(virtual)
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range infos {
		kind := i.ModeString()[0]
		switch filepath.Base(i.Path) {
		case "absolute", "relative", "root":
			if kind != 'l' {
				t.Errorf("%s is shown as %s", i.Path, i.ModeString())
			}
		case "inside":
			if kind != 'd' {
				t.Errorf("%s is shown as %s", i.Path, i.ModeString())
			}
		}
	}
	if data, _, err := b.files.Read(virtual+"/inside/y", 0, -1); err != nil || string(data) != "x" {
		t.Errorf("a link that stays inside: %q, %v", data, err)
	}
}

func TestTheTextOfAPathThatLeavesItsSandboxNamesTheRealPath(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	_, err := b.files.Browse(virtual + "/../..")
	if want := "'" + b.path + "/../..' is inaccessible."; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestTheLatestRunIsTheOneMadeLast(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	second := b.layout.Run("S0", "f", "e", "c2")
	for range 2 { // again changes nothing
		if err := Create(second, ""); err != nil {
			t.Fatal(err)
		}
	}
	b.write(filepath.Join(second, "new"), "")
	infos, err := b.files.Browse(virtual)
	if err != nil || len(infos) != 1 || infos[0].Path != virtual+"/new" {
		t.Errorf("latest: %v, %v", infos, err)
	}
}

func TestASandboxOfAnUnknownUserIsRefused(t *testing.T) {
	t.Parallel()
	b := newBox(t)
	err := Create(b.layout.Run("S0", "f", "e", "c3"), "no-such-user-here")
	if err == nil || !strings.Contains(err.Error(), "no-such-user-here") || !strings.Contains(err.Error(), "--no-switch_user") {
		t.Errorf("got %v", err)
	}
}

func TestASandboxBelongsToItsUser(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root gives files away")
	}
	b := newBox(t)
	path := b.layout.Run("S0", "f", "e", "c3")
	if err := Create(path, "nobody"); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if st := info.Sys().(*syscall.Stat_t); st.Uid == 0 {
		t.Error("the sandbox belongs to root")
	}
}
