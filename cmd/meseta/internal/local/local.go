// Package local decides with which flags the services of `meseta local` run:
// one master and several agents on one machine, that share its resources
// without getting into each other's way.
package local

import (
	"errors"
	"fmt"
	"math"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/meseta/meseta/agent/detect"
	"github.com/meseta/meseta/internal/resources"
)

// Options of a cluster.
type Options struct {
	// Agents is their number, at least 1.
	Agents int
	// MasterPort, and AgentPort for the first agent; the others count up.
	MasterPort, AgentPort int
	// WorkDir holds a directory for each service; absolute.
	WorkDir string
	// IP is the address of all services.
	IP netip.Addr
	// Resources of each agent in the form of --resources; what it does not
	// name is an equal share of the machine.
	Resources string
	// Attributes, Containerizers and DockerSocket of each agent; empty means the
	// default.
	Attributes, Containerizers, DockerSocket string
	// Machine is what there is to share.
	Machine detect.Machine
}

const (
	// firstPort is where the ports for tasks begin, and portsPerAgent how many
	// each agent offers: two agents must not offer the same port.
	firstPort     = 31000
	portsPerAgent = 1000
	maxAgents     = (math.MaxUint16 - firstPort) / portsPerAgent
)

// Plan is the command line of every service.
type Plan struct {
	Master []string
	Agents [][]string
	// MasterAddress is the "host:port" of the master.
	MasterAddress string
}

// New makes a plan. The error names every option that is wrong.
func New(o Options) (*Plan, error) {
	var errs []error
	if o.Agents < 1 || o.Agents > maxAgents {
		errs = append(errs, fmt.Errorf("--agents: %d is out of range: from 1 to %d", o.Agents, maxAgents))
	}
	if o.MasterPort < 1 || o.MasterPort > math.MaxUint16 {
		errs = append(errs, fmt.Errorf("--master_port: %d is not a port", o.MasterPort))
	}
	last := o.AgentPort + o.Agents - 1
	if o.AgentPort < 1 || last > math.MaxUint16 {
		errs = append(errs, fmt.Errorf("--agent_port: %d to %d are not all ports", o.AgentPort, last))
	} else if o.MasterPort >= o.AgentPort && o.MasterPort <= last {
		errs = append(errs, fmt.Errorf("--master_port: %d is also the port of an agent, which have %d to %d", o.MasterPort, o.AgentPort, last))
	}
	declared, err := resources.Parse(o.Resources, "*")
	if err != nil {
		errs = append(errs, fmt.Errorf("--resources: %w", err))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	p := &Plan{MasterAddress: net.JoinHostPort(o.IP.String(), strconv.Itoa(o.MasterPort))}
	p.Master = []string{
		"--ip=" + o.IP.String(), "--port=" + strconv.Itoa(o.MasterPort), "--work_dir=" + filepath.Join(o.WorkDir, "master"),
	}
	for i := range o.Agents {
		args := []string{
			"--master=" + p.MasterAddress, "--ip=" + o.IP.String(), "--port=" + strconv.Itoa(o.AgentPort+i),
			"--work_dir=" + filepath.Join(o.WorkDir, "agent-"+strconv.Itoa(i)),
			"--resources=" + share(o, declared, i),
		}
		if o.Attributes != "" {
			args = append(args, "--attributes="+o.Attributes)
		}
		if o.Containerizers != "" {
			args = append(args, "--containerizers="+o.Containerizers)
		}
		if o.DockerSocket != "" {
			args = append(args, "--docker_socket="+o.DockerSocket)
		}
		p.Agents = append(p.Agents, args)
	}
	return p, nil
}

// share is the --resources of agent i: what was declared, and its part of the
// rest. Resources declared as JSON cannot be completed and stand alone.
func share(o Options, declared resources.Declared, i int) string {
	if strings.HasPrefix(strings.TrimSpace(o.Resources), "[") {
		return o.Resources
	}
	parts := []string{}
	if o.Resources != "" {
		parts = append(parts, strings.TrimSuffix(o.Resources, ";"))
	}
	if o.Agents > 1 {
		// With nothing declared, this cannot fail.
		whole, _ := detect.Resources("", "*", o.Machine)
		for _, name := range []string{resources.CPUs, resources.Mem, resources.DiskSpace} {
			if !declared.Mentions(name) {
				part := max(1, int64(whole.Amount(name).Float())/int64(o.Agents))
				parts = append(parts, fmt.Sprintf("%s:%d", name, part))
			}
		}
	}
	if !declared.Mentions(resources.Ports) {
		first := firstPort + i*portsPerAgent
		parts = append(parts, fmt.Sprintf("%s:[%d-%d]", resources.Ports, first, first+portsPerAgent-1))
	}
	return strings.Join(parts, ";")
}

// DefaultWorkDir is where a cluster is kept unless told otherwise: the system's
// directory for root, the user's own for others.
func DefaultWorkDir(uid int, getenv func(string) string) string {
	if uid == 0 {
		return "/var/lib/meseta"
	}
	if state := getenv("XDG_STATE_HOME"); filepath.IsAbs(state) {
		return filepath.Join(state, "meseta")
	}
	if home := getenv("HOME"); filepath.IsAbs(home) {
		return filepath.Join(home, ".local/state/meseta")
	}
	return filepath.Join(os.TempDir(), "meseta-"+strconv.Itoa(uid))
}
