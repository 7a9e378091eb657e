// Package detect finds out what a machine has to offer to its agent.
package detect

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/meseta/meseta/internal/hoststat"
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
	// What the error is about is zero in the answer.
	host, _ := hoststat.Read()
	return Machine{CPUs: host.CPUs, Memory: host.MemTotal >> 20, Disk: disk(workDir)}
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
