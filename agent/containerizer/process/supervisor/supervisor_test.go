package supervisor

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/meseta/meseta/agent/containerizer/process/wire"
)

func write(t *testing.T, path, text string, mode os.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
}

func TestExecutablesAreFoundAsTheContainersPathSays(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "bin", "tool"), "", 0o755)
	write(t, filepath.Join(dir, "data", "tool"), "", 0o644)
	env := []string{"HOME=/", "PATH=/no/such:" + filepath.Join(dir, "data") + "::bin"}
	for path, want := range map[string]string{
		"tool": filepath.Join(dir, "bin", "tool"), "./tool": "./tool", "/bin/x": "/bin/x", "nothing": "nothing", "": "",
	} {
		if got := lookPath(path, dir, env); got != want {
			t.Errorf("%q is found as %q, want %q", path, got, want)
		}
	}
}

func TestOutputIsNotOpenedThroughWhatTheUserPutThere(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	secret := filepath.Join(dir, "secret")
	write(t, secret, "x", 0o600)
	if err := os.Symlink(secret, filepath.Join(dir, "stdout")); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "stderr"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"stdout", "stderr"} {
		if file, err := openLog(dir, name, nil); err == nil {
			file.Close()
			t.Errorf("%s was opened", name)
		}
	}
}

func TestRotationKeepsTheEnd(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "stdout")
	write(t, path, strings.Repeat("a", 50)+strings.Repeat("b", 100), 0o644)
	for _, limit := range []int64{1000, 100, 100} {
		if err := rotate(dir, "stdout", limit, nil); err != nil {
			t.Fatal(err)
		}
	}
	now, _ := os.ReadFile(path)
	old, _ := os.ReadFile(path + ".1")
	if len(now) != 0 || string(old) != strings.Repeat("b", 100) {
		t.Errorf("stdout is %q, stdout.1 is %q", now, old)
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	secret := filepath.Join(dir, "secret")
	write(t, secret, strings.Repeat("s", 1000), 0o600)
	if err := os.Symlink(secret, path); err != nil {
		t.Fatal(err)
	}
	if err := rotate(dir, "stdout", 10, nil); err != nil {
		t.Error(err)
	}
	if got, _ := os.ReadFile(secret); len(got) != 1000 {
		t.Error("a link was followed")
	}
}

func TestALinkStandsForAVolumeWhereNothingMayBeMounted(t *testing.T) {
	t.Parallel()
	dir, host := t.TempDir(), t.TempDir()
	launch := wire.Launch{Dir: dir, Mounts: []wire.Mount{
		{Source: host, Target: "deep/data", Link: true},
		{Source: "own", SandboxSource: true, Target: "alias", Link: true},
	}}
	for range 2 {
		if err := mountAll(launch); err != nil {
			t.Fatal(err)
		}
	}
	for link, want := range map[string]string{"deep/data": host, "alias": filepath.Join(dir, "own")} {
		if got, err := os.Readlink(filepath.Join(dir, link)); got != want {
			t.Errorf("%s leads to %q, %v; want %q", link, got, err, want)
		}
	}
	launch.Mounts = []wire.Mount{{Source: host, Target: "alias", Link: true}}
	if err := mountAll(launch); err == nil || !strings.Contains(err.Error(), "volume alias") {
		t.Errorf("a name that is taken: %v", err)
	}
}

func TestASupervisorStartedByHandSaysSo(t *testing.T) {
	t.Parallel()
	if code := Main(nil); code != 2 {
		t.Errorf("it exits with %d", code)
	}
}
