// Package lifecycle starts the parts of a process in order and stops them in
// reverse.
package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// Component is one part of a process. Every function may be nil.
type Component struct {
	// Name is for logs and errors.
	Name string
	// Start makes the component ready. It must return soon, at the latest when
	// its context ends; what it starts it leaves to Stop. The next component
	// is started only after it has returned.
	Start func(ctx context.Context) error
	// Run is the life of the component. It returns when its context ends, which
	// is after Stop has returned. Returning earlier, with or without an error,
	// stops the whole group.
	Run func(ctx context.Context) error
	// Stop lets the component finish what it has begun, such as requests. Its
	// context ends when the time for stopping is over.
	Stop func(ctx context.Context) error
}

// Group is an ordered list of components. It is used by one goroutine: Add
// first, then Run once.
type Group struct {
	// Logger hears of components that fail or do not stop; required.
	Logger *slog.Logger
	// StopTimeout is how long all components together may take to stop, 30 s
	// by default. After it they are left behind and Run returns.
	StopTimeout time.Duration

	components []Component
}

// Add appends components; they will be started after those already there.
func (g *Group) Add(components ...Component) { g.components = append(g.components, components...) }

// started is a component whose Start has succeeded.
type started struct {
	Component
	cancel context.CancelFunc
	ended  chan struct{} // closed when Run has returned
	err    error         // of Run; may be read once ended is closed
}

// Run starts the components one by one, waits until ctx ends or one of them
// returns, and stops those that were started, in reverse order: each gets its
// Stop, then the end of its context, and has returned before the one before it
// is touched. An end of ctx alone is not an error; everything that went wrong
// is returned, joined.
func (g *Group) Run(ctx context.Context) error {
	// The components outlive ctx: its end is the signal to stop them in order,
	// not the end of everything at once.
	life := context.WithoutCancel(ctx)
	first := make(chan *started, len(g.components))
	var running []*started
	var failure error
	for _, c := range g.components {
		if ctx.Err() != nil {
			break
		}
		s, err := start(ctx, life, c, first)
		if err != nil {
			failure = err
			break
		}
		running = append(running, s)
	}
	if failure == nil {
		failure = await(ctx, first)
	}
	return errors.Join(failure, g.stop(life, running))
}

// start starts c and, if it has a Run, lets it run and report its end to first.
func start(ctx, life context.Context, c Component, first chan<- *started) (*started, error) {
	if c.Start != nil {
		if err := c.Start(ctx); err != nil {
			return nil, fmt.Errorf("%s: %w", c.Name, err)
		}
	}
	own, cancel := context.WithCancel(life)
	s := &started{Component: c, cancel: cancel, ended: make(chan struct{})}
	if c.Run == nil {
		close(s.ended)
		return s, nil
	}
	go func() {
		s.err = c.Run(own)
		close(s.ended)
		first <- s
	}()
	return s, nil
}

// await returns why the group must stop: nil if ctx has ended.
func await(ctx context.Context, first <-chan *started) error {
	select {
	case <-ctx.Done():
		return nil
	case s := <-first:
		if ctx.Err() != nil {
			return nil // reported by stop
		}
		if s.err == nil {
			return fmt.Errorf("%s: ended by itself", s.Name)
		}
		return nil // reported by stop
	}
}

// stop ends the components in reverse order and collects their errors.
func (g *Group) stop(life context.Context, running []*started) error {
	timeout := g.StopTimeout
	if timeout <= 0 {
		timeout = 30 * time.Second
	}
	ctx, cancel := context.WithTimeout(life, timeout)
	defer cancel()
	var all []error
	for i := len(running) - 1; i >= 0; i-- {
		s := running[i]
		if s.Stop != nil {
			if err := s.Stop(ctx); err != nil {
				all = append(all, fmt.Errorf("%s: stopping: %w", s.Name, err))
			}
		}
		s.cancel()
		select {
		case <-s.ended:
			if s.err != nil && !errors.Is(s.err, context.Canceled) {
				all = append(all, fmt.Errorf("%s: %w", s.Name, s.err))
			}
		case <-ctx.Done():
			g.Logger.Error("a component does not stop", "component", s.Name, "timeout", timeout)
			all = append(all, fmt.Errorf("%s: still running %s after it was asked to stop", s.Name, timeout))
		}
	}
	return errors.Join(all...)
}
