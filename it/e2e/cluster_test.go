package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/meseta/meseta/it/harness"
)

// path is where programs are looked for.
const path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// agentResources is what each agent has unless a test says otherwise.
const agentResources = "--resources=cpus:8;mem:4096;disk:4096;ports:[31000-32000]"

// cluster is the cluster of one test.
type cluster struct {
	*harness.Cluster
	t      *testing.T
	master *harness.Master
	agents []*harness.Agent
}

// emptyCluster is a place to start programs in. When the test has passed,
// its services must stop when asked to, and leave no process behind.
func emptyCluster(t *testing.T) *cluster {
	t.Helper()
	c := &cluster{Cluster: current.NewCluster(t), t: t}
	t.Cleanup(func() {
		if !t.Failed() && !t.Skipped() {
			c.assertClean()
		}
	})
	return c
}

// newCluster starts a master that allocates quickly and waits for it.
func newCluster(t *testing.T, masterFlags ...string) *cluster {
	t.Helper()
	c := emptyCluster(t)
	m, err := c.StartMaster(within(t), harness.MasterOptions{
		Flags: append([]string{"--allocation_interval=50ms"}, masterFlags...),
	})
	if err != nil {
		t.Fatal(err)
	}
	c.master = m
	return c
}

// startAgent starts an agent for process tasks, unless flags choose other
// containerizers, and waits until it is registered.
func (c *cluster) startAgent(flags ...string) *harness.Agent {
	c.t.Helper()
	return c.startAgentWith(harness.AgentOptions{Flags: flags})
}

func (c *cluster) startAgentWith(o harness.AgentOptions) *harness.Agent {
	c.t.Helper()
	o.Flags = append([]string{"--registration_backoff_factor=10ms", "--containerizers=process", agentResources}, o.Flags...)
	a, err := c.StartAgent(within(c.t), o)
	if err != nil {
		c.t.Fatal(err)
	}
	c.agents = append(c.agents, a)
	c.registered(a)
	return a
}

// registered waits until the master counts the agent as active.
func (c *cluster) registered(a *harness.Agent) harness.AgentRecord {
	c.t.Helper()
	record, err := c.WaitForAgent(within(c.t), a.Hostname, harness.Registered)
	if err != nil {
		c.t.Fatal(err)
	}
	return record
}

// restart starts an agent that has ended, and waits until it is registered
// again.
func (c *cluster) restart(a *harness.Agent) {
	c.t.Helper()
	before, err := c.AgentRecord(within(c.t), a.Hostname)
	if err != nil {
		c.t.Fatal(err)
	}
	if err := a.Start(within(c.t)); err != nil {
		c.t.Fatal(err)
	}
	if _, err := c.WaitForAgent(within(c.t), a.Hostname, harness.RegisteredSince(before)); err != nil {
		c.t.Fatal(err)
	}
}

// crash kills an agent as kill -9 does, and waits for its end.
func (c *cluster) crash(a *harness.Agent) { c.t.Helper(); c.end(a.Node, "KILL") }

// end sends a node a signal and waits for its end.
func (c *cluster) end(n *harness.Node, signal string) {
	c.t.Helper()
	if err := n.Signal(signal); err != nil {
		c.t.Fatal(err)
	}
	if err := n.Process().Wait(within(c.t)); err != nil {
		c.t.Fatal(err)
	}
}

// signal sends an agent a signal.
func (c *cluster) signal(a *harness.Agent, name string) {
	c.t.Helper()
	if err := a.Signal(name); err != nil {
		c.t.Fatal(err)
	}
}

// binary is the path of the program.
func (c *cluster) binary() string {
	c.t.Helper()
	b, err := current.Binary()
	if err != nil {
		c.t.Fatal(err)
	}
	return b
}

// meseta is the command line of the program, pointed at the cluster.
func (c *cluster) meseta(args ...string) command {
	c.t.Helper()
	return command{args: append([]string{c.binary()}, args...), env: c.env()}
}

// env is the environment in which command lines are typed.
func (c *cluster) env() []string {
	env := []string{path, "HOME=" + c.Dir()}
	if c.master != nil {
		env = append(env, "MESOS_MASTER="+c.master.Addr())
	}
	return env
}

// assertClean stops the services and looks for what is left.
func (c *cluster) assertClean() {
	c.t.Helper()
	nodes := []*harness.Node{}
	for _, a := range c.agents {
		nodes = append(nodes, a.Node)
	}
	if c.master != nil {
		nodes = append(nodes, c.master.Node)
	}
	for _, n := range nodes {
		if n.Process().Exited() {
			continue
		}
		c.end(n, "TERM")
		if state := n.Process().State(); state != "exit status 0" {
			c.t.Errorf("%s was asked to stop and ended with %q\n%s", n.Name, state, n.Process().Tail(20))
		}
	}
	c.noProcess()
}

// noProcess waits until no process of the cluster is left. Supervisors may take
// a moment to notice that there is nothing to supervise any more.
func (c *cluster) noProcess() {
	c.t.Helper()
	until(c.t, "no process of the test is left", func() error {
		if left := c.processes(); len(left) > 0 {
			return fmt.Errorf("these are:\n%s", strings.Join(left, "\n"))
		}
		return nil
	})
}

// processes lists what runs for the cluster: it works below its directory or
// carries its mark.
func (c *cluster) processes() []string {
	c.t.Helper()
	strays, err := c.Strays()
	if err != nil {
		c.t.Fatal(err)
	}
	var found []string
	for _, s := range strays {
		found = append(found, fmt.Sprintf("%d %s (in %s)", s.PID, s.Command, s.Dir))
	}
	return found
}
