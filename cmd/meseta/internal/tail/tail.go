// Package tail copies a file of a sandbox, as it grows, to a writer.
package tail

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/meseta/meseta/client"
)

const (
	// chunk is how much is asked for at a time.
	chunk = 64 << 10
	// defaultInterval is the time between looks at a file that did not grow.
	defaultInterval = 200 * time.Millisecond
	// patience is how long an agent may not answer before following is given
	// up. It covers the restart of an agent.
	patience = time.Minute
)

// ErrNoFile means that the file does not exist.
var ErrNoFile = errors.New("no such file in the sandbox")

// Reader reads a part of a file and tells its size; *client.Agent is one.
type Reader interface {
	ReadFile(ctx context.Context, file string, offset, length uint64) (data []byte, size uint64, err error)
}

// Options of Copy.
type Options struct {
	From Reader
	// File is the path that the agent knows.
	File string
	To   io.Writer
	// Ended, if not nil, makes Copy wait for more at the end of the file, and
	// for the file itself, until the channel is closed; what was written by then
	// is still copied. With nil Copy ends at the end of the file.
	Ended <-chan struct{}
	// Interval between looks at a file that did not grow; 200 ms unless set.
	Interval time.Duration
}

// Copy blocks until all is copied, ctx is done, or something fails. A file that
// does not exist in the end gives ErrNoFile. A file that became shorter was
// rotated, and is read from its beginning.
func Copy(ctx context.Context, o Options) error {
	if o.Interval <= 0 {
		o.Interval = defaultInterval
	}
	var offset uint64
	var silent time.Time
	for {
		// Asked before reading: what is written until the end is in the file then.
		ended := over(o.Ended)
		data, size, err := o.From.ReadFile(ctx, o.File, offset, chunk)
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case err == nil:
			silent = time.Time{}
		case missing(err) && ended:
			return ErrNoFile
		case missing(err):
		case !refused(err) && !ended && o.Ended != nil:
			if silent.IsZero() {
				silent = time.Now()
			}
			if time.Since(silent) > patience {
				return fmt.Errorf("%s: %w", o.File, err)
			}
		default:
			return fmt.Errorf("%s: %w", o.File, err)
		}
		if _, err := o.To.Write(data); err != nil {
			return err
		}
		offset += uint64(len(data))
		switch {
		case len(data) > 0:
			continue
		case err == nil && size < offset:
			offset = 0
			continue
		case ended:
			return nil
		}
		if err := pause(ctx, o.Ended, o.Interval); err != nil {
			return err
		}
	}
}

func over(ended <-chan struct{}) bool {
	if ended == nil {
		return true
	}
	select {
	case <-ended:
		return true
	default:
		return false
	}
}

func missing(err error) bool {
	e, ok := errors.AsType[*client.StatusError](err)
	return ok && e.Code == http.StatusNotFound
}

func refused(err error) bool {
	e, ok := errors.AsType[*client.StatusError](err)
	return ok && e.Code < http.StatusInternalServerError
}

func pause(ctx context.Context, ended <-chan struct{}, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ended:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	return nil
}
