package api

import (
	"errors"
	"mime"
	"net/http"
	"path"
	"strconv"

	"github.com/meseta/meseta/agent"
	"github.com/meseta/meseta/agent/sandbox"
	"github.com/meseta/meseta/gen/agentv1"
	"github.com/meseta/meseta/gen/mesosv1"
	"github.com/meseta/meseta/internal/httpx"
)

// fileInfo is a file as the older endpoints show it.
type fileInfo struct {
	GID   string  `json:"gid"`
	Mode  string  `json:"mode"`
	Mtime float64 `json:"mtime"`
	Nlink int32   `json:"nlink"`
	Path  string  `json:"path"`
	Size  uint64  `json:"size"`
	UID   string  `json:"uid"`
}

func (s *Server) browse(r *http.Request) (any, error) {
	where, err := pathOf(r)
	if err != nil {
		return nil, err
	}
	infos, err := s.source.Files().Browse(where)
	if err != nil {
		return nil, fileRefusal(err, "")
	}
	out := make([]fileInfo, 0, len(infos))
	for _, i := range infos {
		out = append(out, fileInfo{
			i.Group, i.ModeString(), float64(i.Mtime.Unix()), i.Nlink, i.Path, i.Size, i.User,
		})
	}
	return out, nil
}

// fileChunk is a part of a file as the older endpoints show it.
type fileChunk struct {
	Data   string `json:"data"`
	Offset uint64 `json:"offset"`
}

// readFile reads a part of a file. Without an offset, or with -1, it tells the
// size of the file instead.
func (s *Server) readFile(r *http.Request) (any, error) {
	where, err := pathOf(r)
	if err != nil {
		return nil, err
	}
	offset, err := number(r, "offset")
	if err != nil {
		return nil, err
	}
	length, err := number(r, "length")
	if err != nil {
		return nil, err
	}
	if offset < 0 {
		length, offset = 0, 0
		_, size, err := s.source.Files().Read(where, 0, length)
		if err != nil {
			return nil, fileRefusal(err, "read")
		}
		return fileChunk{Offset: size}, nil
	}
	data, _, err := s.source.Files().Read(where, uint64(offset), length)
	if err != nil {
		return nil, fileRefusal(err, "read")
	}
	return fileChunk{Data: string(data), Offset: uint64(offset)}, nil
}

// number reads a query parameter that is -1 by default and not less than that.
func number(r *http.Request, name string) (int64, error) {
	query := r.URL.Query()
	if !query.Has(name) {
		return -1, nil
	}
	text := query.Get(name)
	n, err := strconv.ParseInt(text, 10, 64)
	switch {
	case err != nil:
		return 0, refuse(http.StatusBadRequest, "Failed to parse %s: Failed to convert '%s' to number.\n", name, text)
	case n < -1:
		return 0, refuse(http.StatusBadRequest, "Negative %s provided: %d.\n", name, n)
	}
	return n, nil
}

func (s *Server) download(w http.ResponseWriter, r *http.Request) {
	where, err := pathOf(r)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	file, info, err := s.source.Files().Open(where)
	if errors.Is(err, sandbox.ErrNotFound) {
		httpx.WriteStatus(w, http.StatusNotFound)
		return
	}
	if err != nil {
		s.fail(w, r, fileRefusal(err, "download"))
		return
	}
	defer file.Close()
	name := path.Base(where)
	h := w.Header()
	h.Set("Content-Type", mediaType(name))
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": name}))
	http.ServeContent(w, r, "", info.ModTime(), file)
}

// mediaType follows the extension of a name alone, not the content: what a
// task has written must not decide how a browser treats it.
func mediaType(name string) string {
	full := mime.TypeByExtension(path.Ext(name))
	media, _, err := mime.ParseMediaType(full)
	if err != nil {
		return "application/octet-stream"
	}
	return media
}

// debugFiles is the table of paths under which files can be found.
func (s *Server) debugFiles(r *http.Request) (any, error) {
	view, err := s.view(r)
	if err != nil {
		return nil, err
	}
	table := map[string]string{}
	for virtual, real := range s.source.Files().Attached() {
		table[virtual] = real
	}
	each(view, func(f *agent.FrameworkView, e *agent.ExecutorView, _ bool) {
		table[e.Directory] = e.Directory
		table[path.Join(path.Dir(e.Directory), sandbox.Latest)] = e.Directory
		table[e.VirtualPath] = e.Directory
	})
	return table, nil
}

func pathOf(r *http.Request) (string, error) {
	where := r.URL.Query().Get("path")
	if where == "" {
		return "", refuse(http.StatusBadRequest, "Expecting 'path=value' in query.\n")
	}
	return where, nil
}

// fileRefusal turns an error of the sandbox into the answer of Mesos. What is
// the word for what was to be done with a file.
func fileRefusal(err error, what string) error {
	inaccessible, ok := errors.AsType[*sandbox.InaccessibleError](err)
	switch {
	case errors.Is(err, sandbox.ErrNotFound):
		return refuse(http.StatusNotFound, "")
	case errors.Is(err, sandbox.ErrDirectory):
		return refuse(http.StatusBadRequest, "Cannot %s a directory.\n", what)
	case ok:
		return refuse(http.StatusBadRequest, "%s\n", inaccessible.Error())
	}
	return err
}

func (s *Server) listFilesV1(call *agentv1.CallListFiles) (*agentv1.ResponseListFiles, error) {
	infos, err := s.source.Files().Browse(call.Path)
	if err != nil {
		return nil, fileRefusal(err, "")
	}
	out := &agentv1.ResponseListFiles{}
	for _, i := range infos {
		out.FileInfos = append(out.FileInfos, mesosv1.FileInfo{
			Path: i.Path, Nlink: &i.Nlink, Size: &i.Size, Mode: &i.Mode, UID: &i.User, GID: &i.Group,
			Mtime: &mesosv1.TimeInfo{Nanoseconds: i.Mtime.UnixNano()},
		})
	}
	return out, nil
}

func (s *Server) readFileV1(call *agentv1.CallReadFile) (*agentv1.ResponseReadFile, error) {
	length := int64(-1)
	if call.Length != nil {
		length = int64(min(*call.Length, sandbox.MaxRead))
	}
	data, size, err := s.source.Files().Read(call.Path, call.Offset, length)
	if err != nil {
		return nil, fileRefusal(err, "read")
	}
	if data == nil {
		data = []byte{} // an empty text, not null
	}
	return &agentv1.ResponseReadFile{Size: size, Data: data}, nil
}
