package docker

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/meseta/meseta/agent/containerizer"
	"github.com/meseta/meseta/internal/mesosid"
)

// place is a point in one stream of a container's log: the messages older than
// Time have Offset bytes of output together. The zero place is the beginning.
//
// Time stamps of one stream never go backwards, unless the machine's clock is
// set back. A sink that sees it happen falls back to the beginning. What it
// cannot see is a clock set back while no agent runs, by a container that
// writes meanwhile: that output is missing from the sandbox until the clock has
// caught up, and stays in the engine's log.
type place struct {
	Time   time.Time `json:"time"`
	Offset int64     `json:"offset"`
}

// places are those of stdout and stderr.
type places [2]place

// since is the time from which the log must be read.
func (p places) since() time.Time {
	if p[0].Time.Before(p[1].Time) {
		return p[0].Time
	}
	return p[1].Time
}

// clockSlack is far more than two streams of one log can be out of order.
const clockSlack = time.Minute

// reachedPlaces are the places of two sinks. A stream that is silent must not
// hold back the other: where the other is well ahead, everything of the silent
// one that is older has been seen too.
func reachedPlaces(stdout, stderr *logSink) places {
	p := places{stdout.place, stderr.place}
	if stdout.regressed || stderr.regressed {
		return places{}
	}
	for i, s := range []*logSink{stdout, stderr} {
		other := [2]place{stdout.place, stderr.place}[1-i].Time
		ahead := other.Add(-clockSlack)
		if !other.IsZero() && ahead.After(s.reached.Time) && !s.broken && len(s.pending) == 0 && s.openParts == 0 {
			p[i] = place{Time: ahead, Offset: s.seen}
		}
	}
	return p
}

const placeSuffix = ".log.json"

func (c *Containerizer) placePath(id mesosid.ContainerID) string {
	return filepath.Join(c.opts.StateDir, string(id)+placeSuffix)
}

// loadPlaces reads what an earlier agent has written down. Without it, or with
// what cannot be understood, the log is read from the beginning.
func (c *Containerizer) loadPlaces(id mesosid.ContainerID) places {
	var p places
	data, err := os.ReadFile(c.placePath(id))
	if err != nil || json.Unmarshal(data, &p) != nil {
		return places{}
	}
	return p
}

// savePlaces writes the places down so that a crash leaves the old or the new.
func (c *Containerizer) savePlaces(id mesosid.ContainerID, p places) error {
	data, err := json.Marshal(p)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(c.opts.StateDir, 0o755); err != nil {
		return err
	}
	path := c.placePath(id)
	if err := os.WriteFile(path+".new", data, 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

func (c *Containerizer) removePlaces(id mesosid.ContainerID) error {
	if err := os.Remove(c.placePath(id)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// sweepPlaces removes the places of containers that are not known any more.
func (c *Containerizer) sweepPlaces(known map[mesosid.ContainerID]containerizer.Spec) {
	files, _ := filepath.Glob(filepath.Join(c.opts.StateDir, "*"+placeSuffix+"*"))
	for _, path := range files {
		id, _, _ := strings.Cut(filepath.Base(path), placeSuffix)
		if _, ok := known[mesosid.ContainerID(id)]; !ok {
			_ = os.Remove(path)
		}
	}
}
