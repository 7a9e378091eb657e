package e2e

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// unprivileged is the user "nobody" of most systems.
const unprivileged = 65534

// as are the users that a test of a whole cluster is run as.
func as(t *testing.T, test func(t *testing.T, user *syscall.Credential)) {
	t.Helper()
	if os.Geteuid() != 0 {
		test(t, nil)
		return
	}
	t.Run("as root", func(t *testing.T) { t.Parallel(); test(t, nil) })
	t.Run("as a normal user", func(t *testing.T) {
		t.Parallel()
		test(t, &syscall.Credential{Uid: unprivileged, Gid: unprivileged})
	})
}

// home is a directory of the user's own.
func (c *cluster) home(user *syscall.Credential) string {
	c.t.Helper()
	dir := filepath.Join(c.Dir(), "home")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		c.t.Fatal(err)
	}
	if user != nil {
		if err := os.Chown(dir, int(user.Uid), int(user.Gid)); err != nil {
			c.t.Fatal(err)
		}
	}
	return dir
}

// ports are n ports in a row that are free.
func ports(t *testing.T, n int) []int {
	t.Helper()
	for {
		var all []int
		for len(all) < n {
			p, err := current.FreePort()
			if err != nil {
				t.Fatal(err)
			}
			if len(all) > 0 && p != all[len(all)-1]+1 {
				break
			}
			all = append(all, p)
		}
		if len(all) == n {
			return all
		}
	}
}

// localCluster is what `meseta local` is started with.
type localCluster struct {
	*cluster
	user          *syscall.Credential
	home, workDir string
	master, agent int
}

func newLocalCluster(t *testing.T, user *syscall.Credential, agents int) *localCluster {
	t.Helper()
	p := ports(t, agents+1)
	c := &localCluster{cluster: emptyCluster(t), user: user, master: p[0], agent: p[1]}
	c.home = c.cluster.home(user)
	c.workDir = filepath.Join(c.home, "work")
	return c
}

func (c *localCluster) address() string { return fmt.Sprintf("127.0.0.1:%d", c.master) }

// up starts the cluster with the flags and waits for its greeting.
func (c *localCluster) up(flags ...string) *program {
	c.t.Helper()
	args := []string{
		c.binary(), "local", "--ip=127.0.0.1", "--work_dir=" + c.workDir,
		fmt.Sprintf("--master_port=%d", c.master), fmt.Sprintf("--agent_port=%d", c.agent),
	}
	p := c.start(command{args: append(args, flags...), env: []string{path, "HOME=" + c.home}, dir: c.home, user: c.user})
	p.prints("Stop it:")
	return p
}

// as is a command line of the cluster's user.
func (c *localCluster) as(args ...string) command {
	return command{
		args: append([]string{c.binary()}, args...),
		env:  []string{path, "HOME=" + c.home, "MESOS_MASTER=" + c.address()}, dir: c.home, user: c.user,
	}
}

func TestLocalStartsAClusterSaysWhatToDoNextAndStopsCleanly(t *testing.T) {
	t.Parallel()
	as(t, func(t *testing.T, user *syscall.Credential) {
		for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
			t.Run("on "+signal.String(), func(t *testing.T) {
				t.Parallel()
				c := newLocalCluster(t, user, 2)
				local := c.up("--agents", "2")
				local.prints("a master and 2 agents")
				local.prints("http://" + c.address())
				local.prints("run --master=" + c.address() + " --command='echo hello'")

				response, err := http.Get("http://" + c.address() + "/health")
				if err != nil {
					t.Fatal(err)
				}
				response.Body.Close()
				if response.StatusCode != http.StatusOK {
					t.Errorf("the master answers %s to /health", response.Status)
				}
				list := c.run(c.as("agent", "list", "-o", "name"))
				list.exits(0)
				if n := len(strings.Fields(list.stdout.String())); n != 2 {
					t.Errorf("%d agents are listed, want 2", n)
				}
				hello := c.run(c.as("run", "--command=echo hello from $(id -u)"))
				hello.exits(0)
				uid := os.Geteuid()
				if user != nil {
					uid = int(user.Uid)
				}
				if want := fmt.Sprintf("hello from %d\n", uid); hello.stdout.String() != want {
					t.Errorf("the task printed %q, want %q", hello.stdout.String(), want)
				}

				local.signal(signal)
				local.exits(0)
				local.reports("goes on from " + c.workDir)
				c.noProcess()
			})
		}
	})
}

