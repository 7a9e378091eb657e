package checkpoint

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.uber.org/goleak"

	"github.com/meseta/meseta/agent/containerizer"
	"github.com/meseta/meseta/gen/mesosv1"
	"github.com/meseta/meseta/internal/mesosid"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// life are the records of two tasks of one framework, one of which ends.
func life() []Record {
	launch := func(task string) Record {
		return Record{Launch: &Launch{
			FrameworkID: "f", Command: true, Containerizer: "process",
			Executor: mesosv1.ExecutorInfo{ExecutorID: mesosv1.ExecutorID{Value: task}},
			Spec:     containerizer.Spec{ID: mesosid.ContainerID("c-" + task), TaskID: mesosid.TaskID(task)},
			Tasks:    []mesosv1.TaskInfo{{TaskID: mesosv1.TaskID{Value: task}, Name: "näme\n"}},
		}}
	}
	status := func(task, uuid string, state mesosv1.TaskState) Record {
		return Record{Update: &Update{FrameworkID: "f", Status: &mesosv1.TaskStatus{
			TaskID: mesosv1.TaskID{Value: task}, State: state, UUID: []byte(uuid),
		}}}
	}
	ack := func(task, uuid string) Record {
		return Record{Acknowledgment: &Acknowledgment{FrameworkID: "f", TaskID: mesosid.TaskID(task), UUID: []byte(uuid)}}
	}
	return []Record{
		{Agent: &Agent{ID: "S0", BootID: "b", Info: mesosv1.AgentInfo{Hostname: "h"}}},
		{Framework: &mesosv1.FrameworkInfo{ID: &mesosv1.FrameworkID{Value: "f"}, Name: "one"}},
		launch("t1"),
		status("t1", "1", mesosv1.TaskStarting),
		launch("t2"),
		status("t1", "2", mesosv1.TaskRunning),
		ack("t1", "1"),
		status("t2", "3", mesosv1.TaskStarting),
		{Kill: &Kill{FrameworkID: "f", ExecutorID: "t1", Requested: time.Unix(5, 0).UTC(), Grace: new(time.Second)}},
		ack("t1", "2"),
		status("t1", "4", mesosv1.TaskKilled),
		ack("t1", "4"),
		{ExecutorGone: &ExecutorRef{FrameworkID: "f", ExecutorID: "t1", ContainerID: "c-t1"}},
		{Framework: &mesosv1.FrameworkInfo{ID: &mesosv1.FrameworkID{Value: "f"}, Name: "two"}},
		status("t9", "5", mesosv1.TaskError),
		ack("t9", "5"),
		{FrameworkShutdown: "f"},
	}
}

// stateOf is what the first n records of a life add up to.
func stateOf(records []Record) *State {
	s := newState()
	for i := range records {
		s.apply(&records[i])
	}
	return s
}

var stateDiff = []cmp.Option{
	cmpopts.IgnoreUnexported(Framework{}), cmpopts.EquateEmpty(), cmpopts.EquateApproxTime(0),
}

// recorder collects what became of records.
type recorder struct {
	mu   sync.Mutex
	errs []error
	done chan struct{}
}

func (r *recorder) completed(_ context.Context, batch []Completion) {
	for _, c := range batch {
		c.Done(c.Err)
	}
}

func (r *recorder) note(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.errs = append(r.errs, err)
}

func options(dir string) Options {
	return Options{
		Dir: dir, BootID: "b", Logger: slog.New(slog.DiscardHandler),
		Completed: (&recorder{}).completed,
	}
}

// write appends records one by one, each in a batch of its own, and stops the
// journal. It returns what became of each.
func write(t *testing.T, opts Options, records []Record) []error {
	t.Helper()
	r := &recorder{}
	opts.Completed = r.completed
	j, _, err := Open(opts)
	if err != nil {
		t.Fatal(err)
	}
	return writeTo(t, j, r, records)
}

func writeTo(t *testing.T, j *Journal, r *recorder, records []Record) []error {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	stopped := make(chan error, 1)
	go func() { stopped <- j.Run(ctx) }()
	for i := range records {
		stored := make(chan struct{})
		j.Append(records[i], i%3 == 0, func(err error) { r.note(err); close(stored) })
		<-stored
	}
	cancel()
	if err := <-stopped; err != nil {
		t.Fatalf("Run: %v", err)
	}
	return r.errs
}

func open(t *testing.T, opts Options) *State {
	t.Helper()
	j, state, err := Open(opts)
	if err != nil {
		t.Fatal(err)
	}
	if err := j.file.Close(); err != nil {
		t.Fatal(err)
	}
	return state
}

func onlyJournal(t *testing.T, dir string) string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "journal.*"))
	if err != nil || len(names) != 1 {
		t.Fatalf("journals: %v %v, want one", names, err)
	}
	return names[0]
}

func TestAJournalGivesBackWhatWasStored(t *testing.T) {
	t.Parallel()
	opts := options(t.TempDir())
	for i, err := range write(t, opts, life()) {
		if err != nil {
			t.Errorf("record %d: %v", i, err)
		}
	}
	if diff := cmp.Diff(stateOf(life()), open(t, opts), stateDiff...); diff != "" {
		t.Errorf("state (-want +got):\n%s", diff)
	}
}

