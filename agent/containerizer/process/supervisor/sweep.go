package supervisor

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"

	"github.com/meseta/meseta/agent/containerizer/process/wire"
)

// tick looks after what nobody tells the supervisor. It does not block.
func (s *supervisor) tick() {
	if !s.terminating && !s.ownsDirectory() {
		fmt.Fprintf(os.Stderr, "supervisor: directory %s was removed: ending with all containers\n", s.dir)
		s.terminate()
	}
	for _, c := range s.unrecorded {
		if c.phase == ended {
			s.record(c)
		}
	}
	s.killStrays()
	if !s.busy && !s.trimmed {
		trim()
		s.trimmed = true
	}
	s.busy = false
	if s.sweeping {
		return
	}
	var alive []*container
	for _, c := range s.containers {
		if c.phase == running {
			alive = append(alive, c)
		}
	}
	if len(alive) == 0 {
		return
	}
	s.sweeping = true
	go func() {
		for _, c := range alive {
			s.sweep(c)
		}
		s.post(func() { s.sweeping = false })
	}()
}

// sweep bounds a container's output and ends the container if the kernel has
// killed a part of it for its use of memory, of which version 1 of the control
// groups tells nobody.
func (s *supervisor) sweep(c *container) {
	if c.launch.MaxLogBytes > 0 {
		for _, name := range []string{"stdout", "stderr"} {
			if err := rotate(c.launch.Dir, name, c.launch.MaxLogBytes, c.launch.Credential); err != nil {
				fmt.Fprintf(os.Stderr, "container %s: %v\n", c.id, err)
			}
		}
	}
	if killed, _ := s.config.Cgroups.OutOfMemory(c.id); killed {
		s.post(func() { s.signal(c, syscall.SIGKILL) })
	}
}

// rotate moves the content of an output file that has grown beyond limit to a
// second file, named with ".1", and empties it. The processes keep writing to
// the same file, since they hold it open for appending. What they write in
// the moment between copying and emptying is lost.
func rotate(dir, name string, limit int64, owner *wire.Credential) error {
	path := filepath.Join(dir, name)
	info, err := os.Lstat(path)
	if err != nil || !info.Mode().IsRegular() || info.Size() <= limit {
		return nil // the container's user may have removed or replaced it
	}
	file, err := os.OpenFile(path, os.O_RDWR|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if err != nil {
		return fmt.Errorf("rotating %w", err)
	}
	defer file.Close()
	opened, err := file.Stat()
	if err != nil || !os.SameFile(info, opened) {
		return err
	}
	old := path + ".1"
	if err := os.Remove(old); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("rotating %s: %w", path, err)
	}
	// A copy that fails, on a full disk for instance, must not let the file
	// grow for ever.
	err = copyTail(file, old, opened.Size(), limit, owner)
	if truncateErr := file.Truncate(0); truncateErr != nil {
		err = errors.Join(err, truncateErr)
	}
	if err != nil {
		return fmt.Errorf("rotating %s: %w", path, err)
	}
	return nil
}

// copyTail copies the last limit bytes of a file of the given size, and what
// was appended since, to a new file.
func copyTail(file *os.File, to string, size, limit int64, owner *wire.Credential) error {
	if _, err := file.Seek(max(0, size-limit), io.SeekStart); err != nil {
		return err
	}
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL|syscall.O_NOFOLLOW, 0o644)
	if err != nil {
		return err
	}
	_, err = io.CopyN(out, file, 2*limit)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	if err == nil && owner != nil {
		err = out.Chown(int(owner.UID), int(owner.GID))
	}
	if closeErr := out.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		_ = os.Remove(to)
	}
	return err
}
