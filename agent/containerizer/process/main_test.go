package process

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
	"go.uber.org/goleak"

	"github.com/meseta/meseta/agent/containerizer"
	"github.com/meseta/meseta/gen/mesosv1"
	"github.com/meseta/meseta/internal/mesosid"
)

// TestMain is also the supervisor: containerizers under test start this test
// binary again, as the real one starts itself.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "executor" {
		os.Exit(SupervisorMain(os.Args[2:]))
	}
	if len(os.Args) > 1 && os.Args[1] == "agent" {
		os.Exit(agentMain(os.Args[2:]))
	}
	goleak.VerifyTestMain(m)
}

// patience bounds every wait for a real process.
const patience = 20 * time.Second

// bench is a containerizer with its own directories.
type bench struct {
	*Containerizer
	t      testing.TB
	config Config
	work   string
}

// modes are the ways to track processes; each is tested where it can be.
var modes = map[string]func(*Config){
	"with control groups":    func(*Config) {},
	"without control groups": func(c *Config) { c.NoCgroups = true },
}

// inEachMode runs a test with and without control groups.
func inEachMode(t *testing.T, test func(t *testing.T, b *bench)) {
	t.Helper()
	for name, mode := range modes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if name == "with control groups" {
				needRoot(t, "making control groups")
			}
			test(t, setup(t, mode))
		})
	}
}

// needRoot skips a test that only root can run, and fails it in CI.
func needRoot(t testing.TB, why string) {
	t.Helper()
	if os.Geteuid() == 0 {
		return
	}
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s needs root, and CI must not skip it", why)
	}
	t.Skipf("%s needs root", why)
}

func setup(t testing.TB, adjust ...func(*Config)) *bench {
	t.Helper()
	work := t.TempDir()
	// Tasks of other users have to reach their sandboxes.
	for dir := work; dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
		_ = os.Chmod(dir, 0o755)
	}
	config := Config{RuntimeDir: filepath.Join(work, "run"), CheckInterval: 50 * time.Millisecond}
	for _, f := range adjust {
		f(&config)
	}
	b := &bench{t: t, config: config, work: work}
	b.open()
	t.Cleanup(func() { b.end() })
	return b
}

func (b *bench) open() {
	b.t.Helper()
	c, err := New(b.config)
	if err != nil {
		b.t.Fatal(err)
	}
	b.Containerizer = c
}

// crash drops the containerizer as the death of its agent would, makes the
// next one and lets it recover.
func (b *bench) crash(specs ...containerizer.Spec) map[mesosid.ContainerID]containerizer.Status {
	b.t.Helper()
	b.abandon()
	if err := b.lock.Close(); err != nil {
		b.t.Fatal(err)
	}
	b.open()
	found, err := b.Recover(b.ctx(), specs)
	if err != nil {
		b.t.Fatal(err)
	}
	return found
}

// end removes all containers and checks that nothing stays behind.
func (b *bench) end() {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	b.mu.Lock()
	var ids []mesosid.ContainerID
	for id := range b.containers {
		ids = append(ids, id)
	}
	b.mu.Unlock()
	for _, id := range ids {
		if err := b.Remove(ctx, id); err != nil {
			b.t.Errorf("Remove %s: %v", id, err)
		}
	}
	if err := b.Close(); err != nil {
		b.t.Errorf("Close: %v", err)
	}
	left, _ := filepath.Glob(filepath.Join(b.config.RuntimeDir, "supervisor-*"))
	if len(left) > 0 {
		b.t.Errorf("supervisor directories stay behind: %v", left)
	}
	for _, dir := range []string{b.cgroups.Unified, b.cgroups.Memory, b.cgroups.CPU, b.cgroups.PIDs, b.cgroups.Account} {
		if _, err := os.Stat(dir); dir != "" && err == nil {
			b.t.Errorf("control groups stay behind in %s: %v", dir, b.cgroups.Names())
		}
	}
	// A supervisor may take a moment after it has given up its lock.
	eventually(b.t, "no process stays behind", func() bool { return len(processesIn(b.work)) == 0 })
}

func (b *bench) ctx() context.Context {
	ctx, cancel := context.WithTimeout(b.t.Context(), patience)
	b.t.Cleanup(cancel)
	return ctx
}

// shell makes the specification of a shell command with a sandbox of its own.
func (b *bench) shell(command string) containerizer.Spec {
	b.t.Helper()
	id := mesosid.ContainerID(uuid.NewString())
	sandbox := filepath.Join(b.work, string(id))
	if err := os.Mkdir(sandbox, 0o755); err != nil {
		b.t.Fatal(err)
	}
	return containerizer.Spec{
		ID: id, TaskID: "t", Sandbox: sandbox,
		Command: mesosv1.CommandInfo{Value: &command},
		Limits:  containerizer.Limits{CPUs: 0.1, MemoryBytes: 64 << 20},
	}
}

func (b *bench) launch(spec containerizer.Spec) containerizer.Spec {
	b.t.Helper()
	if _, err := b.Prepare(b.ctx(), spec, func(string) {}); err != nil {
		b.t.Fatalf("Prepare: %v", err)
	}
	if _, err := b.Launch(b.ctx(), spec); err != nil {
		b.t.Fatalf("Launch: %v", err)
	}
	return spec
}

func (b *bench) wait(spec containerizer.Spec) containerizer.Exit {
	b.t.Helper()
	exit, err := b.Wait(b.ctx(), spec.ID)
	if err != nil {
		b.t.Fatalf("Wait: %v", err)
	}
	return exit
}

// run launches a command and waits for its end.
func (b *bench) run(spec containerizer.Spec) containerizer.Exit {
	b.t.Helper()
	return b.wait(b.launch(spec))
}

// file reads a file of a sandbox, which may be missing.
func file(spec containerizer.Spec, name string) string {
	data, _ := os.ReadFile(filepath.Join(spec.Sandbox, name))
	return string(data)
}

// eventually polls until what is true.
func eventually(t testing.TB, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !is(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within %v: %s", patience, what)
		}
	}
}

// pidIn waits until a process has written its number to a file of the sandbox.
func pidIn(t testing.TB, spec containerizer.Spec, name string) int {
	t.Helper()
	pid := 0
	eventually(t, "a number in "+name, func() bool {
		text := file(spec, name)
		pid, _ = strconv.Atoi(strings.TrimSpace(text))
		return strings.HasSuffix(text, "\n") && pid > 0
	})
	return pid
}

// alive says whether a process exists and is no zombie.
func alive(pid int) bool {
	data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err == nil && !strings.Contains(string(data), ") Z ")
}

// processesIn lists processes that run below a directory or mention it.
func processesIn(dir string) []string {
	var found []string
	all, _ := filepath.Glob("/proc/[0-9]*")
	for _, p := range all {
		pid, _ := strconv.Atoi(filepath.Base(p))
		if pid == os.Getpid() || !alive(pid) {
			continue
		}
		cwd, _ := os.Readlink(p + "/cwd")
		line, _ := os.ReadFile(p + "/cmdline")
		if strings.HasPrefix(cwd, dir) || strings.Contains(string(line), dir) {
			found = append(found, filepath.Base(p)+" "+strings.ReplaceAll(string(line), "\x00", " "))
		}
	}
	return found
}

func exited(code int) containerizer.Exit {
	return containerizer.Exit{Known: true, Status: syscall.WaitStatus(code << 8)}
}

func program(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Skipf("no %s on this machine", name)
	}
	return path
}
