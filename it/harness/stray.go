package harness

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Stray is a process that was still running when it should not have been.
type Stray struct {
	PID     int
	Command string
	Dir     string
}

func (s Stray) String() string {
	return fmt.Sprintf("process %d: %s (in %s)", s.PID, s.Command, s.Dir)
}

// findStrays lists the processes that carry the marker with a value of dir or
// below it, or whose working directory is dir or below it. Processes that
// cannot be looked at belong to somebody else and are passed over.
func findStrays(dir string) ([]Stray, error) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, err
	}
	var strays []Stray
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		if s, ok := inspect(pid, dir); ok {
			strays = append(strays, s)
		}
	}
	return strays, nil
}

func inspect(pid int, dir string) (Stray, bool) {
	proc := filepath.Join("/proc", strconv.Itoa(pid))
	cwd, _ := os.Readlink(filepath.Join(proc, "cwd"))
	// A working directory that was removed is shown with a suffix.
	cwd = strings.TrimSuffix(cwd, " (deleted)")
	environ, _ := os.ReadFile(filepath.Join(proc, "environ"))
	if !within(cwd, dir) && !marked(environ, dir) {
		return Stray{}, false
	}
	cmdline, err := os.ReadFile(filepath.Join(proc, "cmdline"))
	if err != nil || len(cmdline) == 0 {
		// A zombie has no command line and waits only for its parent.
		return Stray{}, false
	}
	command := strings.TrimSpace(string(bytes.ReplaceAll(cmdline, []byte{0}, []byte{' '})))
	return Stray{PID: pid, Command: command, Dir: cwd}, true
}

func within(path, dir string) bool {
	return path == dir || strings.HasPrefix(path, dir+"/")
}

func marked(environ []byte, dir string) bool {
	for pair := range bytes.SplitSeq(environ, []byte{0}) {
		if value, ok := bytes.CutPrefix(pair, []byte(marker+"=")); ok && within(string(value), dir) {
			return true
		}
	}
	return false
}

// killStrays ends the strays of dir and returns those it met. It blocks until
// they are gone and repeats its search meanwhile, because a stray may start
// another process before it dies.
func killStrays(dir string) ([]Stray, error) {
	var met []Stray
	seen := make(map[int]bool)
	for deadline := time.Now().Add(strayPatience); ; time.Sleep(5 * time.Millisecond) {
		strays, err := findStrays(dir)
		if err != nil || len(strays) == 0 {
			return met, err
		}
		for _, s := range strays {
			if !seen[s.PID] {
				seen[s.PID] = true
				met = append(met, s)
			}
			if err := syscall.Kill(s.PID, syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
				return met, fmt.Errorf("kill %s: %w", s, err)
			}
		}
		if time.Now().After(deadline) {
			return met, fmt.Errorf("still there %v after being killed: %v", strayPatience, strays)
		}
	}
}
