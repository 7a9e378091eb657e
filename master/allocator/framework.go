package allocator

import (
	"slices"

	"github.com/meseta/meseta/internal/mesosid"
	"github.com/meseta/meseta/internal/resources"
)

// framework is what is known of one framework.
type framework struct {
	id           mesosid.FrameworkID
	name         *ranked
	capabilities Capabilities
	constraints  func(string, *Agent) bool
	active       bool
	// gone: it is not registered, but agents still hold resources for it,
	// which count for nobody's share and are free only when recovered.
	gone     bool
	clients  []*client
	requests []Request
}

// client is a framework in one of its roles, the competitor inside the role.
// It exists while the framework is subscribed to the role or holds something.
type client struct {
	number     int32
	exists     bool
	framework  *framework
	role       *node
	subscribed bool
	suppressed bool
	// view is the index of what it can handle, see [viewOf].
	view uint8
	// minimum replaces the allocator's when picky.
	minimum []vector
	picky   bool

	// held is everything it was offered or uses, offered the former part.
	held, offered vector
	served        uint64
	// holdings counts the records on agents that name the client.
	holdings int

	place  key
	placed bool
	marked bool

	// refusals counts those in force; see filterRef for the epoch.
	refusals int
	epoch    uint32

	// judged are the agents on which the constraints have been asked, excluded
	// those where they said no, by slot.
	judged, excluded bitset
}

func (c *client) wantsOffers() bool {
	return c.subscribed && !c.suppressed && c.framework.active && !c.framework.gone
}

// displace takes the client off the list of its role.
func (c *client) displace() {
	if c.placed {
		c.role.active.remove(c.place)
		c.role.activeSet.unset(c.number)
		c.placed = false
	}
}

// AddFramework makes a framework known. used is what it holds already; what
// agents have reported under its id before is not counted twice. Adding a
// known framework updates it.
func (a *Allocator) AddFramework(f Framework, active bool, used map[mesosid.AgentID]resources.Resources) {
	fw := a.framework(f.ID)
	if fw.gone {
		fw.gone = false
		// What agents hold for it has counted for nobody so far.
		for _, c := range fw.clients {
			a.chargeAll(c, +1)
		}
	}
	fw.active = active
	a.configure(fw, f)
	for _, id := range sortedKeys(nil, used) {
		if ag := a.agents[id]; ag != nil {
			a.adopt(ag, fw, used[id])
		}
	}
	for _, c := range fw.clients {
		a.mark(c)
	}
	a.open(active)
}

// framework returns the record for an id, making one for a framework that is
// not registered.
func (a *Allocator) framework(id mesosid.FrameworkID) *framework {
	if fw := a.frameworks[id]; fw != nil {
		return fw
	}
	name, renumbered := a.frameworkIDs.add(string(id))
	a.stale = a.stale || renumbered
	fw := &framework{id: id, name: name, gone: true}
	a.frameworks[id] = fw
	return fw
}

// known returns a registered framework, or nil.
func (a *Allocator) known(id mesosid.FrameworkID) *framework {
	if fw := a.frameworks[id]; fw != nil && !fw.gone {
		return fw
	}
	return nil
}

// UpdateFramework replaces the description: roles, suppressed roles,
// capabilities, constraints. Refusals of roles that it leaves are dropped. It
// is not an occasion for a run; what opens up is offered by AllocateAll.
func (a *Allocator) UpdateFramework(f Framework) {
	if fw := a.known(f.ID); fw != nil {
		a.configure(fw, f)
		a.open(false)
	}
}

func (a *Allocator) configure(fw *framework, f Framework) {
	fw.capabilities, fw.constraints = f.Capabilities, f.Constraints
	for _, role := range f.Roles {
		a.client(fw, role).subscribed = true
	}
	for _, c := range slices.Clone(fw.clients) {
		c.subscribed = slices.Contains(f.Roles, c.role.path)
		c.suppressed = slices.Contains(f.Suppressed, c.role.path)
		c.view = viewOf(f.Capabilities)
		alternatives, picky := f.MinAllocatable[c.role.path]
		a.setPicky(c, picky)
		c.minimum = a.compile(alternatives)
		c.judged, c.excluded = nil, nil
		if !c.subscribed {
			a.dropRefusals(c)
		}
		a.mark(c)
		a.retire(c)
	}
}

func (a *Allocator) setPicky(c *client, picky bool) {
	if c.picky {
		c.role.choosy--
	}
	if c.picky = picky; picky {
		c.role.choosy++
	}
}

// client returns the record of a framework in a role, making it if needed.
func (a *Allocator) client(fw *framework, role string) *client {
	for _, c := range fw.clients {
		if c.role.path == role {
			return c
		}
	}
	c := &client{exists: true, framework: fw, role: a.role(role), view: viewOf(fw.capabilities)}
	if n := len(a.freeClients); n > 0 {
		c.number, a.freeClients = a.freeClients[n-1], a.freeClients[:n-1]
		c.epoch = a.clients[c.number].epoch + 1
		a.clients[c.number] = c
	} else {
		c.number = int32(len(a.clients))
		a.clients = append(a.clients, c)
	}
	fw.clients = append(fw.clients, c)
	c.role.members = append(c.role.members, c)
	return c
}

