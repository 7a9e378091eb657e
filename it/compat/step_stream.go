package compat

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/meseta/meseta/internal/pause"
)

// quiet lets time pass in which nothing may arrive on a stream.
func (r *Replayer) quiet(ctx context.Context, i int) (int, error) {
	s := &r.transcript.Steps[i]
	return r.silence(ctx, i, time.Duration(s.Seconds*float64(time.Second)), func(e *event) bool {
		return !slices.Contains(s.Ignore, e.Type)
	})
}

// noEvent lets time pass, after which no event of a type may wait.
func (r *Replayer) noEvent(ctx context.Context, i int) (int, error) {
	s := &r.transcript.Steps[i]
	return r.silence(ctx, i, time.Duration(s.MS*float64(time.Millisecond)), func(e *event) bool {
		return s.Type == "*" || e.Type == s.Type
	})
}

func (r *Replayer) silence(ctx context.Context, i int, d time.Duration, disturbs func(*event) bool) (int, error) {
	st, err := r.stream(&r.transcript.Steps[i])
	if err != nil {
		return 0, err
	}
	if err := pause.For(ctx, d); err != nil {
		return 0, err
	}
	r.moment = time.Now()
	waiting := st.waiting(func(e *event) bool { return e.Type != heartbeat && disturbs(e) })
	if len(waiting) > 0 {
		r.fail(i, fmt.Sprintf("%d events arrived or were waiting, the first is %s",
			len(waiting), shorten(waiting[0].Value, maxShownWhole)))
	}
	return 1, nil
}

// closed waits for the server to end a stream.
func (r *Replayer) closed(ctx context.Context, i int) (int, error) {
	st, err := r.stream(&r.transcript.Steps[i])
	if err != nil {
		return 0, err
	}
	taken := 1
	if i+1 < len(r.transcript.Steps) && r.transcript.Steps[i+1].Do == "restart_master" {
		// The recording notes the end of the stream before the kill that causes
		// it.
		if err := r.cluster.RestartMaster(ctx); err != nil {
			return 0, err
		}
		taken = 2
	}
	ctx, cancel := context.WithTimeout(ctx, closePatience)
	defer cancel()
	if err := st.awaitEnd(ctx); err != nil {
		r.fail(i, fmt.Sprintf("the server has not ended the stream within %v; %s", closePatience, st.summary()))
	}
	return taken, nil
}

func (r *Replayer) stillOpen(_ context.Context, i int) (int, error) {
	st, err := r.stream(&r.transcript.Steps[i])
	if err != nil {
		return 0, err
	}
	if st.hasEnded() {
		r.fail(i, "the server has ended the stream")
	}
	return 1, nil
}

// closeStream drops the connection of a stream.
func (r *Replayer) closeStream(_ context.Context, i int) (int, error) {
	st, err := r.stream(&r.transcript.Steps[i])
	if err != nil {
		return 0, err
	}
	st.close()
	return 1, nil
}

// wait lets time pass.
func (r *Replayer) wait(ctx context.Context, i int) (int, error) {
	s := &r.transcript.Steps[i]
	d := time.Duration(s.Seconds*float64(time.Second)) + time.Duration(s.MS*float64(time.Millisecond))
	err := pause.For(ctx, d)
	r.moment = time.Now()
	return 1, err
}
