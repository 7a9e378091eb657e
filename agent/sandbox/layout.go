// Package sandbox knows where the directories of executors are, makes them,
// and serves the files in them.
//
//	<work_dir>/slaves/<agent>/frameworks/<framework>/executors/<executor>/runs/<container>
//
// with a link "latest" beside the runs and one beside the agents.
package sandbox

import (
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"

	"github.com/meseta/meseta/internal/mesosid"
)

// Latest is the name of the link to the newest run or agent.
const Latest = "latest"

// Layout is the tree of sandboxes under one work directory.
type Layout struct {
	// WorkDir is absolute.
	WorkDir string
}

// Agents is the directory with one entry for each id the agent ever had.
func (l Layout) Agents() string { return filepath.Join(l.WorkDir, "slaves") }

// Agent is the directory of one agent id.
func (l Layout) Agent(id mesosid.AgentID) string {
	return filepath.Join(l.Agents(), string(id))
}

// Runs is the directory with the runs of an executor.
func (l Layout) Runs(a mesosid.AgentID, f mesosid.FrameworkID, e mesosid.ExecutorID) string {
	return filepath.Join(l.Agent(a), "frameworks", string(f), "executors", string(e), "runs")
}

// Run is the sandbox of one run of an executor.
func (l Layout) Run(a mesosid.AgentID, f mesosid.FrameworkID, e mesosid.ExecutorID, c mesosid.ContainerID) string {
	return filepath.Join(l.Runs(a, f, e), string(c))
}

// VirtualPath is the name under which operators find the newest sandbox of an
// executor without knowing work directory, agent id and container id.
func VirtualPath(f mesosid.FrameworkID, e mesosid.ExecutorID) string {
	return "/frameworks/" + string(f) + "/executors/" + string(e) + "/runs/" + Latest
}

// Create makes the sandbox at the path that [Layout.Run] gave, hands it to the
// user unless that is empty, and makes it the latest run. It is idempotent.
func Create(path, owner string) error {
	err := os.MkdirAll(path, 0o755)
	if os.IsNotExist(err) {
		// The garbage collector has just removed a directory above.
		err = os.MkdirAll(path, 0o755)
	}
	if err != nil {
		return fmt.Errorf("sandbox: %w", err)
	}
	if owner != "" {
		uid, gid, err := lookup(owner)
		if err != nil {
			return err
		}
		if err := os.Chown(path, uid, gid); err != nil {
			return fmt.Errorf("sandbox of user %s: %w", owner, err)
		}
	}
	return link(path)
}

// CreateAgent makes the directory of the agent's id the latest one.
func (l Layout) CreateAgent(id mesosid.AgentID) error {
	path := l.Agent(id)
	if err := os.MkdirAll(path, 0o755); err != nil {
		return fmt.Errorf("directory of the agent: %w", err)
	}
	return link(path)
}

// link points the link "latest" beside the path to it, replacing what is
// there in one step so that a reader never misses it. The target is relative:
// a tree that is moved stays whole, and a short link costs no block of disk.
func link(path string) error {
	dir, name := filepath.Split(path)
	latest := filepath.Join(dir, Latest)
	err := os.Symlink(name, latest)
	if err == nil {
		return nil
	}
	if target, readErr := os.Readlink(latest); readErr == nil && target == name {
		return nil
	}
	temporary := filepath.Join(dir, "."+Latest+"."+name)
	if os.IsExist(err) {
		if err = os.Remove(temporary); err == nil || os.IsNotExist(err) {
			err = os.Symlink(name, temporary)
		}
		if err == nil {
			err = os.Rename(temporary, latest)
		}
	}
	if err != nil {
		return fmt.Errorf("link to the latest sandbox: %w", err)
	}
	return nil
}

func lookup(name string) (uid, gid int, err error) {
	u, err := user.Lookup(name)
	if err != nil {
		return 0, 0, fmt.Errorf("sandbox: %w; create the user on the agent, or start the agent with --no-switch_user", err)
	}
	if uid, err = strconv.Atoi(u.Uid); err != nil {
		return 0, 0, fmt.Errorf("sandbox: user %s has the id %q, which is no number", name, u.Uid)
	}
	if gid, err = strconv.Atoi(u.Gid); err != nil {
		return 0, 0, fmt.Errorf("sandbox: user %s has the group %q, which is no number", name, u.Gid)
	}
	return uid, gid, nil
}
