package checkpoint

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
)

// Options of a journal.
type Options struct {
	// Dir holds the journal. It is created when it does not exist.
	Dir string
	// BootID names the present run of the kernel.
	BootID string
	// Lenient drops everything behind damage in the middle of a journal, which
	// otherwise makes Open fail. The torn end that a crash leaves is no damage.
	Lenient bool
	// Logger is told of damage that was found and of disks that fail.
	Logger *slog.Logger
	// Completed is called by the writer goroutine after each batch, with the
	// outcomes in the order of Append, or with none when nobody asked for
	// one. It may block, which delays the writer.
	Completed func(context.Context, []Completion)
	// CompactAbove is the size in bytes up to which a journal may grow
	// before it is compared with the state it describes; 0 means 8 MiB.
	CompactAbove int64

	files files // the file system; nil means the real one
}

// Completion tells that a record is stored, or that it could not be.
type Completion struct {
	// Done is what was given to Append; never nil.
	Done func(error)
	// Err is nil when the record is stored.
	Err error
}

// Journal is an open journal. Append and Backlog may be called by any
// goroutine; the rest belongs to the goroutine in Run.
type Journal struct {
	opts  Options
	state *State
	file  file
	name  string
	seq   uint64
	// size is how much of the file is whole records. What may be behind it
	// after a failed write is cut off before the next one.
	size  int64
	dirty bool // a failed write may have left a part of a record
	// base is what the journal measured when it was begun: roughly the size
	// of the state.
	base int64

	// queue holds what the writer has not taken yet. It is bounded by the
	// agent, which takes no new work while Backlog is large.
	queue struct {
		sync.Mutex
		entries []entry
		closed  bool
	}
	wake chan struct{}
}

type entry struct {
	record Record
	sync   bool
	done   func(error)
}

const (
	defaultCompactAbove = 8 << 20
	// compactFactor is how much larger than the state a journal may become.
	compactFactor = 4
)

// ErrClosed is the fate of records that come after the writer has ended.
var ErrClosed = errors.New("the journal is closed")

// Open reads the journal in the directory, repairs its end where a crash has
// torn it, and returns it together with the state it describes. The error means
// that the journal is damaged, of another version, or cannot be written.
func Open(opts Options) (*Journal, *State, error) {
	if opts.CompactAbove == 0 {
		opts.CompactAbove = defaultCompactAbove
	}
	if opts.files == nil {
		opts.files = osFiles{}
	}
	if err := opts.files.MkdirAll(opts.Dir); err != nil {
		return nil, nil, fmt.Errorf("checkpoint directory: %w", err)
	}
	j := &Journal{opts: opts, state: newState(), wake: make(chan struct{}, 1)}
	if err := j.recover(); err != nil {
		return nil, nil, fmt.Errorf("checkpoint in %s: %w", opts.Dir, err)
	}
	// The caller's copy and the writer's must not share maps: the writer
	// changes its own.
	copied := newState()
	for _, r := range j.state.records() {
		copied.apply(&r)
	}
	return j, copied, nil
}

// Append stores a record. It never blocks. done is called with the outcome,
// through Options.Completed, in the order of the records; it may be nil. With
// sync the outcome waits until the disk has the record.
func (j *Journal) Append(r Record, sync bool, done func(error)) {
	j.queue.Lock()
	closed := j.queue.closed
	if !closed {
		j.queue.entries = append(j.queue.entries, entry{r, sync, done})
	}
	j.queue.Unlock()
	if closed {
		return
	}
	select {
	case j.wake <- struct{}{}:
	default:
	}
}

// Backlog is the number of records that wait for the writer.
func (j *Journal) Backlog() int {
	j.queue.Lock()
	defer j.queue.Unlock()
	return len(j.queue.entries)
}

// Run writes until ctx is done, then writes what has come in until then and
// closes the file. Completions of that last batch are still called.
func (j *Journal) Run(ctx context.Context) error {
	for {
		select {
		case <-j.wake:
			j.flush(ctx)
		case <-ctx.Done():
			j.queue.Lock()
			j.queue.closed = true
			j.queue.Unlock()
			j.flush(ctx)
			return j.file.Close()
		}
	}
}

