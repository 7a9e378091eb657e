package pgtest

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
)

// guardScript waits for the end of its input, which comes when the test
// program ends, and asks the servers to end at once, so that they collect their
// children. What still works below the directory after that is killed.
const guardScript = `
cat >/dev/null
for f in "$1"/*/data/postmaster.pid; do
	[ -f "$f" ] && kill -QUIT "$(head -n 1 "$f")" 2>/dev/null
done
for try in 1 2 3 4 5 6 7 8 9 10; do
	ls "$1"/*/data/postmaster.pid >/dev/null 2>&1 || break
	sleep 0.1
done
for p in /proc/[0-9]*; do
	case "$(readlink "$p/cwd" 2>/dev/null)/" in
	"$1"/*) kill -9 "${p#/proc/}" 2>/dev/null ;;
	esac
done
rm -rf "$1"
`

// base is the directory of a test program's servers.
type base struct {
	programs
	dir string
	// guard holds the write end of the guard's input open.
	guard any
}

// theBase is made once for a test program. It is shared since making it takes
// a second, and ends with the program.
var theBase = sync.OnceValues(func() (*base, error) {
	p, err := find()
	if err != nil {
		return nil, err
	}
	// The path of a socket may have 107 bytes at most, so that it does not go
	// below a long TMPDIR.
	dir, err := os.MkdirTemp("/tmp", "meseta-pg-")
	if err != nil {
		return nil, err
	}
	b := &base{programs: p, dir: dir}
	if err := b.startGuard(); err != nil {
		return nil, err
	}
	if p.credential != nil {
		if err := os.Chown(dir, int(p.credential.Uid), int(p.credential.Gid)); err != nil {
			return nil, err
		}
	}
	return b, b.initialize()
})

func (b *base) startGuard() error {
	cmd := exec.Command("/bin/sh", "-c", guardScript, "sh", b.dir)
	cmd.Dir = "/"
	// A group of its own keeps an interrupt typed at the terminal away.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	b.guard = stdin
	return cmd.Start()
}

// initialize makes the data directory that every server starts with.
func (b *base) initialize() error {
	cmd := b.command(b.initdb, "--pgdata", b.template(), "--username", "meseta", "--auth", "trust",
		"--encoding", "UTF8", "--locale", "C", "--no-sync", "--no-instructions")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, out)
	}
	// The user "guarded" needs a password; everybody else is trusted.
	path := filepath.Join(b.template(), "pg_hba.conf")
	rules, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	guarded := []byte("host all guarded 127.0.0.1/32 scram-sha-256\n")
	return os.WriteFile(path, bytes.Join([][]byte{guarded, rules}, nil), 0o600)
}

func (b *base) template() string { return filepath.Join(b.dir, "template") }

// command is a command that runs as the user of the servers.
func (b *base) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Dir = b.dir
	cmd.Env = append(os.Environ(), "HOME="+b.dir, "LC_ALL=C", "TZ=UTC")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: b.credential}
	return cmd
}
