// Package journal records on disk what a supervisor launched and how it
// ended, so that its death, or that of the agent, loses neither.
//
// The file is a sequence of lines: a CRC-32 in hexadecimal, a blank and a
// JSON record. Only one process appends. Records that arrive together are
// written and synced together, so the cost of a sync is shared by the
// containers that start or end at the same moment. A line that was cut off by
// a crash fails its checksum and is skipped by the reader.
package journal

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/meseta/meseta/agent/containerizer/process/wire"
)

// Kinds of Record, in the order in which they occur for one container.
const (
	// Intent is durable before the container is forked.
	Intent = "intent"
	// Started follows the fork. It may be lost in a crash.
	Started = "started"
	// Ended is durable before the agent is told of the exit.
	Ended = "ended"
	// Removed says that the agent wants to hear no more of the container.
	Removed = "removed"
)

// Record is one step in the life of a container.
type Record struct {
	Kind string `json:"kind"`
	ID   string `json:"id"`
	// Dir is the sandbox; set in Intent.
	Dir string `json:"dir,omitempty"`
	// PID and StartTime identify the first process; set in Started.
	// StartTime is in clock ticks since the machine started.
	PID       int    `json:"pid,omitempty"`
	StartTime uint64 `json:"start_time,omitempty"`
	// Exit is set in Ended.
	Exit *wire.Exit `json:"exit,omitempty"`
}

// reserve is the space in bytes kept free on disk for the end of each
// container that runs, so that a disk that fills up meanwhile does not lose
// how it ended. maxMessage keeps an Ended record within it.
const (
	reserve    = 1024
	maxMessage = 512
	chunk      = 64 << 10
	// compactSize is the smallest size in bytes worth a rewrite.
	compactSize = 1 << 20
)

// Journal appends to a file. All methods are safe for concurrent use.
type Journal struct {
	path string
	wake chan struct{}
	done chan struct{}

	mu      sync.Mutex
	queue   []entry
	closing bool

	// The rest is owned by run.
	file      *os.File
	size      int64
	allocated int64
	// held are the containers not removed: what a rewritten file contains.
	held map[string]*held
	// compactAt is the size from which on a rewrite is considered.
	compactAt int64
}

type entry struct {
	record Record
	done   func(error)
}

type held struct {
	lines []byte
	ended bool
}

// Create starts an empty journal at path.
func Create(path string) (*Journal, error) {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	j := &Journal{
		path: path, file: file, held: map[string]*held{}, compactAt: compactSize,
		wake: make(chan struct{}, 1), done: make(chan struct{}),
	}
	go j.run()
	return j, nil
}

// Append queues a record and calls done, from another goroutine, when it is
// on disk or could not be written. It never blocks. After Close it reports
// fs.ErrClosed.
func (j *Journal) Append(record Record, done func(error)) {
	j.mu.Lock()
	closing := j.closing
	if !closing {
		j.queue = append(j.queue, entry{record, done})
	}
	j.mu.Unlock()
	if closing {
		done(fs.ErrClosed)
		return
	}
	j.signal()
}

// signal wakes run; one pending signal is enough for any number of records.
func (j *Journal) signal() {
	select {
	case j.wake <- struct{}{}:
	default:
	}
}

// Close writes what is queued and closes the file.
func (j *Journal) Close() error {
	j.mu.Lock()
	closing := j.closing
	j.closing = true
	j.mu.Unlock()
	j.signal()
	<-j.done
	if closing {
		return fs.ErrClosed
	}
	return j.file.Close()
}

func (j *Journal) run() {
	defer close(j.done)
	for closing := false; !closing; {
		<-j.wake
		j.mu.Lock()
		batch := j.queue
		j.queue = nil
		closing = j.closing
		j.mu.Unlock()
		if len(batch) > 0 {
			j.commit(batch)
			j.compact()
		}
	}
}

// commit writes the batch. When the disk is full it falls back to one record
// at a time, so that a launch that finds no room does not take the exits of
// others down with it: they have their room reserved.
func (j *Journal) commit(batch []entry) {
	err := j.write(batch)
	for _, e := range batch {
		if err != nil && len(batch) > 1 {
			e.done(j.write([]entry{e}))
			continue
		}
		e.done(err)
	}
}

func (j *Journal) write(batch []entry) error {
	var all []byte
	lines := make([][]byte, len(batch))
	need, durable := j.reserved(), false
	for i, e := range batch {
		line, err := formatLine(e.record)
		if err != nil {
			return err
		}
		lines[i] = line
		all = append(all, line...)
		if e.record.Kind == Intent {
			need += reserve
		}
		durable = durable || e.record.Kind == Intent || e.record.Kind == Ended
	}
	if need > j.reserved() {
		if err := j.grow(j.size + int64(len(all)) + need); err != nil {
			return err
		}
	}
	n, err := j.file.WriteAt(all, j.size)
	if err == nil && durable {
		err = unix.Fdatasync(int(j.file.Fd()))
	}
	if err != nil {
		if n > 0 {
			err = errors.Join(err, j.file.Truncate(j.size))
			j.allocated = j.size
		}
		return fmt.Errorf("journal %s: %w", j.path, err)
	}
	j.size += int64(len(all))
	for i, e := range batch {
		j.note(e.record, lines[i])
	}
	return nil
}

