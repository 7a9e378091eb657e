package pgtest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/meseta/meseta/internal/sqlstore"
)

// Options configure a server.
type Options struct {
	// Durable flushes commits to the disk, as in production. Without it they
	// are only as durable as the machine.
	Durable bool
	// Settings are further settings of the server.
	Settings map[string]string
}

// Server is a running PostgreSQL. It belongs to one goroutine, except that
// databases may be made by any.
type Server struct {
	base *base
	dir  string
	port int
	opts Options
	cmd  *exec.Cmd
	// exited is closed when the server's process has ended.
	exited chan struct{}
}

const patience = 30 * time.Second

// Start starts a server of the test's own, which ends with the test.
func Start(t testing.TB, opts Options) *Server {
	t.Helper()
	b, err := theBase()
	if err != nil {
		missing(t, err)
	}
	s, err := b.newServer(opts)
	if err != nil {
		t.Fatalf("postgres: %v", err)
	}
	t.Cleanup(func() {
		s.kill()
		if err := os.RemoveAll(s.dir); err != nil {
			t.Errorf("postgres: %v", err)
		}
	})
	return s
}

func (b *base) newServer(opts Options) (*Server, error) {
	dir, err := os.MkdirTemp(b.dir, "s")
	if err != nil {
		return nil, err
	}
	if b.credential != nil {
		if err := os.Chown(dir, int(b.credential.Uid), int(b.credential.Gid)); err != nil {
			return nil, err
		}
	}
	if out, err := b.command("cp", "-a", b.template(), filepath.Join(dir, "data")).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("copying the data directory: %w\n%s", err, out)
	}
	s := &Server{base: b, dir: dir, opts: opts}
	for range 5 {
		if s.port, err = freePort(); err != nil {
			return nil, err
		}
		if err = s.start(); err == nil || !strings.Contains(err.Error(), "could not bind") {
			break
		}
	}
	return s, err
}

// freePort gives a port below those that the kernel uses for outgoing
// connections, so that none of these can take it meanwhile.
func freePort() (int, error) {
	const first, last = 30000, 32767
	for range 100 {
		port := first + rand.IntN(last-first)
		if listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			return port, listener.Close()
		}
	}
	return 0, errors.New("no free loopback port")
}

// start starts the process and waits until it answers.
func (s *Server) start() error {
	onOff := map[bool]string{true: "on", false: "off"}[s.opts.Durable]
	args := []string{"-D", filepath.Join(s.dir, "data"), "-k", s.dir, "-h", "127.0.0.1", "-p", fmt.Sprint(s.port)}
	for name, value := range map[string]string{
		"fsync": onOff, "full_page_writes": onOff, "max_connections": "200", "shared_buffers": "64MB", "max_wal_size": "512MB",
	} {
		args = append(args, "-c", name+"="+value)
	}
	for name, value := range s.opts.Settings {
		args = append(args, "-c", name+"="+value)
	}
	log, err := os.Create(filepath.Join(s.dir, "log"))
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := s.base.command(s.base.postgres, args...)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		return err
	}
	exited := make(chan struct{})
	s.cmd, s.exited = cmd, exited
	go func() {
		_ = cmd.Wait() // how it ended is in its log
		close(exited)
	}()
	return s.waitReady()
}

func (s *Server) waitReady() error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for {
		db, err := sqlstore.Open(ctx, s.URL("postgres"), sqlstore.Options{MaxConnections: 1})
		if err == nil {
			return db.Close()
		}
		select {
		case <-s.exited:
			return fmt.Errorf("the server ended at its start:\n%s", s.log())
		case <-ctx.Done():
			return fmt.Errorf("the server is not ready after %v: %w\n%s", patience, err, s.log())
		case <-time.After(10 * time.Millisecond):
		}
	}
}

func (s *Server) log() string {
	text, err := os.ReadFile(filepath.Join(s.dir, "log"))
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// URL is that of a database, over TCP.
func (s *Server) URL(database string) string { return s.URLAt(s.Address(), database) }

// URLAt is URL for a proxy in front of the server.
func (s *Server) URLAt(address, database string) string {
	return fmt.Sprintf("postgres://meseta@%s/%s?sslmode=disable", address, database)
}

// Address is the host and port of the server.
func (s *Server) Address() string { return fmt.Sprintf("127.0.0.1:%d", s.port) }

// Stop ends the server: connections are cut, what was committed stays.
func (s *Server) Stop(t testing.TB) {
	t.Helper()
	if err := s.cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatalf("postgres: %v", err)
	}
	select {
	case <-s.exited:
	case <-time.After(patience):
		t.Fatalf("postgres: the server did not stop within %v:\n%s", patience, s.log())
	}
}

// Restart starts a server that was stopped.
func (s *Server) Restart(t testing.TB) {
	t.Helper()
	if err := s.start(); err != nil {
		t.Fatalf("postgres: %v", err)
	}
}

// Pause stops all of the server's processes where they are, as a machine that
// hangs does: connections stay open and nothing answers. Resume continues it.
func (s *Server) Pause(t testing.TB) { t.Helper(); s.signalAll(t, syscall.SIGSTOP) }

// Resume undoes Pause.
func (s *Server) Resume(t testing.TB) { t.Helper(); s.signalAll(t, syscall.SIGCONT) }

func (s *Server) signalAll(t testing.TB, signal syscall.Signal) {
	t.Helper()
	// The parent first, so that it starts no more children meanwhile.
	if err := s.cmd.Process.Signal(signal); err != nil {
		t.Fatalf("postgres: %v", err)
	}
	for _, pid := range s.children() {
		if err := syscall.Kill(pid, signal); err != nil && !errors.Is(err, syscall.ESRCH) {
			t.Fatalf("postgres: signalling its process %d: %v", pid, err)
		}
	}
}

// kill ends all processes of the server, also when it is paused.
func (s *Server) kill() {
	children := s.children()
	for _, pid := range append(children, s.cmd.Process.Pid) {
		_ = syscall.Kill(pid, syscall.SIGCONT)
	}
	_ = s.cmd.Process.Signal(syscall.SIGQUIT)
	select {
	case <-s.exited:
		return
	case <-time.After(5 * time.Second):
	}
	for _, pid := range append(children, s.cmd.Process.Pid) {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	<-s.exited
}

// children are the processes that the server has started.
func (s *Server) children() []int {
	parent := s.cmd.Process.Pid
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", parent, parent))
	if err != nil {
		return nil // it has ended
	}
	var pids []int
	for field := range strings.FieldsSeq(string(text)) {
		var pid int
		if _, err := fmt.Sscan(field, &pid); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}
