package master

import (
	"slices"
	"time"

	"github.com/meseta/meseta/gen/mesosv1"
	"github.com/meseta/meseta/gen/schedulerv1"
	"github.com/meseta/meseta/internal/mesosid"
	"github.com/meseta/meseta/internal/resources"
	"github.com/meseta/meseta/internal/role"
	"github.com/meseta/meseta/master/allocator"
	"github.com/meseta/meseta/master/validation"
)

// framework is what the actor knows of one framework.
type framework struct {
	id   mesosid.FrameworkID
	info *mesosv1.FrameworkInfo // never changed, only replaced
	caps capabilities
	// roles are those subscribed to, in the order of the info.
	roles      []string
	suppressed map[string]bool
	// constraintsInfo is what the scheduler sent, constraints its compiled form.
	constraintsInfo *mesosv1.OfferConstraints
	constraints     *validation.Constraints

	// subscriber is nil while the framework is disconnected.
	subscriber Subscriber
	streamID   string
	// recovered is true for a framework that agents reported and that has not
	// subscribed since this master leads.
	recovered bool

	registered   time.Time
	reregistered time.Time
	unregistered time.Time
	// disconnects counts disconnections, so that a failover timer can tell
	// whether it is still about the present one.
	disconnects int
	failover    *time.Timer

	tasks map[mesosid.TaskID]*task
	// agents may run something of the framework; see used.
	agents      map[mesosid.AgentID]*agent
	unreachable []*mesosv1.Task // oldest first
	finished    []*mesosv1.Task // oldest first
	offers      map[mesosid.OfferID]*offer

	// record is the published form, nil when it has to be made anew.
	record  *FrameworkRecord
	counted frameworkCounters
}

func newFramework(id mesosid.FrameworkID, now time.Time) *framework {
	return &framework{
		id:         id,
		registered: now,
		tasks:      map[mesosid.TaskID]*task{},
		agents:     map[mesosid.AgentID]*agent{},
		offers:     map[mesosid.OfferID]*offer{},
	}
}

// capabilities are what a framework announced.
type capabilities struct {
	revocable, gpu, shared, partitionAware, multiRole, refinement, regionAware bool
}

func capabilitiesOf(info *mesosv1.FrameworkInfo) (c capabilities) {
	for _, one := range info.Capabilities {
		if one.Type == nil {
			continue
		}
		switch *one.Type {
		case mesosv1.FrameworkInfoCapabilityTypeRevocableResources:
			c.revocable = true
		case mesosv1.FrameworkInfoCapabilityTypeGpuResources:
			c.gpu = true
		case mesosv1.FrameworkInfoCapabilityTypeSharedResources:
			c.shared = true
		case mesosv1.FrameworkInfoCapabilityTypePartitionAware:
			c.partitionAware = true
		case mesosv1.FrameworkInfoCapabilityTypeMultiRole:
			c.multiRole = true
		case mesosv1.FrameworkInfoCapabilityTypeReservationRefinement:
			c.refinement = true
		case mesosv1.FrameworkInfoCapabilityTypeRegionAware:
			c.regionAware = true
		}
	}
	return c
}

func (c capabilities) allocator() (bits allocator.Capabilities) {
	for _, one := range []struct {
		set bool
		bit allocator.Capabilities
	}{
		{c.revocable, allocator.CapRevocable},
		{c.gpu, allocator.CapGPU},
		{c.shared, allocator.CapShared},
		{c.refinement, allocator.CapRefinement},
		{c.regionAware, allocator.CapRegionAware},
		{c.partitionAware, allocator.CapPartitionAware},
		{c.multiRole, allocator.CapMultiRole},
	} {
		if one.set {
			bits |= one.bit
		}
	}
	return bits
}

// rolesOf lists the roles that a framework subscribes to. Without MULTI_ROLE
// it is the one of the deprecated member, "*" by default.
func rolesOf(info *mesosv1.FrameworkInfo) []string {
	if capabilitiesOf(info).multiRole {
		return info.Roles
	}
	if info.Role != nil {
		return []string{*info.Role}
	}
	return []string{role.Default}
}

// active reports whether the framework may be made offers.
func (f *framework) active() bool { return f.subscriber != nil }

// send queues an event for the scheduler. Events for a disconnected scheduler
// are dropped: it reconciles when it comes back.
func (f *framework) send(m *Master, e schedulerv1.Event) {
	if f.subscriber == nil {
		return
	}
	f.sendEncoded(m, e.Type, mustEncode(&e))
}

// sendEncoded is send for an event that many schedulers get, so that the actor
// does not encode it for each of them.
func (f *framework) sendEncoded(m *Master, kind schedulerv1.EventType, encoded []byte) {
	if f.subscriber == nil {
		return
	}
	m.metrics.event(f, kind)
	f.subscriber.Send(encoded)
}

func (f *framework) failoverTimeout() time.Duration {
	if f.info.FailoverTimeout == nil {
		return 0
	}
	return validation.FailoverTimeout(*f.info.FailoverTimeout)
}

// forAllocator gives the allocator's view of the framework.
func (f *framework) forAllocator() allocator.Framework {
	fw := allocator.Framework{
		ID:           f.id,
		Roles:        slices.Clone(f.roles),
		Capabilities: f.caps.allocator(),
	}
	for name := range f.suppressed {
		fw.Suppressed = append(fw.Suppressed, name)
	}
	slices.Sort(fw.Suppressed)
	for name, filters := range f.info.OfferFilters {
		if filters.MinAllocatableResources == nil {
			continue
		}
		if fw.MinAllocatable == nil {
			fw.MinAllocatable = map[string][]resources.Quantities{}
		}
		alternatives := []resources.Quantities{}
		for _, q := range filters.MinAllocatableResources.Quantities {
			alternatives = append(alternatives, quantitiesOf(q.Quantities))
		}
		fw.MinAllocatable[name] = alternatives
	}
	if f.constraints != nil {
		constraints := f.constraints
		fw.Constraints = func(name string, agent *allocator.Agent) bool {
			return constraints.Match(name, validation.ConstraintTarget{
				Hostname:   agent.Hostname,
				Region:     agent.Region,
				Zone:       agent.Zone,
				HasDomain:  agent.HasDomain,
				Attributes: agent.Attributes,
			})
		}
	}
	return fw
}

func quantitiesOf(m map[string]mesosv1.ValueScalar) resources.Quantities {
	items := make([]resources.Quantity, 0, len(m))
	for name, v := range m {
		amount, err := resources.ScalarFromFloat(v.Value)
		if err != nil {
			continue // refused when the framework subscribed
		}
		items = append(items, resources.Quantity{Name: name, Amount: amount})
	}
	return resources.NewQuantities(items...)
}

// setInfo replaces what the framework says of itself.
func (f *framework) setInfo(info *mesosv1.FrameworkInfo, suppressed []string, constraints *mesosv1.OfferConstraints, compiled *validation.Constraints) {
	f.info = info
	f.caps = capabilitiesOf(info)
	f.roles = rolesOf(info)
	f.suppressed = make(map[string]bool, len(suppressed))
	for _, name := range suppressed {
		f.suppressed[name] = true
	}
	f.constraintsInfo = constraints
	f.constraints = compiled
	f.record = nil
}

// used sums what the framework's tasks and executors use. Agents on which
// nothing of the framework is left are forgotten on the way.
func (f *framework) used() resources.Resources {
	var sum resources.Builder
	for id, a := range f.agents {
		if !a.knows(f.id) {
			delete(f.agents, id)
			continue
		}
		sum.Add(a.used[f.id])
	}
	return sum.Resources()
}
