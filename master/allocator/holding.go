package allocator

import (
	"fmt"
	"slices"
	"time"

	"github.com/meseta/meseta/internal/mesosid"
	"github.com/meseta/meseta/internal/resources"
)

// offered is an outstanding offer.
type offered struct {
	client *client
	// res carries the allocation.
	res resources.Resources
	// amount is the vector of res and open that of its part that is neither
	// reserved nor revocable, both without shared volumes.
	amount, open vector
	// pools are the pools from which the offer took everything, with the
	// numbers of their contents. While intact, res is exactly those contents,
	// and what was taken can be put back without arithmetic. The first, mostly
	// only one, lies in single.
	intact bool
	single poolContent
	more   []poolContent
	// whole: nothing of the offer has been used or converted yet.
	whole bool
}

type poolContent struct {
	pool   int32
	number uint32
}

// usage is what a client holds on an agent apart from offers.
type usage struct {
	client *client
	res    resources.Resources
}

// hold records that a framework uses resources which carry allocations. It
// does not take them out of the pools.
func (a *Allocator) hold(ag *agent, fw *framework, res resources.Resources) {
	for !res.Empty() {
		role := res.At(0).Allocation
		c := a.client(fw, role)
		part := res.AllocatedTo(role)
		res = res.Filter(func(r *resources.Resource) bool { return r.Allocation != role })
		a.addUsage(ag, c, part)
		a.countIn(ag, c, part)
		a.serve(c)
	}
}

// adopt makes the agent's records agree with what a framework is said to hold:
// what is recorded already is not added again.
func (a *Allocator) adopt(ag *agent, fw *framework, res resources.Resources) {
	for _, role := range res.AllocationRoles() {
		c := a.client(fw, role)
		missing := res.AllocatedTo(role).Subtract(ag.holdingsOf(c))
		if missing.Empty() {
			continue
		}
		a.addUsage(ag, c, missing)
		a.countIn(ag, c, missing)
		a.serve(c)
		a.refill(ag)
	}
}

func (ag *agent) holdingsOf(c *client) resources.Resources {
	var all resources.Resources
	for i := range ag.offered {
		if ag.offered[i].client == c {
			all = all.Add(ag.offered[i].res)
		}
	}
	for i := range ag.used {
		if ag.used[i].client == c {
			all = all.Add(ag.used[i].res)
		}
	}
	return all
}

func (a *Allocator) addUsage(ag *agent, c *client, res resources.Resources) {
	for i := range ag.used {
		if u := &ag.used[i]; u.client == c {
			u.res = u.res.Add(res)
			return
		}
	}
	ag.used = append(ag.used, usage{c, res})
	c.holdings++
}

// letGo ends everything that is held on the agent.
func (a *Allocator) letGo(ag *agent) {
	for i := range ag.offered {
		o := &ag.offered[i]
		o.client.offered.sub(o.amount)
		a.countOut(ag, o.client, o.res)
		a.unhold(o.client)
	}
	for i := range ag.used {
		u := &ag.used[i]
		a.countOut(ag, u.client, u.res)
		a.unhold(u.client)
	}
	ag.offered, ag.used = nil, nil
}

func (a *Allocator) unhold(c *client) {
	if c.holdings--; c.holdings == 0 {
		a.retire(c)
	}
}

// lookup finds agent and client that a message is about.
func (a *Allocator) lookup(framework mesosid.FrameworkID, agent mesosid.AgentID, res resources.Resources) (*agent, *client) {
	ag, fw := a.agents[agent], a.frameworks[framework]
	if ag == nil || fw == nil || res.Empty() {
		return nil, nil
	}
	role := res.At(0).Allocation
	for _, c := range fw.clients {
		if c.role.path == role {
			return ag, c
		}
	}
	return nil, nil
}

