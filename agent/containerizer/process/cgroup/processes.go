package cgroup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Processes lists the processes of a container, except the calling process,
// whose forking thread may be passing through. A container without a group
// has none.
func (l Layout) Processes(name string) []int {
	if !l.Enabled() {
		return nil
	}
	data, err := os.ReadFile(filepath.Join(l.tracker(), name, "cgroup.procs"))
	if err != nil {
		return nil
	}
	var pids []int
	for field := range strings.FieldsSeq(string(data)) {
		if pid, err := strconv.Atoi(field); err == nil && pid > 0 && pid != os.Getpid() {
			pids = append(pids, pid)
		}
	}
	return pids
}

// Signal sends a signal to every process of a container, to the process first
// before all others while it is a member, so that a parent cannot mistake the
// death of its children for an affair of its own.
func (l Layout) Signal(name string, first int, signal syscall.Signal) {
	if signal == syscall.SIGKILL && l.killAtOnce(name) {
		return
	}
	pids := l.Processes(name)
	for _, pid := range pids {
		if pid == first {
			_ = syscall.Kill(pid, signal)
		}
	}
	for _, pid := range pids {
		if pid != first {
			_ = syscall.Kill(pid, signal)
		}
	}
}

// killAtOnce uses the atomic kill of version 2.
func (l Layout) killAtOnce(name string) bool {
	return l.Unified != "" && write(filepath.Join(l.Unified, name, "cgroup.kill"), "1") == nil
}

// Clear kills a container's processes until none is left, or until ctx is
// done. A process that is stuck in the kernel cannot be killed: the error
// says how many there are.
func (l Layout) Clear(ctx context.Context, name string) error {
	pids := l.Processes(name)
	if len(pids) > 0 && l.PIDs != "" && l.PIDs != l.Unified {
		// Without this a fork bomb could outrun a loop over its processes.
		_ = write(filepath.Join(l.PIDs, name, "pids.max"), "0")
	}
	for wait := time.Millisecond; len(pids) > 0; wait = min(2*wait, 50*time.Millisecond) {
		l.Signal(name, 0, syscall.SIGKILL)
		select {
		case <-ctx.Done():
			return fmt.Errorf("container %s: %d processes do not die: %w", name, len(pids), ctx.Err())
		case <-time.After(wait):
		}
		pids = l.Processes(name)
	}
	return nil
}

// Remove removes the groups of a container that has no process left. It is
// idempotent. The kernel may need a moment after the last process died, and
// the forking thread a moment to leave, hence ctx.
func (l Layout) Remove(ctx context.Context, name string) error {
	var errs []error
	for _, dir := range l.all() {
		errs = append(errs, removeGroup(ctx, filepath.Join(dir, name)))
	}
	return errors.Join(errs...)
}

func removeGroup(ctx context.Context, group string) error {
	for wait := time.Millisecond; ; wait = min(2*wait, 50*time.Millisecond) {
		err := syscall.Rmdir(group)
		if err == nil || errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if !errors.Is(err, syscall.EBUSY) {
			return fmt.Errorf("removing control group %s: %w", group, err)
		}
		// Processes may have made groups of their own below.
		removeChildren(group)
		select {
		case <-ctx.Done():
			return fmt.Errorf("removing control group %s: %w", group, err)
		case <-time.After(wait):
		}
	}
}

func removeChildren(group string) {
	entries, err := os.ReadDir(group)
	if err != nil {
		return
	}
	for _, e := range entries {
		if e.IsDir() {
			child := filepath.Join(group, e.Name())
			removeChildren(child)
			_ = syscall.Rmdir(child)
		}
	}
}

// RemoveAll removes the directories of the layout themselves when no
// container is left in them, and those above that Detect made.
func (l Layout) RemoveAll() {
	for _, dir := range l.all() {
		if syscall.Rmdir(dir) == nil {
			_ = syscall.Rmdir(filepath.Dir(dir))
		}
	}
}

// OutOfMemory says whether the kernel has killed a process of the container
// for exceeding its memory limit, and the most memory it ever used, in bytes.
func (l Layout) OutOfMemory(name string) (killed bool, peak int64) {
	if l.Memory == "" {
		return false, 0
	}
	group := filepath.Join(l.Memory, name)
	events, most := "memory.oom_control", "memory.max_usage_in_bytes"
	if l.Memory == l.Unified {
		events, most = "memory.events", "memory.peak"
	}
	if fields(filepath.Join(group, events))["oom_kill"] == 0 {
		return false, 0
	}
	peak, _ = strconv.ParseInt(read(filepath.Join(group, most)), 10, 64)
	return true, peak
}

// fields reads a file of lines "name number".
func fields(path string) map[string]uint64 {
	values := map[string]uint64{}
	for line := range strings.Lines(read(path)) {
		name, value, ok := strings.Cut(strings.TrimSpace(line), " ")
		if !ok {
			continue
		}
		if n, err := strconv.ParseUint(value, 10, 64); err == nil {
			values[name] = n
		}
	}
	return values
}
