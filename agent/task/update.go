// Package task drives one task from its arrival on the agent to the end of its
// container.
//
// [Machine] has the rules as a pure table. [Runner] is the goroutine that owns
// a machine and does what it asks for: the calls to the containerizer that
// block. The agent's actor talks to a Runner by messages only.
package task

import (
	"fmt"
	"strings"
	"syscall"

	"github.com/meseta/meseta/agent/containerizer"
	"github.com/meseta/meseta/gen/mesosv1"
)

// Update is one change of a task, before the agent gives it an identity and
// stores it.
type Update struct {
	State   mesosv1.TaskState
	Source  mesosv1.TaskStatusSource
	Reason  mesosv1.TaskStatusReason
	Message string
	Data    []byte
	// Status is what is known of the container; nil before Prepare is done.
	Status *containerizer.Status
	// LimitBytes is the memory that a container used when it exceeded its
	// limit; 0 in every other update.
	LimitBytes int64
}

// outcome is the terminal update that follows from the end of the container.
func (m *Machine) outcome(exit containerizer.Exit) Update {
	u := Update{Source: mesosv1.SourceExecutor, Message: m.describe(exit)}
	switch {
	case m.overdue:
		u.State, u.Reason = mesosv1.TaskFailed, mesosv1.ReasonMaxCompletionTimeReached
	case m.kill != nil:
		u.State, u.Reason = m.killedState(), m.kill.Reason
	case exit.OutOfMemory:
		u.State, u.Source = mesosv1.TaskFailed, mesosv1.SourceAgent
		u.Reason = mesosv1.ReasonContainerLimitationMemory
		u.LimitBytes = exit.MemoryBytes
		if u.LimitBytes == 0 {
			u.LimitBytes = m.cfg.MemoryLimitBytes
		}
		u.Message = m.describeMemory(exit)
	case !exit.Known:
		u.State, u.Source = mesosv1.TaskFailed, mesosv1.SourceAgent
		u.Reason = mesosv1.ReasonExecutorTerminated
	case exit.Status.Exited() && exit.Status.ExitStatus() == 0:
		u.State = mesosv1.TaskFinished
	default:
		u.State = mesosv1.TaskFailed
	}
	return u
}

func (m *Machine) killedState() mesosv1.TaskState {
	if m.kill.State != "" {
		return m.kill.State
	}
	return mesosv1.TaskKilled
}

// killedBeforeDelivery ends a task that never ran.
func (m *Machine) killedBeforeDelivery() []Action {
	reason := m.kill.Reason
	if reason == "" {
		reason = mesosv1.ReasonTaskKilledDuringLaunch
	}
	return m.end(Update{
		State: m.killedState(), Source: mesosv1.SourceAgent, Reason: reason,
		Message: "Killed before delivery to the executor",
	})
}

func launchFailed(err error) Update {
	return Update{
		State: mesosv1.TaskFailed, Source: mesosv1.SourceAgent,
		Reason:  mesosv1.ReasonContainerLaunchFailed,
		Message: "Failed to launch container: " + err.Error(),
	}
}

func unavailableText(err error) string {
	return fmt.Sprintf("Waiting for the container engine: %v", err)
}

// describe says how the container ended: "Command exited with status 3",
// "Command terminated with signal Killed".
func (m *Machine) describe(exit containerizer.Exit) string {
	text := m.cfg.Subject
	switch {
	case !exit.Known:
		text += " ended in an unknown way"
	case exit.Status.Signaled():
		text += " terminated with signal " + signalName(exit.Status.Signal())
		if exit.Status.CoreDump() {
			text += " (core dumped)"
		}
	default:
		text += fmt.Sprintf(" exited with status %d", exit.Status.ExitStatus())
	}
	if exit.Message != "" {
		text += ": " + exit.Message
	}
	return text
}

func (m *Machine) describeMemory(exit containerizer.Exit) string {
	text := fmt.Sprintf("Memory limit exceeded: Requested: %s", megabytes(m.cfg.MemoryLimitBytes))
	if exit.MemoryBytes > 0 {
		text += " Maximum Used: " + megabytes(exit.MemoryBytes)
	}
	if exit.Message != "" {
		text += ": " + exit.Message
	}
	return text
}

func megabytes(n int64) string { return fmt.Sprintf("%dMB", n>>20) }

// signalName is the name as people know it from the shell: "Killed".
func signalName(s syscall.Signal) string {
	name := s.String()
	return strings.ToUpper(name[:1]) + name[1:]
}
