package task

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/meseta/meseta/agent/containerizer"
	"github.com/meseta/meseta/gen/mesosv1"
	"github.com/meseta/meseta/internal/taskstate"
)

// script plays events against a machine and writes down what it answers, one
// line for each event that had an effect.
type script struct {
	m     *Machine
	now   time.Time
	trace []string
}

func newScript(cfg Config) *script {
	if cfg.Subject == "" {
		cfg.Subject = "Command"
	}
	if cfg.KillGrace == 0 {
		cfg.KillGrace = 3 * time.Second
	}
	return &script{m: NewMachine(cfg), now: time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)}
}

func (s *script) note(actions []Action) *script {
	var parts []string
	for _, a := range actions {
		if u := a.Update; u != nil {
			text := string(u.State)
			if u.Reason != "" {
				text += " " + string(u.Reason)
			}
			if u.Message != "" {
				text += fmt.Sprintf(" %q", u.Message)
			}
			parts = append(parts, text)
		}
		switch a.Operation {
		case OpPrepare:
			parts = append(parts, "prepare")
		case OpLaunch:
			parts = append(parts, "launch")
		case OpWait:
			parts = append(parts, "wait")
		case OpRemove:
			parts = append(parts, "remove")
		}
		if a.Cancel {
			parts = append(parts, "cancel")
		}
		if a.Signal != 0 {
			parts = append(parts, signalName(a.Signal))
		}
	}
	if len(parts) > 0 {
		s.trace = append(s.trace, strings.Join(parts, ", "))
	}
	return s
}

func (s *script) start() *script { return s.note(s.m.Start()) }
func (s *script) prepared(err error) *script {
	return s.note(s.m.Prepared(s.now, containerizer.Status{PID: 1}, err))
}
func (s *script) launched(err error) *script {
	return s.note(s.m.Launched(s.now, containerizer.Status{PID: 1}, err))
}
func (s *script) exited(e containerizer.Exit) *script { return s.note(s.m.Exited(s.now, e, nil)) }
func (s *script) removed(err error) *script           { return s.note(s.m.Removed(s.now, err)) }
func (s *script) release() *script                    { return s.note(s.m.Release()) }
func (s *script) progress(text string) *script        { return s.note(s.m.Progress(s.now, text)) }
func (s *script) running() *script                    { return s.start().prepared(nil).launched(nil) }

func (s *script) kill(grace time.Duration) *script {
	k := Kill{Requested: s.now}
	if grace >= 0 {
		k.Grace = &grace
	}
	return s.note(s.m.Kill(s.now, k))
}

// after lets time pass, with a tick at every deadline on the way.
func (s *script) after(d time.Duration) *script {
	until := s.now.Add(d)
	for {
		at, ok := s.m.Deadline()
		if !ok || at.After(until) {
			break
		}
		s.now = at
		s.note(s.m.Tick(at))
	}
	s.now = until
	return s
}

func status(code int) containerizer.Exit {
	return containerizer.Exit{Known: true, Status: syscall.WaitStatus(code << 8)}
}

func signalled(s syscall.Signal) containerizer.Exit {
	return containerizer.Exit{Known: true, Status: syscall.WaitStatus(s)}
}

const taskGrace = -1 // a kill without a grace period of its own

