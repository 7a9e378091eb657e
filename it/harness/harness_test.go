package harness

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// current is the Run of this test program.
var current *Run

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && (os.Args[1] == "master" || os.Args[1] == "agent") {
		fakeMain()
		return
	}
	os.Exit(testMain(m))
}

func testMain(m *testing.M) int {
	run, err := Begin()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	current = run
	code := m.Run()
	if err := run.End(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

func within30s(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// startPair starts a fake master and a fake agent that is registered.
func startPair(t *testing.T) (*Cluster, *Agent, AgentRecord) {
	t.Helper()
	ctx := within30s(t)
	c := current.NewCluster(t)
	if _, err := c.StartMaster(ctx, MasterOptions{Binary: os.Args[0]}); err != nil {
		t.Fatal(err)
	}
	a, err := c.StartAgent(ctx, AgentOptions{Binary: os.Args[0]})
	if err != nil {
		t.Fatal(err)
	}
	record, err := c.WaitForAgent(ctx, a.Hostname, Registered)
	if err != nil {
		t.Fatal(err)
	}
	return c, a, record
}

func TestAnAgentThatIsKilledLeavesItsTaskWhichStopEnds(t *testing.T) {
	t.Parallel()
	c, a, record := startPair(t)
	if record.ID != "S0" || record.Hostname != "agent1.test" {
		t.Errorf("got the record %+v", record)
	}
	if err := a.Signal("KILL"); err != nil {
		t.Fatal(err)
	}
	if err := a.Process().Wait(within30s(t)); err != nil {
		t.Fatal(err)
	}
	strays, err := c.Stop()
	if err != nil {
		t.Fatal(err)
	}
	if len(strays) != 1 || !strings.Contains(strays[0].Command, "sleep 1000") {
		t.Errorf("got the strays %v, want the task alone", strays)
	}
	if again, err := c.Stop(); err != nil || len(again) != 0 {
		t.Errorf("the second stop met %v, %v", again, err)
	}
}

func TestAnAgentThatComesBackIsSeenToHaveRegisteredAgain(t *testing.T) {
	t.Parallel()
	ctx := within30s(t)
	c, a, before := startPair(t)
	a.Process().Kill()
	if err := a.Wipe(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(a.WorkDir); !os.IsNotExist(err) {
		t.Errorf("the work directory is still there: %v", err)
	}
	if err := a.Start(ctx); err != nil {
		t.Fatal(err)
	}
	after, err := c.WaitForAgent(ctx, a.Hostname, RegisteredSince(before))
	if err != nil {
		t.Fatal(err)
	}
	if after.ID != before.ID || after.Reregistered == before.Reregistered {
		t.Errorf("before %+v, after %+v", before, after)
	}
	if err := a.Start(ctx); err == nil {
		t.Error("a running agent was started a second time")
	}
}

func TestAStoppedProcessCanBeKilled(t *testing.T) {
	t.Parallel()
	_, a, _ := startPair(t)
	if err := a.Signal("STOP"); err != nil {
		t.Fatal(err)
	}
	a.Process().Kill()
	if state := a.Process().State(); state != "signal: killed" {
		t.Errorf("the process ended with %q", state)
	}
}

func TestAMasterThatFailsToStartIsReportedWithItsLog(t *testing.T) {
	t.Parallel()
	c := current.NewCluster(t)
	_, err := c.StartMaster(within30s(t), MasterOptions{Binary: os.Args[0], Flags: []string{"--fail"}})
	if err == nil || !strings.Contains(err.Error(), "told to fail") || !strings.Contains(err.Error(), "exit status 1") {
		t.Errorf("got %v", err)
	}
}

func TestFlagsAreOrderedReplacedAndExtended(t *testing.T) {
	t.Parallel()
	got := flags("master", map[string]string{"port": "1", "ip": "127.0.0.1"}, map[string]string{"port": "2"}, []string{"--x=y"})
	want := "[master --ip=127.0.0.1 --port=2 --x=y]"
	if fmt.Sprint(got) != want {
		t.Errorf("got %v, want %s", got, want)
	}
}

func TestAPortIsHandedOutOnce(t *testing.T) {
	t.Parallel()
	ports := newPortSource()
	seen := make(map[int]bool)
	for range 50 {
		p, err := ports.next()
		if err != nil {
			t.Fatal(err)
		}
		if seen[p] || p < firstPort || p > lastPort {
			t.Errorf("port %d is out of range or handed out twice", p)
		}
		seen[p] = true
	}
}

func TestEndNamesAProcessThatOnlyCarriesTheMark(t *testing.T) {
	t.Parallel()
	run, err := Begin()
	if err != nil {
		t.Fatal(err)
	}
	left := exec.Command("/bin/sleep", "1000")
	left.Dir = "/"
	left.Env = []string{marker + "=" + filepath.Join(run.Dir(), "c7")}
	if err := left.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- left.Wait() }()
	if err := run.End(); err == nil || !strings.Contains(err.Error(), "/bin/sleep 1000") {
		t.Errorf("got %v, want an error that names the process", err)
	}
	if err := <-done; err == nil {
		t.Error("the process ended by itself")
	}
	if _, err := os.Stat(run.Dir()); !os.IsNotExist(err) {
		t.Errorf("the directory of the run is still there: %v", err)
	}
}

func TestTheWatchdogCleansUpAfterATestProgramThatWasKilled(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	inside := filepath.Join(dir, "run")
	if err := os.Mkdir(inside, 0o755); err != nil {
		t.Fatal(err)
	}
	dog, err := startWatchdog(inside)
	if err != nil {
		t.Fatal(err)
	}
	byDir := exec.Command("/bin/sleep", "1000")
	byDir.Dir, byDir.Env = inside, []string{}
	byMark := exec.Command("/bin/sleep", "1000")
	byMark.Dir, byMark.Env = "/", []string{marker + "=" + inside}
	for _, cmd := range []*exec.Cmd{byDir, byMark} {
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
	}
	// The end of the input is all the watchdog sees of the end of its parent.
	if err := dog.stop(); err != nil {
		t.Errorf("watchdog: %v", err)
	}
	for _, cmd := range []*exec.Cmd{byDir, byMark} {
		if err := cmd.Wait(); err == nil || err.Error() != "signal: killed" {
			t.Errorf("the process ended with %v", err)
		}
	}
	if _, err := os.Stat(inside); !os.IsNotExist(err) {
		t.Errorf("the directory is still there: %v", err)
	}
}
