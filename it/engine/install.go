package engine

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
)

// installing keeps the tests of one process from installing side by side.
var installing sync.Mutex

// install makes sure that program can be run: where it is missing, a Debian
// machine's root installs packages with apt-get.
func install(program string, packages ...string) error {
	if os.Geteuid() != 0 {
		return errNotRoot
	}
	installing.Lock()
	defer installing.Unlock()
	// The path of a plain user lacks the folders of the administrator.
	if path := os.Getenv("PATH"); !strings.Contains(path, "/usr/sbin") {
		os.Setenv("PATH", path+":/usr/sbin:/sbin")
	}
	if _, err := exec.LookPath(program); err == nil {
		return nil
	}
	if _, err := exec.LookPath("apt-get"); err != nil {
		return fmt.Errorf("%s is not installed, and there is no apt-get to install it", program)
	}
	unlock, err := lockInstallation()
	if err != nil {
		return err
	}
	defer unlock()
	if _, err := exec.LookPath(program); err == nil {
		return nil
	}
	if err := aptGet("update", "-q"); err != nil {
		return err
	}
	return aptGet(append([]string{"install", "-y", "-q", "--no-install-recommends"}, packages...)...)
}

// lockInstallation keeps two test processes from installing side by side.
func lockInstallation() (unlock func(), err error) {
	f, err := os.OpenFile(filepath.Join(os.TempDir(), "meseta-install.lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return func() { f.Close() }, nil
}

func aptGet(args ...string) error {
	args = append([]string{"-o", "DPkg::Lock::Timeout=300"}, args...)
	cmd := exec.Command("apt-get", args...)
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("apt-get %s: %w\n%s", strings.Join(args, " "), err, tail(out))
	}
	return nil
}

// tail is the end of a log, enough to see what went wrong.
func tail(log []byte) string {
	const most = 2000
	if len(log) > most {
		log = log[len(log)-most:]
	}
	return string(log)
}
