// Package verbosity turns the detail of a running program's log up for a
// while, as operators of Mesos do through its API.
package verbosity

import (
	"log/slog"
	"sync"
	"time"
)

// Level is the verbosity of a log. 0 is what the program was started with;
// anything above also logs what is for developers.
//
// It is safe for concurrent use.
type Level struct {
	base slog.Level

	mu      sync.Mutex
	handler *slog.LevelVar
	current uint32
	revert  *time.Timer
	// changes counts settings, so that a timer can tell whether it is still
	// about the present one.
	changes int
}

// New takes the level of a log's handler as verbosity 0.
func New(handler *slog.LevelVar) *Level { return &Level{base: handler.Level(), handler: handler} }

// Get returns the present verbosity.
func (l *Level) Get() uint32 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.current
}

// Set changes the verbosity and takes the change back after d; at once if d is
// not positive. A later call replaces an earlier one.
func (l *Level) Set(verbosity uint32, d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.revert != nil {
		l.revert.Stop()
	}
	l.changes++
	if d <= 0 {
		l.apply(0)
		return
	}
	l.apply(verbosity)
	change := l.changes
	l.revert = time.AfterFunc(d, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.changes == change {
			l.apply(0)
		}
	})
}

func (l *Level) apply(verbosity uint32) {
	l.current = verbosity
	if verbosity == 0 {
		l.handler.Set(l.base)
		return
	}
	l.handler.Set(min(l.base, slog.LevelDebug))
}
