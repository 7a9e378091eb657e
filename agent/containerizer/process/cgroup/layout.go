// Package cgroup bounds and tracks containers with Linux control groups, of
// version 1, version 2, or both mounted side by side.
//
// It writes plain files: what a short task needs are a handful of writes,
// and every saved one counts at hundreds of tasks a second.
package cgroup

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Limits bound one container.
type Limits struct {
	// CPUs is the relative weight in cores; 0 leaves the kernel's default.
	CPUs float64 `json:"cpus,omitempty"`
	// MaxCPUs is the hard limit in cores; 0 means none.
	MaxCPUs float64 `json:"max_cpus,omitempty"`
	// MaxMemoryBytes is the hard limit; 0 means none.
	MaxMemoryBytes int64 `json:"max_memory_bytes,omitempty"`
	// SoftMemoryBytes is what the kernel reclaims down to under pressure; 0
	// means none.
	SoftMemoryBytes int64 `json:"soft_memory_bytes,omitempty"`
	// MaxPIDs bounds the number of processes and threads; 0 means no bound.
	MaxPIDs int64 `json:"max_pids,omitempty"`
}

// Layout says in which directories the control groups of one agent's
// containers are made. A container's group is a directory of its name in each
// of them. The zero value means that no control group can be made. Layout is
// a value that is stored with the containers, so that they are found again
// even when a later agent would choose otherwise.
type Layout struct {
	// Unified is the directory in the version 2 hierarchy, or empty. Even
	// without controllers it tracks the processes and kills them at once.
	Unified string `json:"unified,omitempty"`
	// Memory, CPU, PIDs and Account are directories of version 1 controllers,
	// or equal Unified where version 2 has the controller, or are empty.
	Memory string `json:"memory,omitempty"`
	CPU    string `json:"cpu,omitempty"`
	PIDs   string `json:"pids,omitempty"`
	// Account measures CPU time under version 1; it is used when Unified is
	// empty, since version 2 always measures.
	Account string `json:"account,omitempty"`
}

// Enabled says whether containers get a control group at all, by which their
// processes are tracked.
func (l Layout) Enabled() bool { return l.tracker() != "" }

// tracker is the directory whose groups list a container's processes.
func (l Layout) tracker() string {
	for _, dir := range []string{l.Unified, l.PIDs, l.Memory, l.CPU} {
		if dir != "" {
			return dir
		}
	}
	return ""
}

// legacy lists the distinct version 1 directories.
func (l Layout) legacy() []string {
	var dirs []string
	for _, dir := range []string{l.Memory, l.CPU, l.PIDs, l.Account} {
		if dir != "" && dir != l.Unified {
			dirs = append(dirs, dir)
		}
	}
	return dirs
}

// all lists every directory.
func (l Layout) all() []string {
	dirs := l.legacy()
	if l.Unified != "" {
		dirs = append(dirs, l.Unified)
	}
	return dirs
}

// Create makes the groups of a container and sets the limits that must hold
// from the first instruction on. It is idempotent.
func (l Layout) Create(name string, limits Limits) error {
	for _, dir := range l.all() {
		if err := os.Mkdir(filepath.Join(dir, name), 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("control group %s: %w", filepath.Join(dir, name), err)
		}
	}
	if l.Memory != "" && l.Memory == l.Unified {
		return l.limitMemoryV2(filepath.Join(l.Memory, name), limits)
	}
	if l.Memory != "" {
		if err := l.limitMemoryV1(filepath.Join(l.Memory, name), limits); err != nil {
			return err
		}
	}
	if l.PIDs != "" && limits.MaxPIDs > 0 {
		return write(filepath.Join(l.PIDs, name, "pids.max"), strconv.FormatInt(limits.MaxPIDs, 10))
	}
	return nil
}

func (l Layout) limitMemoryV1(group string, limits Limits) error {
	if limits.MaxMemoryBytes > 0 {
		if err := write(filepath.Join(group, "memory.limit_in_bytes"), strconv.FormatInt(limits.MaxMemoryBytes, 10)); err != nil {
			return err
		}
	}
	if limits.SoftMemoryBytes > 0 && limits.SoftMemoryBytes != limits.MaxMemoryBytes {
		return write(filepath.Join(group, "memory.soft_limit_in_bytes"), strconv.FormatInt(limits.SoftMemoryBytes, 10))
	}
	return nil
}

