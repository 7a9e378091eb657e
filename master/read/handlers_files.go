package read

import (
	"fmt"
	"maps"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/meseta/meseta/gen/operatorv1"
	"github.com/meseta/meseta/internal/durfmt"
	"github.com/meseta/meseta/internal/fault"
	"github.com/meseta/meseta/internal/httpx"
)

// virtualPath gives the path that a request for a file names, if the caller
// may see it.
func (r *Reader) virtualPath(req *http.Request) (string, error) {
	if !req.URL.Query().Has("path") {
		return "", fault.New(fault.Invalid, "Expecting 'path=value' in query.\n")
	}
	p := req.URL.Query().Get("path")
	return p, r.allowed(req, "access_mesos_logs", p)
}

func (r *Reader) browse(w http.ResponseWriter, req *http.Request) error {
	p, err := r.virtualPath(req)
	if err != nil {
		return err
	}
	if err := r.files.browse(p); err != nil {
		return err
	}
	return httpx.WriteJSONP(w, req, []operatorv1.LegacyFile{})
}

// readFile serves a part of a file as text. An offset of -1 asks for the size.
func (r *Reader) readFile(w http.ResponseWriter, req *http.Request) error {
	p, err := r.virtualPath(req)
	if err != nil {
		return err
	}
	offset, err := filePosition(req, "offset")
	if err != nil {
		return err
	}
	length, err := filePosition(req, "length")
	if err != nil {
		return err
	}
	if offset < 0 {
		_, size, err := r.files.read(p, 0, 0)
		if err != nil {
			return err
		}
		return httpx.WriteJSONP(w, req, operatorv1.LegacyFileData{Offset: size})
	}
	data, _, err := r.files.read(p, uint64(offset), length)
	if err != nil {
		return err
	}
	return httpx.WriteJSONP(w, req, operatorv1.LegacyFileData{
		Offset: uint64(offset),
		Data:   strings.ToValidUTF8(string(data), "\uFFFD"),
	})
}

// filePosition reads a number of the query; -1 means that it is not given.
func filePosition(req *http.Request, name string) (int64, error) {
	if !req.URL.Query().Has(name) {
		return -1, nil
	}
	text := req.URL.Query().Get(name)
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0, fault.Wrap(fault.Invalid, fmt.Sprintf("Failed to parse %s: Failed to convert '%s' to number.\n", name, text), err)
	}
	if n < -1 {
		return 0, fault.New(fault.Invalid, fmt.Sprintf("Negative %s provided: %d.\n", name, n))
	}
	return n, nil
}

// download serves a whole file. It has a sentence of its own for a file that
// does not exist, unlike the others.
func (r *Reader) download(w http.ResponseWriter, req *http.Request) error {
	p, err := r.virtualPath(req)
	if err != nil {
		return err
	}
	file, info, err := r.files.open(p)
	if fault.Is(err, fault.NotFound) {
		httpx.NotFound(w, req)
		return nil
	}
	if err != nil {
		return err
	}
	defer file.Close()
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": path.Base(file.Name())}))
	http.ServeContent(w, req, "", info.ModTime(), file)
	return nil
}

func (r *Reader) debugFiles(w http.ResponseWriter, req *http.Request) error {
	if err := r.allowed(req, "get_endpoints", "/files/debug"); err != nil {
		return err
	}
	return httpx.WriteJSONP(w, req, maps.Clone(map[string]string(r.files)))
}

// loggingToggle tells the logging level, or sets it for a while.
func (r *Reader) loggingToggle(w http.ResponseWriter, req *http.Request) error {
	q := req.URL.Query()
	if !q.Has("level") && !q.Has("duration") {
		httpx.WriteText(w, http.StatusOK, strconv.FormatUint(uint64(r.opts.Verbosity.Get()), 10)+"\n")
		return nil
	}
	for _, name := range []string{"level", "duration"} {
		if !q.Has(name) {
			return fault.New(fault.Invalid, "Expecting '"+name+"=value' in query.\n")
		}
	}
	level, err := strconv.ParseInt(q.Get("level"), 10, 32)
	if err != nil {
		return fault.Wrap(fault.Invalid, "Failed to convert '"+q.Get("level")+"' to number.\n", err)
	}
	if level < 0 {
		return fault.New(fault.Invalid, fmt.Sprintf("Invalid level '%d'.\n", level))
	}
	duration, err := durfmt.Parse(q.Get("duration"))
	if err != nil {
		return fault.Wrap(fault.Invalid, durationProblem(q.Get("duration"))+".\n", err)
	}
	if err := r.allowed(req, "set_log_level", ""); err != nil {
		return err
	}
	r.opts.Verbosity.Set(uint32(level), max(duration, time.Nanosecond))
	w.WriteHeader(http.StatusOK)
	return nil
}

// durationProblem says in the words of Mesos why a duration cannot be read:
// the number in front of the unit is looked at first.
func durationProblem(text string) string {
	unit := strings.TrimLeft(text, "0123456789.")
	number := text[:len(text)-len(unit)]
	if _, err := strconv.ParseFloat(number, 64); err != nil {
		return "Failed to convert '" + number + "' to number"
	}
	return "Unknown duration unit '" + unit + "'"
}
