package sandbox

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// MaxRead is the most that one Read returns, in bytes.
const MaxRead = 64 << 10

// Errors of Files, besides *InaccessibleError.
var (
	// ErrNotFound means that there is no such file, or that the path is not
	// one that may be looked at.
	ErrNotFound = errors.New("no such file")
	// ErrDirectory means that the path is a directory.
	ErrDirectory = errors.New("is a directory")
)

// InaccessibleError says that a path leaves its sandbox or cannot be read.
type InaccessibleError struct {
	// Path is the real path.
	Path string
}

func (e *InaccessibleError) Error() string { return fmt.Sprintf("'%s' is inaccessible.", e.Path) }

// Info describes one file.
type Info struct {
	// Path is in the terms of the request.
	Path string
	// Mode is as the kernel has it, type bits included.
	Mode  uint32
	Nlink int32
	Size  uint64
	Mtime time.Time
	// User and Group are names where the machine knows them, else numbers.
	User, Group string
}

// Files serves the files of sandboxes, of the newest runs under their virtual
// paths and of all runs under their real ones, and single other files that
// have been attached. Nothing outside can be reached: neither by ".." nor by
// links that a task has put into its sandbox.
//
// It is stateless and safe for concurrent use. All methods do I/O.
type Files struct {
	layout   Layout
	attached map[string]string
}

// NewFiles serves the sandboxes of a work directory, and the attached files:
// virtual path to real path.
func NewFiles(layout Layout, attached map[string]string) *Files {
	return &Files{layout: layout, attached: attached}
}

// Attached is the table of attached files.
func (f *Files) Attached() map[string]string { return f.attached }

// Browse lists a directory in the order of names. A file has no entries.
func (f *Files) Browse(path string) ([]Info, error) {
	dir, err := f.open(path, false)
	if err != nil {
		return nil, err
	}
	defer dir.close()
	if !dir.info.IsDir() {
		return nil, nil
	}
	entries, err := dir.file.ReadDir(-1)
	if err != nil {
		return nil, &InaccessibleError{dir.real}
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	infos := make([]Info, 0, len(entries))
	names := &idNames{}
	for _, e := range entries {
		// A link that stays inside shows what it points to, others show
		// themselves. What has just vanished is left out.
		info, err := dir.root.Stat(filepath.Join(dir.rest, e.Name()))
		if err != nil {
			if info, err = e.Info(); err != nil {
				continue
			}
		}
		infos = append(infos, describe(strings.TrimRight(path, "/")+"/"+e.Name(), info, names))
	}
	return infos, nil
}

// Read returns up to length bytes from the offset, and the size of the whole
// file. A negative length, and one above MaxRead, means MaxRead. An offset
// behind the end gives no data.
func (f *Files) Read(path string, offset uint64, length int64) ([]byte, uint64, error) {
	file, err := f.open(path, true)
	if err != nil {
		return nil, 0, err
	}
	defer file.close()
	size := uint64(file.info.Size())
	if length < 0 || length > MaxRead {
		length = MaxRead
	}
	if offset >= size {
		return nil, size, nil
	}
	data := make([]byte, min(uint64(length), size-offset))
	n, err := file.file.ReadAt(data, int64(offset))
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, 0, &InaccessibleError{file.real}
	}
	return data[:n], size, nil
}

// Open returns a file for downloading, to be closed by the caller, and its
// size.
func (f *Files) Open(path string) (io.ReadSeekCloser, fs.FileInfo, error) {
	file, err := f.open(path, true)
	if err != nil {
		return nil, nil, err
	}
	if file.root != nil {
		_ = file.root.Close()
	}
	return file.file, file.info, nil
}

// opened is an open file with the root that keeps it inside its sandbox.
type opened struct {
	root *os.Root // nil for an attached file
	rest string   // below the root
	real string
	file *os.File
	info fs.FileInfo
}

func (o *opened) close() {
	_ = o.file.Close()
	if o.root != nil {
		_ = o.root.Close()
	}
}

// open finds and opens a path. With regular, everything but a regular file is
// refused.
func (f *Files) open(path string, regular bool) (*opened, error) {
	o, err := f.find(path)
	if err != nil {
		return nil, err
	}
	if o.info, err = o.file.Stat(); err != nil {
		o.close()
		return nil, &InaccessibleError{o.real}
	}
	switch {
	case regular && o.info.IsDir():
		o.close()
		return nil, ErrDirectory
	case regular && !o.info.Mode().IsRegular():
		o.close()
		return nil, &InaccessibleError{o.real}
	}
	return o, nil
}

