package supervisor

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/meseta/meseta/agent/containerizer/process/cgroup"
	"github.com/meseta/meseta/agent/containerizer/process/proctree"
	"github.com/meseta/meseta/agent/containerizer/process/wire"
)

// forker starts processes from one thread that never ends, for three reasons:
// the kernel ties the signal that a child gets at its parent's death to the
// parent's thread; under control groups of version 1 a process is born into
// its groups only if the forking thread is in them; and the thread passes
// through a mount namespace of its own when a container has volumes.
type forker struct {
	cgroups cgroup.Layout
	jobs    chan job
	exited  func(id string, status syscall.WaitStatus)

	// mu protects pids, and is held from before a fork until the child is
	// registered, and while children are reaped. So the number of a child
	// cannot be given to another before its exit was attributed.
	mu   sync.Mutex
	pids map[int]string
	// forked wakes the reaper when it had no child to wait for.
	forked chan struct{}
}

type job struct {
	id     string
	path   string
	launch wire.Launch
	files  [3]*os.File
	done   chan<- forkResult
}

type forkResult struct {
	pid int
	err error
	// exec says that err came from the executable, not from the machinery.
	exec bool
}

// newForker starts the forking thread and the reaper. exited is called, from
// the reaper, for each process started by fork when it has ended.
func newForker(cgroups cgroup.Layout, exited func(string, syscall.WaitStatus)) *forker {
	f := &forker{
		cgroups: cgroups, exited: exited, pids: map[int]string{},
		jobs: make(chan job, 64), forked: make(chan struct{}, 1),
	}
	go f.run()
	go f.reap()
	return f
}

// fork starts a process and waits until it has executed its program.
func (f *forker) fork(j job) forkResult {
	done := make(chan forkResult, 1)
	j.done = done
	f.jobs <- j
	return <-done
}

func (f *forker) run() {
	runtime.LockOSThread()
	for j := range f.jobs {
		var result forkResult
		if err := f.cgroups.Enter(j.id, unix.Gettid()); err != nil {
			result.err = fmt.Errorf("entering the control groups: %w", err)
		} else {
			result = f.start(j)
		}
		if len(f.jobs) == 0 {
			// With more work waiting the thread goes straight from one
			// container's groups to the next.
			_ = f.cgroups.Leave(unix.Gettid())
		}
		j.done <- result
	}
}

func (f *forker) start(j job) (result forkResult) {
	if needsNamespace(j.launch.Mounts) {
		leave, err := enterNamespace()
		if err != nil {
			return forkResult{err: err}
		}
		// The namespace is the container's alone once the thread has left.
		defer func() {
			if err := leave(); err != nil {
				panic("the forking thread cannot return to its mount namespace: " + err.Error())
			}
		}()
	}
	if err := mountAll(j.launch); err != nil {
		return forkResult{err: err}
	}
	attributes := &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL}
	if c := j.launch.Credential; c != nil {
		attributes.Credential = &syscall.Credential{Uid: c.UID, Gid: c.GID, Groups: c.Groups}
	}
	group, err := f.cgroups.Open(j.id)
	if err != nil {
		return forkResult{err: fmt.Errorf("control group: %w", err)}
	}
	if group != nil {
		defer group.Close()
		attributes.UseCgroupFD, attributes.CgroupFD = true, int(group.Fd())
	}
	f.mu.Lock()
	pid, err := syscall.ForkExec(j.path, j.launch.Args, &syscall.ProcAttr{
		Dir: j.launch.Dir, Env: j.launch.Env, Sys: attributes,
		Files: []uintptr{j.files[0].Fd(), j.files[1].Fd(), j.files[2].Fd()},
	})
	if err == nil {
		f.pids[pid] = j.id
	}
	f.mu.Unlock()
	if err != nil {
		return forkResult{err: err, exec: fromExec(err)}
	}
	select {
	case f.forked <- struct{}{}:
	default:
	}
	return forkResult{pid: pid}
}

// fromExec tells errors of the program, which the user must mend, from those
// of the fork, which the machine must.
func fromExec(err error) bool {
	for _, theirs := range []error{
		syscall.ENOENT, syscall.EACCES, syscall.ENOEXEC, syscall.ENOTDIR, syscall.EISDIR, syscall.ELOOP,
		syscall.ENAMETOOLONG, syscall.E2BIG, syscall.ETXTBSY, syscall.ELIBBAD, syscall.EINVAL,
	} {
		if errors.Is(err, theirs) {
			return true
		}
	}
	return false
}

// reap waits for children, its own and those adopted, for ever.
func (f *forker) reap() {
	for {
		err := unix.Waitid(unix.P_ALL, 0, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if errors.Is(err, unix.ECHILD) {
			<-f.forked
			continue
		}
		for f.reapOne() {
		}
	}
}

// reapOne reaps a child that has ended, if there is one.
func (f *forker) reapOne() bool {
	f.mu.Lock()
	var status syscall.WaitStatus
	pid, err := syscall.Wait4(-1, &status, syscall.WNOHANG, nil)
	id, first := f.pids[pid]
	if err == nil && first {
		delete(f.pids, pid)
	}
	f.mu.Unlock()
	if err != nil || pid <= 0 {
		return false
	}
	if first {
		f.exited(id, status)
	}
	return true
}

// killAdopted kills those adopted children that mine picks, and says how many
// there were. Children cannot be reaped meanwhile, so no number is a
// stranger's. Descendants of theirs are adopted in turn: the caller repeats
// until none is left.
func (f *forker) killAdopted(mine func(pid int) bool) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	children, ok := proctree.Children()
	if !ok {
		children = childrenByScan()
	}
	n := 0
	for _, pid := range children {
		if _, first := f.pids[pid]; !first && mine(pid) {
			n++
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
	return n
}

// childrenByScan lists the children on a kernel without the file that does.
func childrenByScan() []int {
	all, err := proctree.Scan()
	if err != nil {
		return nil
	}
	var children []int
	for _, p := range all {
		if p.Parent == os.Getpid() {
			children = append(children, p.PID)
		}
	}
	return children
}
