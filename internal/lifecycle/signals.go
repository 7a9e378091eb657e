package lifecycle

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"
)

// WithSignals returns a context that ends at the first SIGINT or SIGTERM, with
// a cause that names it. The second one calls exit at once, with the status
// that shells give to a process killed by it: whoever signals twice does not
// want to wait for an orderly end. Exit is os.Exit, except in tests.
//
// The returned function gives the signals back to their default handling and
// ends the context; it must be called.
func WithSignals(ctx context.Context, exit func(code int)) (context.Context, context.CancelFunc) {
	return withSignals(ctx, exit, os.Interrupt, syscall.SIGTERM)
}

func withSignals(ctx context.Context, exit func(code int), signals ...os.Signal) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	received := make(chan os.Signal, 2)
	signal.Notify(received, signals...)
	done := make(chan struct{})
	var watcher sync.WaitGroup
	watcher.Go(func() {
		for first := true; ; first = false {
			select {
			case s := <-received:
				if first {
					cancel(fmt.Errorf("signal %q received", s))
					continue
				}
				code := 1
				if number, ok := s.(syscall.Signal); ok {
					code = 128 + int(number)
				}
				exit(code)
			case <-done:
				return
			}
		}
	})
	return ctx, sync.OnceFunc(func() {
		signal.Stop(received)
		close(done)
		watcher.Wait()
		cancel(context.Canceled)
	})
}
