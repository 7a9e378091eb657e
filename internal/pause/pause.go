// Package pause waits for a time that may end early.
package pause

import (
	"context"
	"time"
)

// For blocks for d and returns nil, or returns the cause of ctx as soon as that
// is done.
func For(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