// A crash can leave any prefix of what was written. Each must give the state
// of the whole records in it, and take further records.
func TestAJournalCutAnywhereGivesTheRecordsBeforeTheCut(t *testing.T) {
	t.Parallel()
	records := life()
	opts := options(t.TempDir())
	write(t, opts, records)
	path := onlyJournal(t, opts.Dir)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for cut := range len(whole) + 1 {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(path)), whole[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		// The header is a record of its own.
		complete := max(strings.Count(string(whole[:cut]), "\n")-1, 0)
		want := stateOf(records[:complete])
		opts := options(dir)
		if diff := cmp.Diff(want, open(t, opts), stateDiff...); diff != "" {
			t.Fatalf("cut at byte %d (-want +got):\n%s", cut, diff)
		}
		more := Record{Framework: &mesosv1.FrameworkInfo{ID: &mesosv1.FrameworkID{Value: "g"}}}
		if cut%7 == 0 { // writing is the slow part
			write(t, opts, []Record{more})
			want.apply(&more)
			if diff := cmp.Diff(want, open(t, opts), stateDiff...); diff != "" {
				t.Fatalf("cut at byte %d, after another record (-want +got):\n%s", cut, diff)
			}
		}
	}
}

// A crash can also come between any two calls of the file system while a
// journal is being replaced. Nothing that was stored may be lost by it.
func TestACrashDuringCompactionLosesNothing(t *testing.T) {
	t.Parallel()
	records := life()
	want := stateOf(records[:10])
	for crash := 0; ; crash++ {
		opts := options(t.TempDir())
		write(t, opts, records[:10])
		failing := &faultyFiles{budget: crash}
		opts.files = failing
		j, _, err := Open(opts)
		if err == nil {
			err = j.compact()
			j.file.Close()
		}
		if !failing.failed {
			if crash < 5 {
				t.Fatalf("only %d calls were made", crash)
			}
			if err != nil {
				t.Fatal(err)
			}
			return // every call has failed once
		}
		opts.files = nil
		if diff := cmp.Diff(want, open(t, opts), stateDiff...); diff != "" {
			t.Fatalf("crash at call %d (-want +got):\n%s", crash, diff)
		}
		onlyJournal(t, opts.Dir)
	}
}

func TestAJournalIsCompactedWhenMostOfItIsHistory(t *testing.T) {
	t.Parallel()
	opts := options(t.TempDir())
	opts.CompactAbove = 2000
	framework := Record{Framework: &mesosv1.FrameworkInfo{ID: &mesosv1.FrameworkID{Value: "f"}, Name: "x"}}
	records := life()[:5]
	for range 200 {
		records = append(records, framework)
	}
	write(t, opts, records)
	path := onlyJournal(t, opts.Dir)
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Size() > 6000 || strings.HasSuffix(path, "00000001") {
		t.Errorf("%s has %d bytes", path, info.Size())
	}
	if diff := cmp.Diff(stateOf(records), open(t, opts), stateDiff...); diff != "" {
		t.Errorf("state (-want +got):\n%s", diff)
	}
}

func TestAFullDiskIsReportedAndOvercome(t *testing.T) {
	t.Parallel()
	opts := options(t.TempDir())
	files := &faultyFiles{budget: 1 << 30}
	opts.files = files
	r := &recorder{}
	opts.Completed = r.completed
	j, _, err := Open(opts)
	if err != nil {
		t.Fatal(err)
	}
	records := life()
	files.mu.Lock()
	files.full = 2 // the next two writes leave half a record each
	files.mu.Unlock()
	errs := writeTo(t, j, r, records[:5])
	if !errors.Is(errs[0], syscall.ENOSPC) || !errors.Is(errs[1], syscall.ENOSPC) {
		t.Errorf("outcomes of the first two: %v", errs[:2])
	}
	for i, err := range errs[2:] {
		if err != nil {
			t.Errorf("record %d: %v", i+2, err)
		}
	}
	opts.files = nil
	if diff := cmp.Diff(stateOf(records[2:5]), open(t, opts), stateDiff...); diff != "" {
		t.Errorf("state (-want +got):\n%s", diff)
	}
}

func TestDamageInTheMiddleIsNotTakenForATornEnd(t *testing.T) {
	t.Parallel()
	opts := options(t.TempDir())
	write(t, opts, life())
	path := onlyJournal(t, opts.Dir)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	text[strings.Index(string(text), "one")] = 'O'
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Open(opts); err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("Open: %v, want an error about damage", err)
	}
	opts.Lenient = true
	if diff := cmp.Diff(stateOf(life()[:1]), open(t, opts), stateDiff...); diff != "" {
		t.Errorf("state before the damage (-want +got):\n%s", diff)
	}
}

