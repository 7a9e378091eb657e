package e2e

import (
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/meseta/meseta/it/harness"
)

// heartbeat is the time between the events of a stream on which nothing else
// happens.
const heartbeat = 15 * time.Second

// example is one of the frameworks in examples/frameworks.
type example struct {
	// arguments are the command line that runs a command as tasks.
	arguments func(master, command string) []string
	// tasks is how many it runs.
	tasks int
}

// moduleRoot is the directory of the checkout.
func moduleRoot(t *testing.T) string {
	t.Helper()
	root, err := harness.ModuleRoot()
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// need returns the path of a program and ends the test where it is missing.
func need(t *testing.T, name string) string {
	t.Helper()
	found, err := exec.LookPath(name)
	if err != nil {
		missing(t, "%s is not installed", name)
	}
	return found
}

// works checks that an example runs tasks to completion, prints their states,
// ends as they did, and leaves nothing when it is interrupted.
func (e example) works(c *cluster) {
	c.t.Helper()
	c.startAgent()
	env := append(c.env(), "PYTHONDONTWRITEBYTECODE=1")
	on := func(task string) command { return command{args: e.arguments(c.master.Addr(), task), env: env} }

	began := time.Now()
	good := c.run(on("echo hello; sleep 0.1"))
	good.exits(0)
	if took := time.Since(began); took > heartbeat {
		c.t.Errorf("it took %s: events are noticed with the next one only", took)
	}
	for _, text := range []string{"subscribed as ", ": TASK_RUNNING", ": TASK_FINISHED Command exited with status 0"} {
		good.prints(text)
	}
	if n := strings.Count(good.stdout.String(), ": TASK_FINISHED"); n != e.tasks {
		c.t.Errorf("%d tasks are reported as finished, want %d\n%s", n, e.tasks, good.printed())
	}
	bad := c.run(on("exit 3"))
	bad.exits(1)
	if n := strings.Count(bad.stdout.String(), ": TASK_FAILED Command exited with status 3"); n != e.tasks {
		c.t.Errorf("%d tasks are reported as failed, want %d\n%s", n, e.tasks, bad.printed())
	}
	c.nothingSubscribed()

	interrupted := c.start(on("exec sleep 1000"))
	interrupted.prints(": TASK_RUNNING")
	interrupted.signal(syscall.SIGTERM)
	if interrupted.wait() == 0 {
		c.t.Error("an example that was interrupted says that all went well")
	}
	until(c.t, "the tasks of the interrupted example end", func() error {
		for _, p := range c.processes() {
			if strings.Contains(p, "sleep 1000") {
				return fmt.Errorf("left: %s", p)
			}
		}
		return nil
	})
	c.nothingSubscribed()

	nobody := fmt.Sprintf("127.0.0.1:%d", ports(c.t, 1)[0])
	alone := c.start(command{args: e.arguments(nobody, "true"), env: env})
	if alone.wait() == 0 {
		c.t.Error("an example without a master says that all went well")
	}
}

func TestTheExampleInPythonRunsItsTasks(t *testing.T) {
	t.Parallel()
	python := need(t, "python3")
	script := filepath.Join(moduleRoot(t), "examples/frameworks/python/framework.py")
	example{tasks: 4, arguments: func(master, command string) []string {
		return []string{python, script, "--master", master, "--command", command, "--tasks", "4"}
	}}.works(newCluster(t))
}

func TestTheExampleInShellRunsItsTask(t *testing.T) {
	t.Parallel()
	need(t, "curl")
	need(t, "jq")
	script := filepath.Join(moduleRoot(t), "examples/frameworks/shell/framework.sh")
	example{tasks: 1, arguments: func(master, command string) []string {
		return []string{need(t, "bash"), script, master, command}
	}}.works(newCluster(t))
}

func TestTheExampleInGoRunsItsTasks(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	binary := filepath.Join(c.Dir(), "example")
	build := exec.Command(need(t, "go"), "build", "-o", binary, "./examples/frameworks/go")
	build.Dir = moduleRoot(t)
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	example{tasks: 4, arguments: func(master, command string) []string {
		return []string{binary, "--master", master, "--command", command, "--tasks", "4"}
	}}.works(c)
}

func TestTheExampleInTypeScriptRunsItsTasks(t *testing.T) {
	t.Parallel()
	node, npm := need(t, "node"), need(t, "npm")
	c := newCluster(t)
	// It is built in a copy, so that the checkout stays as it is. The build
	// generates types from the specification, which is looked for above.
	for _, dir := range []string{"openapi", "examples/frameworks/typescript"} {
		copyTree(t, filepath.Join(moduleRoot(t), dir), filepath.Join(c.Dir(), dir))
	}
	dir := filepath.Join(c.Dir(), "examples/frameworks/typescript")
	// The user's own settings name proxies, registries and the cache.
	install := c.run(command{args: []string{npm, "ci", "--no-audit", "--no-fund"}, dir: dir, env: os.Environ()})
	if install.wait() != 0 {
		if offline(install.stderr.String()) {
			missing(t, "npm cannot reach its registry:\n%s", install.printed())
		}
		t.Fatalf("npm ci:\n%s", install.printed())
	}
	c.run(command{args: []string{npm, "run", "build"}, dir: dir, env: os.Environ()}).exits(0)
	example{tasks: 4, arguments: func(master, command string) []string {
		return []string{node, filepath.Join(dir, "dist/framework.js"), "--master", master, "--command", command, "--tasks", "4"}
	}}.works(c)
}

// offline tells whether npm failed for want of a network.
func offline(report string) bool {
	for _, code := range []string{"ENOTFOUND", "ECONNREFUSED", "ECONNRESET", "ETIMEDOUT", "EAI_AGAIN", "ENETUNREACH", "EHOSTUNREACH", "ENOTCACHED"} {
		if strings.Contains(report, code) {
			return true
		}
	}
	return false
}

// copyTree copies a directory without what is built in it.
func copyTree(t *testing.T, from, to string) {
	t.Helper()
	err := filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		target := filepath.Join(to, strings.TrimPrefix(path, from))
		switch {
		case d.IsDir() && (d.Name() == "node_modules" || d.Name() == "dist"):
			return filepath.SkipDir
		case d.IsDir():
			return os.MkdirAll(target, 0o755)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(target, text, 0o644)
	})
	if err != nil {
		t.Fatal(err)
	}
}
