package harness

import (
	"fmt"
	"io"
	"os/exec"
	"syscall"
)

// watchdogScript waits for the end of its input, which comes when the test
// program ends in whatever way, and then kills everything that carries the
// mark of the Run or works below its directory.
const watchdogScript = `
cat >/dev/null
for p in /proc/[0-9]*; do
	pid=${p#/proc/}
	[ "$pid" = "$$" ] && continue
	case "$(readlink "$p/cwd" 2>/dev/null)/" in
	"$2"/*) kill -9 "$pid" 2>/dev/null; continue ;;
	esac
	grep -qs "$1=$2" "$p/environ" 2>/dev/null && kill -9 "$pid" 2>/dev/null
done
rm -rf "$2"
`

// watchdog is a process that outlives the test program by a moment.
type watchdog struct {
	cmd   *exec.Cmd
	stdin io.WriteCloser
}

func startWatchdog(dir string) (*watchdog, error) {
	cmd := exec.Command("/bin/sh", "-c", watchdogScript, "sh", marker, dir)
	cmd.Dir = "/"
	// A group of its own keeps an interrupt typed at the terminal away.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("watchdog of the test processes: %w", err)
	}
	return &watchdog{cmd: cmd, stdin: stdin}, nil
}

// stop lets the watchdog do its last round and waits for it.
func (w *watchdog) stop() error {
	if err := w.stdin.Close(); err != nil {
		return err
	}
	return w.cmd.Wait()
}
