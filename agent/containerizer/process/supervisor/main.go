// Package supervisor is the process that holds containers, so that they
// outlive the agent.
//
// A supervisor is started by an agent with a directory, a listening unix
// socket and a lock. It forks the containers, is the reaper of every process
// that they orphan, records how they end in a journal, and serves one agent
// at a time. When its last container has ended and no agent is connected, it
// ends too: the journal says the rest.
//
// When it dies, the kernel kills the first process of each of its containers
// at once, and an agent, which notices by the lock, kills what they left.
//
//	agent ──Launch──▶ session ─▶ core ─▶ journal: intent
//	                              │         │ durable
//	                              │         ▼
//	                              │      starter ─▶ forker (one thread) ─▶ process
//	                              ▼                                          │ dies
//	agent ◀──exit─── session ◀─ core ◀─ journal: ended ◀─ finisher ◀─ reaper ◀┘
//
// The core is the one goroutine that owns the containers; everything that may
// block happens in the others, which post to it.
package supervisor

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/meseta/meseta/agent/containerizer/process/journal"
	"github.com/meseta/meseta/agent/containerizer/process/wire"
)

// firstConnection is how long a supervisor without containers waits for the
// agent that started it.
const firstConnection = 30 * time.Second

// Main runs a supervisor with the arguments that follow "executor" on the
// command line. It returns the exit code of the process.
func Main(args []string) int {
	flags := flag.NewFlagSet("executor", flag.ContinueOnError)
	dir := flags.String("dir", "", "directory of this supervisor, made by the agent")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	if *dir == "" {
		fmt.Fprintln(os.Stderr, "meseta executor is started by an agent, not by hand: --dir is missing")
		return 2
	}
	if err := run(*dir); err != nil {
		fmt.Fprintln(os.Stderr, "supervisor:", err)
		return 1
	}
	return 0
}

func run(dir string) error {
	// Few containers start at a moment, and the rest of the machine is theirs.
	runtime.GOMAXPROCS(min(2, runtime.NumCPU()))
	debug.SetGCPercent(40)
	syscall.Umask(0o022)
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("becoming the reaper of orphans: %w", err)
	}
	var config wire.Config
	data, err := os.ReadFile(filepath.Join(dir, wire.ConfigFile))
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, &config); err != nil {
		return fmt.Errorf("%s: %w", wire.ConfigFile, err)
	}
	listener, err := inherited()
	if err != nil {
		return err
	}
	defer listener.Close()
	records, err := journal.Create(filepath.Join(dir, wire.JournalFile))
	if err != nil {
		return err
	}
	s, err := newSupervisor(dir, config, records)
	if err != nil {
		return err
	}
	// Signals are caught rather than ignored, since the containers would
	// inherit an ignored signal.
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP)
	go s.accept(listener)
	s.run(signals)
	// Everything that had to be told is told. The directory stays as long as
	// it holds an exit that no agent has asked for.
	err = records.Close()
	if len(s.containers) == 0 {
		err = errors.Join(err, s.removeDirectory())
	}
	return err
}

// inherited takes over the descriptors that the agent passed.
func inherited() (*net.UnixListener, error) {
	syscall.CloseOnExec(wire.LockFD)
	file := os.NewFile(wire.ListenerFD, wire.SocketFile)
	defer file.Close()
	listener, err := net.FileListener(file)
	if err != nil {
		return nil, fmt.Errorf("the socket passed by the agent: %w", err)
	}
	unixListener, ok := listener.(*net.UnixListener)
	if !ok {
		return nil, errors.New("the socket passed by the agent is not a unix socket")
	}
	return unixListener, nil
}
