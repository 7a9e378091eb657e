package hoststat

import (
	"os"
	"path/filepath"
	"testing"
)

func TestTheMachineHasProcessorsAndMemory(t *testing.T) {
	t.Parallel()
	s, err := Read()
	if err != nil {
		t.Fatal(err)
	}
	if s.CPUs < 1 || s.MemTotal < 1<<20 || s.MemFree > s.MemTotal || s.Load1 < 0 || s.Load15 < 0 {
		t.Errorf("unlikely figures: %+v", s)
	}
}

func TestFiguresAreReadFromTheKernelsText(t *testing.T) {
	t.Parallel()
	one, five, fifteen, err := parseLoad("0.52 1.5 12.25 3/456 789\n")
	if err != nil || one != 0.52 || five != 1.5 || fifteen != 12.25 {
		t.Errorf("load: %v %v %v, %v", one, five, fifteen, err)
	}
	total, free, err := parseMemory([]byte("MemTotal:       16384 kB\nBuffers:  1 kB\nMemFree:            4 kB\n"))
	if err != nil || total != 16384<<10 || free != 4096 {
		t.Errorf("memory: %d %d, %v", total, free, err)
	}
	for _, text := range []string{"", "1 2", "a b c"} {
		if _, _, _, err := parseLoad(text); err == nil {
			t.Errorf("load %q was accepted", text)
		}
	}
	for _, text := range []string{"", "MemTotal: 1 kB", "MemTotal: x kB\nMemFree: 1 kB"} {
		if _, _, err := parseMemory([]byte(text)); err == nil {
			t.Errorf("memory %q was accepted", text)
		}
	}
}

func TestMemoryIsReadFromTheKernelsTable(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "meminfo")
	if err := os.WriteFile(path, []byte("MemFree: 1 kB\nMemTotal:       4194304 kB\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var there, absent Stats
	if err := there.readMemory(path); err != nil || there.MemTotal>>20 != 4096 {
		t.Errorf("%d MiB, %v", there.MemTotal>>20, err)
	}
	if err := absent.readMemory(path + "x"); err == nil || absent.MemTotal != 0 {
		t.Errorf("%d MiB, %v", absent.MemTotal>>20, err)
	}
}

func TestTheBootHasAnIDWithoutTheEndOfItsLine(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "boot_id")
	const id = "0f2c6d0e-6b0a-4d53-9d5c-6f1f0c1b7a11"
	if err := os.WriteFile(path, []byte(id+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := readBootID(path); got != id {
		t.Errorf("%q", got)
	}
	if got := readBootID(path + "x"); got != "" {
		t.Errorf("%q is the id of a boot that has none", got)
	}
	if first, second := BootID(), BootID(); len(first) != len(id) || first != second {
		t.Errorf("%q and then %q", first, second)
	}
}