// Recover returns resources of a declined or partly used offer to the agent. They must carry their allocation, all to one role, and be held by
// the framework in that role: otherwise the error, a *[NotHeldError], says so
// and nothing changes. An unknown agent is not an error, nor is an unknown
// framework: either may have been removed meanwhile.
//
// refuse is for how long the framework does not want to be offered the same or
// less of the agent for the role; at least the allocation interval and at most
// a year. Negative means the default of [DefaultRefusal]. With zero there is
// no refusal, except that an offer that comes back untouched is not offered to
// the same framework before the next AllocateAll or allocation interval: it
// would decline it again at once, and for ever.
//
// The agent is due for the next run.
func (a *Allocator) Recover(framework mesosid.FrameworkID, agent mesosid.AgentID, res resources.Resources,
	refuse time.Duration, now time.Time) error {
	ag, c := a.lookup(framework, agent, res)
	if c == nil {
		return a.stray(framework, agent, res)
	}
	free, declined, err := a.giveBack(ag, c, res)
	if err != nil {
		return err
	}
	interval := a.options.AllocationInterval
	switch {
	case !c.subscribed:
	case refuse == 0 && declined:
		if !ag.refusedBy(c, free) {
			a.refuse(ag, c, free, now.Add(interval), true)
		}
	case refuse != 0:
		if refuse < 0 {
			refuse = DefaultRefusal
		}
		a.refuse(ag, c, free, now.Add(min(max(refuse, interval), maxRefusal)), false)
	}
	a.recovered(ag, c)
	return nil
}

// Rescind returns resources of an offer that the owner withdraws. The framework
// has refused nothing and may be offered them again at once.
func (a *Allocator) Rescind(framework mesosid.FrameworkID, agent mesosid.AgentID, res resources.Resources) error {
	ag, c := a.lookup(framework, agent, res)
	if c == nil {
		return a.stray(framework, agent, res)
	}
	if _, _, err := a.giveBack(ag, c, res); err != nil {
		return err
	}
	a.recovered(ag, c)
	return nil
}

// RecoverUsed returns resources that a task or executor used and that were
// reported by [Allocator.TransitionToAllocated] or AddAgent. It differs from
// Rescind in where it looks first, which matters when the framework has an
// outstanding offer of the same agent as well.
func (a *Allocator) RecoverUsed(framework mesosid.FrameworkID, agent mesosid.AgentID, res resources.Resources) error {
	ag, c := a.lookup(framework, agent, res)
	if c == nil {
		return a.stray(framework, agent, res)
	}
	if !a.withdrawUsed(ag, c, res) && !a.withdraw(ag, c, res) {
		return &NotHeldError{Framework: framework, Agent: agent, Resources: res}
	}
	a.vacate(ag, c, res)
	a.recovered(ag, c)
	return nil
}

// recovered notes that something on the agent has become free.
func (a *Allocator) recovered(ag *agent, c *client) {
	if len(a.limited) > 0 {
		a.open(false)
	}
	a.touch(ag)
	if c.holdings == 0 {
		a.retire(c)
	}
}

// stray judges resources that nobody is known to hold.
func (a *Allocator) stray(framework mesosid.FrameworkID, agent mesosid.AgentID, res resources.Resources) error {
	if res.Empty() || a.agents[agent] == nil || a.frameworks[framework] == nil {
		return nil
	}
	return &NotHeldError{Framework: framework, Agent: agent, Resources: res}
}

// NotHeldError says that a framework does not hold the resources that it is
// said to give back, use or convert.
type NotHeldError struct {
	Framework mesosid.FrameworkID
	Agent     mesosid.AgentID
	Resources resources.Resources
}

func (e *NotHeldError) Error() string {
	return fmt.Sprintf("agent %s: framework %s does not hold %v", e.Agent, e.Framework, e.Resources)
}

// giveBack takes resources from a client and makes them free. It returns them
// without allocation, and whether they were a whole untouched offer.
func (a *Allocator) giveBack(ag *agent, c *client, res resources.Resources) (free resources.Resources, declined bool, err error) {
	for i := range ag.offered {
		o := &ag.offered[i]
		if o.client != c || !same(o.res, res) && !(o.whole && o.res.Equal(res)) {
			continue
		}
		declined = o.whole
		if free, ok := a.restore(ag, o); ok {
			c.offered.sub(o.amount)
			a.charge(c, o.amount, o.open, -1)
			a.share(ag, c, o.res, -1)
			ag.dropOffer(i)
			c.holdings--
			return free, declined, nil
		}
		break
	}
	if !a.withdraw(ag, c, res) {
		return free, false, &NotHeldError{Framework: c.framework.id, Agent: ag.ID, Resources: res}
	}
	return a.vacate(ag, c, res), declined, nil
}