func TestMachine(t *testing.T) {
	t.Parallel()
	unavailable := fmt.Errorf("socket: %w", containerizer.ErrUnavailable)
	broken := errors.New("no such image")
	const running = "TASK_STARTING, launch"
	tests := []struct {
		name string
		cfg  Config
		play func(*script)
		want []string
	}{
		{
			name: "a task that exits with 0 has finished, and its container goes when that is stored",
			play: func(s *script) { s.running().exited(status(0)).release().removed(nil) },
			want: []string{"prepare", running, "TASK_RUNNING, wait", `TASK_FINISHED "Command exited with status 0"`, "remove"},
		},
		{
			name: "a task that exits with another status has failed",
			play: func(s *script) { s.running().exited(status(3)) },
			want: []string{"prepare", running, "TASK_RUNNING, wait", `TASK_FAILED "Command exited with status 3"`},
		},
		{
			name: "a task that a signal ends has failed",
			play: func(s *script) { s.running().exited(signalled(syscall.SIGSEGV)) },
			want: []string{"prepare", running, "TASK_RUNNING, wait", `TASK_FAILED "Command terminated with signal Segmentation fault"`},
		},
		{
			name: "what the containerizer adds is passed on",
			play: func(s *script) { e := status(1); e.Message = "disk full"; s.running().exited(e) },
			want: []string{"prepare", running, "TASK_RUNNING, wait", `TASK_FAILED "Command exited with status 1: disk full"`},
		},
		{
			name: "a container that exceeds its memory names limit and usage",
			cfg:  Config{MemoryLimitBytes: 64 << 20},
			play: func(s *script) {
				s.running().exited(containerizer.Exit{Known: true, OutOfMemory: true, MemoryBytes: 65 << 20, Status: syscall.WaitStatus(syscall.SIGKILL)})
			},
			want: []string{"prepare", running, "TASK_RUNNING, wait", `TASK_FAILED REASON_CONTAINER_LIMITATION_MEMORY "Memory limit exceeded: Requested: 64MB Maximum Used: 65MB"`},
		},
		{
			name: "a container whose end nobody saw has failed",
			play: func(s *script) { s.running().exited(containerizer.Exit{Message: "the machine was rebooted"}) },
			want: []string{"prepare", running, "TASK_RUNNING, wait", `TASK_FAILED REASON_EXECUTOR_TERMINATED "Command ended in an unknown way: the machine was rebooted"`},
		},
		{
			name: "a preparation that fails is the end",
			play: func(s *script) { s.start().prepared(broken) },
			want: []string{"prepare", `TASK_FAILED REASON_CONTAINER_LAUNCH_FAILED "Failed to launch container: no such image"`},
		},
		{
			name: "a launch that fails is the end",
			play: func(s *script) { s.start().prepared(nil).launched(broken) },
			want: []string{"prepare", running, `TASK_FAILED REASON_CONTAINER_LAUNCH_FAILED "Failed to launch container: no such image"`},
		},
		{
			name: "an engine that is away is waited for with growing patience",
			play: func(s *script) {
				s.start().prepared(unavailable).after(time.Second).prepared(unavailable).after(2 * time.Second).prepared(nil).
					launched(unavailable).after(time.Second).launched(nil)
			},
			want: []string{
				"prepare", `TASK_STARTING "Waiting for the container engine: socket: container engine unavailable"`,
				"prepare", "prepare", running, "launch", "TASK_RUNNING, wait",
			},
		},
		{
			name: "an engine that goes away while a task runs is not the end of the task",
			play: func(s *script) {
				s.running()
				s.note(s.m.Exited(s.now, containerizer.Exit{}, unavailable))
				s.after(time.Second).exited(status(0))
			},
			want: []string{"prepare", running, "TASK_RUNNING, wait", "wait", `TASK_FINISHED "Command exited with status 0"`},
		},
		{
			name: "progress is reported at once and then not more often than every five seconds",
			play: func(s *script) {
				s.start().progress("a").after(time.Second).progress("b").after(time.Second).progress("c").after(10 * time.Second).prepared(nil)
			},
			want: []string{"prepare", `TASK_STARTING "a"`, `TASK_STARTING "c"`, running},
		},
		{
			name: "a kill sends SIGTERM and, when the grace period is over, SIGKILL",
			play: func(s *script) {
				s.running().kill(taskGrace).after(3 * time.Second).exited(signalled(syscall.SIGKILL))
			},
			want: []string{"prepare", running, "TASK_RUNNING, wait", "TASK_KILLING, Terminated", "Killed", `TASK_KILLED "Command terminated with signal Killed"`},
		},
		{
			name: "a killed task that exits with 0 was killed all the same",
			play: func(s *script) { s.running().kill(taskGrace).exited(status(0)) },
			want: []string{"prepare", running, "TASK_RUNNING, wait", "TASK_KILLING, Terminated", `TASK_KILLED "Command exited with status 0"`},
		},
		{
			name: "the grace period of a kill wins over that of the task",
			play: func(s *script) { s.running().kill(10 * time.Second).after(9 * time.Second).after(time.Second) },
			want: []string{"prepare", running, "TASK_RUNNING, wait", "TASK_KILLING, Terminated", "Killed"},
		},
		{
			name: "a later kill may shorten the grace period",
			play: func(s *script) {
				s.running().kill(60 * time.Second).after(time.Second).kill(time.Second).after(time.Second)
			},
			want: []string{"prepare", running, "TASK_RUNNING, wait", "TASK_KILLING, Terminated", "Killed"},
		},
		{
			name: "a later kill never extends the grace period",
			play: func(s *script) { s.running().kill(time.Second).kill(60 * time.Second).after(time.Second) },
			want: []string{"prepare", running, "TASK_RUNNING, wait", "TASK_KILLING, Terminated", "Killed"},
		},
		{
			name: "without a grace period there is still a moment to obey SIGTERM",
			play: func(s *script) { s.running().kill(0).after(MinGrace / 2).exited(signalled(syscall.SIGTERM)) },
			want: []string{"prepare", running, "TASK_RUNNING, wait", "TASK_KILLING, Terminated", `TASK_KILLED "Command terminated with signal Terminated"`},
		},
		{
			name: "SIGKILL is repeated while the container lives",
			play: func(s *script) { s.running().kill(time.Second).after(time.Second + 2*repeatKill) },
			want: []string{"prepare", running, "TASK_RUNNING, wait", "TASK_KILLING, Terminated", "Killed", "Killed", "Killed"},
		},
		{
			name: "a kill during the preparation cancels it",
			play: func(s *script) { s.start().kill(taskGrace).prepared(errors.New("cancelled")).release().removed(nil) },
			want: []string{"prepare", "cancel", `TASK_KILLED REASON_TASK_KILLED_DURING_LAUNCH "Killed before delivery to the executor"`, "remove"},
		},
		{
			name: "a kill that comes too late to cancel the preparation prevents the launch",
			play: func(s *script) { s.start().kill(taskGrace).prepared(nil) },
			want: []string{"prepare", "cancel", `TASK_KILLED REASON_TASK_KILLED_DURING_LAUNCH "Killed before delivery to the executor"`},
		},
		{
			name: "a kill while the engine is away ends the waiting",
			play: func(s *script) { s.start().prepared(unavailable).kill(taskGrace).after(time.Minute) },
			want: []string{
				"prepare", `TASK_STARTING "Waiting for the container engine: socket: container engine unavailable"`,
				`TASK_KILLED REASON_TASK_KILLED_DURING_LAUNCH "Killed before delivery to the executor"`,
			},
		},
		{
			name: "a kill during the launch is carried out as soon as there is something to signal",
			play: func(s *script) {
				s.start().prepared(nil).kill(taskGrace).after(time.Minute).launched(nil).after(3 * time.Second).exited(signalled(syscall.SIGKILL))
			},
			want: []string{"prepare", running, "TASK_KILLING", "Terminated, wait", "Killed", `TASK_KILLED "Command terminated with signal Killed"`},
		},
		{
			name: "a kill while nobody knows whether the launch worked removes what may be there",
			play: func(s *script) {
				s.start().prepared(nil).launched(unavailable).kill(taskGrace).removed(unavailable).after(time.Second).removed(nil).release().removed(nil)
			},
			want: []string{"prepare", running, "remove", "remove", `TASK_KILLED REASON_TASK_KILLED_DURING_LAUNCH "Killed before delivery to the executor"`, "remove"},
		},
		{
			name: "a task that runs too long is ended by SIGTERM and has failed",
			cfg:  Config{MaxCompletion: 1500 * time.Millisecond},
			play: func(s *script) { s.running().after(1500 * time.Millisecond).exited(signalled(syscall.SIGTERM)) },
			want: []string{
				"prepare", running, "TASK_RUNNING, wait", "TASK_KILLING REASON_MAX_COMPLETION_TIME_REACHED, Terminated",
				`TASK_FAILED REASON_MAX_COMPLETION_TIME_REACHED "Command terminated with signal Terminated"`,
			},
		},
		{
			name: "a killed task is not overdue as well",
			cfg:  Config{MaxCompletion: time.Second},
			play: func(s *script) {
				s.running().kill(10 * time.Second).after(5 * time.Second).exited(signalled(syscall.SIGTERM))
			},
			want: []string{"prepare", running, "TASK_RUNNING, wait", "TASK_KILLING, Terminated", `TASK_KILLED "Command terminated with signal Terminated"`},
		},
		{
			name: "a kill carries its reason and state",
			play: func(s *script) {
				s.running()
				s.note(s.m.Kill(s.now, Kill{Requested: s.now, Reason: mesosv1.ReasonAgentDraining, State: mesosv1.TaskGoneByOperator}))
				s.exited(signalled(syscall.SIGTERM))
			},
			want: []string{
				"prepare", running, "TASK_RUNNING, wait", "TASK_KILLING REASON_AGENT_DRAINING, Terminated",
				`TASK_GONE_BY_OPERATOR REASON_AGENT_DRAINING "Command terminated with signal Terminated"`,
			},
		},
		{
			name: "without a framework a task is killed without a word and its container goes at once",
			play: func(s *script) {
				s.running()
				s.note(s.m.Kill(s.now, Kill{Requested: s.now, Silent: true}))
				s.exited(signalled(syscall.SIGTERM)).removed(nil)
			},
			want: []string{"prepare", running, "TASK_RUNNING, wait", "Terminated", "remove"},
		},
		{
			name: "a framework that goes while its task is being killed silences the rest",
			play: func(s *script) {
				s.running().kill(taskGrace)
				s.note(s.m.Kill(s.now, Kill{Requested: s.now, Silent: true}))
				s.exited(signalled(syscall.SIGTERM)).removed(nil)
			},
			want: []string{"prepare", running, "TASK_RUNNING, wait", "TASK_KILLING, Terminated", "remove"},
		},
		{
			name: "a framework that goes when its task has ended releases the container",
			play: func(s *script) {
				s.running().exited(status(0))
				s.note(s.m.Kill(s.now, Kill{Requested: s.now, Silent: true}))
			},
			want: []string{"prepare", running, "TASK_RUNNING, wait", `TASK_FINISHED "Command exited with status 0"`, "remove"},
		},
		{
			name: "a removal that fails is tried again",
			play: func(s *script) {
				s.running().exited(status(0)).release().removed(unavailable).after(time.Second).removed(nil)
			},
			want: []string{"prepare", running, "TASK_RUNNING, wait", `TASK_FINISHED "Command exited with status 0"`, "remove", "remove"},
		},
		{
			name: "a recovered task that was running is waited for",
			play: func(s *script) {
				s.note(s.m.Resume(s.now, Recovered{Launched: s.now.Add(-time.Minute)})).exited(status(0))
			},
			want: []string{"wait", `TASK_FINISHED "Command exited with status 0"`},
		},
		{
			name: "a recovered task whose start was not reported is reported",
			play: func(s *script) { s.note(s.m.Resume(s.now, Recovered{Announced: true})) },
			want: []string{"TASK_RUNNING, wait"},
		},
		{
			name: "a recovered task of which nothing was reported is reported from its beginning",
			play: func(s *script) { s.note(s.m.Resume(s.now, Recovered{})) },
			want: []string{"TASK_STARTING, TASK_RUNNING, wait"},
		},
		{
			name: "the completion time of a recovered task counts from its launch",
			cfg:  Config{MaxCompletion: time.Minute},
			play: func(s *script) {
				s.note(s.m.Resume(s.now, Recovered{Launched: s.now.Add(-55 * time.Second)})).after(5 * time.Second)
			},
			want: []string{"wait", "TASK_KILLING REASON_MAX_COMPLETION_TIME_REACHED, Terminated"},
		},
		{
			name: "of a recovered task that had ended only the container is left",
			play: func(s *script) { s.note(s.m.Resume(s.now, Recovered{Ended: true})).removed(nil) },
			want: []string{"remove"},
		},
		{
			name: "the grace period of a kill goes on across a restart",
			play: func(s *script) {
				s.note(s.m.Resume(s.now, Recovered{Launched: s.now}))
				s.note(s.m.Kill(s.now, Kill{Requested: s.now.Add(-2 * time.Second)})).after(time.Second)
			},
			want: []string{"wait", "TASK_KILLING, Terminated", "Killed"},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := newScript(test.cfg)
			test.play(s)
			if diff := cmp.Diff(test.want, s.trace); diff != "" {
				t.Errorf("trace (-want +got):\n%s", diff)
			}
		})
	}
}

