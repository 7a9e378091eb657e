package docker

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// logSink appends one stream of a container's log to its sandbox file. It
// belongs to the log pump's goroutine.
type logSink struct {
	file *os.File
	// start is the length of the file before the container wrote to it, size
	// how much of the container's output the file has beyond that.
	start, size int64
	// seen is how much of the stream this pass has come across, written or
	// skipped, counted from the beginning of the log.
	seen int64
	// skipBefore makes this pass pass over messages that are older than the
	// place where it began. Zero once the first newer one has come.
	skipBefore time.Time
	// pending is output that waits to be written.
	pending []byte
	// reached follows the messages; place follows reached when what is pending
	// has been written.
	reached, place place
	// broken says that something could not be written in this pass: seen and
	// reached are ahead of the file.
	broken bool
	// A line longer than the engine's buffer comes as several messages with
	// one time stamp, and the engine's log forgets the line feed after the
	// last. openParts counts the messages so far that had none, of the time
	// openAt; 0 means that the last message was a whole line.
	openParts int
	openAt    time.Time
	// regressed says that time stamps have gone backwards: no place can be
	// found again by its time, and every pass begins at the beginning.
	regressed bool
}

// maxPending is how much output may wait while more is at hand.
const maxPending = 256 << 10

// openLogSink opens a sandbox file. The sandbox belongs to the task, which may
// have put anything there: a link or a device must not become a way for it to
// write with the agent's rights.
func openLogSink(sandbox, name string, start int64) (*logSink, error) {
	path := filepath.Join(sandbox, name)
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_RDWR|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0o644)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err != nil {
		file.Close()
		return nil, err
	}
	if !info.Mode().IsRegular() {
		file.Close()
		return nil, fmt.Errorf("%s is not a regular file", path)
	}
	giveToOwner(file, sandbox)
	return &logSink{file: file, start: start}, nil
}

// giveToOwner makes the file belong to whom the sandbox belongs to, where the
// agent may do that.
func giveToOwner(file *os.File, sandbox string) {
	if info, err := os.Stat(sandbox); err == nil {
		if owner, ok := info.Sys().(*syscall.Stat_t); ok && os.Geteuid() == 0 {
			_ = file.Chown(int(owner.Uid), int(owner.Gid))
		}
	}
}

// sizeOf is the length of a sandbox file, 0 if there is none.
func sizeOf(sandbox, name string) int64 {
	info, err := os.Lstat(filepath.Join(sandbox, name))
	if err != nil || !info.Mode().IsRegular() {
		return 0
	}
	return info.Size()
}

// begin prepares for a pass that reads the log from a place.
func (s *logSink) begin(from place) error {
	info, err := s.file.Stat()
	if err != nil {
		return err
	}
	known := max(from.Offset, s.size)
	s.size = info.Size() - s.start
	if s.size < known {
		// Somebody has cut the file short. What was cut is not written again.
		s.start, s.size = info.Size()-known, known
	}
	s.seen = from.Offset
	s.skipBefore = from.Time
	s.pending = s.pending[:0]
	s.reached, s.place = from, from
	s.broken = false
	s.openParts = 0
	return nil
}

// add takes the next message of the stream. It says whether anything of it was
// new.
func (s *logSink) add(at time.Time, output []byte) (bool, error) {
	if !s.skipBefore.IsZero() {
		if at.Before(s.skipBefore) {
			return false, nil
		}
		s.skipBefore = time.Time{}
	}
	wrote := false
	if s.openParts > 0 && !at.Equal(s.openAt) {
		wrote = s.take([]byte{'\n'})
		s.openParts = 0
	}
	switch {
	case at.After(s.reached.Time):
		s.reached = place{Time: at, Offset: s.seen}
	case at.Before(s.reached.Time):
		s.regressed, s.place = true, place{}
	}
	if n := len(output); n > 0 && output[n-1] == '\n' {
		s.openParts = 0
	} else {
		s.openParts, s.openAt = s.openParts+1, at
	}
	wrote = s.take(output) || wrote
	if len(s.pending) < maxPending {
		return wrote, nil
	}
	return wrote, s.flush()
}

// take moves on by some output and keeps what of it the file lacks. It says
// whether that was anything.
func (s *logSink) take(output []byte) bool {
	have := s.size + int64(len(s.pending)) - s.seen
	s.seen += int64(len(output))
	if have >= int64(len(output)) {
		return false
	}
	s.pending = append(s.pending, output[max(have, 0):]...)
	return true
}

// finish is called when the stream has come to its end. Whether a long last
// line had a line feed is not known; most have.
func (s *logSink) finish() {
	if s.openParts > 1 {
		s.take([]byte{'\n'})
		s.openParts = 0
	}
}

// flush writes what is pending. After an error the pass is over; the next one
// goes by what the file has.
func (s *logSink) flush() error {
	if s.broken {
		return nil
	}
	n, err := s.file.Write(s.pending)
	s.size += int64(n)
	s.pending = s.pending[:0]
	if err != nil {
		s.broken = true
		return err
	}
	if s.place = s.reached; s.regressed {
		s.place = place{}
	}
	return nil
}

func (s *logSink) close() { s.file.Close() }
