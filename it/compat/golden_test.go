package compat

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"regexp"
	"testing"
	"time"

	"github.com/meseta/meseta/it/harness"
)

// defaultFolder counts from the root of the repository.
const defaultFolder = "../shared/golden"

// transcriptPatience bounds one transcript, setup included. The longest recorded one
// waits half a minute.
const transcriptPatience = 4 * time.Minute

var (
	goldenFlag   = flag.String("golden", "", "folder of transcripts, or of folders of them; default "+defaultFolder+" beside the repository")
	onlyFlag     = flag.String("golden.only", "", "replay only transcripts whose folder/name matches this regular expression")
	parallelFlag = flag.Int("golden.parallel", 6, "how many transcripts to replay at the same time; they mostly wait")
	retriesFlag  = flag.Bool("golden.retry", true, "replay a failed transcript once more, since a busy machine can miss a recorded race; the summary names those that needed it")
	traceFlag    = flag.Bool("golden.trace", false, "log every step and event with its time")
	reportFlag   = flag.String("golden.report", "", "write the full list of differences to this file")
)

func TestMain(m *testing.M) {
	flag.Parse()
	// Replays wait far more than they compute, so the number of processors is
	// no measure of how many can run.
	if !wasSet("test.parallel") {
		_ = flag.Set("test.parallel", fmt.Sprint(*parallelFlag))
	}
	os.Exit(m.Run())
}

func wasSet(name string) bool {
	found := false
	flag.Visit(func(f *flag.Flag) { found = found || f.Name == name })
	return found
}

// transcripts finds what to replay, or skips or fails the test.
func transcripts(t *testing.T) []*Transcript {
	t.Helper()
	root, err := harness.ModuleRoot()
	if err != nil {
		t.Fatal(err)
	}
	folder := *goldenFlag
	if folder == "" {
		folder = defaultFolder
	}
	path, err := Locate(folder, root)
	if errors.Is(err, ErrAbsent) && *goldenFlag == "" && os.Getenv("CI") == "" {
		t.Skipf("the recorded conversations are not replayed: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	list, err := Find(path)
	if err != nil {
		t.Fatal(err)
	}
	only, err := regexp.Compile(*onlyFlag)
	if err != nil {
		t.Fatalf("-golden.only: %v", err)
	}
	var chosen []*Transcript
	for _, transcript := range list {
		if only.MatchString(transcript.Folder + "/" + transcript.Name) {
			chosen = append(chosen, transcript)
		}
	}
	return chosen
}

func TestRecordedConversationsAreReplayedAsRecorded(t *testing.T) {
	list := transcripts(t)
	run, err := harness.Begin()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := run.Binary(); err != nil {
		t.Fatal(errors.Join(err, run.End()))
	}
	var summary Summary
	var details reportFile
	begun := time.Now()
	t.Run("transcripts", func(t *testing.T) {
		for _, transcript := range list {
			t.Run(transcript.Folder+"/"+transcript.Name, func(t *testing.T) {
				t.Parallel()
				replay(t, run, transcript, &summary, &details)
			})
		}
	})
	if err := run.End(); err != nil {
		t.Error(err)
	}
	if *goldenFlag == "" && *onlyFlag == "" {
		for _, key := range stale(knownList(), list) {
			t.Errorf("known.go lists %s, which is not there", key)
		}
	}
	var text bytes.Buffer
	summary.Write(&text)
	fmt.Printf("%swall time %v\n", text.String(), time.Since(begun).Round(time.Second))
	if err := details.write(*reportFlag); err != nil {
		t.Error(err)
	}
}

// replay runs one transcript and judges the outcome by the known list.
func replay(t *testing.T, run *harness.Run, transcript *Transcript, summary *Summary, details *reportFile) {
	ctx, cancel := context.WithTimeout(t.Context(), transcriptPatience)
	defer cancel()
	report := attempt(ctx, t, run, transcript)
	entry, listed := known(knownList(), transcript.Key())
	outcome := judge(report, entry, listed)
	if outcome == Fail && *retriesFlag {
		t.Logf("%s is replayed once more; the first time it was\n%s", transcript.Key(), report)
		if again := attempt(ctx, t, run, transcript); again.Passed() {
			report, outcome = again, SecondPass
		}
	}
	summary.Add(transcript, outcome, report)
	details.add(transcript, outcome, report)
	switch outcome {
	case Pass, SecondPass:
	case Surprise:
		t.Errorf("%s passes, but known.go lists it as %q: %s\nremove it from the list", transcript.Key(), entry.Status, entry.Reason)
	case Fail:
		t.Errorf("%s: %s\n%s", transcript.Key(), transcript.About, report)
	default:
		t.Skipf("known (%s, %s): %s\n%s", entry.Status, entry.Covered, entry.Reason, report.First())
	}
}

// attempt sets up the cluster and performs the steps.
func attempt(ctx context.Context, t *testing.T, run *harness.Run, transcript *Transcript) *Report {
	begun := time.Now()
	cluster, bindings, err := Boot(ctx, t, run, transcript)
	if err != nil {
		return &Report{
			Failures: []Failure{{What: "the setup", Detail: err.Error()}}, Aborted: true, Took: time.Since(begun),
		}
	}
	replayer := NewReplayer(transcript, cluster, bindings)
	if *traceFlag {
		replayer.Trace = func(line string) { t.Log(line) }
	}
	report := replayer.Run(ctx)
	report.Took = time.Since(begun)
	return report
}