func (l Layout) limitMemoryV2(group string, limits Limits) error {
	if limits.MaxMemoryBytes > 0 {
		if err := write(filepath.Join(group, "memory.max"), strconv.FormatInt(limits.MaxMemoryBytes, 10)); err != nil {
			return err
		}
		// The kernel then kills the container as a whole, rather than one
		// process whose death the others may not notice. Older kernels lack
		// the file.
		_ = write(filepath.Join(group, "memory.oom.group"), "1")
	}
	if limits.SoftMemoryBytes > 0 && limits.SoftMemoryBytes != limits.MaxMemoryBytes {
		if err := write(filepath.Join(group, "memory.low"), strconv.FormatInt(limits.SoftMemoryBytes, 10)); err != nil {
			return err
		}
	}
	if l.PIDs == l.Unified && limits.MaxPIDs > 0 {
		return write(filepath.Join(group, "pids.max"), strconv.FormatInt(limits.MaxPIDs, 10))
	}
	return nil
}

// period is the accounting period of the hard CPU limit in microseconds, the
// kernel's default.
const period = 100_000

// LimitCPU sets weight and hard limit of a container that already runs. It is
// separate from Create because the thread that forks into a version 1 group
// is a member of it for that moment and must not be slowed down with it.
func (l Layout) LimitCPU(name string, limits Limits) error {
	if l.CPU == "" {
		return nil
	}
	group := filepath.Join(l.CPU, name)
	shares := max(2, int64(limits.CPUs*1024))
	quota := max(1000, int64(limits.MaxCPUs*period))
	var errs []error
	if l.CPU == l.Unified {
		if limits.CPUs > 0 {
			errs = append(errs, write(filepath.Join(group, "cpu.weight"), strconv.FormatInt(weight(shares), 10)))
		}
		if limits.MaxCPUs > 0 {
			errs = append(errs, write(filepath.Join(group, "cpu.max"), fmt.Sprintf("%d %d", quota, period)))
		}
		return errors.Join(errs...)
	}
	if limits.CPUs > 0 {
		errs = append(errs, write(filepath.Join(group, "cpu.shares"), strconv.FormatInt(min(shares, 262144), 10)))
	}
	if limits.MaxCPUs > 0 {
		errs = append(errs, write(filepath.Join(group, "cpu.cfs_quota_us"), strconv.FormatInt(quota, 10)))
	}
	return errors.Join(errs...)
}

// weight maps version 1 shares (2 to 262144, default 1024) to version 2
// weights (1 to 10000) linearly, as container runtimes do.
func weight(shares int64) int64 {
	shares = min(max(shares, 2), 262144)
	return 1 + (shares-2)*9999/262142
}

// Enter moves the calling thread, whose id is tid, into the version 1 groups
// of a container, so that what it forks is born there. The caller has locked
// the thread.
func (l Layout) Enter(name string, tid int) error {
	for _, dir := range l.legacy() {
		if err := write(filepath.Join(dir, name, "tasks"), strconv.Itoa(tid)); err != nil {
			return err
		}
	}
	return nil
}

// Leave moves the thread to the group below which Detect has made the
// directories, where it keeps none of them from being removed.
func (l Layout) Leave(tid int) error {
	var errs []error
	for _, dir := range l.legacy() {
		errs = append(errs, write(filepath.Join(filepath.Dir(filepath.Dir(dir)), "tasks"), strconv.Itoa(tid)))
	}
	return errors.Join(errs...)
}

// Open opens the version 2 group of a container for the clone system call,
// which makes a process inside it. It returns nil when there is none.
func (l Layout) Open(name string) (*os.File, error) {
	if l.Unified == "" {
		return nil, nil
	}
	return os.Open(filepath.Join(l.Unified, name))
}

// Names lists the containers that have a group.
func (l Layout) Names() []string {
	if !l.Enabled() {
		return nil
	}
	entries, err := os.ReadDir(l.tracker())
	if err != nil {
		return nil
	}
	var names []string
	for _, e := range entries {
		if e.IsDir() {
			names = append(names, e.Name())
		}
	}
	return names
}

func write(path, value string) error {
	// No O_CREAT: these are files of the kernel.
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = file.WriteString(value)
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return fmt.Errorf("writing %q: %w", value, err)
	}
	return nil
}

func read(path string) string {
	data, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(data))
}
