package e2e

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/meseta/meseta/it/engine"
	"github.com/meseta/meseta/it/harness"
)

func TestRunShowsWhatACommandPrintsAndExitsWithItsCode(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.startAgent()
	tests := map[string]struct {
		args           []string
		code           int
		stdout, stderr string
	}{
		"a command that prints": {
			[]string{"run", "--command=echo hello; echo oops >&2"}, 0, "hello\n", "oops\n"},
		"a command that fails":      {[]string{"run", "--command=echo no; exit 7"}, 7, "no\n", "Command exited with status 7"},
		"a command that is unknown": {[]string{"run", "--command=/no/such/program"}, 127, "", "not found"},
		"a command that is killed":  {[]string{"run", "--command=kill -9 $$"}, 1, "", "terminated with signal Killed"},
		"a program with its arguments and environment": {
			[]string{"run", "--env=GREETING=good day", "--no-shell", "--command=/usr/bin/env", "--", "sh", "-c", `echo "$GREETING" "$0" "$1"`, "a b", "$c"},
			0, "good day a b $c\n", "run.0 FINISHED"},
		"output without a line end": {[]string{"run", "--command=printf one; printf two"}, 0, "onetwo", "FINISHED"},
		"only what the task prints": {[]string{"run", "-q", "--command=echo quiet"}, 0, "quiet\n", ""},
		"a lot of output":           {[]string{"run", "-q", "--command=seq 100000"}, 0, numbers(100000), ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			p := c.run(c.meseta(test.args...))
			p.exits(test.code)
			if got := p.stdout.String(); got != test.stdout {
				t.Errorf("stdout: got %.200q (%d bytes), want %.200q", got, len(got), test.stdout)
			}
			if got := p.stderr.String(); !strings.Contains(got, test.stderr) || test.stderr == "" && got != "" {
				t.Errorf("stderr: got %q, want %q", got, test.stderr)
			}
		})
	}
	c.nothingSubscribed()
}

func numbers(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintln(&b, i+1)
	}
	return b.String()
}

// nothingSubscribed checks that each framework was removed.
func (c *cluster) nothingSubscribed() {
	c.t.Helper()
	list := c.run(c.meseta("framework", "list", "-o", "json"))
	list.exits(0)
	if got := strings.TrimSpace(list.stdout.String()); got != "[]" {
		c.t.Errorf("frameworks are still subscribed: %s", got)
	}
}

func TestRunStartsInstancesAndNamesEachLineAfterItsTask(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.startAgent()
	c.startAgent()
	p := c.run(c.meseta("run", "--command=echo one; echo two", "--instances=3", "--name=many"))
	p.exits(0)
	lines := strings.Fields(strings.ReplaceAll(p.stdout.String(), "] ", "]"))
	slices.Sort(lines)
	want := "[many.0]one [many.0]two [many.1]one [many.1]two [many.2]one [many.2]two"
	if got := strings.Join(lines, " "); got != want {
		t.Errorf("got the lines %s, want %s", got, want)
	}
	one := c.run(c.meseta("run", "--command=case $MESOS_EXECUTOR_ID in *.1) exit 9;; esac", "--instances=3"))
	one.exits(9)
}

