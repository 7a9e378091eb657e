package engine

import (
	"archive/tar"
	"bytes"
	"context"
	"debug/elf"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"
)

// imageCache remembers what was imported into one engine.
type imageCache struct {
	mu   sync.Mutex
	done map[string]error
}

// BusyboxImage returns the name of an image with a shell and the common tools,
// made from the static busybox of this machine. It has no entry point and no
// command of its own.
func (e *Engine) BusyboxImage(t testing.TB) string {
	t.Helper()
	return e.Image(t, "meseta-test/busybox:1")
}

// Image imports the busybox file system under the given name, which has a tag,
// with changes in the words of a Dockerfile, such as `CMD ["/bin/date"]`. It is
// imported once per name.
func (e *Engine) Image(t testing.TB, name string, changes ...string) string {
	t.Helper()
	e.images.mu.Lock()
	defer e.images.mu.Unlock()
	err, ok := e.images.done[name]
	if !ok {
		err = e.importImage(name, changes)
		if e.images.done == nil {
			e.images.done = make(map[string]error)
		}
		e.images.done[name] = err
	}
	if err != nil {
		unavailable(t, err)
	}
	return name
}

func (e *Engine) importImage(name string, changes []string) error {
	rootfs, err := busyboxRootfs()
	if err != nil {
		return err
	}
	repository, tag, _ := strings.Cut(name, ":")
	query := url.Values{"fromSrc": {"-"}, "repo": {repository}, "tag": {tag}, "changes": changes}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	return e.api.call(ctx, http.MethodPost, "/images/create?"+query.Encode(), bytes.NewReader(rootfs), nil)
}

// removeAll gives back the images, for the sake of an engine that goes on.
func (c *imageCache) removeAll(a api) {
	c.mu.Lock()
	defer c.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for name := range c.done {
		_ = a.call(ctx, http.MethodDelete, "/images/"+name+"?force=1", nil, nil)
	}
	c.done = nil
}

// busyboxRootfs is a tar of a small file system: the static busybox with its
// applets, two users, and a temporary directory.
var busyboxRootfs = sync.OnceValues(func() ([]byte, error) {
	path, err := staticBusybox()
	if err != nil {
		return nil, err
	}
	binary, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	applets, err := exec.Command(path, "--list").Output()
	if err != nil {
		return nil, fmt.Errorf("%s --list: %w", path, err)
	}
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	addDir(w, "bin/", 0o755)
	addDir(w, "etc/", 0o755)
	addDir(w, "tmp/", 0o1777)
	addFile(w, "bin/busybox", 0o755, binary)
	addFile(w, "etc/passwd", 0o644, []byte("root:x:0:0:root:/:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n"))
	addFile(w, "etc/group", 0o644, []byte("root:x:0:\nnogroup:x:65534:\n"))
	for _, applet := range strings.Fields(string(applets)) {
		if applet != "busybox" {
			_ = w.WriteHeader(&tar.Header{Typeflag: tar.TypeSymlink, Name: "bin/" + applet, Linkname: "busybox"})
		}
	}
	return out.Bytes(), w.Close()
})

func addDir(w *tar.Writer, name string, mode int64) {
	_ = w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: name, Mode: mode})
}

// addFile writes one file; a tar in memory reports its errors at Close.
func addFile(w *tar.Writer, name string, mode int64, data []byte) {
	_ = w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: mode, Size: int64(len(data))})
	_, _ = io.Copy(w, bytes.NewReader(data))
}

// staticBusybox finds a busybox that needs no library of the machine.
func staticBusybox() (string, error) {
	for range 2 {
		if path, err := exec.LookPath("busybox"); err == nil && static(path) {
			return path, nil
		}
		if err := install("busybox-static", "busybox-static"); err != nil {
			return "", fmt.Errorf("an image needs a static busybox: %w", err)
		}
	}
	return "", fmt.Errorf("an image needs a static busybox, and the package busybox-static brought none")
}

func static(path string) bool {
	f, err := elf.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			return false
		}
	}
	return true
}
