// Package checkpoint stores what an agent must still know after it was
// killed: its id, the frameworks, executors and tasks that it has accepted,
// their containers, and the status updates that await acknowledgement.
//
// Everything is one append-only journal. One writer goroutine takes all
// records that have come in since its last write and appends them together,
// so that the cost of a write, and of a sync where one is needed, is shared by
// all tasks that are being launched at that moment. Records are written before
// the agent acts on them.
//
// What is written survives the death of the agent's process at any moment.
// Some records are also synced to the disk, because being wrong about them
// after a power failure would break a promise: the id of the agent, and
// terminal updates, which must never be followed by another state. For all
// others it is enough to survive the process, since containers do not survive
// a power failure either.
//
// A journal is a line of text per record: the CRC-32C of the record in eight
// hexadecimal digits, a blank, and the record as JSON. Reading stops at the
// first line that is torn or damaged. When most of a journal has become
// irrelevant the writer starts a new one with the present state.
package checkpoint

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"strconv"
	"time"

	"github.com/meseta/meseta/agent/containerizer"
	"github.com/meseta/meseta/gen/mesosv1"
	"github.com/meseta/meseta/internal/mesosid"
)

// Version is the version of the format, in the first record of each journal.
const Version = 1

// Record is one change. Exactly one member is set. What it points to is
// shared with the agent and must not be changed any more.
type Record struct {
	Header    *Header                `json:"header,omitempty"`
	Agent     *Agent                 `json:"agent,omitempty"`
	Framework *mesosv1.FrameworkInfo `json:"framework,omitempty"`
	// FrameworkShutdown names a framework whose executors are being killed
	// without updates.
	FrameworkShutdown mesosid.FrameworkID `json:"framework_shutdown,omitempty"`
	FrameworkGone     mesosid.FrameworkID `json:"framework_gone,omitempty"`
	Launch            *Launch             `json:"launch,omitempty"`
	ExecutorGone      *ExecutorRef        `json:"executor_gone,omitempty"`
	Kill              *Kill               `json:"kill,omitempty"`
	Update            *Update             `json:"update,omitempty"`
	Acknowledgment    *Acknowledgment     `json:"acknowledgment,omitempty"`
}

// Header begins a journal.
type Header struct {
	Version int `json:"version"`
	// BootID names the run of the kernel in which the journal was begun.
	BootID string `json:"boot_id"`
}

// Agent is the identity given by the master, and what was registered.
type Agent struct {
	ID   mesosid.AgentID   `json:"id"`
	Info mesosv1.AgentInfo `json:"info"`
	// BootID names the run of the kernel in which the agent registered last.
	BootID string `json:"boot_id"`
}

// Launch is an executor with its container and its first tasks.
type Launch struct {
	FrameworkID mesosid.FrameworkID  `json:"framework_id"`
	Executor    mesosv1.ExecutorInfo `json:"executor"`
	// Command says that the agent made the executor up for a command task.
	Command bool `json:"command,omitempty"`
	// Containerizer names the one that runs the container.
	Containerizer string             `json:"containerizer"`
	Spec          containerizer.Spec `json:"spec"`
	Tasks         []mesosv1.TaskInfo `json:"tasks"`
}

// ExecutorRef names one run of an executor.
type ExecutorRef struct {
	FrameworkID mesosid.FrameworkID `json:"framework_id"`
	ExecutorID  mesosid.ExecutorID  `json:"executor_id"`
	ContainerID mesosid.ContainerID `json:"container_id"`
}

// Kill is a kill that was asked for, so that a restarted agent finishes it.
type Kill struct {
	FrameworkID mesosid.FrameworkID `json:"framework_id"`
	ExecutorID  mesosid.ExecutorID  `json:"executor_id"`
	Requested   time.Time           `json:"requested"`
	// Grace in nanoseconds overrides that of the task, when not nil.
	Grace  *time.Duration           `json:"grace,omitempty"`
	Reason mesosv1.TaskStatusReason `json:"reason,omitempty"`
	State  mesosv1.TaskState        `json:"state,omitempty"`
}

// Update is a status update that is to be delivered until acknowledged.
type Update struct {
	FrameworkID mesosid.FrameworkID `json:"framework_id"`
	Status      *mesosv1.TaskStatus `json:"status"`
}

// Acknowledgment drops the oldest update of a task.
type Acknowledgment struct {
	FrameworkID mesosid.FrameworkID `json:"framework_id"`
	TaskID      mesosid.TaskID      `json:"task_id"`
	UUID        []byte              `json:"uuid"`
}

// errTorn says that a line is not a whole record.
var errTorn = errors.New("torn record")

// checksumDigits is the width of the CRC in front of each record.
const checksumDigits = 8

func castagnoli() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) }

// appendRecord encodes a record as a line.
func appendRecord(dst []byte, r *Record) ([]byte, error) {
	text, err := json.Marshal(r)
	if err != nil {
		return dst, fmt.Errorf("encode a record: %w", err)
	}
	dst = fmt.Appendf(dst, "%08x ", crc32.Checksum(text, castagnoli()))
	dst = append(dst, text...)
	return append(dst, '\n'), nil
}

// parseRecord decodes a line without its line feed.
func parseRecord(line []byte) (*Record, error) {
	if len(line) < checksumDigits+1 || line[checksumDigits] != ' ' {
		return nil, errTorn
	}
	sum, err := strconv.ParseUint(string(line[:checksumDigits]), 16, 32)
	text := line[checksumDigits+1:]
	if err != nil || uint32(sum) != crc32.Checksum(text, castagnoli()) {
		return nil, errTorn
	}
	r := new(Record)
	if err := json.Unmarshal(text, r); err != nil {
		return nil, fmt.Errorf("decode a record: %w", err)
	}
	return r, nil
}
