// Package wire is what the agent and a supervisor of containers say to one
// another over the supervisor's unix socket, and the files that both know.
//
// The agent decides (which user, which environment, which limits) and the
// supervisor carries out, so that a supervisor started by an older release
// keeps serving a newer agent. A frame is a four byte length, big endian,
// followed by JSON; unknown members are ignored by both sides.
package wire

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"

	"github.com/meseta/meseta/agent/containerizer/process/cgroup"
)

// Version is the version of the messages. A supervisor of another version is
// never given new containers.
const Version = 1

// Names of the files in a supervisor's directory.
const (
	// SocketFile is the unix socket on which the supervisor serves the agent.
	SocketFile = "socket"
	// LockFile is locked with flock for as long as the supervisor lives, so
	// that whoever gets the lock knows that it is dead.
	LockFile = "lock"
	// JournalFile records what was launched and how it ended.
	JournalFile = "journal"
	// ConfigFile is the Config the supervisor was started with.
	ConfigFile = "config.json"
	// LogFile receives what the supervisor prints, for example when it dies.
	LogFile = "log"
)

// Descriptors that the agent hands to a new supervisor.
const (
	// ListenerFD is the listening socket, bound to SocketFile.
	ListenerFD = 3
	// LockFD is the open and locked LockFile.
	LockFD = 4
)

// Config is what a supervisor is told once, at its start.
type Config struct {
	// Version is that of the agent that wrote the file.
	Version int `json:"version"`
	// Cgroups is where the containers' control groups are made; the zero
	// value means that there are none.
	Cgroups cgroup.Layout `json:"cgroups"`
	// BootID is that of the machine when the supervisor was started.
	BootID string `json:"boot_id"`
	// CheckMilliseconds is the interval at which the sizes of log files, the
	// memory events and the runtime directory are looked at.
	CheckMilliseconds int64 `json:"check_ms"`
}

// Launch says how to start one container.
type Launch struct {
	// Path is the executable: absolute, or relative to Dir when it has a
	// slash, or looked up in the PATH of Env.
	Path string   `json:"path"`
	Args []string `json:"args"`
	Env  []string `json:"env"`
	// Dir is the sandbox: the working directory and the place of the files
	// stdout and stderr.
	Dir string `json:"dir"`
	// Credential is the user to become; nil leaves it as it is.
	Credential *Credential `json:"credential,omitempty"`
	// Limits are those of the control groups.
	Limits cgroup.Limits `json:"limits"`
	// Mounts are the volumes.
	Mounts []Mount `json:"mounts,omitempty"`
	// MaxLogBytes bounds each of stdout and stderr; 0 means no bound.
	MaxLogBytes int64 `json:"max_log_bytes,omitempty"`
}

// Credential is a user as the kernel knows it.
type Credential struct {
	UID    uint32   `json:"uid"`
	GID    uint32   `json:"gid"`
	Groups []uint32 `json:"groups,omitempty"`
}

// Mount makes a file or directory of the host visible to a container.
type Mount struct {
	// Source is an absolute path of the host. With SandboxSource it is
	// relative to the sandbox, and made as a directory if it is missing.
	Source        string `json:"source"`
	SandboxSource bool   `json:"sandbox_source,omitempty"`
	// Target is relative to the sandbox and made if it is missing, or an
	// absolute path that exists.
	Target   string `json:"target"`
	ReadOnly bool   `json:"read_only,omitempty"`
	// Link asks for a symbolic link instead of a mount, for an agent that
	// must not mount.
	Link bool `json:"link,omitempty"`
}

// Verbs of a Request.
const (
	// Hello asks for all containers; exits are sent from then on.
	Hello = "hello"
	// Start launches the container ID as Launch says.
	Start = "launch"
	// Signal sends Signal to every process of the container ID.
	Signal = "signal"
	// Remove kills the container ID and forgets it.
	Remove = "remove"
)

// Request is sent by the agent.
type Request struct {
	// Seq is repeated in the Reply. It is never 0.
	Seq    uint64  `json:"seq"`
	Verb   string  `json:"verb"`
	ID     string  `json:"id,omitempty"`
	Launch *Launch `json:"launch,omitempty"`
	Signal int     `json:"signal,omitempty"`
}

// Reply answers a Request, or, with Seq 0, tells of an exit.
type Reply struct {
	Seq uint64 `json:"seq"`
	// Error is empty for success; Unknown says that it is because the
	// container is not known.
	Error   string `json:"error,omitempty"`
	Unknown bool   `json:"unknown,omitempty"`
	// PID answers Hello with the supervisor, Start with the first process of
	// the container.
	PID int `json:"pid,omitempty"`
	// Version and Containers answer Hello.
	Version    int         `json:"version,omitempty"`
	Containers []Container `json:"containers,omitempty"`
	// Exited is set in a Reply that tells of an exit.
	Exited *Container `json:"exited,omitempty"`
}

// Container is what a supervisor knows of a container.
type Container struct {
	ID string `json:"id"`
	// PID is its first process, 0 before the start.
	PID int `json:"pid,omitempty"`
	// Exit is nil while it runs.
	Exit *Exit `json:"exit,omitempty"`
}

// Exit says how a container ended.
type Exit struct {
	// Known says that Status, a wait status, is meaningful.
	Known       bool   `json:"known"`
	Status      uint32 `json:"status"`
	OutOfMemory bool   `json:"oom,omitempty"`
	MemoryBytes int64  `json:"memory_bytes,omitempty"`
	Message     string `json:"message,omitempty"`
}

// maxFrame bounds a frame: a launch with the largest environment that the
// kernel accepts fits.
const maxFrame = 16 << 20

// Write sends one message. It does not flush w.
func Write(w *bufio.Writer, message any) error {
	body, err := json.Marshal(message)
	if err != nil {
		return err
	}
	if len(body) > maxFrame {
		return fmt.Errorf("a message of %d bytes is larger than the limit of %d", len(body), maxFrame)
	}
	var head [4]byte
	binary.BigEndian.PutUint32(head[:], uint32(len(body)))
	if _, err := w.Write(head[:]); err != nil {
		return err
	}
	_, err = w.Write(body)
	return err
}

// Read receives one message into the value that message points to.
func Read(r *bufio.Reader, message any) error {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return err
	}
	size := binary.BigEndian.Uint32(head[:])
	if size > maxFrame {
		return fmt.Errorf("a message of %d bytes is larger than the limit of %d", size, maxFrame)
	}
	body := make([]byte, size)
	if _, err := io.ReadFull(r, body); err != nil {
		return err
	}
	return json.Unmarshal(body, message)
}