// retire forgets a client that is neither subscribed nor holds anything, and
// with the last one of an unregistered framework the framework.
func (a *Allocator) retire(c *client) {
	if c.exists && !c.subscribed && c.holdings == 0 {
		// Lists that are going to be rebuilt anyway must not be repaired.
		if a.stale {
			c.displace()
		} else {
			a.replace(c)
		}
		a.dropRefusals(c)
		a.setPicky(c, false)
		c.exists = false
		drop := func(other *client) bool { return other == c }
		c.framework.clients = slices.DeleteFunc(c.framework.clients, drop)
		c.role.members = slices.DeleteFunc(c.role.members, drop)
		a.freeClients = append(a.freeClients, c.number)
		a.release(c.role)
	}
	if fw := c.framework; fw.gone && len(fw.clients) == 0 {
		a.forget(fw)
	}
}

func (a *Allocator) forget(fw *framework) {
	delete(a.frameworks, fw.id)
	a.frameworkIDs.drop(string(fw.id))
}

// RemoveFramework forgets a framework. What it still holds no longer counts
// for shares, but becomes free only when it is recovered.
func (a *Allocator) RemoveFramework(id mesosid.FrameworkID) {
	fw := a.known(id)
	if fw == nil {
		return
	}
	for _, c := range fw.clients {
		a.chargeAll(c, -1)
	}
	fw.gone, fw.active, fw.requests = true, false, nil
	for _, c := range slices.Clone(fw.clients) {
		c.subscribed = false
		a.dropRefusals(c)
		a.mark(c)
		a.retire(c)
	}
	if len(fw.clients) == 0 {
		a.forget(fw)
	}
	a.open(false)
}

// ActivateFramework lets a framework have offers, for its roles that are not
// suppressed, from the next run on, which considers all agents.
func (a *Allocator) ActivateFramework(id mesosid.FrameworkID) {
	fw := a.known(id)
	if fw == nil || fw.active {
		return
	}
	fw.active = true
	for _, c := range fw.clients {
		a.mark(c)
	}
	a.open(true)
}

// DeactivateFramework stops offers to a framework and drops its refusals and
// requests. What it holds still counts. The owner recovers its offers.
func (a *Allocator) DeactivateFramework(id mesosid.FrameworkID) {
	fw := a.known(id)
	if fw == nil {
		return
	}
	fw.active, fw.requests = false, nil
	for _, c := range fw.clients {
		a.dropRefusals(c)
		a.mark(c)
	}
}

// Suppress stops offers for the given roles, or for all when none is given.
// Refusals stay in force.
func (a *Allocator) Suppress(id mesosid.FrameworkID, roles []string) {
	a.each(id, roles, func(c *client) {
		c.suppressed = true
		a.mark(c)
	})
}

// Revive drops the refusals and the suppression of the given roles, or of all
// when none is given. The next run considers all agents.
func (a *Allocator) Revive(id mesosid.FrameworkID, roles []string) {
	a.each(id, roles, func(c *client) {
		c.suppressed = false
		a.dropRefusals(c)
		a.mark(c)
	})
	if a.known(id) != nil {
		a.open(true)
	}
}

func (a *Allocator) each(id mesosid.FrameworkID, roles []string, change func(*client)) {
	fw := a.known(id)
	if fw == nil {
		return
	}
	for _, c := range fw.clients {
		if c.subscribed && (len(roles) == 0 || slices.Contains(roles, c.role.path)) {
			change(c)
		}
	}
}

// Request notes what a framework wishes for, replacing earlier requests. Two
// things follow, and no other rule changes, refusals and suppression included:
// the next run looks again at the agents named, or at all when one is not
// named; and until offers have met every request, or the framework is
// deactivated, it goes before others of the same role with an equal share.
func (a *Allocator) Request(id mesosid.FrameworkID, requests []Request) {
	fw := a.known(id)
	if fw == nil {
		return
	}
	fw.requests = slices.Clone(requests)
	for _, c := range fw.clients {
		a.mark(c)
	}
	for _, r := range requests {
		if r.Agent == "" {
			a.open(true)
		} else if ag := a.agents[r.Agent]; ag != nil {
			a.touch(ag)
		}
	}
}

// meet removes the requests that an offer meets.
func (a *Allocator) meet(fw *framework, ag *agent, amount vector) {
	fw.requests = slices.DeleteFunc(fw.requests, func(r Request) bool {
		return (r.Agent == "" || r.Agent == ag.ID) && amount.contains(a.names.fromQuantities(r.Resources))
	})
}
