package cgroup

import (
	"path/filepath"
	"strconv"
	"time"
)

// Usage is what a container has used. A member that is nil could not be
// measured with the controllers at hand.
type Usage struct {
	// UserCPU and SystemCPU are the times spent since the start.
	UserCPU, SystemCPU *time.Duration
	// Periods, Throttled and ThrottledTime tell of the hard CPU limit.
	Periods, Throttled *uint64
	ThrottledTime      *time.Duration
	// Memory is the total charged, Anonymous, File and Mapped parts of it,
	// MemoryLimit the hard limit; all in bytes.
	Memory, Anonymous, File, Mapped, Swap, MemoryLimit *uint64
	// Processes is the number of processes.
	Processes uint64
}

// unlimited is the smallest number that version 1 shows for "no limit".
const unlimited = 1 << 62

// Usage reads what a container uses now.
func (l Layout) Usage(name string) Usage {
	u := Usage{Processes: uint64(len(l.Processes(name)))}
	switch {
	case l.Unified != "":
		stat := fields(filepath.Join(l.Unified, name, "cpu.stat"))
		u.UserCPU = duration(stat, "user_usec", time.Microsecond)
		u.SystemCPU = duration(stat, "system_usec", time.Microsecond)
		u.Periods, u.Throttled = value(stat, "nr_periods"), value(stat, "nr_throttled")
		u.ThrottledTime = duration(stat, "throttled_usec", time.Microsecond)
	case l.Account != "":
		// Clock ticks of 10 ms, as the kernel reports to user space.
		stat := fields(filepath.Join(l.Account, name, "cpuacct.stat"))
		u.UserCPU = duration(stat, "user", 10*time.Millisecond)
		u.SystemCPU = duration(stat, "system", 10*time.Millisecond)
	}
	if l.CPU != "" && l.CPU != l.Unified {
		stat := fields(filepath.Join(l.CPU, name, "cpu.stat"))
		u.Periods, u.Throttled = value(stat, "nr_periods"), value(stat, "nr_throttled")
		u.ThrottledTime = duration(stat, "throttled_time", time.Nanosecond)
	}
	if l.Memory != "" {
		l.memoryUsage(filepath.Join(l.Memory, name), &u)
	}
	return u
}

func (l Layout) memoryUsage(group string, u *Usage) {
	stat := fields(filepath.Join(group, "memory.stat"))
	if l.Memory == l.Unified {
		u.Memory = number(filepath.Join(group, "memory.current"))
		u.MemoryLimit = number(filepath.Join(group, "memory.max"))
		u.Swap = number(filepath.Join(group, "memory.swap.current"))
		u.Anonymous, u.File, u.Mapped = value(stat, "anon"), value(stat, "file"), value(stat, "file_mapped")
		return
	}
	u.Memory = number(filepath.Join(group, "memory.usage_in_bytes"))
	if limit := number(filepath.Join(group, "memory.limit_in_bytes")); limit != nil && *limit < unlimited {
		u.MemoryLimit = limit
	}
	u.Anonymous, u.File, u.Mapped = value(stat, "total_rss"), value(stat, "total_cache"), value(stat, "total_mapped_file")
	u.Swap = value(stat, "total_swap")
}

func value(stat map[string]uint64, name string) *uint64 {
	if n, ok := stat[name]; ok {
		return &n
	}
	return nil
}

func duration(stat map[string]uint64, name string, unit time.Duration) *time.Duration {
	if n, ok := stat[name]; ok {
		return new(time.Duration(n) * unit)
	}
	return nil
}

func number(path string) *uint64 {
	n, err := strconv.ParseUint(read(path), 10, 64)
	if err != nil {
		return nil
	}
	return &n
}
