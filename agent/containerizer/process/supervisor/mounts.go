package supervisor

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"golang.org/x/sys/unix"

	"github.com/meseta/meseta/agent/containerizer/process/wire"
)

func needsNamespace(mounts []wire.Mount) bool {
	return slices.ContainsFunc(mounts, func(m wire.Mount) bool { return !m.Link })
}

// enterNamespace gives the calling thread, which is locked, a mount namespace
// of its own and returns what takes it back. What is mounted on the host later
// appears in the new one, but not the reverse.
func enterNamespace() (leave func() error, err error) {
	host, err := os.Open("/proc/thread-self/ns/mnt")
	if err != nil {
		return nil, fmt.Errorf("mount namespace: %w", err)
	}
	if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
		host.Close()
		return nil, fmt.Errorf("making a mount namespace: %w", err)
	}
	leave = func() error {
		defer host.Close()
		return unix.Setns(int(host.Fd()), unix.CLONE_NEWNS)
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_SLAVE, ""); err != nil {
		return nil, errors.Join(fmt.Errorf("separating the mount namespace: %w", err), leave())
	}
	return leave, nil
}

// mountAll makes the volumes visible, in order. The sandbox belongs to the
// container's user and may hold symbolic links, so every path in it is walked
// through an os.Root.
func mountAll(l wire.Launch) error {
	if len(l.Mounts) == 0 {
		return nil
	}
	for _, m := range l.Mounts {
		// The root is opened anew for each, so that a volume can lie within
		// one mounted before.
		sandbox, err := os.OpenRoot(l.Dir)
		if err != nil {
			return err
		}
		err = mountOne(sandbox, m, l.Credential)
		sandbox.Close()
		if err != nil {
			return fmt.Errorf("volume %s: %w", m.Target, err)
		}
	}
	return nil
}

func mountOne(sandbox *os.Root, m wire.Mount, owner *wire.Credential) error {
	if m.SandboxSource {
		if err := makeDir(sandbox, m.Source, owner); err != nil {
			return err
		}
	}
	if m.Link {
		return link(sandbox, m, owner)
	}
	source, err := open(sandbox, m.Source, m.SandboxSource)
	if err != nil {
		return err
	}
	defer source.Close()
	info, err := source.Stat()
	if err != nil {
		return err
	}
	inSandbox := !filepath.IsAbs(m.Target)
	if inSandbox {
		if err := makeTarget(sandbox, m.Target, info.IsDir(), owner); err != nil {
			return err
		}
	}
	target, err := open(sandbox, m.Target, inSandbox)
	if err != nil {
		return err
	}
	defer target.Close()
	return attach(source, target, m.ReadOnly)
}

// attach mounts what source names, with the mounts below it, on target.
func attach(source, target *os.File, readOnly bool) error {
	tree, err := unix.OpenTree(int(source.Fd()), "", unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|unix.AT_EMPTY_PATH|unix.AT_RECURSIVE)
	if err != nil {
		return fmt.Errorf("opening %s as a mount: %w", source.Name(), err)
	}
	defer unix.Close(tree)
	if readOnly {
		attr := unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY}
		if err := unix.MountSetattr(tree, "", unix.AT_EMPTY_PATH|unix.AT_RECURSIVE, &attr); err != nil {
			return fmt.Errorf("making %s read-only: %w", source.Name(), err)
		}
	}
	if err := unix.MoveMount(tree, "", int(target.Fd()), "", unix.MOVE_MOUNT_F_EMPTY_PATH|unix.MOVE_MOUNT_T_EMPTY_PATH); err != nil {
		return fmt.Errorf("mounting %s on %s: %w", source.Name(), target.Name(), err)
	}
	return nil
}

// open opens a directory or file to be mounted or mounted on. O_NONBLOCK
// keeps a named pipe from blocking the thread.
func open(sandbox *os.Root, path string, inSandbox bool) (*os.File, error) {
	const flags = os.O_RDONLY | unix.O_NONBLOCK
	if inSandbox {
		return sandbox.OpenFile(path, flags, 0)
	}
	return os.OpenFile(path, flags, 0)
}

// link makes a volume a symbolic link in the sandbox.
func link(sandbox *os.Root, m wire.Mount, owner *wire.Credential) error {
	source := m.Source
	if m.SandboxSource {
		source = filepath.Join(sandbox.Name(), m.Source)
	}
	if err := makeDir(sandbox, filepath.Dir(m.Target), owner); err != nil {
		return err
	}
	err := sandbox.Symlink(source, m.Target)
	if errors.Is(err, fs.ErrExist) {
		if now, readErr := sandbox.Readlink(m.Target); readErr == nil && now == source {
			return nil
		}
	}
	return err
}

// makeTarget makes the directory or empty file that is mounted on.
func makeTarget(sandbox *os.Root, path string, dir bool, owner *wire.Credential) error {
	if dir {
		return makeDir(sandbox, path, owner)
	}
	if err := makeDir(sandbox, filepath.Dir(path), owner); err != nil {
		return err
	}
	file, err := sandbox.OpenFile(path, os.O_RDONLY|os.O_CREATE|unix.O_NONBLOCK, 0o644)
	if err != nil {
		return err
	}
	return file.Close()
}

// makeDir makes a directory of the sandbox, with those above it; what is new
// at its end belongs to the container's user.
func makeDir(sandbox *os.Root, path string, owner *wire.Credential) error {
	if path == "." {
		return nil
	}
	_, err := sandbox.Stat(path)
	if err == nil {
		return nil
	}
	if err := sandbox.MkdirAll(path, 0o755); err != nil {
		return err
	}
	if owner == nil {
		return nil
	}
	if err := sandbox.Lchown(path, int(owner.UID), int(owner.GID)); err != nil {
		return fmt.Errorf("giving %s to user %s: %w", path, strconv.FormatUint(uint64(owner.UID), 10), err)
	}
	return nil
}
