package read

import (
	"errors"
	"io"
	"io/fs"
	"os"

	"github.com/meseta/meseta/internal/fault"
)

// files are single files by the virtual paths under which they may be read.
// There are no directories, so nothing else can be reached.
type files map[string]string

// maxRead is the most that one request reads, in bytes.
const maxRead = 64 << 10

// errNoFile is what requests for an unknown file get: a status without words.
var errNoFile = fault.New(fault.NotFound, "")

// browse lists a directory. A file has no entries.
func (f files) browse(path string) error {
	if _, ok := f[path]; !ok {
		return errNoFile
	}
	return nil
}

// read returns up to length bytes from the offset, and the size of the whole
// file. A negative length, and one above maxRead, means maxRead; an offset
// behind the end gives no data. The data is never nil.
func (f files) read(path string, offset uint64, length int64) (data []byte, size uint64, err error) {
	file, info, err := f.open(path)
	if err != nil {
		return nil, 0, err
	}
	defer file.Close()
	size = uint64(info.Size())
	if length < 0 || length > maxRead {
		length = maxRead
	}
	if offset >= size {
		return []byte{}, size, nil
	}
	data = make([]byte, min(uint64(length), size-offset))
	n, err := file.ReadAt(data, int64(offset))
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, 0, fault.Wrap(fault.Internal, path+" cannot be read", err)
	}
	return data[:n], size, nil
}

// open opens a file; the caller closes it.
func (f files) open(path string) (*os.File, fs.FileInfo, error) {
	real, ok := f[path]
	if !ok {
		return nil, nil, errNoFile
	}
	file, err := os.Open(real)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, errNoFile
	}
	if err != nil {
		return nil, nil, fault.Wrap(fault.Internal, path+" cannot be opened", err)
	}
	info, err := file.Stat()
	if err != nil {
		_ = file.Close()
		return nil, nil, fault.Wrap(fault.Internal, path+" cannot be opened", err)
	}
	return file, info, nil
}