func TestAJournalOfAnotherVersionIsRefused(t *testing.T) {
	t.Parallel()
	opts := options(t.TempDir())
	line, err := appendRecord(nil, &Record{Header: &Header{Version: 99}})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(opts.Dir, "journal.00000001"), line, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Open(opts); err == nil || !strings.Contains(err.Error(), "format version 99") {
		t.Errorf("Open: %v", err)
	}
}

func TestRecordsOfManyTasksAreWrittenTogether(t *testing.T) {
	t.Parallel()
	opts := options(t.TempDir())
	files := &faultyFiles{budget: 1 << 30}
	opts.files = files
	j, _, err := Open(opts)
	if err != nil {
		t.Fatal(err)
	}
	before := files.calls
	const n = 500
	for i := range n {
		j.Append(Record{FrameworkGone: mesosid.FrameworkID(fmt.Sprint(i))}, true, nil)
	}
	if j.Backlog() != n {
		t.Errorf("backlog %d, want %d", j.Backlog(), n)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := j.Run(ctx); err != nil {
		t.Fatal(err)
	}
	if calls := files.calls - before; calls > 4 {
		t.Errorf("%d calls of the file system for %d records", calls, n)
	}
}

func TestOfRepeatedStatesOnlyTheNewestStaysInTheHistory(t *testing.T) {
	t.Parallel()
	records := life()[:3]
	for i := range 50 {
		uuid := []byte(fmt.Sprint(i))
		records = append(records,
			Record{Update: &Update{FrameworkID: "f", Status: &mesosv1.TaskStatus{
				TaskID: mesosv1.TaskID{Value: "t1"}, State: mesosv1.TaskStarting, UUID: uuid,
			}}},
			Record{Acknowledgment: &Acknowledgment{FrameworkID: "f", TaskID: "t1", UUID: uuid}},
		)
	}
	stream := stateOf(records).Frameworks["f"].Streams["t1"]
	if len(stream.Updates) != 1 || stream.Acknowledged != 1 || string(stream.Updates[0].UUID) != "49" {
		t.Errorf("history: %d updates, %d acknowledged", len(stream.Updates), stream.Acknowledged)
	}
}

func TestATaskThatHasEndedIsRememberedAsLongAsItsExecutor(t *testing.T) {
	t.Parallel()
	records := life()
	f := stateOf(records[:12]).Frameworks["f"]
	stream := f.Streams["t1"]
	if stream == nil || len(stream.Pending()) != 0 || stream.Latest().State != mesosv1.TaskKilled {
		t.Fatalf("after the last acknowledgement: %+v", stream)
	}
	if f := stateOf(records[:13]).Frameworks["f"]; f.Streams["t1"] != nil || f.Executors["t1"] != nil {
		t.Error("after the executor is gone the task is still known")
	}
}

// faultyFiles is the real file system until its budget of calls is used up;
// from then on every call that changes something fails, as after a crash.
type faultyFiles struct {
	osFiles
	mu     sync.Mutex
	budget int
	calls  int
	failed bool
	// full is how many writes find no space.
	full int
}

var errCrashed = errors.New("crashed")

func (f *faultyFiles) spend() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls++
	if f.calls > f.budget {
		f.failed = true
		return errCrashed
	}
	return nil
}

func (f *faultyFiles) wrap(inner file, err error) (file, error) {
	if err != nil {
		return nil, err
	}
	return &faultyFile{inner, f}, nil
}

func (f *faultyFiles) Create(path string) (file, error) {
	if err := f.spend(); err != nil {
		return nil, err
	}
	return f.wrap(f.osFiles.Create(path))
}

func (f *faultyFiles) Open(path string) (file, error) { return f.wrap(f.osFiles.Open(path)) }

func (f *faultyFiles) Rename(from, to string) error {
	if err := f.spend(); err != nil {
		return err
	}
	return f.osFiles.Rename(from, to)
}

func (f *faultyFiles) Remove(path string) error {
	if err := f.spend(); err != nil {
		return err
	}
	return f.osFiles.Remove(path)
}

func (f *faultyFiles) SyncDir(path string) error {
	if err := f.spend(); err != nil {
		return err
	}
	return f.osFiles.SyncDir(path)
}

type faultyFile struct {
	file
	files *faultyFiles
}

func (f *faultyFile) WriteAt(p []byte, at int64) (int, error) {
	if err := f.files.spend(); err != nil {
		// A crash in the middle of a write leaves a part of it.
		n, _ := f.file.WriteAt(p[:len(p)/2], at)
		return n, err
	}
	f.files.mu.Lock()
	full := f.files.full > 0
	if full {
		f.files.full--
	}
	f.files.mu.Unlock()
	if full {
		n, _ := f.file.WriteAt(p[:len(p)/2], at)
		return n, syscall.ENOSPC
	}
	return f.file.WriteAt(p, at)
}

func (f *faultyFile) Sync() error {
	if err := f.files.spend(); err != nil {
		return err
	}
	return f.file.Sync()
}

func (f *faultyFile) Truncate(size int64) error {
	if err := f.files.spend(); err != nil {
		return err
	}
	return f.file.Truncate(size)
}