func TestRunRunsADockerImage(t *testing.T) {
	t.Parallel()
	e := engine.Shared(t)
	busybox := e.BusyboxImage(t)
	entry := e.Image(t, "meseta-test/entry:1", `ENTRYPOINT ["/bin/echo", "from the entry point"]`, `CMD ["with its command"]`)
	c := newCluster(t)
	c.startDockerAgent(e)
	tests := map[string]struct {
		args   []string
		code   int
		stdout string
	}{
		"with a command":            {[]string{"--docker_image=" + busybox, "--command=echo in $(cat /etc/group | head -1)"}, 0, "in root:x:0:\n"},
		"with a command that fails": {[]string{"--docker_image=" + busybox, "--command=exit 3"}, 3, ""},
		"with its entry point":      {[]string{"--docker_image=" + entry}, 0, "from the entry point with its command\n"},
		"with arguments for it":     {[]string{"--docker_image=" + entry, "--", "and", "a b"}, 0, "from the entry point and a b\n"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			p := c.run(c.meseta(append([]string{"run"}, test.args...)...))
			p.exits(test.code)
			if got := p.stdout.String(); got != test.stdout {
				t.Errorf("got %q, want %q", got, test.stdout)
			}
		})
	}
	t.Run("that nobody has", func(t *testing.T) {
		p := c.run(c.meseta("run", "--docker_image=127.0.0.1:1/no/such:image", "--command=true"))
		p.exits(1)
		p.reports("127.0.0.1:1/no/such:image")
		p.reports("run.0 FAILED")
	})
	t.Run("whose name is none", func(t *testing.T) {
		p := c.run(c.meseta("run", "--docker_image=No Such Image", "--command=true"))
		p.exits(1)
		p.reports("No Such Image")
	})
	c.nothingSubscribed()
	c.noContainer(e)
}

func TestRunSaysThatAnAgentHasNoEngine(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.startAgent()
	p := c.run(c.meseta("run", "--docker_image=busybox", "--command=true"))
	p.exits(1)
	p.reports("docker containerizer")
}

func TestRunWithoutAMasterSaysHowToGetOne(t *testing.T) {
	t.Parallel()
	c := emptyCluster(t)
	nobody := fmt.Sprintf("127.0.0.1:%d", ports(t, 1)[0])
	for _, args := range [][]string{{"run", "--command=true"}, {"task", "list"}, {"task", "logs", "x"}} {
		p := c.run(c.meseta(append(args, "--master="+nobody)...))
		p.exits(4)
		p.reports("no master answers at " + nobody)
		p.reports("local`")
		if out := p.stdout.String(); out != "" {
			t.Errorf("%v printed %q on its output", args, out)
		}
	}
}

func TestRunExplainsWhyNothingStarts(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.startAgent()
	p := c.start(c.meseta("run", "--command=true", "--resources=cpus:1000"))
	p.reports("waiting for cpus:1000")
	p.signal(syscall.SIGINT)
	p.exits(130)
	c.nothingSubscribed()
}

func TestInterruptingRunKillsItsTasksAndRemovesTheFramework(t *testing.T) {
	t.Parallel()
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		t.Run(signal.String(), func(t *testing.T) {
			t.Parallel()
			c := newCluster(t)
			c.startAgent()
			// The command has a child and says goodbye.
			p := c.start(c.meseta("run", "--instances=2",
				"--command=trap 'echo bye; exit 0' TERM; sleep 1000 & echo up; wait"))
			p.prints("[run.0] up\n")
			p.prints("[run.1] up\n")
			p.signal(signal)
			p.exits(130)
			p.prints("[run.0] bye\n")
			p.prints("[run.1] bye\n")
			c.nothingSubscribed()
			for _, left := range c.processes() {
				if strings.Contains(left, "sleep 1000") {
					t.Errorf("a process of the task is left: %s", left)
				}
			}
		})
	}
}

func TestASecondInterruptEndsRunAtOnce(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.startAgent("--executor_shutdown_grace_period=1000secs")
	p := c.start(c.meseta("run", "--command=trap '' TERM; echo up; while :; do sleep 1; done"))
	p.prints("up\n")
	p.signal(syscall.SIGINT)
	p.reports("KILLING")
	p.signal(syscall.SIGINT)
	if code := p.wait(); code == 0 {
		t.Error("it says that all went well")
	}
	// The master removes the framework, whose connection is gone, and the
	// agent ends its tasks.
	until(t, "the framework is gone", func() error {
		list := c.run(c.meseta("framework", "list", "-o", "name"))
		if names := list.stdout.String(); names != "" {
			return fmt.Errorf("still there: %s", names)
		}
		return nil
	})
	// A task that ignores the polite signal is given the time it was promised,
	// which this test does not wait for.
	_, err := c.Stop()
	if err != nil {
		t.Error(err)
	}
}

