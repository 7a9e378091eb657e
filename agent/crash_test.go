package agent_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/meseta/meseta/agent"
	"github.com/meseta/meseta/agent/containerizer/process"
	"github.com/meseta/meseta/gen/mesosv1"
	"github.com/meseta/meseta/gen/nodev1"
	"github.com/meseta/meseta/internal/taskstate"
)

// Roles in which this test binary starts itself again.
const (
	supervisorRole = "executor"
	agentRole      = "agent-under-test"
)

// agentProcess is what an agent in a process of its own is told.
type agentProcess struct {
	WorkDir, Master string
}

// runAgentProcess is the main function of an agent that tests may kill.
func runAgentProcess(settings string) error {
	var p agentProcess
	if err := json.Unmarshal([]byte(settings), &p); err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	containers, err := process.New(process.Config{
		RuntimeDir: filepath.Join(p.WorkDir, "runtime"), NoCgroups: true, NoSwitchUser: true, Log: log,
	})
	if err != nil {
		return err
	}
	defer containers.Close()
	a, err := agent.New(agent.Options{
		WorkDir: p.WorkDir, Masters: []string{p.Master}, Hostname: "agent1.test", IP: "127.0.0.1", Port: 5051,
		Version: "1.12.0", RegistrationBackoffFactor: time.Millisecond, Logger: log,
		Containerizers: agent.Containerizers{Process: containers},
	})
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	return a.Run(ctx)
}

// ServeHTTP serves the fake master over a real connection.
func (m *fakeMaster) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	response, err := m.RoundTrip(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	defer response.Body.Close()
	for key, values := range response.Header {
		w.Header()[key] = values
	}
	w.WriteHeader(response.StatusCode)
	flusher := http.NewResponseController(w)
	_ = flusher.Flush()
	buffer := make([]byte, 64<<10)
	for {
		n, err := response.Body.Read(buffer)
		if _, writeErr := w.Write(buffer[:n]); writeErr != nil || err != nil {
			return
		}
		_ = flusher.Flush()
	}
}

// Agents die at random moments while tasks start, run and end. No task may be
// lost without a word, run twice, or be reported out of order.
func TestTasksSurviveAnAgentThatIsKilledAgainAndAgain(t *testing.T) {
	if testing.Short() {
		t.Skip("starts real processes")
	}
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	const rounds, perRound = 8, 12

	master := newFakeMaster(t)
	master.patience = 60 * time.Second
	var sent []string
	framework := mesosv1.FrameworkInfo{ID: &mesosv1.FrameworkID{Value: "f1"}, Name: "crash", Checkpoint: new(true)}
	master.registered = func(r *nodev1.Register) *nodev1.Reconcile { return unknownTo(master, framework, sent, r) }
	server := httptest.NewServer(master)
	defer server.Close()
	defer server.CloseClientConnections()

	work := t.TempDir()
	ran := filepath.Join(work, "ran")
	settings, err := json.Marshal(agentProcess{WorkDir: filepath.Join(work, "agent"), Master: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	launch := func() *exec.Cmd {
		cmd := exec.Command(os.Args[0], agentRole, string(settings))
		cmd.Stderr = testWriter{t}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		return cmd
	}
	for round := range rounds {
		cmd := launch()
		master.waitSessions(round + 1)
		for i := range perRound {
			id := fmt.Sprintf("r%d-t%d", round, i)
			info := command(id, fmt.Sprintf("echo %s >> %s; sleep 0.%d; exit %d", id, ran, random.IntN(4), random.IntN(2)))
			info.Resources = nil
			master.mu.Lock()
			sent = append(sent, id)
			master.mu.Unlock()
			master.send(nodev1.Event{Type: nodev1.EventTypeRunTasks, RunTasks: &nodev1.RunTasks{
				FrameworkInfo: framework, Tasks: []mesosv1.TaskInfo{info},
			}})
		}
		time.Sleep(time.Duration(random.IntN(250)) * time.Millisecond)
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait()
		master.disconnect()
	}
	cmd := launch()
	defer func() {
		end := syscall.SIGTERM
		if t.Failed() {
			end = syscall.SIGQUIT // which shows what its goroutines are doing
		}
		_ = cmd.Process.Signal(end)
		_ = cmd.Wait()
	}()
	for _, id := range sent {
		master.wait("the end of "+id, func() bool { return len(ends(master, id)) > 0 })
	}

	text, err := os.ReadFile(ran)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Fields(string(text))
	outcomes := map[mesosv1.TaskState]int{}
	for _, id := range sent {
		runs := 0
		for _, line := range lines {
			if line == id {
				runs++
			}
		}
		states := distinct(master, id)
		outcome := states[len(states)-1]
		outcomes[outcome]++
		for _, s := range states[:len(states)-1] {
			if taskstate.Terminal(s) {
				t.Errorf("%s: %v: something follows the end", id, states)
			}
		}
		switch outcome {
		case mesosv1.TaskFinished, mesosv1.TaskFailed:
			if runs != 1 {
				t.Errorf("%s: %v, but it ran %d times", id, states, runs)
			}
		case mesosv1.TaskLost:
			if runs != 0 || len(states) != 1 {
				t.Errorf("%s: %v, but it ran %d times", id, states, runs)
			}
		default:
			t.Errorf("%s ended as %v", id, states)
		}
	}
	t.Logf("outcomes: %v", outcomes)
	if outcomes[mesosv1.TaskFinished] == 0 || outcomes[mesosv1.TaskFailed] == 0 {
		t.Error("hardly anything was run; the test tests nothing")
	}
}

// unknownTo is what a master asks an agent that returns without some tasks.
func unknownTo(m *fakeMaster, f mesosv1.FrameworkInfo, sent []string, r *nodev1.Register) *nodev1.Reconcile {
	ask := &nodev1.Reconcile{}
	for _, id := range sent {
		known := slices.ContainsFunc(r.Tasks, func(t mesosv1.Task) bool { return t.TaskID.Value == id })
		if !known && len(ends(m, id)) == 0 {
			ask.Tasks = append(ask.Tasks, nodev1.ReconcileTask{FrameworkID: *f.ID, TaskID: mesosv1.TaskID{Value: id}})
		}
	}
	return ask
}

// ends are the terminal updates of a task. The lock of the master is held.
func ends(m *fakeMaster, id string) []mesosv1.TaskState {
	var out []mesosv1.TaskState
	for _, u := range m.updates {
		if u.Status.TaskID.Value == id && taskstate.Terminal(u.Status.State) {
			out = append(out, u.Status.State)
		}
	}
	return out
}

// distinct are the states of a task in the order in which they were first
// reported.
func distinct(m *fakeMaster, id string) []mesosv1.TaskState {
	m.mu.Lock()
	defer m.mu.Unlock()
	var states []mesosv1.TaskState
	seen := map[string]bool{}
	for _, u := range m.updates {
		if u.Status.TaskID.Value == id && !seen[string(u.Status.UUID)] {
			seen[string(u.Status.UUID)] = true
			states = append(states, u.Status.State)
		}
	}
	return states
}

// testWriter puts what an agent logs into the log of the test.
type testWriter struct{ t *testing.T }

var _ io.Writer = testWriter{}

func (w testWriter) Write(p []byte) (int, error) {
	w.t.Logf("agent: %s", strings.TrimSpace(string(p)))
	return len(p), nil
}