// flush writes everything that is queued as one batch.
func (j *Journal) flush(ctx context.Context) {
	j.queue.Lock()
	batch := j.queue.entries
	j.queue.entries = nil
	j.queue.Unlock()
	if len(batch) == 0 {
		return
	}
	err := j.write(batch)
	if err != nil {
		j.opts.Logger.Error("checkpoint is not stored", "journal", j.name, "records", len(batch), "err", err)
	}
	completions := make([]Completion, 0, len(batch))
	for _, e := range batch {
		if err == nil {
			j.state.apply(&e.record)
		}
		if e.done != nil {
			completions = append(completions, Completion{e.done, err})
		}
	}
	j.opts.Completed(ctx, completions)
	if err == nil && j.size > max(j.opts.CompactAbove, compactFactor*j.base) {
		if err := j.compact(); err != nil {
			j.opts.Logger.Warn("journal is not compacted", "journal", j.name, "err", err)
			j.base = j.size // try again when it has grown further
		}
	}
}

// write appends a batch, all or nothing.
func (j *Journal) write(batch []entry) error {
	var text []byte
	sync := false
	for i := range batch {
		var err error
		if text, err = appendRecord(text, &batch[i].record); err != nil {
			return err
		}
		sync = sync || batch[i].sync
	}
	if j.dirty {
		if err := j.file.Truncate(j.size); err != nil {
			return fmt.Errorf("cut off a torn record: %w", err)
		}
		j.dirty = false
	}
	if _, err := j.file.WriteAt(text, j.size); err != nil {
		j.dirty = true
		return err
	}
	if sync {
		if err := j.file.Sync(); err != nil {
			j.dirty = true
			return err
		}
	}
	j.size += int64(len(text))
	return nil
}

// compact begins a new journal with the present state. The new one takes
// effect by its rename; a crash before leaves the old one in charge, a crash
// after leaves an old one that the next Open removes.
func (j *Journal) compact() error {
	f, name, size, err := j.begin(j.seq + 1)
	if err != nil {
		return err
	}
	old, oldName := j.file, j.name
	j.file, j.name, j.seq, j.size, j.base = f, name, j.seq+1, size, size
	j.dirty = false
	// The old journal may only go when the directory is known to have the
	// new one. Should that fail, it stays until the next Open.
	err = j.opts.files.SyncDir(j.opts.Dir)
	if old == nil {
		return err
	}
	if err == nil {
		err = j.opts.files.Remove(filepath.Join(j.opts.Dir, oldName))
	}
	return errors.Join(err, old.Close())
}

// begin writes the state into a new journal and puts it in charge. After an
// error it is not in charge.
func (j *Journal) begin(seq uint64) (f file, name string, size int64, err error) {
	text, err := appendRecord(nil, &Record{Header: &Header{Version: Version, BootID: j.opts.BootID}})
	for _, r := range j.state.records() {
		if err == nil {
			text, err = appendRecord(text, &r)
		}
	}
	if err != nil {
		return nil, "", 0, err
	}
	name = journalName(seq)
	path, fs := filepath.Join(j.opts.Dir, name), j.opts.files
	if f, err = fs.Create(path + temporary); err != nil {
		return nil, "", 0, err
	}
	_, err = f.WriteAt(text, 0)
	if err == nil {
		err = f.Sync()
	}
	if err == nil {
		err = fs.Rename(path+temporary, path)
	}
	if err != nil {
		return nil, "", 0, errors.Join(err, f.Close(), fs.Remove(path+temporary))
	}
	return f, name, int64(len(text)), nil
}

// Reset forgets everything in the directory, so that the next start is that
// of a new agent. The journal must not be running.
func Reset(dir string) error {
	names, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	slices.Reverse(names)
	for _, n := range names {
		if _, ok := parseJournalName(n.Name()); ok {
			if err := os.Remove(filepath.Join(dir, n.Name())); err != nil {
				return err
			}
		}
	}
	return osFiles{}.SyncDir(dir)
}