// Whatever happens in whatever order: at most one terminal update, nothing
// after it, phases only forward, one operation at a time, and the machine
// always comes to its end once everything works again.
func TestAMachineAlwaysComesToItsEndWithOneTerminalUpdate(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := newScript(Config{MaxCompletion: time.Duration(rapid.IntRange(0, 20).Draw(t, "completion")) * time.Second})
		w := &watcher{t: t, s: s}
		w.take(s.m.Start())
		for range rapid.IntRange(0, 40).Draw(t, "steps") {
			switch rapid.SampledFrom([]string{"result", "fail", "away", "kill", "silent", "wait", "release", "progress"}).Draw(t, "event") {
			case "result":
				w.result(nil)
			case "fail":
				w.result(errors.New("broken"))
			case "away":
				w.result(containerizer.ErrUnavailable)
			case "kill":
				grace := time.Duration(rapid.IntRange(0, 9).Draw(t, "grace")) * time.Second
				w.take(s.m.Kill(s.now, Kill{Requested: s.now, Grace: &grace}))
			case "silent":
				w.take(s.m.Kill(s.now, Kill{Requested: s.now, Silent: true}))
			case "wait":
				w.wait(time.Duration(rapid.IntRange(1, 10).Draw(t, "seconds")) * time.Second)
			case "release":
				w.release()
			case "progress":
				w.take(s.m.Progress(s.now, "pulling"))
			}
		}
		for range 20 {
			w.result(nil)
			w.wait(time.Minute)
			w.release()
		}
		if s.m.Phase() != Gone {
			t.Fatalf("the machine is still %s", s.m.Phase())
		}
		if !w.terminal && !w.silent {
			t.Fatal("no terminal update was reported")
		}
	})
}

