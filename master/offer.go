package master

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/meseta/meseta/gen/mesosv1"
	"github.com/meseta/meseta/gen/schedulerv1"
	"github.com/meseta/meseta/internal/mesosid"
	"github.com/meseta/meseta/internal/resources"
	"github.com/meseta/meseta/master/allocator"
)

// Bounds of Filters.refuse_seconds.
const (
	defaultRefuse = 5 * time.Second
	maxRefuse     = 365 * 24 * time.Hour
)

// offer is what one framework may take of one agent for one role.
type offer struct {
	id        mesosid.OfferID
	framework *framework
	agent     *agent
	role      string
	resources resources.Resources // allocated to role
	record    *mesosv1.Offer
	timeout   *time.Timer
}

// offer turns proposals of the allocator into offers. Each is checked again,
// for the state may have changed since the allocator knew it; what cannot be
// offered any more goes back.
func (m *Master) offer(proposals []allocator.Proposal, now time.Time) {
	perFramework := map[*framework][]*offer{}
	var order []*framework
	for _, p := range proposals {
		f, a := m.frameworks[p.Framework], m.agents[p.Agent]
		if f == nil || a == nil || !f.active() || !a.offerable() || !f.wants(p.Role) {
			m.allocation.do(func(core *allocator.Allocator, _ time.Time) {
				m.allocation.disagree(core.Rescind(p.Framework, p.Agent, p.Resources))
			})
			continue
		}
		o := m.newOffer(f, a, p)
		if perFramework[f] == nil {
			order = append(order, f)
		}
		perFramework[f] = append(perFramework[f], o)
	}
	for _, f := range order {
		records := make([]mesosv1.Offer, 0, len(perFramework[f]))
		for _, o := range perFramework[f] {
			records = append(records, *o.record)
		}
		m.metrics.offersSent(f, len(records))
		f.send(m, schedulerv1.Event{
			Type:   schedulerv1.EventTypeOffers,
			Offers: &schedulerv1.EventOffers{Offers: records},
		})
	}
	if len(order) > 0 {
		m.changed()
	}
}

// wants reports whether the framework takes offers for a role.
func (f *framework) wants(role string) bool {
	return !f.suppressed[role] && slices.Contains(f.roles, role)
}

func (m *Master) newOffer(f *framework, a *agent, p allocator.Proposal) *offer {
	o := &offer{
		id:        mesosid.OfferID(fmt.Sprintf("%s-O%d", m.opts.ID, m.nextOffer)),
		framework: f,
		agent:     a,
		role:      p.Role,
		resources: p.Resources,
	}
	m.nextOffer++
	o.record = &mesosv1.Offer{
		ID:             mesosv1.OfferID{Value: string(o.id)},
		FrameworkID:    mesosv1.FrameworkID{Value: string(f.id)},
		AgentID:        mesosv1.AgentID{Value: string(a.id)},
		Hostname:       a.info.Hostname,
		URL:            a.url(),
		Domain:         a.info.Domain,
		Resources:      f.wireResources(p.Resources),
		Attributes:     a.info.Attributes,
		ExecutorIds:    a.executorIDs(f.id),
		Unavailability: a.unavailability,
	}
	if f.caps.multiRole {
		o.record.AllocationInfo = &mesosv1.ResourceAllocationInfo{Role: new(p.Role)}
	}
	if m.opts.OfferTimeout > 0 {
		o.timeout = m.after(m.opts.OfferTimeout, func(time.Time) {
			if m.offers[o.id] == o {
				m.rescind(o)
			}
		})
	}
	m.offers[o.id] = o
	f.offers[o.id] = o
	a.offers[o.id] = o
	f.record, a.record = nil, nil
	return o
}

// wireResources gives resources in the form that the framework understands.
func (f *framework) wireResources(rs resources.Resources) []mesosv1.Resource {
	if !f.caps.multiRole {
		rs = rs.Unallocated()
	}
	format := resources.Pre
	if f.caps.refinement {
		format = resources.Post
	}
	return rs.ToV1(format)
}

// dropOffer forgets an offer. What becomes of its resources is the caller's.
func (m *Master) dropOffer(o *offer) {
	if o.timeout != nil {
		o.timeout.Stop()
	}
	delete(m.offers, o.id)
	delete(o.framework.offers, o.id)
	delete(o.agent.offers, o.id)
	o.framework.record, o.agent.record = nil, nil
	m.changed()
}

// withdraw takes an offer back without telling its framework.
func (m *Master) withdraw(o *offer) {
	m.dropOffer(o)
	m.allocation.withdraw(o)
}

// rescind takes an offer back and tells its framework.
func (m *Master) rescind(o *offer) {
	m.withdraw(o)
	m.metrics.offersRescinded(o.framework, 1)
	o.framework.send(m, rescindEvent(o.id))
}

// rescindAgent takes back every offer of an agent.
func (m *Master) rescindAgent(a *agent) {
	for _, o := range a.offers {
		m.rescind(o)
	}
}

// rescindForeignRoles takes back the offers of roles that are not in keep.
func (m *Master) rescindForeignRoles(f *framework, keep []string) {
	kept := make(map[string]bool, len(keep))
	for _, r := range keep {
		kept[r] = true
	}
	for _, o := range f.offers {
		if !kept[o.role] {
			m.rescind(o)
		}
	}
}

// discardOffers takes back the offers of a framework without telling it.
func (m *Master) discardOffers(f *framework) {
	for _, o := range f.offers {
		m.withdraw(o)
	}
}

// decline gives offers back. Offers of other frameworks stay with their
// owners; in Mesos anybody could decline them.
func (m *Master) decline(f *framework, call *schedulerv1.CallDecline) {
	refuse := m.refusal(call.Filters)
	for _, id := range call.OfferIds {
		o := f.offers[mesosid.OfferID(id.Value)]
		if o == nil {
			continue
		}
		m.dropOffer(o)
		m.allocation.recover(f.id, o.agent.id, o.resources, refuse)
		m.metrics.offersDeclined(f, 1)
	}
}

// refusal is how long a framework does not want the same resources again:
// 5 s unless it says otherwise, at most a year, and 0 for not at all. Anything
// that is not a duration counts as not said.
func (m *Master) refusal(filters *mesosv1.Filters) time.Duration {
	if filters == nil || filters.RefuseSeconds == nil {
		return max(defaultRefuse, m.opts.AllocationInterval)
	}
	s := *filters.RefuseSeconds
	switch {
	case s == 0:
		return 0
	case math.IsNaN(s) || s < 0:
		s = defaultRefuse.Seconds()
	case s > maxRefuse.Seconds():
		s = maxRefuse.Seconds()
	}
	return max(time.Duration(s*float64(time.Second)), m.opts.AllocationInterval)
}
