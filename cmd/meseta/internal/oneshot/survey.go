package oneshot

import (
	"context"
	"fmt"

	"github.com/meseta/meseta/internal/pause"
	"github.com/meseta/meseta/internal/resources"
)

// survey remembers what the cluster has offered, to explain why nothing starts.
type survey struct {
	offers int
	// best is an offer to which none seen so far is superior in everything.
	best resources.Quantities
}

func (s *survey) offer(free resources.Resources) {
	s.offers++
	if q := free.Quantities(); s.offers == 1 || q.Contains(s.best) {
		s.best = q
	}
}

// complain tells people, once, why nothing has started for a while.
func (r *run) complain(ctx context.Context) {
	if pause.For(ctx, patience) != nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	waiting := 0
	for _, t := range r.order {
		if !t.launched {
			waiting++
		}
	}
	if waiting == 0 || r.interrupted {
		return
	}
	r.note("%s", r.seen.explain(waiting, r.opts.Resources))
}

func (s *survey) explain(waiting int, wanted resources.Resources) string {
	if s.offers == 0 {
		return fmt.Sprintf("%d waiting: the master has offered nothing yet; does `meseta agent list` show an active agent with %s free?", waiting, wanted)
	}
	return fmt.Sprintf("%d waiting for %s: the largest of %d offers so far is %s", waiting, wanted, s.offers, s.best)
}
