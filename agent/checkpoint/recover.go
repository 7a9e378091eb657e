package checkpoint

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

const (
	prefix    = "journal."
	temporary = ".new"
)

func journalName(seq uint64) string { return fmt.Sprintf("%s%08d", prefix, seq) }

func parseJournalName(name string) (uint64, bool) {
	digits, ok := strings.CutPrefix(name, prefix)
	if !ok {
		return 0, false
	}
	seq, err := strconv.ParseUint(digits, 10, 64)
	return seq, err == nil
}

// recover finds the journal in charge, which is the newest one, reads it, and
// opens it for appending.
func (j *Journal) recover() error {
	names, err := j.opts.files.ReadDir(j.opts.Dir)
	if err != nil {
		return err
	}
	var seqs []uint64
	for _, name := range names {
		if strings.HasPrefix(name, prefix) && strings.HasSuffix(name, temporary) {
			// A journal that a crash kept from being put in charge.
			if err := j.opts.files.Remove(filepath.Join(j.opts.Dir, name)); err != nil {
				return err
			}
		}
		if seq, ok := parseJournalName(name); ok {
			seqs = append(seqs, seq)
		}
	}
	if len(seqs) == 0 {
		return j.compact()
	}
	slices.Sort(seqs)
	newest := seqs[len(seqs)-1]
	if err := j.read(newest); err != nil {
		return err
	}
	for _, seq := range seqs[:len(seqs)-1] {
		if err := j.opts.files.Remove(filepath.Join(j.opts.Dir, journalName(seq))); err != nil {
			return err
		}
	}
	return nil
}

func (j *Journal) read(seq uint64) error {
	name := journalName(seq)
	path := filepath.Join(j.opts.Dir, name)
	text, err := j.opts.files.ReadFile(path)
	if err != nil {
		return err
	}
	whole := 0
	for rest := text; len(rest) > 0; {
		line, more, complete := bytes.Cut(rest, []byte{'\n'})
		if !complete {
			break
		}
		record, err := parseRecord(line)
		if errors.Is(err, errTorn) {
			break
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if h := record.Header; h != nil && h.Version != Version {
			return fmt.Errorf("%s has format version %d; this agent reads version %d: use the agent that wrote it, or remove the directory to start as a new agent",
				name, h.Version, Version)
		}
		j.state.apply(record)
		whole += len(line) + 1
		rest = more
	}
	if whole < len(text) && continues(text[whole:]) && !j.opts.Lenient {
		return fmt.Errorf("%s is damaged at byte %d, and records follow: start with --no-strict to go on with what is before, or remove the directory to start as a new agent",
			name, whole)
	}
	if whole < len(text) {
		j.opts.Logger.Warn("the journal ends in a torn record, as after a crash; the rest is dropped",
			"journal", path, "bytes", len(text)-whole)
	}
	file, err := j.opts.files.Open(path)
	if err != nil {
		return err
	}
	j.file, j.name, j.seq = file, name, seq
	j.size, j.base = int64(whole), int64(whole)
	j.dirty = whole < len(text)
	return nil
}

// continues reports whether whole records follow a damaged one, so that the
// damage cannot be the end of an interrupted write.
func continues(text []byte) bool {
	for {
		_, rest, complete := bytes.Cut(text, []byte{'\n'})
		if !complete {
			return false
		}
		line, _, complete := bytes.Cut(rest, []byte{'\n'})
		if !complete {
			return false
		}
		if _, err := parseRecord(line); err == nil {
			return true
		}
		text = rest
	}
}
