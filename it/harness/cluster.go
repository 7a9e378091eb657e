package harness

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// tailLines is how much of each log a failing test shows.
const tailLines = 40

// Cluster is one master and its agents, for one test. Its processes end with
// the test. It is safe for concurrent use.
type Cluster struct {
	run *Run
	dir string

	mu     sync.Mutex
	master *Master
	agents []*Agent
}

// NewCluster makes an empty cluster whose processes are killed when the test
// ends. If the test has failed then, the ends of their logs are printed.
// Setting MESETA_KEEP in the environment keeps the directories of failed
// tests.
func (r *Run) NewCluster(tb testing.TB) *Cluster {
	tb.Helper()
	dir, err := r.newClusterDir()
	if err != nil {
		tb.Fatalf("directory of the cluster: %v", err)
	}
	c := &Cluster{run: r, dir: dir}
	tb.Cleanup(func() {
		if _, err := c.Stop(); err != nil {
			tb.Errorf("stopping the cluster: %v", err)
		}
		if !tb.Failed() {
			_ = os.RemoveAll(dir)
			return
		}
		for _, p := range c.processes() {
			tb.Logf("end of the log of %s (%s):\n%s", p.name, p.State(), p.Tail(tailLines))
		}
		if os.Getenv("MESETA_KEEP") == "" {
			_ = os.RemoveAll(dir)
		}
	})
	return c
}

// Dir is a directory that belongs to this cluster alone.
func (c *Cluster) Dir() string { return c.dir }

// Mark is the variable, as NAME=value, that the processes of the cluster carry
// in their environment.
func (c *Cluster) Mark() string { return marker + "=" + c.dir }

// Strays lists what runs for the cluster at the moment: it works in the
// cluster's directory or below it, or carries its mark.
func (c *Cluster) Strays() ([]Stray, error) { return findStrays(c.dir) }

// Master returns the master, or nil before StartMaster.
func (c *Cluster) Master() *Master {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.master
}

// Stop kills agents, master and every process that they left behind, and
// returns the latter. Tasks outlive an agent that is killed, so strays are no
// error in themselves; a test that expects none says so. Stop may be repeated.
func (c *Cluster) Stop() ([]Stray, error) {
	processes := c.processes()
	for i := len(processes) - 1; i >= 0; i-- {
		processes[i].Kill()
	}
	return killStrays(c.dir)
}

// processes lists the master first and then the agents in their order.
func (c *Cluster) processes() []*Process {
	c.mu.Lock()
	defer c.mu.Unlock()
	var all []*Process
	if c.master != nil {
		all = append(all, c.master.Process())
	}
	for _, a := range c.agents {
		// An agent whose start failed has no process.
		if p := a.Process(); p != nil {
			all = append(all, p)
		}
	}
	return all
}

// MasterOptions describes a master. The zero value is a master with every
// flag at its default, apart from its address and an in-memory registry.
type MasterOptions struct {
	Hostname string            // default "master.test", a name that need not resolve
	Port     int               // default: a free port
	WorkDir  string            // default: below the directory of the cluster
	Flags    []string          // in addition to the flags that the options stand for
	Env      []string          // in addition to PATH and HOME
	Login    *Login            // for the harness's own requests, where the master asks for one
	Registry string            // default "in_memory"
	Binary   string            // default: Run.Binary
	Replace  map[string]string // flags by name (without dashes) that replace those of the options
}

// StartMaster starts the master of the cluster and waits until it is healthy.
// On failure the error holds the end of its log.
func (c *Cluster) StartMaster(ctx context.Context, o MasterOptions) (*Master, error) {
	if c.Master() != nil {
		return nil, errors.New("the cluster has a master already")
	}
	node, err := c.newNode("master", o.Port, o.WorkDir, o.Env, o.Binary)
	if err != nil {
		return nil, err
	}
	node.Hostname = orDefault(o.Hostname, "master.test")
	node.args = flags("master", map[string]string{
		"ip":       "127.0.0.1",
		"port":     fmt.Sprint(node.Port),
		"hostname": node.Hostname,
		"work_dir": node.WorkDir,
		"registry": orDefault(o.Registry, "in_memory"),
	}, o.Replace, o.Flags)
	node.extra = len(o.Flags)
	m := &Master{Node: node, login: o.Login}
	if err := m.Start(ctx); err != nil {
		return nil, err
	}
	c.mu.Lock()
	c.master = m
	c.mu.Unlock()
	if err := m.WaitHealthy(ctx); err != nil {
		return nil, err
	}
	return m, nil
}

// AgentOptions describes an agent. The zero value is an agent of the
// cluster's master that runs tasks as plain processes.
type AgentOptions struct {
	Hostname   string            // default "agent<n>.test", n counting the agents of the cluster from 1
	Port       int               // default: a free port
	WorkDir    string            // default: below the directory of the cluster
	RuntimeDir string            // default: below the directory of the cluster
	Master     string            // default: the address of the cluster's master
	Flags      []string          // in addition to the flags that the options stand for
	Env        []string          // in addition to PATH and HOME
	Binary     string            // default: Run.Binary
	Replace    map[string]string // flags by name (without dashes) that replace those of the options
}

// StartAgent starts an agent. It does not wait for the registration; see
// WaitForAgent.
func (c *Cluster) StartAgent(ctx context.Context, o AgentOptions) (*Agent, error) {
	c.mu.Lock()
	number := len(c.agents) + 1
	c.mu.Unlock()
	name := fmt.Sprintf("agent%d", number)
	node, err := c.newNode(name, o.Port, o.WorkDir, o.Env, o.Binary)
	if err != nil {
		return nil, err
	}
	master := o.Master
	if master == "" {
		m := c.Master()
		if m == nil {
			return nil, fmt.Errorf("%s: the cluster has no master and no address of one is given", name)
		}
		master = m.Addr()
	}
	node.Hostname = orDefault(o.Hostname, name+".test")
	a := &Agent{Node: node, RuntimeDir: orDefault(o.RuntimeDir, filepath.Join(c.dir, name, "run"))}
	node.dirs = append(node.dirs, a.RuntimeDir)
	node.args = flags("agent", map[string]string{
		"master":      master,
		"ip":          "127.0.0.1",
		"port":        fmt.Sprint(node.Port),
		"hostname":    node.Hostname,
		"work_dir":    node.WorkDir,
		"runtime_dir": a.RuntimeDir,
	}, o.Replace, o.Flags)
	node.extra = len(o.Flags)
	c.mu.Lock()
	c.agents = append(c.agents, a)
	c.mu.Unlock()
	if err := a.Start(ctx); err != nil {
		return nil, err
	}
	return a, nil
}

func orDefault(value, fallback string) string {
	if value == "" {
		return fallback
	}
	return value
}
