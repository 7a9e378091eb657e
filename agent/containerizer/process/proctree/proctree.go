// Package proctree finds the processes of a container in /proc, for machines
// on which no control group may be made.
//
// A process belongs to a container when it descends from the container's
// first process, is in that process's session, or, when both links were cut
// by a daemon that orphaned itself and began a session of its own, still
// carries the sandbox in its initial environment.
package proctree

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// Process is a line of /proc/PID/stat.
type Process struct {
	PID, Parent, Session int
	// Zombie says that it has died and waits to be reaped.
	Zombie bool
	// StartTime is in clock ticks since the machine started; with PID it
	// names a process uniquely until the next start of the machine.
	StartTime uint64
	// UserTicks and SystemTicks are CPU time in ticks of 10 ms, Threads the
	// number of threads, RSSPages its resident memory in pages.
	UserTicks, SystemTicks, Threads, RSSPages uint64
}

// Marker is the environment variable by which an orphan is recognised. Its
// value is the container's sandbox.
const Marker = "MESOS_SANDBOX"

// Read reads one process.
func Read(pid int) (Process, error) {
	data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return Process{}, err
	}
	// The name, in parentheses, may itself contain blanks and parentheses.
	end := bytes.LastIndexByte(data, ')')
	if end < 0 {
		return Process{}, errors.New("malformed /proc/PID/stat")
	}
	f := strings.Fields(string(data[end+1:]))
	if len(f) < 22 {
		return Process{}, errors.New("malformed /proc/PID/stat")
	}
	number := func(i int) uint64 {
		n, _ := strconv.ParseUint(f[i], 10, 64)
		return n
	}
	return Process{
		PID: pid, Parent: int(number(1)), Session: int(number(3)), Zombie: f[0] == "Z" || f[0] == "X",
		UserTicks: number(11), SystemTicks: number(12), Threads: number(17), StartTime: number(19), RSSPages: number(21),
	}, nil
}

// Scan reads all processes. Those that end meanwhile are left out.
func Scan() ([]Process, error) {
	dir, err := os.Open("/proc")
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return nil, err
	}
	var all []Process
	for _, name := range names {
		pid, err := strconv.Atoi(name)
		if err != nil {
			continue
		}
		if p, err := Read(pid); err == nil {
			all = append(all, p)
		}
	}
	return all, nil
}

// Container says by what the processes of a container are recognised.
type Container struct {
	// First is its first process, which may have ended, and FirstStart its
	// start time if it is known, otherwise 0.
	First      int
	FirstStart uint64
	// Sandbox is the value of Marker in its environment; empty: not used.
	Sandbox string
}

// Members picks the processes of a container from a scan, the first process
// before all others. Zombies are left out. Below limits the search by Marker,
// which reads a file for each process, to processes with that parent; 0 means
// all processes.
func Members(all []Process, c Container, below int) []Process {
	member := map[int]bool{}
	alive := true
	if c.FirstStart != 0 {
		for _, p := range all {
			if p.PID == c.First && p.StartTime != c.FirstStart {
				alive = false // the number was given to a stranger
			}
		}
	}
	for _, p := range all {
		switch {
		case c.First > 0 && alive && (p.PID == c.First || p.Session == c.First):
			member[p.PID] = true
		case c.Sandbox != "" && (below == 0 || p.Parent == below) && marked(p.PID, c.Sandbox):
			member[p.PID] = true
		}
	}
	for grown := true; grown; {
		grown = false
		for _, p := range all {
			if !member[p.PID] && member[p.Parent] {
				member[p.PID] = true
				grown = true
			}
		}
	}
	var first, others []Process
	for _, p := range all {
		switch {
		case !member[p.PID] || p.Zombie || p.PID == os.Getpid():
		case p.PID == c.First:
			first = append(first, p)
		default:
			others = append(others, p)
		}
	}
	return append(first, others...)
}

// marked says whether a process was started with the sandbox as its Marker.
func marked(pid int, sandbox string) bool {
	data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/environ")
	if err != nil {
		return false
	}
	want := []byte(Marker + "=" + sandbox)
	for variable := range bytes.SplitSeq(data, []byte{0}) {
		if bytes.Equal(variable, want) {
			return true
		}
	}
	return false
}

// Signal sends a signal to processes, in order.
func Signal(processes []Process, signal syscall.Signal) {
	for _, p := range processes {
		_ = syscall.Kill(p.PID, signal)
	}
}

// Children lists the children that the calling process's main thread has.
// Orphans of which the process is the reaper are adopted by that thread. ok is
// false when the kernel does not tell.
func Children() (pids []int, ok bool) {
	self := strconv.Itoa(os.Getpid())
	data, err := os.ReadFile(filepath.Join("/proc", self, "task", self, "children"))
	if err != nil {
		return nil, !errors.Is(err, fs.ErrNotExist)
	}
	for field := range strings.FieldsSeq(string(data)) {
		if pid, err := strconv.Atoi(field); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids, true
}
