package tail

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/meseta/meseta/client"
)

// file is a growing file in memory. A nil content means that it does not exist.
type file struct {
	mu      sync.Mutex
	content []byte
	err     error
	reads   int
}

func (f *file) set(content string, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.content, f.err = []byte(content), err
}

func (f *file) ReadFile(_ context.Context, _ string, offset, length uint64) ([]byte, uint64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.reads++
	switch {
	case f.err != nil:
		return nil, 0, f.err
	case f.content == nil:
		return nil, 0, &client.StatusError{Call: "READ_FILE", Code: 404}
	}
	size := uint64(len(f.content))
	if offset > size {
		return nil, size, nil
	}
	return f.content[offset:min(size, offset+length)], size, nil
}

func TestAFileThatIsThereIsCopiedWhole(t *testing.T) {
	t.Parallel()
	want := strings.Repeat("0123456789", 20_000)
	var out strings.Builder
	if err := Copy(t.Context(), Options{From: &file{content: []byte(want)}, To: &out}); err != nil || out.String() != want {
		t.Errorf("copied %d of %d bytes: %v", out.Len(), len(want), err)
	}
	if err := Copy(t.Context(), Options{From: &file{}, To: &out}); !errors.Is(err, ErrNoFile) {
		t.Errorf("a missing file gave %v", err)
	}
}

func TestAGrowingFileIsFollowedUntilItsTaskHasEnded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f, ended := &file{}, make(chan struct{})
		var out strings.Builder
		done := make(chan error)
		go func() { done <- Copy(t.Context(), Options{From: f, To: &out, Ended: ended}) }()
		for _, step := range []struct {
			content string
			err     error
		}{
			{"one ", nil}, {"one two ", nil}, {"one two ", errors.New("connection refused")},
			{"one two three ", nil}, {"new ", nil},
		} {
			time.Sleep(time.Second)
			f.set(step.content, step.err)
		}
		time.Sleep(time.Second)
		f.set("new last", nil)
		close(ended)
		if err := <-done; err != nil || out.String() != "one two three new last" {
			t.Errorf("copied %q: %v", out.String(), err)
		}
	})
}

func TestFollowingEndsWithItsContextAndWhenTheAgentIsGone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var out strings.Builder
		err := Copy(ctx, Options{From: &file{}, To: &out, Ended: make(chan struct{})})
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the end of the context gave %v", err)
		}
		gone := errors.New("connection refused")
		start := time.Now()
		err = Copy(t.Context(), Options{From: &file{err: gone}, File: "stdout", To: &out, Ended: make(chan struct{})})
		if !errors.Is(err, gone) || time.Since(start) < patience || time.Since(start) > 2*patience {
			t.Errorf("an agent that is gone gave %v after %v", err, time.Since(start))
		}
		forbidden := &client.StatusError{Call: "READ_FILE", Code: 403}
		if err := Copy(t.Context(), Options{From: &file{err: forbidden}, To: &out, Ended: make(chan struct{})}); !errors.Is(err, forbidden) {
			t.Errorf("a refusal gave %v", err)
		}
	})
}
