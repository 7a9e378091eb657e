package proctree

import (
	"os"
	"slices"
	"testing"
)

func TestAProcessReadsItself(t *testing.T) {
	t.Parallel()
	p, err := Read(os.Getpid())
	if err != nil || p.Parent != os.Getppid() || p.StartTime == 0 || p.Threads == 0 || p.RSSPages == 0 || p.Zombie {
		t.Errorf("%+v, %v", p, err)
	}
	all, err := Scan()
	if err != nil || !slices.ContainsFunc(all, func(q Process) bool { return q.PID == p.PID && q.StartTime == p.StartTime }) {
		t.Errorf("a scan of %d processes does not find this one: %v", len(all), err)
	}
	if _, err := Read(1 << 30); err == nil {
		t.Error("a process that cannot exist was read")
	}
}

// Numbers far beyond what the kernel gives keep these processes imaginary.
const far = 1 << 30

func TestMembersAreDescendantsAndTheSessionOfTheFirstProcess(t *testing.T) {
	t.Parallel()
	all := []Process{
		{PID: far + 4, Parent: far + 3, Session: far + 4},               // in a session of its own
		{PID: far + 3, Parent: far + 1, Session: far + 1},               // a child
		{PID: far + 1, Parent: far, Session: far + 1, StartTime: 7},     // the first process
		{PID: far + 5, Parent: far, Session: far + 1},                   // an orphan in the session
		{PID: far + 6, Parent: far + 1, Session: far + 1, Zombie: true}, // dead
		{PID: far + 7, Parent: far, Session: far + 7},                   // another container's
		{PID: far + 8, Parent: far + 7, Session: far + 7},               // its child
		{PID: os.Getpid(), Parent: far + 1, Session: far + 1},           // never itself
	}
	for name, test := range map[string]struct {
		c    Container
		want []int
	}{
		"the first before all others":            {Container{First: far + 1, FirstStart: 7}, []int{far + 1, far + 4, far + 3, far + 5}},
		"without a known start":                  {Container{First: far + 1}, []int{far + 1, far + 4, far + 3, far + 5}},
		"the number now belongs to a stranger":   {Container{First: far + 1, FirstStart: 6}, nil},
		"the first process is gone":              {Container{First: far + 9}, nil},
		"nothing is known of the first process":  {Container{}, nil},
		"a sandbox that no environment mentions": {Container{Sandbox: "/nowhere"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []int
			for _, p := range Members(all, test.c, 0) {
				got = append(got, p.PID)
			}
			if !slices.Equal(got, test.want) {
				t.Errorf("members are %v, want %v", got, test.want)
			}
		})
	}
}
