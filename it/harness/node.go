package harness

import (
	"context"
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Node is a server that keeps its address, its directories and its flags over
// several lives of its process. It is safe for concurrent use.
type Node struct {
	Name     string
	Hostname string
	Port     int
	WorkDir  string

	binary string
	args   []string // the subcommand and all flags
	extra  int      // how many of args, at their end, the options gave
	env    []string
	dirs   []string // made before every start, removed by Wipe
	log    string

	mu      sync.Mutex
	process *Process
}

// Master is the master of a cluster.
type Master struct {
	*Node
	login *Login
}

// Agent is an agent of a cluster.
type Agent struct {
	*Node
	RuntimeDir string
}

func (c *Cluster) newNode(name string, port int, workDir string, env []string, binary string) (*Node, error) {
	var err error
	if binary == "" {
		if binary, err = c.run.Binary(); err != nil {
			return nil, err
		}
	}
	if port == 0 {
		if port, err = c.run.FreePort(); err != nil {
			return nil, err
		}
	}
	workDir = orDefault(workDir, filepath.Join(c.dir, name, "work"))
	return &Node{
		Name:    name,
		Port:    port,
		WorkDir: workDir,
		binary:  binary,
		env: append([]string{
			"PATH=/usr/local/bin:/usr/bin:/bin",
			"HOME=" + os.Getenv("HOME"),
			c.Mark(),
		}, env...),
		dirs: []string{workDir},
		log:  filepath.Join(c.dir, name+".log"),
	}, nil
}

// flags puts the arguments of a subcommand together: the standard ones in the
// order of their names, then the extra ones, which win where a flag is
// repeated.
func flags(subcommand string, standard, replace map[string]string, extra []string) []string {
	merged := maps.Clone(standard)
	maps.Copy(merged, replace)
	args := []string{subcommand}
	for _, name := range slices.Sorted(maps.Keys(merged)) {
		args = append(args, "--"+name+"="+merged[name])
	}
	return append(args, extra...)
}

// Addr is the address the node listens on, as host:port.
func (n *Node) Addr() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(n.Port)) }

// URL is the base of the node's HTTP addresses, without a final slash.
func (n *Node) URL() string { return "http://" + n.Addr() }

// Process is the newest process of the node.
func (n *Node) Process() *Process {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.process
}

// Start starts the node, again if it ran before, with the flags it had. It
// does not wait until the node is ready.
func (n *Node) Start(ctx context.Context) error { return n.StartWith(ctx, n.args[1:]) }

// StartWith is Start with other arguments after the subcommand. They are used
// for this life of the process only.
func (n *Node) StartWith(ctx context.Context, args []string) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.process != nil && !n.process.Exited() {
		return fmt.Errorf("%s: is running already", n.Name)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	for _, dir := range n.dirs {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	process, err := command{
		name: n.Name,
		path: n.binary,
		args: append([]string{n.args[0]}, args...),
		env:  n.env,
		dir:  filepath.Dir(n.log),
		log:  n.log,
	}.start()
	if err != nil {
		return err
	}
	n.process = process
	return nil
}

// Args are the arguments after the subcommand that Start uses.
func (n *Node) Args() []string { return slices.Clone(n.args[1:]) }

// StandardArgs are those of Args that the harness has chosen, without the flags
// given in the options.
func (n *Node) StandardArgs() []string { return slices.Clone(n.args[1 : len(n.args)-n.extra]) }

// Signal sends a signal, by its name without SIG, to the node alone: what its
// tasks and executors are doing is not disturbed. It does not wait.
func (n *Node) Signal(name string) error {
	signal, err := signalByName(name)
	if err != nil {
		return err
	}
	return n.Process().Signal(signal)
}

// Wipe removes the directories of a node that is not running.
func (n *Node) Wipe() error {
	if p := n.Process(); p != nil && !p.Exited() {
		return fmt.Errorf("%s: is running, its directories cannot be removed", n.Name)
	}
	for _, dir := range n.dirs {
		if err := os.RemoveAll(dir); err != nil {
			return err
		}
	}
	return nil
}

// failure describes why the node is not ready, with the end of its log.
func (n *Node) failure(what string) error {
	p := n.Process()
	return fmt.Errorf("%s: %s (%s); the end of its log:\n%s", n.Name, what, p.State(),
		indent(p.Tail(tailLines)))
}

func indent(text string) string {
	return "    " + strings.ReplaceAll(text, "\n", "\n    ")
}
