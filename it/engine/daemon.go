package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Options say how an engine of one's own is to be.
type Options struct {
	// LiveRestore lets containers go on while the engine is stopped.
	LiveRestore bool
	// Flags are further flags of dockerd.
	Flags []string
}

// Daemon is a dockerd that belongs to the tests. Its methods are for one
// goroutine at a time.
type Daemon struct {
	*Engine
	// Dir holds the socket, the data and the engine's log.
	Dir    string
	socket string
	bridge string
	args   []string
	// process is nil while the engine does not run; ended is closed when the
	// process has been waited for.
	process *os.Process
	ended   chan struct{}
	closed  bool
}

// newDaemon lays out the directories and the bridge. Nothing of the engine is
// shared with the machine's own or with that of another test process: it
// leaves the machine's packet filter and forwarding alone, which works since
// published ports go through its own proxy on the loopback interface.
func newDaemon(opts Options) (*Daemon, error) {
	dir, err := os.MkdirTemp("", fmt.Sprintf("%s%d-", dirPrefix, os.Getpid()))
	if err != nil {
		return nil, err
	}
	socket := filepath.Join(dir, "docker.sock")
	d := &Daemon{Engine: newEngine(socket), Dir: dir, socket: socket}
	if d.bridge, err = addBridge(); err != nil {
		os.RemoveAll(dir)
		return nil, err
	}
	name := filepath.Base(dir)
	d.args = append([]string{
		"--host=unix://" + socket,
		"--data-root=" + filepath.Join(dir, "data"),
		"--exec-root=" + filepath.Join(dir, "exec"),
		"--pidfile=" + filepath.Join(dir, "docker.pid"),
		"--config-file=" + filepath.Join(dir, "none.json"),
		"--containerd-namespace=" + name,
		"--containerd-plugins-namespace=" + name + "-plugins",
		"--cgroup-parent=/" + name,
		"--bridge=" + d.bridge,
		"--iptables=false", "--ip-forward=false", "--ip-masq=false",
		"--ip=127.0.0.1",
		fmt.Sprintf("--live-restore=%t", opts.LiveRestore),
		"--shutdown-timeout=2",
	}, opts.Flags...)
	return d, os.WriteFile(filepath.Join(dir, "none.json"), []byte("{}"), 0o600)
}

// Start starts the engine and returns when it answers. A storage driver that
// does not work on this machine is replaced by the plainest one.
func (d *Daemon) Start(ctx context.Context) error {
	err := d.start(ctx, d.args)
	if err != nil && ctx.Err() == nil && !exists(filepath.Join(d.Dir, "data", "image")) {
		d.args = append(d.args, "--storage-driver=vfs")
		err = d.start(ctx, d.args)
	}
	return err
}

func (d *Daemon) start(ctx context.Context, args []string) error {
	logPath := filepath.Join(d.Dir, "dockerd.log")
	log, err := os.OpenFile(logPath, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command("dockerd", args...)
	cmd.Stdout, cmd.Stderr = log, log
	// The engine must not outlive a test process that is killed. The kernel
	// sends the signal when the thread that forked ends, so that thread stays
	// with its goroutine until the engine has ended.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	started, ended := make(chan error), make(chan struct{})
	go func() {
		runtime.LockOSThread()
		defer close(ended)
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait()
		}
	}()
	if err := <-started; err != nil {
		return err
	}
	d.process, d.ended = cmd.Process, ended
	return d.ready(ctx, logPath)
}

// ready polls until the engine answers, since it tells nobody.
func (d *Daemon) ready(ctx context.Context, logPath string) error {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		var cause error
		select {
		case <-tick.C:
			if cause = d.api.ping(ctx); cause == nil {
				return nil
			}
			continue
		case <-d.ended:
			d.process = nil
			cause = errors.New("dockerd ended")
		case <-ctx.Done():
			cause = fmt.Errorf("dockerd does not answer: %w", ctx.Err())
		}
		log, _ := os.ReadFile(logPath)
		return fmt.Errorf("%w; its log ends with:\n%s", cause, tail(log))
	}
}

// Stop ends the engine as an administrator does. Its containers end too,
// unless the engine has LiveRestore.
func (d *Daemon) Stop() { d.end(syscall.SIGTERM) }

// Kill ends the engine as a crash does. Its containers go on under their
// shims; what becomes of them is decided by the next Start.
func (d *Daemon) Kill() {
	d.end(syscall.SIGKILL)
	d.endContainerd()
}

// endContainerd sees to it that the containerd of a killed engine is gone,
// together with its pid file: the next engine would take a dying one, or one
// that nobody has waited for, for alive.
func (d *Daemon) endContainerd() {
	path := filepath.Join(d.Dir, "exec", "containerd", "containerd.pid")
	if text, err := os.ReadFile(path); err == nil {
		if pid, err := strconv.Atoi(strings.TrimSpace(string(text))); err == nil && mentions(pid, d.Dir+"/") {
			_ = syscall.Kill(pid, syscall.SIGKILL)
			for range 100 {
				if !mentions(pid, d.Dir+"/") {
					break
				}
				time.Sleep(20 * time.Millisecond)
			}
		}
		_ = os.Remove(path)
	}
}

func (d *Daemon) end(signal syscall.Signal) {
	if d.process == nil {
		return
	}
	_ = d.process.Signal(signal)
	select {
	case <-d.ended:
	case <-time.After(30 * time.Second):
		_ = d.process.Kill()
		<-d.ended
	}
	d.process = nil
}

// Close destroys the containers, ends the engine and removes what it has left
// on the machine. It may be called more than once.
func (d *Daemon) Close() {
	if d.closed {
		return
	}
	d.closed = true
	if d.process != nil {
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		_ = d.api.removeContainers(ctx)
		cancel()
	}
	d.Stop()
	removeTraces(d.Dir)
	removeBridge(d.bridge)
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