// watcher checks the answers of a machine against the invariants.
type watcher struct {
	t        *rapid.T
	s        *script
	running  Operation
	phase    Phase
	terminal bool
	silent   bool
}

func (w *watcher) take(actions []Action) {
	if p := w.s.m.Phase(); p < w.phase && !(w.phase == Aborting && p == Ended) {
		w.t.Fatalf("the phase went back from %s to %s", w.phase, p)
	}
	w.phase = w.s.m.Phase()
	w.silent = w.silent || w.s.m.kill != nil && w.s.m.kill.Silent
	for _, a := range actions {
		if a.Update != nil {
			if w.terminal {
				w.t.Fatalf("%s after the terminal update", a.Update.State)
			}
			w.terminal = taskstate.Terminal(a.Update.State)
		}
		if a.Operation != OpNone {
			if w.running != OpNone {
				w.t.Fatalf("operation %d starts while %d runs", a.Operation, w.running)
			}
			w.running = a.Operation
		}
	}
}

// result ends the running operation.
func (w *watcher) result(err error) {
	op, m, now := w.running, w.s.m, w.s.now
	w.running = OpNone
	switch op {
	case OpPrepare:
		w.take(m.Prepared(now, containerizer.Status{}, err))
	case OpLaunch:
		w.take(m.Launched(now, containerizer.Status{}, err))
	case OpWait:
		w.take(m.Exited(now, status(0), err))
	case OpRemove:
		w.take(m.Removed(now, err))
	}
}

func (w *watcher) wait(d time.Duration) {
	until := w.s.now.Add(d)
	for {
		at, ok := w.s.m.Deadline()
		if !ok || at.After(until) {
			break
		}
		w.s.now = at
		w.take(w.s.m.Tick(at))
	}
	w.s.now = until
}

// release is what the agent does once the terminal update is stored.
func (w *watcher) release() {
	if w.terminal {
		w.take(w.s.m.Release())
	}
}