// reserved is the room in bytes that the ends of running containers need.
func (j *Journal) reserved() int64 {
	var n int64
	for _, h := range j.held {
		if !h.ended {
			n += reserve
		}
	}
	return n
}

// note keeps the lines of containers that are not removed.
func (j *Journal) note(record Record, line []byte) {
	if record.Kind == Removed {
		delete(j.held, record.ID)
		return
	}
	h := j.held[record.ID]
	if h == nil {
		h = &held{}
		j.held[record.ID] = h
	}
	h.lines = append(h.lines, line...)
	h.ended = h.ended || record.Kind == Ended
}

// compact rewrites a file that is mostly about removed containers. A crash
// leaves the old file or the new one; both tell the same. When there is no
// room, the old file goes on and the next attempt waits for more growth.
func (j *Journal) compact() {
	if j.size < j.compactAt {
		return
	}
	var lines []byte
	for _, h := range j.held {
		lines = append(lines, h.lines...)
	}
	j.compactAt = j.size + compactSize
	if int64(len(lines)) > j.size/2 {
		return
	}
	file, err := os.OpenFile(j.path+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return
	}
	old, size, allocated := j.file, j.size, j.allocated
	j.file, j.size, j.allocated = file, 0, 0
	if err = j.grow(int64(len(lines)) + j.reserved()); err == nil {
		_, err = file.WriteAt(lines, 0)
	}
	if err == nil {
		err = unix.Fdatasync(int(file.Fd()))
	}
	if err == nil {
		err = os.Rename(j.path+".new", j.path)
	}
	if err != nil {
		j.file, j.size, j.allocated = old, size, allocated
		old = file
	} else {
		j.size = int64(len(lines))
		j.compactAt = max(compactSize, 2*j.size)
	}
	_ = old.Close()
}

// grow makes sure that the file can reach size without new disk space.
func (j *Journal) grow(size int64) error {
	if size <= j.allocated {
		return nil
	}
	size = (size + chunk - 1) / chunk * chunk
	err := unix.Fallocate(int(j.file.Fd()), unix.FALLOC_FL_KEEP_SIZE, 0, size)
	if errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.ENOSYS) {
		err = nil
	}
	if err != nil {
		return fmt.Errorf("journal %s: reserving %d bytes: %w", j.path, size, err)
	}
	j.allocated = size
	return nil
}

func formatLine(record Record) ([]byte, error) {
	if record.Exit != nil && len(record.Exit.Message) > maxMessage {
		short := *record.Exit
		short.Message = strings.ToValidUTF8(short.Message[:maxMessage], "")
		record.Exit = &short
	}
	body, err := json.Marshal(record)
	if err != nil {
		return nil, err
	}
	line := fmt.Appendf(nil, "%08x ", crc32.ChecksumIEEE(body))
	line = append(line, body...)
	return append(line, '\n'), nil
}

// Entry is all that a journal knows of one container.
type Entry struct {
	ID        string
	Dir       string
	PID       int
	StartTime uint64
	// Exit is nil when no end was recorded.
	Exit *wire.Exit
}

// Load reads a journal. Damaged lines are skipped. A file that does not exist
// is an empty journal. Removed containers are left out.
func Load(path string) (map[string]Entry, error) {
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return map[string]Entry{}, nil
	}
	if err != nil {
		return nil, err
	}
	entries := map[string]Entry{}
	for line := range bytes.SplitSeq(data, []byte{'\n'}) {
		record, ok := parseLine(line)
		if !ok {
			continue
		}
		e := entries[record.ID]
		e.ID = record.ID
		switch record.Kind {
		case Intent:
			e.Dir = record.Dir
		case Started:
			e.PID, e.StartTime = record.PID, record.StartTime
		case Ended:
			e.Exit = record.Exit
		case Removed:
			delete(entries, record.ID)
			continue
		default:
			continue
		}
		entries[record.ID] = e
	}
	return entries, nil
}

func parseLine(line []byte) (Record, bool) {
	if len(line) < 10 || line[8] != ' ' {
		return Record{}, false
	}
	sum, err := strconv.ParseUint(string(line[:8]), 16, 32)
	if err != nil || uint32(sum) != crc32.ChecksumIEEE(line[9:]) {
		return Record{}, false
	}
	var record Record
	if err := json.Unmarshal(line[9:], &record); err != nil || record.ID == "" {
		return Record{}, false
	}
	return record, true
}
