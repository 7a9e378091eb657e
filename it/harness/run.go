package harness

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// marker is the name of the environment variable that all processes of a Run
// carry. Its value is the directory of the Run, which no other Run shares.
const marker = "MESETA_TEST_RUN"

// strayPatience is how long a killed process may take to disappear.
const strayPatience = 10 * time.Second

// Run is what the tests of one test program share: the binary, a directory,
// the port numbers, and the marks that identify every process started.
//
// All methods are safe for concurrent use, except that End comes last.
type Run struct {
	dir      string
	binary   func() (string, error)
	ports    *portSource
	watchdog *watchdog
	clusters atomic.Int64
}

// Begin prepares a Run. Nothing is built and no server is started before a
// test asks for it.
func Begin() (*Run, error) {
	// The path is kept short because agents put sockets below it, whose paths
	// may not exceed 107 bytes.
	dir, err := os.MkdirTemp("", "mst")
	if err != nil {
		return nil, fmt.Errorf("directory for the test processes: %w", err)
	}
	// Tasks of another user must be able to enter their sandboxes.
	if err := os.Chmod(dir, 0o755); err != nil {
		return nil, err
	}
	dog, err := startWatchdog(dir)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	r := &Run{dir: dir, ports: newPortSource(), watchdog: dog}
	r.binary = sync.OnceValues(func() (string, error) { return findBinary(dir) })
	return r, nil
}

// Dir is the directory below which all clusters of the Run work.
func (r *Run) Dir() string { return r.dir }

// Binary returns the path of the meseta binary: the value of MESETA_BIN, or
// one built from this module by the first call. Later calls return the same
// result, an error included.
func (r *Run) Binary() (string, error) { return r.binary() }

// FreePort returns a loopback port that nothing listened on a moment ago and
// that this Run hands out only once.
func (r *Run) FreePort() (int, error) { return r.ports.next() }

// End kills whatever the Run left running and removes its directory. It
// returns an error that names the strays it had to kill: a test that leaves
// processes behind is a failing test.
func (r *Run) End() error {
	strays, err := killStrays(r.dir)
	if len(strays) > 0 {
		lines := make([]string, len(strays))
		for i, s := range strays {
			lines[i] = "  " + s.String()
		}
		err = errors.Join(err, fmt.Errorf("the tests left %d processes behind:\n%s",
			len(strays), strings.Join(lines, "\n")))
	}
	return errors.Join(err, r.watchdog.stop(), os.RemoveAll(r.dir))
}

// newClusterDir makes a directory of its own for the next cluster.
func (r *Run) newClusterDir() (string, error) {
	dir := filepath.Join(r.dir, fmt.Sprintf("c%d", r.clusters.Add(1)))
	return dir, os.Mkdir(dir, 0o755)
}
