package verbosity_test

import (
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/meseta/meseta/internal/verbosity"
)

func TestARaisedLevelFallsBackWhenItsTimeIsOver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		handler := new(slog.LevelVar)
		level := verbosity.New(handler)
		expect := func(when string, wantLevel uint32, want slog.Level) {
			t.Helper()
			synctest.Wait()
			if level.Get() != wantLevel || handler.Level() != want {
				t.Errorf("%s: the level is %d and the handler logs from %s, want %d and %s", when, level.Get(), handler.Level(), wantLevel, want)
			}
		}
		expect("at the start", 0, slog.LevelInfo)
		level.Set(2, time.Minute)
		expect("raised", 2, slog.LevelDebug)
		time.Sleep(30 * time.Second)
		level.Set(1, time.Minute)
		time.Sleep(45 * time.Second)
		expect("raised again: the first time does not count", 1, slog.LevelDebug)
		time.Sleep(16 * time.Second)
		expect("over", 0, slog.LevelInfo)
		level.Set(3, -time.Second)
		expect("raised for a time that is over", 0, slog.LevelInfo)
	})
}

func TestALogThatAlreadyShowsEverythingKeepsDoingSo(t *testing.T) {
	t.Parallel()
	handler := new(slog.LevelVar)
	handler.Set(slog.LevelDebug - 4)
	level := verbosity.New(handler)
	level.Set(1, time.Hour)
	if handler.Level() != slog.LevelDebug-4 {
		t.Errorf("raising the level made the log quieter: %s", handler.Level())
	}
	level.Set(0, 0)
}
