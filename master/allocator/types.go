package allocator

import (
	"time"

	"github.com/meseta/meseta/internal/mesosid"
	"github.com/meseta/meseta/internal/resources"
)

// Options configure an allocator for its whole life.
type Options struct {
	// Seed makes every random choice reproducible.
	Seed uint64
	// AllocationInterval is how long any refusal lasts at least; the owner
	// calls [Allocator.AllocateAll] about as often. Zero means one second.
	AllocationInterval time.Duration
	// MinAllocatable are alternatives: resources are worth offering when they
	// contain at least one of them. With none, anything is.
	MinAllocatable []resources.Quantities
	// FilterGPU keeps agents with gpus for frameworks with [CapGPU].
	FilterGPU bool
	// ExcludedFairShare names resources that do not count for shares.
	ExcludedFairShare []string
	// RandomSorter serves roles and frameworks in weighted random order
	// instead of by share.
	RandomSorter bool
	// MasterRegion is the master's fault domain; it counts with HasRegion.
	MasterRegion string
	HasRegion    bool
}

// Capabilities are what a framework has declared, as far as allocation cares.
type Capabilities uint16

// The framework capabilities.
const (
	CapRevocable Capabilities = 1 << iota
	CapGPU
	CapShared
	CapRefinement
	CapRegionAware
	CapPartitionAware
	CapMultiRole
)

// AgentCapabilities are what an agent has declared.
type AgentCapabilities uint16

// The agent capabilities.
const (
	AgentMultiRole AgentCapabilities = 1 << iota
	AgentHierarchicalRole
	AgentReservationRefinement
)

// Framework is what the allocator has to know of a framework.
type Framework struct {
	ID mesosid.FrameworkID
	// Roles it is subscribed to; with none it is offered nothing.
	Roles []string
	// Suppressed are the roles it wants no offers for at present.
	Suppressed   []string
	Capabilities Capabilities
	// MinAllocatable replaces Options.MinAllocatable for the roles it has; an
	// empty list means that anything is worth offering.
	MinAllocatable map[string][]resources.Quantities
	// Constraints tells whether an agent may be offered for a role; nil means
	// that all may. It must depend on nothing but the agent's description,
	// because answers are remembered until framework or agent are updated.
	Constraints func(role string, agent *Agent) bool
}

// Unavailability is a maintenance window.
type Unavailability struct {
	Start time.Time
	// Duration counts with HasDuration; without it the window has no end.
	Duration    time.Duration
	HasDuration bool
}

// Agent is what the allocator has to know of an agent. It is not modified, and
// constraints may look at it.
type Agent struct {
	ID       mesosid.AgentID
	Hostname string
	// Total includes revocable resources and carries no allocation.
	Total        resources.Resources
	Attributes   resources.Attributes
	Capabilities AgentCapabilities
	// Region and Zone count with HasDomain; an agent without a domain is in
	// the master's region.
	Region, Zone string
	HasDomain    bool
	// Unavailability is the maintenance window, nil for none.
	Unavailability *Unavailability
}

// Proposal is one offer to make: everything on an agent that a framework may
// have for a role. It counts as allocated from now on, until
// [Allocator.Recover].
type Proposal struct {
	Framework mesosid.FrameworkID
	Role      string
	Agent     mesosid.AgentID
	// Resources carry the role as their allocation. Handing the same value
	// back to Recover is much cheaper than an equal one.
	Resources resources.Resources
}

// Request is a wish for resources of a certain size, on a certain agent or,
// with the zero AgentID, anywhere.
type Request struct {
	Agent     mesosid.AgentID
	Resources resources.Quantities
}

// Conversion is how an operation changes resources.
type Conversion = resources.Conversion

// DefaultRefusal is how long a refusal lasts when the framework does not say.
const DefaultRefusal = 5 * time.Second

// maxRefusal is the longest refusal that is honoured.
const maxRefusal = 365 * 24 * time.Hour
