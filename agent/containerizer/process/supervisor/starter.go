package supervisor

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/meseta/meseta/agent/containerizer/process/proctree"
	"github.com/meseta/meseta/agent/containerizer/process/wire"
)

// start carries out a launch whose intent is durable, in a goroutine of its
// own, and tells the core what came of it.
func (s *supervisor) start(c *container) {
	cgroups := s.config.Cgroups
	result, err := s.attempt(c)
	if err != nil {
		ctx, cancel := soon(removeTimeout)
		defer cancel()
		_ = cgroups.Remove(ctx, c.id)
		if result.exec {
			s.post(func() { s.stillborn(c) })
		} else {
			s.post(func() { s.refused(c, err) })
		}
		return
	}
	var startTime uint64
	if !cgroups.Enabled() {
		if p, err := proctree.Read(result.pid); err == nil {
			startTime = p.StartTime
		}
	} else if err := cgroups.LimitCPU(c.id, c.launch.Limits); err != nil && !errors.Is(err, os.ErrNotExist) {
		// The container runs; a limit that the kernel refuses must not end it.
		fmt.Fprintf(os.Stderr, "container %s: limiting CPU: %v\n", c.id, err)
	}
	s.post(func() { s.launched(c, result.pid, startTime) })
}

// attempt forks the first process. With an error result.exec says whether the
// executable is to blame.
func (s *supervisor) attempt(c *container) (forkResult, error) {
	l := c.launch
	if err := s.config.Cgroups.Create(c.id, l.Limits); err != nil {
		return forkResult{}, err
	}
	var files [3]*os.File
	defer func() {
		for _, f := range files {
			if f != nil {
				f.Close()
			}
		}
	}()
	var err error
	if files[0], err = os.Open(os.DevNull); err != nil {
		return forkResult{}, err
	}
	for i, name := range []string{"stdout", "stderr"} {
		if files[i+1], err = openLog(l.Dir, name, l.Credential); err != nil {
			return forkResult{}, err
		}
	}
	path := lookPath(l.Path, l.Dir, l.Env)
	result := s.forker.fork(job{id: c.id, path: path, launch: l, files: files})
	if result.err == nil {
		return result, nil
	}
	if result.exec {
		// Where Mesos users look for it: in the task's own output.
		fmt.Fprintf(files[2], "cannot run %s: %v\n", l.Path, result.err)
		return result, result.err
	}
	return result, fmt.Errorf("starting %s: %w", path, result.err)
}

// openLog opens a file of the sandbox for appending. The sandbox belongs to
// the container's user, who must not make the supervisor open anything else.
func openLog(dir, name string, owner *wire.Credential) (*os.File, error) {
	path := filepath.Join(dir, name)
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0o644)
	if err != nil {
		return nil, fmt.Errorf("output file %w", err)
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("output file %s is not a regular file", path)
	}
	if err == nil && owner != nil {
		err = file.Chown(int(owner.UID), int(owner.GID))
	}
	if err != nil {
		file.Close()
		return nil, err
	}
	return file, nil
}

// lookPath finds an executable as the container's own PATH says. What is not
// found is returned as it is, and fails to execute.
func lookPath(path, dir string, env []string) string {
	if path == "" || strings.Contains(path, "/") {
		return path
	}
	for _, variable := range env {
		list, ok := strings.CutPrefix(variable, "PATH=")
		if !ok {
			continue
		}
		for _, place := range filepath.SplitList(list) {
			if !filepath.IsAbs(place) {
				place = filepath.Join(dir, place)
			}
			candidate := filepath.Join(place, path)
			if info, err := os.Stat(candidate); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
				return candidate
			}
		}
	}
	return path
}
