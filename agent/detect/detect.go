// Package detect finds out what a machine has to offer to its agent.
package detect

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"github.com/meseta/meseta/internal/resources"
	"github.com/meseta/meseta/internal/role"
)

// Machine is what a machine has, before anything is kept back.
type Machine struct {
	// CPUs is the number of processors that the agent may use.
	CPUs int
	// Memory is the physical memory in MiB, 0 when it is not known.
	Memory uint64
	// Disk is the size in MiB of the file system of the work directory, 0
	// when it is not known.
	Disk uint64
}

// Fallbacks, in MiB, where the machine does not say.
const (
	fallbackMemory = 1 << 10
	fallbackDisk   = 10 << 10
)

// The ports that are offered unless --resources names others.
const (
	firstPort = 31000
	lastPort  = 32000
)

// Look looks at this machine. What it cannot find out is 0. The work directory
// need not exist yet.
func Look(workDir string) Machine {
	return Machine{CPUs: runtime.NumCPU(), Memory: memory("/proc/meminfo"), Disk: disk(workDir)}
}

// memory reads the size of the physical memory in MiB.
func memory(path string) uint64 {
	f, err := os.Open(path)
	if err != nil {
		return 0
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) >= 2 && fields[0] == "MemTotal:" {
			kibibytes, err := strconv.ParseUint(fields[1], 10, 64)
			if err != nil {
				return 0
			}
			return kibibytes >> 10
		}
	}
	return 0
}

// disk measures the file system of the path, or of the nearest directory above
// it that exists.
func disk(path string) uint64 {
	for {
		var st syscall.Statfs_t
		err := syscall.Statfs(path, &st)
		if err == nil {
			return st.Blocks * uint64(st.Bsize) >> 20
		}
		above := filepath.Dir(path)
		if !errors.Is(err, fs.ErrNotExist) || above == path {
			return 0
		}
		path = above
	}
}

// Resources are those that --resources declares, completed by what the machine
// has. A name that the text mentions, be it with an amount of zero, is not
// detected. As in Mesos, a part of the machine is kept back for everything
// that is not a task.
func Resources(text, defaultRole string, m Machine) (resources.Resources, error) {
	if text != "" {
		var err error
		if text, err = contents(text); err != nil {
			return resources.Resources{}, err
		}
	}
	declared, err := resources.Parse(text, defaultRole)
	if err != nil {
		return resources.Resources{}, fmt.Errorf("resources: %w", err)
	}
	total := declared.Resources
	for _, amount := range []struct {
		name  string
		value uint64
	}{
		{resources.CPUs, uint64(max(m.CPUs, 1))},
		{resources.Mem, keepBack(m.Memory, 2<<10, 1<<10, fallbackMemory)},
		{resources.DiskSpace, keepBack(m.Disk, 10<<10, 5<<10, fallbackDisk)},
	} {
		if !declared.Mentions(amount.name) {
			total = total.Add(detected(fmt.Sprintf("%s:%d", amount.name, amount.value), defaultRole))
		}
	}
	if !declared.Mentions(resources.Ports) {
		total = total.Add(detected(fmt.Sprintf("%s:[%d-%d]", resources.Ports, firstPort, lastPort), defaultRole))
	}
	return total, nil
}

// keepBack leaves out the kept part of a machine that has at least the given
// amount, and half of a smaller one.
func keepBack(total, least, kept, fallback uint64) uint64 {
	switch {
	case total == 0:
		return fallback
	case total >= least:
		return total - kept
	default:
		return total / 2
	}
}

// detected are resources in the text form, which is known to be valid.
func detected(text, defaultRole string) resources.Resources {
	if defaultRole == "" {
		defaultRole = role.Default
	}
	d, err := resources.Parse(text, defaultRole)
	if err != nil {
		// The caller has parsed with this role before, and the text is ours.
		panic("detect: " + err.Error())
	}
	return d.Resources
}

// largestFile bounds a file of resources.
const largestFile = 1 << 20

// contents resolves the two other forms of a flag: file://path and a path.
func contents(text string) (string, error) {
	path, uri := strings.CutPrefix(text, "file://")
	if !uri && !filepath.IsAbs(text) {
		return text, nil
	}
	info, err := os.Stat(path)
	if err != nil {
		return "", fmt.Errorf("resources: %w", err)
	}
	if info.Size() > largestFile {
		return "", fmt.Errorf("resources: %s has %d bytes; at most %d are read", path, info.Size(), largestFile)
	}
	read, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("resources: %w", err)
	}
	return string(read), nil
}

// Load is the load of the machine over 1, 5 and 15 minutes, and its memory.
type Load struct {
	Minutes1, Minutes5, Minutes15 float64
	// MemTotal and MemFree are in bytes.
	MemTotal, MemFree uint64
}

// CurrentLoad measures the machine.
func CurrentLoad() (Load, error) {
	var info syscall.Sysinfo_t
	if err := syscall.Sysinfo(&info); err != nil {
		return Load{}, fmt.Errorf("load of the machine: %w", err)
	}
	const scale = 1 << 16 // loads are fixed-point numbers
	unit := uint64(info.Unit)
	round := func(load uint64) float64 { return math.Round(float64(load)/scale*100) / 100 }
	return Load{
		round(uint64(info.Loads[0])), round(uint64(info.Loads[1])), round(uint64(info.Loads[2])),
		uint64(info.Totalram) * unit, uint64(info.Freeram) * unit,
	}, nil
}
