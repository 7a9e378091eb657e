package agent_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"github.com/meseta/meseta/agent"
	"github.com/meseta/meseta/agent/containerizer"
	"github.com/meseta/meseta/agent/containerizer/process"
	"github.com/meseta/meseta/gen/mesosv1"
	"github.com/meseta/meseta/gen/nodev1"
	"github.com/meseta/meseta/internal/taskstate"
)

// How many /bin/true command tasks one agent runs per second, from RUN_TASKS
// to the acknowledgement of TASK_FINISHED, with real processes and without
// any.
func BenchmarkCommandTasks(b *testing.B) {
	b.Run("processes", func(b *testing.B) {
		c, err := process.New(process.Config{
			RuntimeDir: filepath.Join(b.TempDir(), "runtime"), NoSwitchUser: true, NoCgroups: true,
			Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
		})
		if err != nil {
			b.Fatal(err)
		}
		defer c.Close()
		benchmarkTasks(b, c)
	})
	b.Run("agent alone", func(b *testing.B) {
		c := newFakeContainerizer()
		c.started = func(container *fakeContainer) { go c.end(container, exited(0)) }
		benchmarkTasks(b, c)
	})
}

func benchmarkTasks(b *testing.B, c containerizer.Containerizer) {
	master := newFakeMaster(nil)
	master.ended = map[string]bool{}
	server := httptest.NewServer(master)
	defer server.Close()
	defer server.CloseClientConnections()
	a, err := agent.New(agent.Options{
		WorkDir: b.TempDir(), Masters: []string{server.URL}, Hostname: "h", IP: "127.0.0.1", Port: 5051, Version: "1.12.0",
		RegistrationBackoffFactor: time.Millisecond, Containerizers: agent.Containerizers{Process: c},
	})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.Context())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	master.waitSessions(1)
	framework := mesosv1.FrameworkInfo{ID: &mesosv1.FrameworkID{Value: "f1"}, Name: "bench", Checkpoint: new(true)}
	run := func(from, to int) {
		e := &nodev1.RunTasks{FrameworkInfo: framework}
		for i := from; i < to; i++ {
			info := command(fmt.Sprintf("t%d", i), "/bin/true")
			info.Command.Shell, info.Command.Arguments = new(false), []string{"true"}
			e.Tasks = append(e.Tasks, info)
		}
		master.send(nodev1.Event{Type: nodev1.EventTypeRunTasks, RunTasks: e})
		master.wait("all ends", func() bool { return len(master.ended) == to })
	}
	const batch = 64 // as many at a time as a machine may have room for
	run(0, batch)
	b.ResetTimer()
	n := batch
	for n < batch+b.N {
		next := min(n+batch, batch+b.N)
		run(n, next)
		n = next
	}
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "tasks/s")
	cancel()
	if err := <-done; err != nil {
		b.Fatal(err)
	}
	for id, finished := range master.ended {
		if !finished {
			b.Fatalf("%s has not finished", id)
		}
	}
}

// note keeps the ends of tasks, for those who need nothing else.
func (m *fakeMaster) note(updates []nodev1.StatusUpdate) {
	for _, u := range updates {
		if taskstate.Terminal(u.Status.State) {
			m.ended[u.Status.TaskID.Value] = u.Status.State == mesosv1.TaskFinished
		}
	}
}
