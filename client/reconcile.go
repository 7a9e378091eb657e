package client

import (
	"context"
	"sync"
	"time"

	"github.com/meseta/meseta/gen/mesosv1"
	"github.com/meseta/meseta/gen/schedulerv1"
	"github.com/meseta/meseta/internal/pause"
)

const (
	// reconcileFirst is the longest wait for answers before the question is
	// repeated for the tasks that got none; it doubles up to reconcileMost.
	reconcileFirst = 5 * time.Second
	reconcileMost  = 2 * time.Minute
)

// reconciler finds out what became of tasks whose updates may have been missed.
// One round asks about the tasks the framework believes alive until each was
// reported, since a recovering master answers only later, and then about all,
// which reveals tasks the framework does not know.
type reconciler struct {
	s        *Scheduler
	live     func() []schedulerv1.CallReconcileTask
	interval time.Duration

	mu sync.Mutex
	// waiting holds the tasks of the present round without an update; nil
	// between rounds.
	waiting map[string]schedulerv1.CallReconcileTask
}

func newReconciler(s *Scheduler, live func() []schedulerv1.CallReconcileTask, interval time.Duration) *reconciler {
	return &reconciler{s: s, live: live, interval: interval}
}

// observe notes that a task was reported. It never blocks for long.
func (r *reconciler) observe(id mesosv1.TaskID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.waiting, id.Value)
}

// run does one round after another until ctx is done or a call fails, which
// means that the subscription is lost.
func (r *reconciler) run(ctx context.Context) {
	for {
		if err := r.round(ctx); err != nil {
			if ctx.Err() == nil {
				r.s.log.Warn("reconciliation interrupted", "err", err)
			}
			return
		}
		if pause.For(ctx, r.interval) != nil {
			return
		}
	}
}

func (r *reconciler) round(ctx context.Context) error {
	r.begin()
	for attempt := 0; ; attempt++ {
		tasks := r.pending()
		if len(tasks) == 0 {
			break
		}
		if err := r.s.Reconcile(ctx, tasks...); err != nil {
			return err
		}
		if err := pause.For(ctx, backoff(attempt, reconcileFirst, reconcileMost)); err != nil {
			return err
		}
	}
	return r.s.Reconcile(ctx)
}

func (r *reconciler) begin() {
	tasks := r.live()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.waiting = make(map[string]schedulerv1.CallReconcileTask, len(tasks))
	for _, t := range tasks {
		r.waiting[t.TaskID.Value] = t
	}
}

func (r *reconciler) pending() []schedulerv1.CallReconcileTask {
	r.mu.Lock()
	defer r.mu.Unlock()
	tasks := make([]schedulerv1.CallReconcileTask, 0, len(r.waiting))
	for _, t := range r.waiting {
		tasks = append(tasks, t)
	}
	return tasks
}
