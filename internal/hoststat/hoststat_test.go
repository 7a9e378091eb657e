package hoststat

import "testing"

func TestTheMachineHasProcessorsAndMemory(t *testing.T) {
	t.Parallel()
	s, err := Read()
	if err != nil {
		t.Fatal(err)
	}
	if s.CPUs < 1 || s.MemTotal < 1<<20 || s.MemFree > s.MemTotal || s.Load15 < 0 {
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
