// Package containerizer is the boundary between the agent and what runs a
// container. Two implementations exist: docker drives a Docker engine, process
// isolates Linux processes. A container outlives the agent that launched it.
package containerizer

import (
	"context"
	"errors"
	"syscall"

	"github.com/meseta/meseta/gen/mesosv1"
	"github.com/meseta/meseta/internal/mesosid"
)

// Errors that an implementation wraps, so that the agent can tell them apart.
var (
	// ErrUnknown says that no container of that id is known.
	ErrUnknown = errors.New("unknown container")
	// ErrUnsupported says that the container asks for something that this
	// containerizer, or this machine, cannot give. The message says what.
	ErrUnsupported = errors.New("unsupported container")
	// ErrUnavailable says that the engine behind the containerizer does not
	// answer. The agent tries again; the container is not lost.
	ErrUnavailable = errors.New("container engine unavailable")
)

// Spec says what to run. It is immutable, is checkpointed by the agent before
// Prepare, and is handed back to Recover after a restart of the agent.
type Spec struct {
	// ID is the container's own id, a UUID unique for ever.
	ID mesosid.ContainerID `json:"id"`
	// AgentID, FrameworkID, ExecutorID and TaskID say for whom the container
	// runs. TaskID is empty for a container that holds an executor.
	AgentID     mesosid.AgentID     `json:"agent_id"`
	FrameworkID mesosid.FrameworkID `json:"framework_id"`
	ExecutorID  mesosid.ExecutorID  `json:"executor_id"`
	TaskID      mesosid.TaskID      `json:"task_id,omitempty"`
	// Name is the task's name, for people.
	Name string `json:"name,omitempty"`
	// Sandbox is the directory on the host in which the container starts. It
	// exists, belongs to User, and receives the files stdout and stderr.
	Sandbox string `json:"sandbox"`
	// User runs the processes; empty means the agent's own user.
	User string `json:"user,omitempty"`
	// Command is what to run. With an image it may be empty: the image's own
	// entry point runs.
	Command mesosv1.CommandInfo `json:"command"`
	// Container has image, network and volumes; nil for a plain command.
	Container *mesosv1.ContainerInfo `json:"container,omitempty"`
	// Environment is what the agent adds to the variables of Command, as
	// KEY=value. The variables of Command win over it, except those whose
	// name starts with MESOS_.
	Environment []string `json:"environment,omitempty"`
	// Limits bound the container as a whole.
	Limits Limits `json:"limits"`
}

// Limits are what the container was given and what it may burst to.
type Limits struct {
	// CPUs is the number of cores requested; it sets the relative weight.
	CPUs float64 `json:"cpus"`
	// MaxCPUs is the hard limit of cores: 0 means none was asked for, +Inf
	// cannot occur (it reads as 0).
	MaxCPUs float64 `json:"max_cpus,omitempty"`
	// MemoryBytes is the memory requested; 0 means none.
	MemoryBytes int64 `json:"memory_bytes"`
	// MaxMemoryBytes is the hard limit: 0 means MemoryBytes is the limit, a
	// negative number means unlimited.
	MaxMemoryBytes int64 `json:"max_memory_bytes,omitempty"`
}

// Status is what is known of a running container.
type Status struct {
	// PID is the process that holds the container as the host numbers it: its
	// supervisor, or the first process of the container where there is none.
	// 0 when it is not known.
	PID int
	// IPAddresses are those under which the container can be reached.
	IPAddresses []string
	// Data is passed on in TASK_RUNNING; the docker containerizer gives the
	// engine's description of the container as JSON.
	Data []byte
}

// Exit says how a container ended.
type Exit struct {
	// Known is false when the end was noticed but its status could not be
	// learned, for example after a reboot of the machine. Status is then
	// meaningless.
	Known bool
	// Status is the wait status of the first process.
	Status syscall.WaitStatus
	// OutOfMemory says that the kernel killed the container for exceeding its
	// memory limit; MemoryBytes is what it used then, 0 when unknown.
	OutOfMemory bool
	MemoryBytes int64
	// Message adds what a person should know, or is empty.
	Message string
}

// Containerizer runs containers of one kind.
//
// All methods are safe for concurrent use. Those that take a container id
// return ErrUnknown for one that they do not know.
type Containerizer interface {
	// Prepare gets ready what Launch needs: it pulls the image, checks the
	// user, makes the control groups. It may take minutes; progress, never
	// nil, is called with sentences for people. Prepare is idempotent, and
	// ending ctx ends it. Errors other than ErrUnavailable are final. The
	// status is what is known before the launch: the process that will hold
	// the container, and addresses that do not depend on the launch.
	Prepare(ctx context.Context, spec Spec, progress func(string)) (Status, error)

	// Launch starts the container once. It returns when the processes run, or
	// with an error when they do not and never will. Calling it again for the
	// same id never starts a second one: it returns the status of the first.
	Launch(ctx context.Context, spec Spec) (Status, error)

	// Wait blocks until the container has ended, or until ctx is done. It may
	// be called any number of times, and again after Recover.
	Wait(ctx context.Context, id mesosid.ContainerID) (Exit, error)

	// Kill sends a signal to every process of the container. A container that
	// has already ended is not an error.
	Kill(ctx context.Context, id mesosid.ContainerID, signal syscall.Signal) error

	// Remove kills what is left and gives back everything except the
	// sandbox. It is idempotent: removing an unknown container is no error.
	Remove(ctx context.Context, id mesosid.ContainerID) error

	// Recover is called once, before any other method. specs are the
	// containers that the agent has checkpointed for this containerizer and
	// not yet removed. The answer has an entry for each that was ever
	// launched, running or ended; Launch of the others starts them afresh.
	// Containers of this agent's work directory that are not in specs are
	// destroyed.
	Recover(ctx context.Context, specs []Spec) (map[mesosid.ContainerID]Status, error)
}

// Statistician is implemented by containerizers that can measure.
type Statistician interface {
	// Statistics reads the usage of a running container.
	Statistics(ctx context.Context, id mesosid.ContainerID) (mesosv1.ResourceStatistics, error)
}