// vacate makes free what has been withdrawn from a client's records, and
// returns it without allocation.
func (a *Allocator) vacate(ag *agent, c *client, res resources.Resources) resources.Resources {
	a.countOut(ag, c, res)
	free := res.Unallocated()
	if ag.overcommitted {
		a.refill(ag)
	} else {
		a.addFree(ag, free.NonShared())
	}
	return free
}

// restore puts the contents of an intact offer back into their pools, if these
// are as the offer left them.
func (a *Allocator) restore(ag *agent, o *offered) (resources.Resources, bool) {
	if !o.intact || !ag.left(o.single) || slices.ContainsFunc(o.more, func(c poolContent) bool { return !ag.left(c) }) {
		return resources.Resources{}, false
	}
	p := &ag.pools[o.single.pool]
	if o.more == nil {
		a.putBack(p)
		return p.res, true
	}
	var b resources.Builder
	b.Add(p.res)
	a.putBack(p)
	for _, content := range o.more {
		p := &ag.pools[content.pool]
		b.Add(p.res)
		a.putBack(p)
	}
	return b.Resources(), true
}

// left reports whether a pool is still as the offer of its content left it.
func (ag *agent) left(c poolContent) bool {
	return int(c.pool) < len(ag.pools) && ag.pools[c.pool].number == c.number && ag.pools[c.pool].taken
}

func (ag *agent) dropOffer(i int) {
	last := len(ag.offered) - 1
	ag.offered[i] = ag.offered[last]
	ag.offered[last] = offered{}
	ag.offered = ag.offered[:last]
}

// withdraw takes resources out of the records of what a client holds: from an
// offer that has all of them, else from what it uses, else from everything
// together. It reports whether they were there.
func (a *Allocator) withdraw(ag *agent, c *client, res resources.Resources) bool {
	for i := range ag.offered {
		if o := &ag.offered[i]; o.client == c && o.res.Contains(res) {
			a.shrinkOffer(ag, i, o.res.Subtract(res))
			return true
		}
	}
	if a.withdrawUsed(ag, c, res) {
		return true
	}
	if !ag.holdingsOf(c).Contains(res) {
		return false
	}
	a.merge(ag, c)
	return a.withdrawUsed(ag, c, res)
}

// merge turns all records of a client on the agent into one of use.
func (a *Allocator) merge(ag *agent, c *client) {
	for i := len(ag.offered) - 1; i >= 0; i-- {
		if o := ag.offered[i]; o.client == c {
			a.shrinkOffer(ag, i, resources.Resources{})
			a.addUsage(ag, c, o.res)
		}
	}
}

func (a *Allocator) withdrawUsed(ag *agent, c *client, res resources.Resources) bool {
	for i := range ag.used {
		if u := &ag.used[i]; u.client == c && u.res.Contains(res) {
			a.shrinkUsage(ag, i, u.res.Subtract(res))
			return true
		}
	}
	return false
}

// shrinkOffer leaves rest of an offer, which goes when that is nothing.
func (a *Allocator) shrinkOffer(ag *agent, i int, rest resources.Resources) {
	o := &ag.offered[i]
	c := o.client
	c.offered.sub(o.amount)
	if rest.Empty() {
		ag.dropOffer(i)
		c.holdings--
		return
	}
	o.res, o.intact, o.whole = rest, false, false
	o.amount, o.open = a.split(rest)
	c.offered.add(o.amount)
}

func (a *Allocator) shrinkUsage(ag *agent, i int, rest resources.Resources) {
	u := &ag.used[i]
	if u.res = rest; !rest.Empty() {
		return
	}
	u.client.holdings--
	last := len(ag.used) - 1
	ag.used[i] = ag.used[last]
	ag.used[last] = usage{}
	ag.used = ag.used[:last]
}

// TransitionToAllocated notes that offered resources are in use now. Shares do
// not change; read-outs do, and what comes back from a task is told from what
// comes back from an offer.
func (a *Allocator) TransitionToAllocated(framework mesosid.FrameworkID, agent mesosid.AgentID, res resources.Resources) error {
	ag, c := a.lookup(framework, agent, res)
	if c == nil {
		return a.stray(framework, agent, res)
	}
	if !a.withdraw(ag, c, res) {
		return &NotHeldError{Framework: framework, Agent: agent, Resources: res}
	}
	a.addUsage(ag, c, res)
	return nil
}
