package checkpoint

import (
	"os"
)

// files is the file system as the journal uses it. Tests put failures and
// crashes in between.
type files interface {
	MkdirAll(path string) error
	ReadDir(path string) ([]string, error)
	ReadFile(path string) ([]byte, error)
	Create(path string) (file, error)
	Open(path string) (file, error)
	Rename(from, to string) error
	Remove(path string) error
	SyncDir(path string) error
}

type file interface {
	WriteAt(p []byte, at int64) (int, error)
	Truncate(size int64) error
	Sync() error
	Close() error
}

// osFiles is the real file system. Only the agent's user may read the
// journal, since environments of tasks hold secrets.
type osFiles struct{}

func (osFiles) MkdirAll(path string) error { return os.MkdirAll(path, 0o700) }

func (osFiles) ReadDir(path string) ([]string, error) {
	entries, err := os.ReadDir(path)
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names, err
}

func (osFiles) ReadFile(path string) ([]byte, error) { return os.ReadFile(path) }

func (osFiles) Create(path string) (file, error) {
	return os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
}

func (osFiles) Open(path string) (file, error) { return os.OpenFile(path, os.O_RDWR, 0o600) }
func (osFiles) Rename(from, to string) error   { return os.Rename(from, to) }
func (osFiles) Remove(path string) error       { return os.Remove(path) }

func (osFiles) SyncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	err = d.Sync()
	if closeErr := d.Close(); err == nil {
		err = closeErr
	}
	return err
}
