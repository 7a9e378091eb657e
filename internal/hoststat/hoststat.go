// Package hoststat reads load and memory of the machine, and which boot it is
// in, from /proc.
package hoststat

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
)

// Stats are figures of one moment.
type Stats struct {
	// CPUs is the number of processors that this program may use.
	CPUs int
	// Load1, Load5 and Load15 are the numbers of running processes, averaged
	// over that many minutes.
	Load1, Load5, Load15 float64
	// MemTotal and MemFree are in bytes. What caches use is not free.
	MemTotal, MemFree uint64
}

// Read reads the figures. What cannot be read is zero, and told by the error.
func Read() (Stats, error) {
	s := Stats{CPUs: runtime.NumCPU()}
	err := errors.Join(s.readLoad("/proc/loadavg"), s.readMemory("/proc/meminfo"))
	return s, err
}

// BootID is a text that is unique for each boot of the kernel, or "" where it
// is unknown.
func BootID() string { return readBootID("/proc/sys/kernel/random/boot_id") }

func readBootID(path string) string {
	text, err := os.ReadFile(path)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(text))
}

func (s *Stats) readLoad(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("load of the machine: %w", err)
	}
	s.Load1, s.Load5, s.Load15, err = parseLoad(string(text))
	return err
}

func (s *Stats) readMemory(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("memory of the machine: %w", err)
	}
	s.MemTotal, s.MemFree, err = parseMemory(text)
	return err
}

func parseLoad(text string) (one, five, fifteen float64, err error) {
	fields := strings.Fields(text)
	if len(fields) < 3 {
		return 0, 0, 0, fmt.Errorf("/proc/loadavg: %q has no three figures", text)
	}
	for i, to := range []*float64{&one, &five, &fifteen} {
		if *to, err = strconv.ParseFloat(fields[i], 64); err != nil {
			return 0, 0, 0, fmt.Errorf("/proc/loadavg: %w", err)
		}
	}
	return one, five, fifteen, nil
}

func parseMemory(text []byte) (total, free uint64, err error) {
	lines := bufio.NewScanner(bytes.NewReader(text))
	found := 0
	for lines.Scan() && found < 2 {
		name, rest, _ := strings.Cut(lines.Text(), ":")
		if name != "MemTotal" && name != "MemFree" {
			continue
		}
		kilobytes, err := strconv.ParseUint(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
		if err != nil {
			return 0, 0, fmt.Errorf("/proc/meminfo: %s: %w", name, err)
		}
		found++
		if name == "MemTotal" {
			total = kilobytes << 10
		} else {
			free = kilobytes << 10
		}
	}
	if found < 2 {
		return 0, 0, fmt.Errorf("/proc/meminfo: MemTotal or MemFree is missing")
	}
	return total, free, nil
}
