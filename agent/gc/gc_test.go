package gc

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/meseta/meseta/agent/sandbox"
	"github.com/meseta/meseta/internal/mesosid"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const week = 7 * 24 * time.Hour

// yard is a work directory with a collector that runs in virtual time.
type yard struct {
	t      *testing.T
	layout sandbox.Layout
	gc     *Collector
	usage  atomic.Value // of float64
	broken error
}

func inYard(t *testing.T, test func(*testing.T, *yard)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		y := &yard{t: t, layout: sandbox.Layout{WorkDir: t.TempDir()}}
		y.usage.Store(0.0)
		y.gc = New(Options{
			Layout: y.layout, Delay: week, Headroom: 0.1, Interval: time.Minute,
			Usage:  func(string) (float64, error) { return y.usage.Load().(float64), y.broken },
			Logger: slog.New(slog.DiscardHandler),
		})
		if err := y.layout.CreateAgent("S1"); err != nil {
			t.Fatal(err)
		}
		test(t, y)
	})
}

// run starts the collector.
func (y *yard) run() {
	ctx, cancel := context.WithCancel(y.t.Context())
	done := make(chan struct{})
	go func() { defer close(done); _ = y.gc.Run(ctx) }()
	synctest.Wait()
	y.t.Cleanup(func() { cancel(); <-done })
}

func (y *yard) sandbox(agent mesosid.AgentID, container mesosid.ContainerID) string {
	y.t.Helper()
	path := y.layout.Run(agent, "f", "e", container)
	if err := sandbox.Create(path, ""); err != nil {
		y.t.Fatal(err)
	}
	now := time.Now()
	if err := os.Chtimes(path, now, now); err != nil { // the clock of the file system is not virtual
		y.t.Fatal(err)
	}
	return path
}

func (y *yard) expect(path string, there bool) {
	y.t.Helper()
	if _, err := os.Stat(path); (err == nil) != there {
		y.t.Errorf("%s: there is %v, want %v", path, err == nil, there)
	}
}

func TestASandboxIsRemovedWhenItIsOldEnough(t *testing.T) {
	inYard(t, func(t *testing.T, y *yard) {
		path := y.sandbox("S1", "c1")
		y.gc.Keep(path)
		y.run()
		time.Sleep(2 * week)
		synctest.Wait()
		y.expect(path, true) // in use
		y.gc.Drop(path, time.Now())
		time.Sleep(week * 89 / 100)
		synctest.Wait()
		y.expect(path, true)
		time.Sleep(week * 2 / 100)
		synctest.Wait()
		y.expect(path, false)
		y.expect(filepath.Dir(path), false) // empty now
		y.expect(y.layout.Agent("S1"), true)
		if s := y.gc.Statistics(); s.Succeeded != 1 || s.Pending != 0 || s.MaxAge != week*9/10 {
			t.Errorf("statistics %+v", s)
		}
	})
}

func TestAFullDiskMakesSandboxesGoSooner(t *testing.T) {
	inYard(t, func(t *testing.T, y *yard) {
		path := y.sandbox("S1", "c1")
		y.usage.Store(0.85)
		y.gc.Drop(path, time.Now())
		y.run()
		time.Sleep(week * 4 / 100)
		synctest.Wait()
		y.expect(path, true) // 5 % of a week are allowed
		y.usage.Store(0.95)
		time.Sleep(time.Minute)
		synctest.Wait()
		y.expect(path, false)
	})
}

func TestSandboxesOfEarlierRunsAreFound(t *testing.T) {
	inYard(t, func(t *testing.T, y *yard) {
		old, live := y.sandbox("S0", "c0"), y.sandbox("S1", "c1")
		y.gc.Keep(live)
		y.run()
		if n := y.gc.Statistics().Pending; n != 1 {
			t.Errorf("%d pending", n)
		}
		time.Sleep(week)
		synctest.Wait()
		y.expect(old, false)
		y.expect(y.layout.Agent("S0"), false) // an id of the past, empty now
		y.expect(live, true)
	})
}

func TestASandboxThatComesIntoUseAgainIsKept(t *testing.T) {
	inYard(t, func(t *testing.T, y *yard) {
		path := y.sandbox("S1", "c1")
		y.gc.Drop(path, time.Now())
		y.run()
		y.gc.Keep(path)
		time.Sleep(2 * week)
		synctest.Wait()
		y.expect(path, true)
	})
}

func TestWithoutKnowingTheDiskNothingIsRemoved(t *testing.T) {
	inYard(t, func(t *testing.T, y *yard) {
		path := y.sandbox("S1", "c1")
		y.broken = errors.New("no such device")
		y.gc.Drop(path, time.Now())
		y.run()
		time.Sleep(2 * week)
		synctest.Wait()
		y.expect(path, true)
	})
}

func TestTheUsageOfADiskIsAFraction(t *testing.T) {
	t.Parallel()
	if usage, err := diskUsage(t.TempDir()); err != nil || usage < 0 || usage > 1 {
		t.Errorf("usage %v, %v", usage, err)
	}
	if _, err := diskUsage(filepath.Join(t.TempDir(), "nothing")); err == nil {
		t.Error("a directory that does not exist has a usage")
	}
}