func (f *Files) find(path string) (*opened, error) {
	// A pipe without a writer must not block the open.
	const flags = os.O_RDONLY | syscall.O_NONBLOCK
	if real, ok := f.attached[path]; ok {
		file, err := os.OpenFile(real, flags, 0)
		if err != nil {
			return nil, refusal(err, real)
		}
		return &opened{file: file, real: real}, nil
	}
	dir, rest, ok := f.locate(path)
	if !ok {
		return nil, ErrNotFound
	}
	real, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return nil, ErrNotFound
	}
	root, err := os.OpenRoot(real)
	if err != nil {
		return nil, refusal(err, real)
	}
	o := &opened{root: root, rest: ".", real: real}
	if rest != "" {
		o.rest, o.real = rest, real+"/"+rest
	}
	if o.file, err = root.OpenFile(o.rest, flags, 0); err != nil {
		_ = root.Close()
		return nil, refusal(err, o.real)
	}
	return o, nil
}

func refusal(err error, real string) error {
	if errors.Is(err, fs.ErrNotExist) {
		return ErrNotFound
	}
	return &InaccessibleError{real}
}

// locate splits a path into a sandbox and what is below it. Only the shapes
// of the two kinds of paths are accepted, letter by letter.
func (f *Files) locate(path string) (dir, rest string, ok bool) {
	if below, found := strings.CutPrefix(path, "/frameworks/"); found {
		parts := strings.SplitN(below, "/", 6)
		if len(parts) < 5 || parts[1] != "executors" || parts[3] != "runs" || parts[4] != Latest ||
			!plain(parts[0]) || !plain(parts[2]) {
			return "", "", false
		}
		dir = filepath.Join(f.layout.Agents(), Latest, "frameworks", parts[0], "executors", parts[2], "runs", Latest)
		return dir, strings.Join(parts[5:], ""), true
	}
	below, found := strings.CutPrefix(path, f.layout.Agents()+"/")
	if !found {
		return "", "", false
	}
	parts := strings.SplitN(below, "/", 8)
	if len(parts) < 7 || parts[1] != "frameworks" || parts[3] != "executors" || parts[5] != "runs" ||
		!plain(parts[0]) || !plain(parts[2]) || !plain(parts[4]) || !plain(parts[6]) {
		return "", "", false
	}
	dir = filepath.Join(append([]string{f.layout.Agents()}, parts[:7]...)...)
	return dir, strings.Join(parts[7:], ""), true
}

// plain reports whether a part of a path is a name.
func plain(part string) bool { return part != "" && part != "." && part != ".." }

func describe(path string, info fs.FileInfo, names *idNames) Info {
	out := Info{Path: path, Size: uint64(info.Size()), Mtime: info.ModTime(), Nlink: 1}
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		out.Mode, out.Nlink = st.Mode, int32(st.Nlink)
		out.User, out.Group = names.user(st.Uid), names.group(st.Gid)
	}
	return out
}

// ModeString renders the mode as ls does: "-rw-r--r--".
func (i Info) ModeString() string {
	kind := byte('-')
	switch i.Mode & syscall.S_IFMT {
	case syscall.S_IFDIR:
		kind = 'd'
	case syscall.S_IFLNK:
		kind = 'l'
	case syscall.S_IFIFO:
		kind = 'p'
	case syscall.S_IFSOCK:
		kind = 's'
	case syscall.S_IFCHR:
		kind = 'c'
	case syscall.S_IFBLK:
		kind = 'b'
	}
	text := []byte{kind}
	for shift := 6; shift >= 0; shift -= 3 {
		for n, letter := range []byte("rwx") {
			if i.Mode>>shift&(4>>n) == 0 {
				letter = '-'
			}
			text = append(text, letter)
		}
	}
	return string(text)
}

// idNames remembers the names of users and groups during one request.
type idNames struct{ users, groups map[uint32]string }

func (n *idNames) user(id uint32) string {
	return remember(&n.users, id, func(text string) (string, error) {
		u, err := user.LookupId(text)
		if err != nil {
			return "", err
		}
		return u.Username, nil
	})
}

func (n *idNames) group(id uint32) string {
	return remember(&n.groups, id, func(text string) (string, error) {
		g, err := user.LookupGroupId(text)
		if err != nil {
			return "", err
		}
		return g.Name, nil
	})
}

func remember(known *map[uint32]string, id uint32, look func(string) (string, error)) string {
	if name, ok := (*known)[id]; ok {
		return name
	}
	text := strconv.FormatUint(uint64(id), 10)
	name, err := look(text)
	if err != nil {
		name = text
	}
	if *known == nil {
		*known = map[uint32]string{}
	}
	(*known)[id] = name
	return name
}