// startDockerAgent starts an agent that runs tasks in the engine, and others as
// processes.
func (c *cluster) startDockerAgent(e *engine.Engine, flags ...string) *harness.Agent {
	c.t.Helper()
	return c.startAgent(append([]string{
		"--containerizers=process,docker", "--docker_socket=" + strings.TrimPrefix(e.Host, "unix://"),
	}, flags...)...)
}

func TestTheStateOfAClusterIsListedForPeopleAndPrograms(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.startAgent()
	c.startAgent()
	first, second := c.agents[0], c.agents[1]
	running := c.start(c.meseta("run", "--name=alive", "--role=web", "--command=echo up; sleep 1000"))
	running.prints("up\n")
	c.run(c.meseta("run", "--name=over", "--command=exit 5")).exits(5)

	tests := []struct {
		name      string
		args      []string
		has, lack []string
	}{
		{"agents", []string{"agent", "list"}, []string{"HOSTNAME", first.Hostname, second.Hostname, first.Addr(), "active"}, nil},
		{"frameworks", []string{"framework", "list"}, []string{"alive", "web"}, []string{"over"}},
		{"all frameworks", []string{"framework", "list", "--all"}, []string{"alive", "over", "completed"}, nil},
		{"tasks", []string{"task", "list"}, []string{"alive.0", "RUNNING"}, []string{"over.0"}},
		{"all tasks", []string{"task", "list", "-a"}, []string{"alive.0", "over.0", "FAILED"}, nil},
		{"roles", []string{"role", "list"}, []string{"web"}, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			table := c.run(c.meseta(test.args...))
			table.exits(0)
			for _, text := range test.has {
				table.prints(text)
			}
			table.lacks(test.lack...)
			list := c.run(c.meseta(append(test.args, "-o", "json")...))
			list.exits(0)
			var things []object
			if err := json.Unmarshal([]byte(list.stdout.String()), &things); err != nil || len(things) == 0 {
				t.Errorf("got %d things and %v from the JSON\n%s", len(things), err, list.stdout.String())
			}
			if rows := strings.Count(table.stdout.String(), "\n") - 1; rows != len(things) {
				t.Errorf("the table has %d rows, the JSON %d things", rows, len(things))
			}
		})
	}
	running.signal(syscall.SIGINT)
	running.exits(130)
}

func TestTheOutputOfATaskIsPrintedAndFollowed(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.startAgent()
	gate := c.Dir() + "/gate"
	p := c.start(c.meseta("run", "--name=talker",
		"--command=echo first; echo aside >&2; while ! [ -e "+gate+" ]; do sleep 0.05; done; echo last"))
	p.prints("first\n")
	ids := c.run(c.meseta("task", "list", "-o", "name"))
	ids.exits(0)
	task := strings.TrimSpace(ids.stdout.String())

	soFar := c.run(c.meseta("task", "logs", task))
	soFar.exits(0)
	if got := soFar.stdout.String(); got != "first\n" {
		t.Errorf("got %q, want the first line", got)
	}
	aside := c.run(c.meseta("task", "logs", "--stderr", "talker"))
	aside.exits(0)
	if got := aside.stdout.String(); !strings.Contains(got, "aside\n") {
		t.Errorf("got %q, want what the task wrote to stderr", got)
	}
	following := c.start(c.meseta("task", "logs", "-f", task))
	following.prints("first\n")
	left := c.start(c.meseta("task", "logs", "-f", task))
	left.prints("first\n")
	left.signal(syscall.SIGINT)
	left.exits(130)

	c.run(command{args: []string{"/bin/sh", "-c", ": >" + gate}}).exits(0)
	p.exits(0)
	following.exits(0)
	if got := following.stdout.String(); got != "first\nlast\n" {
		t.Errorf("got %q, want both lines", got)
	}
	after := c.run(c.meseta("task", "logs", task))
	after.exits(0)
	if got := after.stdout.String(); got != "first\nlast\n" {
		t.Errorf("after the end: got %q, want both lines", got)
	}
	unknown := c.run(c.meseta("task", "logs", "nobody"))
	unknown.exits(1)
	unknown.reports("no such task")
}
