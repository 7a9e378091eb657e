package allocator

import (
	"math/rand/v2"
	"time"

	"github.com/meseta/meseta/internal/mesosid"
	"github.com/meseta/meseta/internal/resources"
)

// Allocator holds who has what and proposes who gets what is free. It belongs
// to one goroutine; see the package comment. Methods that are given an unknown
// agent or framework do nothing, because the owner's messages may cross with a
// removal.
type Allocator struct {
	options    Options
	names      names
	excluded   bitset
	minimum    []vector
	random     *rand.Rand
	frameworks map[mesosid.FrameworkID]*framework
	agents     map[mesosid.AgentID]*agent

	// slots and clients give small numbers to agents and to pairs of framework
	// and role; a freed number is used again.
	slots       []*agent
	freeSlots   []int32
	clients     []*client
	freeClients []int32
	// lastShapes are the last shape numbers of agents that had the slot.
	lastShapes []uint32

	// The tree of roles. numbered are the nodes by the number that lists use.
	root         *node
	roles        map[string]*node
	numbered     []*node
	freeNodes    []int32
	roleNames    ranking
	frameworkIDs ranking

	// total is what all agents have; free is what is neither used nor offered,
	// unreserved, for keeps and not shared.
	total vector
	free  vector

	// Lists to repair before the next run: all of them, or the places of these.
	stale   bool
	changed []*client

	refusals calendar
	// live counts refusals in force; repeated counts further ones for the same
	// thing, so that the last to end counts.
	live     int
	repeated map[filterRef]int
	// passing are refusals that hold only until the next run over all agents.
	passing []passingRefusal

	// limited are the roles with a quota.
	limited []*node

	// dirty are the agents for the next Allocate; all means every agent.
	dirty []*agent
	all   bool
	// openings counts events after which an agent that nobody qualified for
	// may find somebody.
	openings uint64

	sweep sweep
	// rest and keys are scratch memory of refill and AddAgent.
	rest resources.Builder
	keys []mesosid.FrameworkID
}

// New returns an allocator for an empty cluster.
func New(options Options) *Allocator {
	if options.AllocationInterval <= 0 {
		options.AllocationInterval = time.Second
	}
	a := &Allocator{
		options:    options,
		random:     rand.New(rand.NewPCG(options.Seed, 0x6d6573657461)),
		frameworks: make(map[mesosid.FrameworkID]*framework),
		agents:     make(map[mesosid.AgentID]*agent),
		roles:      make(map[string]*node),
		repeated:   make(map[filterRef]int),
	}
	for _, name := range []string{resources.CPUs, resources.Mem, resources.DiskSpace, resources.GPUs} {
		a.names.id(name)
	}
	for _, name := range options.ExcludedFairShare {
		a.excluded.set(int32(a.names.id(name)))
	}
	a.minimum = a.compile(options.MinAllocatable)
	a.root = &node{weight: 1}
	return a
}

func (a *Allocator) compile(alternatives []resources.Quantities) []vector {
	out := make([]vector, 0, len(alternatives))
	for _, q := range alternatives {
		out = append(out, a.names.fromQuantities(q))
	}
	return out
}

// allocatable reports whether an amount is worth offering by the alternatives.
func allocatable(amount vector, alternatives []vector) bool {
	for _, enough := range alternatives {
		if amount.contains(enough) {
			return true
		}
	}
	return len(alternatives) == 0
}

// touch marks an agent for the next run: something changed on it.
func (a *Allocator) touch(ag *agent) {
	ag.settled = false
	if !ag.dirty {
		ag.dirty = true
		a.dirty = append(a.dirty, ag)
	}
}

// open notes that something changed for all agents; with now set, the next
// run looks at all of them, otherwise only AllocateAll does.
func (a *Allocator) open(now bool) {
	a.openings++
	a.all = a.all || now
}
