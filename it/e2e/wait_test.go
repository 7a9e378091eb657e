package e2e

import (
	"context"
	"testing"
	"time"
)

// interval is how often things are looked at that can only be asked for.
const interval = 20 * time.Millisecond

// within is a context that ends after patience. That of the test would not do
// for what is checked at its end.
func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// until polls look until it returns nil. It fails the test with what look said
// last if that takes longer than patience.
func until(t *testing.T, what string, look func() error) {
	t.Helper()
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	for {
		err := look()
		if err == nil {
			return
		}
		select {
		case <-ticker.C:
		case <-deadline.C:
			t.Fatalf("%s: not within %s: %v", what, patience, err)
		}
	}
}
