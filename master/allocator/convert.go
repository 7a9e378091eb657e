package allocator

import (
	"fmt"

	"github.com/meseta/meseta/internal/mesosid"
	"github.com/meseta/meseta/internal/resources"
)

// UpdateAllocation converts resources that a framework holds, as RESERVE,
// CREATE and their like do: in what it holds and in the agent's total. All
// sides carry the allocation, the same role everywhere. A conversion that
// consumes nothing and makes shared volumes adds copies of them to what the
// framework holds. On error nothing has changed.
func (a *Allocator) UpdateAllocation(framework mesosid.FrameworkID, agent mesosid.AgentID, conversions []Conversion) error {
	sample := resources.Resources{}
	for _, c := range conversions {
		if sample = c.Consumed; sample.Empty() {
			sample = c.Converted
		}
		if !sample.Empty() {
			break
		}
	}
	ag, c := a.lookup(framework, agent, sample)
	if c == nil {
		return a.stray(framework, agent, sample)
	}
	total, err := ag.Total.ApplyAll(plain(conversions))
	if err != nil {
		return fmt.Errorf("agent %s: convert resources of framework %s: %w", agent, framework, err)
	}
	if err := a.convertHeld(ag, c, conversions); err != nil {
		return fmt.Errorf("agent %s: convert resources of framework %s: %w", agent, framework, err)
	}
	shared := sharedIn(conversions)
	a.setTotal(ag, total)
	if shared || ag.overcommitted {
		a.refill(ag)
	}
	return nil
}

// UpdateAvailable converts resources that are free on an agent, as operations
// of an operator do. On error, a wrapped *resources.NotContainedError when
// they are not free, nothing has changed. The agent is due for the next run.
func (a *Allocator) UpdateAvailable(agent mesosid.AgentID, conversions []Conversion) error {
	ag := a.agents[agent]
	if ag == nil {
		return nil
	}
	if _, err := ag.present().ApplyAll(conversions); err != nil {
		return fmt.Errorf("agent %s: convert free resources: %w", agent, err)
	}
	total, err := ag.Total.ApplyAll(conversions)
	if err != nil {
		return fmt.Errorf("agent %s: convert free resources: %w", agent, err)
	}
	a.setTotal(ag, total)
	a.refill(ag)
	if len(a.limited) > 0 {
		a.open(false)
	}
	a.touch(ag)
	return nil
}

// plain removes allocations, and conversions that do not concern the total.
func plain(conversions []Conversion) []Conversion {
	out := make([]Conversion, 0, len(conversions))
	for _, c := range conversions {
		if c.Consumed.Empty() && c.Converted.NonShared().Empty() {
			continue
		}
		out = append(out, Conversion{Consumed: c.Consumed.Unallocated(), Converted: c.Converted.Unallocated()})
	}
	return out
}

func sharedIn(conversions []Conversion) bool {
	for _, c := range conversions {
		if !c.Consumed.Shared().Empty() || !c.Converted.Shared().Empty() {
			return true
		}
	}
	return false
}

// convertHeld applies the conversions to the one record of the client that has
// what they consume, or else to all of its records taken together.
func (a *Allocator) convertHeld(ag *agent, c *client, conversions []Conversion) error {
	for i := range ag.offered {
		o := &ag.offered[i]
		if o.client != c {
			continue
		}
		if after, err := o.res.ApplyAll(conversions); err == nil {
			before := o.res
			a.shrinkOffer(ag, i, after)
			a.recount(ag, c, before, after)
			return nil
		}
	}
	all := ag.holdingsOf(c)
	after, err := all.ApplyAll(conversions)
	if err != nil {
		return err
	}
	for i := range ag.used {
		u := &ag.used[i]
		if u.client != c {
			continue
		}
		if after, err := u.res.ApplyAll(conversions); err == nil {
			before := u.res
			a.shrinkUsage(ag, i, after)
			a.recount(ag, c, before, after)
			return nil
		}
	}
	a.merge(ag, c)
	for i := range ag.used {
		if ag.used[i].client == c {
			a.shrinkUsage(ag, i, after)
			break
		}
	}
	a.recount(ag, c, all, after)
	return nil
}

// recount keeps account of resources that became others.
func (a *Allocator) recount(ag *agent, c *client, before, after resources.Resources) {
	a.countIn(ag, c, after)
	a.countOut(ag, c, before)
}

// setTotal replaces what an agent has. The pools are the caller's business.
func (a *Allocator) setTotal(ag *agent, total resources.Resources) {
	amount := a.names.whole(total)
	if !amount.contains(ag.totalAmount) || !ag.totalAmount.contains(amount) {
		a.total.sub(ag.totalAmount)
		a.total.add(amount)
		a.stale = true
	}
	a.countReserved(total, +1)
	a.countReserved(ag.Total, -1)
	ag.Total = total
	a.describe(ag)
}
