package engine

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// dirPrefix starts the names of the engines' directories; the process that
// made one follows.
const dirPrefix = "meseta-engine-"

// sweep removes what test processes left behind that were killed before they
// could remove it themselves.
func sweep() {
	dirs, _ := filepath.Glob(filepath.Join(os.TempDir(), dirPrefix+"*"))
	for _, dir := range dirs {
		owner, _, _ := strings.Cut(strings.TrimPrefix(filepath.Base(dir), dirPrefix), "-")
		if abandoned(owner) {
			removeTraces(dir)
		}
	}
	interfaces, _ := net.Interfaces()
	for _, i := range interfaces {
		if rest, ok := strings.CutPrefix(i.Name, bridgePrefix); ok {
			owner, _, _ := strings.Cut(rest, "n")
			if abandoned(owner) {
				removeBridge(i.Name)
			}
		}
	}
}

// abandoned says whether owner is the id of a process that no longer exists.
func abandoned(owner string) bool {
	pid, err := strconv.Atoi(owner)
	return err == nil && syscall.Kill(pid, 0) == syscall.ESRCH
}

// removeTraces ends the processes that still run for the engine of dir, and
// removes its mounts, control groups and files.
func removeTraces(dir string) {
	endProcesses(dir)
	for _, point := range mountsUnder(dir) {
		_ = syscall.Unmount(point, syscall.MNT_DETACH)
	}
	groups, _ := filepath.Glob(filepath.Join("/sys/fs/cgroup/*", filepath.Base(dir)))
	for _, group := range append(groups, filepath.Join("/sys/fs/cgroup", filepath.Base(dir))) {
		removeGroup(group)
	}
	_ = os.RemoveAll(dir)
}

// endProcesses kills the processes that name dir on their command line: the
// engine, its containerd and the shims that hold containers. They are waited
// for, within bounds, so that their mounts are free.
func endProcesses(dir string) {
	for range 100 {
		found := false
		commands, _ := filepath.Glob("/proc/[0-9]*/cmdline")
		for _, path := range commands {
			pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
			if err == nil && pid != os.Getpid() && mentions(pid, dir+"/") {
				found = true
				_ = syscall.Kill(pid, syscall.SIGKILL)
			}
		}
		if !found {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// mentions says whether text stands on the command line of a process. It does
// not for one that has ended and waits for its parent.
func mentions(pid int, text string) bool {
	line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	return err == nil && bytes.Contains(line, []byte(text))
}

// mountsUnder lists the mount points below dir, deepest first.
func mountsUnder(dir string) []string {
	file, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return nil
	}
	defer file.Close()
	var points []string
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if fields := strings.Fields(lines.Text()); len(fields) > 4 && strings.HasPrefix(fields[4], dir+"/") {
			points = append(points, fields[4])
		}
	}
	slices.Sort(points)
	slices.Reverse(points)
	return points
}

// removeGroup removes a control group and those below it.
func removeGroup(path string) {
	entries, err := os.ReadDir(path)
	if err != nil {
		return
	}
	for _, e := range entries {
		if e.IsDir() {
			removeGroup(filepath.Join(path, e.Name()))
		}
	}
	_ = syscall.Rmdir(path)
}
