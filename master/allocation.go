package master

import (
	"context"
	"sync"
	"time"

	"github.com/meseta/meseta/internal/mesosid"
	"github.com/meseta/meseta/internal/resources"
	"github.com/meseta/meseta/master/allocator"
)

// allocation runs the pure allocator in a goroutine of its own, so that a long
// allocation never delays a turn of the actor.
//
// The actor hands facts over without waiting. They are applied in order before
// the next allocation. The list of facts needs no bound of its own: the actor
// alone appends to it, one or two facts for each command that it was able to
// take, and the allocator empties it between two allocations.
type allocation struct {
	m        *Master
	interval time.Duration

	mu    sync.Mutex
	facts []fact
	// asked is when the first fact after the last allocation asked for another
	// one; zero if none did.
	asked time.Time
	// wake has one slot: a pending wake-up stands for all.
	wake chan struct{}

	// core is owned by run.
	core *allocator.Allocator
}

// fact changes the allocator. Urgent facts make an allocation worth while at
// once; the others wait for the next one.
type fact struct {
	apply  func(a *allocator.Allocator, now time.Time)
	urgent bool
	// all says that every agent is to be considered, not only those changed.
	all bool
}

func newAllocation(m *Master, o Options) *allocation {
	opts := allocator.Options{
		Seed:               o.Seed,
		MinAllocatable:     o.MinAllocatable,
		FilterGPU:          o.FilterGPU,
		ExcludedFairShare:  o.FairSharingExcluded,
		RandomSorter:       o.RandomSorter,
		AllocationInterval: o.AllocationInterval,
	}
	if o.Domain != nil && o.Domain.FaultDomain != nil {
		opts.HasRegion = true
		opts.MasterRegion = o.Domain.FaultDomain.Region.Name
	}
	return &allocation{
		m:        m,
		interval: o.AllocationInterval,
		wake:     make(chan struct{}, 1),
		core:     allocator.New(opts),
	}
}

// do hands over a fact that waits for the next allocation.
func (a *allocation) do(apply func(*allocator.Allocator, time.Time)) {
	a.add(fact{apply: apply})
}

// soon hands over a fact after which the agents that changed are allocated at
// once.
func (a *allocation) soon(apply func(*allocator.Allocator, time.Time)) {
	a.add(fact{apply: apply, urgent: true})
}

// soonAll hands over a fact after which all agents are allocated at once.
func (a *allocation) soonAll(apply func(*allocator.Allocator, time.Time)) {
	a.add(fact{apply: apply, urgent: true, all: true})
}

func (a *allocation) add(f fact) {
	a.mu.Lock()
	a.facts = append(a.facts, f)
	if f.urgent && a.asked.IsZero() {
		a.asked = time.Now()
	}
	a.mu.Unlock()
	if !f.urgent {
		return
	}
	select {
	case a.wake <- struct{}{}:
	default:
	}
}

// ask runs a question in the allocator's goroutine, before the next
// allocation, and waits for it.
func (a *allocation) ask(ctx context.Context, question func(*allocator.Allocator, time.Time)) error {
	answered := make(chan struct{})
	a.soon(func(core *allocator.Allocator, now time.Time) {
		defer close(answered)
		question(core, now)
	})
	select {
	case <-answered:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-a.m.stopped:
		return ErrStopped
	}
}

func (a *allocation) run(ctx context.Context) error {
	tick := time.NewTicker(a.interval)
	defer tick.Stop()
	for {
		all := false
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			all = true
		case <-a.wake:
		}
		began := time.Now()
		all = a.apply(began) || all
		var proposals []allocator.Proposal
		if all {
			proposals = a.core.AllocateAll(began)
		} else {
			proposals = a.core.Allocate(began)
		}
		a.m.metrics.allocated(time.Since(began))
		if len(proposals) > 0 {
			a.m.post(func(now time.Time) { a.m.offer(proposals, now) })
		}
	}
}

// apply takes every fact and reports whether one of them concerns all agents.
func (a *allocation) apply(now time.Time) (all bool) {
	a.mu.Lock()
	facts, asked := a.facts, a.asked
	a.facts, a.asked = nil, time.Time{}
	a.mu.Unlock()
	if asked.IsZero() {
		asked = now
	}
	a.m.metrics.allocationStarts(now, now.Sub(asked))
	for _, f := range facts {
		f.apply(a.core, now)
		all = all || f.all
	}
	return all
}

// withdraw gives resources back whose offer the master has taken back.
func (a *allocation) withdraw(o *offer) {
	fw, agent, res := o.framework.id, o.agent.id, o.resources
	a.do(func(core *allocator.Allocator, _ time.Time) { a.disagree(core.Rescind(fw, agent, res)) })
}

// recover gives resources back that the framework did not take. refuse is how
// long it does not want them again; 0 installs no filter.
func (a *allocation) recover(fw mesosid.FrameworkID, agent mesosid.AgentID, res resources.Resources, refuse time.Duration) {
	if res.Empty() {
		return
	}
	a.do(func(core *allocator.Allocator, now time.Time) {
		a.disagree(core.Recover(fw, agent, res, refuse, now))
	})
}

// use tells that offered resources are in use now.
func (a *allocation) use(fw mesosid.FrameworkID, agent mesosid.AgentID, res resources.Resources) {
	if res.Empty() {
		return
	}
	a.do(func(core *allocator.Allocator, _ time.Time) { a.disagree(core.TransitionToAllocated(fw, agent, res)) })
}

// disagree logs that the allocator does not know what it is told about. The
// actor is right by definition; a disagreement is a bug that operators should
// report, and the allocator's books stay as they were.
func (a *allocation) disagree(err error) {
	if err != nil {
		a.m.log.Error("the allocator's books disagree with the master", "err", err)
	}
}

// recoverUsed gives back everything that a framework uses on an agent.
func (a *allocation) recoverUsed(fw mesosid.FrameworkID, agent mesosid.AgentID, res resources.Resources) {
	for _, role := range res.AllocationRoles() {
		a.recoverSoon(fw, agent, res.AllocatedTo(role))
	}
}

// recoverSoon gives back resources whose user has ended: whoever waits for
// them is offered them at once.
func (a *allocation) recoverSoon(fw mesosid.FrameworkID, agent mesosid.AgentID, res resources.Resources) {
	if res.Empty() {
		return
	}
	a.soon(func(core *allocator.Allocator, _ time.Time) { a.disagree(core.RecoverUsed(fw, agent, res)) })
}