func TestTasksGoOnWhileALocalClusterIsDownAndAreFoundAgain(t *testing.T) {
	t.Parallel()
	as(t, func(t *testing.T, user *syscall.Credential) {
		c := newLocalCluster(t, user, 1)
		info := object{}
		if user != nil {
			info["user"] = "nobody"
		}
		local := c.up()
		f := subscribe(t, "http://"+c.address(), info)
		signalFile := filepath.Join(c.home, "go")
		wait := func(file string, code int) string {
			return fmt.Sprintf("echo started >>starts; while ! [ -e %s ]; do sleep 0.05; done; exit %d", file, code)
		}
		f.launch(f.takeOffer(""), shell("ends-meanwhile", wait(signalFile, 4), nil), shell("goes-on", wait(signalFile+".late", 5), nil))
		f.awaitState("ends-meanwhile", "TASK_RUNNING")
		f.awaitState("goes-on", "TASK_RUNNING")

		local.signal(syscall.SIGTERM)
		local.exits(0)
		<-f.done
		if n := len(c.processes()); n < 2 {
			t.Fatalf("the tasks ended with their cluster: %v", c.processes())
		}
		if err := os.WriteFile(signalFile, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		until(t, "the first task ends", func() error {
			for _, p := range c.processes() {
				if strings.Contains(p, "exit 4") {
					return fmt.Errorf("it runs: %s", p)
				}
			}
			return nil
		})

		local = c.up()
		info["id"] = value(f.id)
		again := subscribe(t, "http://"+c.address(), info)
		if s := again.awaitEnd("ends-meanwhile"); s.State != "TASK_FAILED" || !strings.Contains(s.Message, "exited with status 4") {
			t.Errorf("the task that ended meanwhile is reported as %+v", s)
		}
		if err := os.WriteFile(signalFile+".late", nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if s := again.awaitEnd("goes-on"); s.State != "TASK_FAILED" || !strings.Contains(s.Message, "exited with status 5") {
			t.Errorf("the task that went on is reported as %+v", s)
		}
		for _, task := range []string{"ends-meanwhile", "goes-on"} {
			if n := starts(t, c.workDir, task); n != 1 {
				t.Errorf("%s was started %d times", task, n)
			}
		}
		again.teardown()
		local.signal(syscall.SIGINT)
		local.exits(0)
		c.noProcess()
	})
}

func TestLocalSaysWhatToDoWhenAPortIsTaken(t *testing.T) {
	t.Parallel()
	c := newLocalCluster(t, nil, 1)
	first := c.up()
	second := c.run(command{args: []string{
		c.binary(), "local", "--ip=127.0.0.1", "--work_dir=" + filepath.Join(c.home, "second"),
		fmt.Sprintf("--master_port=%d", c.master), fmt.Sprintf("--agent_port=%d", c.agent),
	}, env: []string{path, "HOME=" + c.home}})
	second.exits(1)
	second.reports("address already in use")
	second.reports("--master_port=6050")
	first.signal(syscall.SIGINT)
	first.exits(0)
}

// starts counts how often the command of a task, which writes a line to the
// file "starts" in its sandbox, has been started below a work directory.
func starts(t *testing.T, workDir, task string) (n int) {
	t.Helper()
	err := filepath.WalkDir(workDir, func(path string, d os.DirEntry, err error) error {
		// Directories come and go while tasks do.
		if err == nil && d.Name() == "starts" && strings.Contains(path, "/executors/"+task+"/runs/") {
			text, err := os.ReadFile(path)
			n += strings.Count(string(text), "\n")
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}
