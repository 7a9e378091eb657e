package allocator_test

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/meseta/meseta/internal/mesosid"
	"github.com/meseta/meseta/internal/resources"
	"github.com/meseta/meseta/internal/role"
	"github.com/meseta/meseta/master/allocator"
)

// reference is the rule written down as plainly as possible: maps, resource
// arithmetic and a fresh sort at every step, nothing kept that could be
// computed. It knows everything but shared volumes and requests.
type reference struct {
	minimum    []resources.Quantities
	agents     map[mesosid.AgentID]*refAgent
	frameworks map[mesosid.FrameworkID]*refFramework
	weights    map[string]float64
	guarantees map[string]resources.Quantities
	limits     map[string]resources.Limits
	refusals   []refusal
	// served counts allocations by framework and role, by role path, and by
	// path+"/." for a role's own frameworks.
	served map[string]int
}

type refAgent struct {
	allocator.Agent
	active bool
	// held carries allocations, by framework and role.
	held map[refClient]resources.Resources
}

type refFramework struct {
	allocator.Framework
	active bool
}

type refClient struct {
	framework mesosid.FrameworkID
	role      string
}

type refusal struct {
	refClient
	agent   mesosid.AgentID
	refused resources.Resources
	until   time.Time
	passing bool
}

func (ag *refAgent) free() resources.Resources {
	free := ag.Total
	for _, held := range ag.held {
		free = free.Subtract(held.Unallocated())
	}
	return free
}

// sum adds up what is held, by the clients and of the resources that count.
func (r *reference) sum(who func(refClient) bool, what func(*resources.Resource) bool) resources.Quantities {
	var q resources.Quantities
	for _, ag := range r.agents {
		for c, held := range ag.held {
			if r.frameworks[c.framework] != nil && who(c) {
				q.AddResourcesInPlace(held.Filter(what))
			}
		}
	}
	return q
}

func anything(*resources.Resource) bool { return true }

func open(r *resources.Resource) bool { return !r.Reserved() && !r.Revocable() }

func inTree(top string) func(refClient) bool {
	return func(c refClient) bool { return c.role == top || role.IsStrictSubrole(c.role, top) }
}

func (r *reference) share(who func(refClient) bool, weight float64) float64 {
	var total resources.Quantities
	for _, ag := range r.agents {
		total.AddResourcesInPlace(ag.Total)
	}
	held := r.sum(who, anything)
	most := 0.0
	for i := range held.Len() {
		if all := total.Get(held.At(i).Name); all > 0 {
			most = max(most, float64(held.At(i).Amount)/float64(all))
		}
	}
	return most / weight
}

type competitor struct {
	name   string
	share  float64
	served int
	leaves func() []string
}

func inOrder(list []competitor) {
	slices.SortFunc(list, func(x, y competitor) int {
		return cmp.Or(cmp.Compare(x.share, y.share), cmp.Compare(x.served, y.served), cmp.Compare(x.name, y.name))
	})
}

// roles returns the roles with active frameworks in the order in which they
// are asked.
func (r *reference) roles(parent string) []string {
	var list []competitor
	if len(r.clients(parent)) > 0 {
		own := func(c refClient) bool { return c.role == parent }
		list = append(list, competitor{parent + "/.", r.share(own, 1), r.served[parent+"/."], func() []string { return []string{parent} }})
	}
	for path := range r.weights {
		if above, nested := role.Parent(path); (!nested && parent == "") || (nested && above == parent) {
			if leaves := r.roles(path); len(leaves) > 0 {
				list = append(list, competitor{path, r.share(inTree(path), r.weights[path]), r.served[path], func() []string { return leaves }})
			}
		}
	}
	inOrder(list)
	var out []string
	for _, c := range list {
		out = append(out, c.leaves()...)
	}
	return out
}

// clients returns the active frameworks of a role in order.
func (r *reference) clients(path string) []*refFramework {
	var list []competitor
	for id, fw := range r.frameworks {
		if fw.active && slices.Contains(fw.Roles, path) && !slices.Contains(fw.Suppressed, path) {
			me := refClient{id, path}
			list = append(list, competitor{name: string(id), share: r.share(func(c refClient) bool { return c == me }, 1),
				served: r.served[string(id)+" "+path]})
		}
	}
	inOrder(list)
	out := make([]*refFramework, len(list))
	for i, c := range list {
		out[i] = r.frameworks[mesosid.FrameworkID(c.name)]
	}
	return out
}

// consumed is what counts against the quota of a top-level role.
func (r *reference) consumed(top string) resources.Quantities {
	q := r.sum(inTree(top), open)
	for _, ag := range r.agents {
		q.AddResourcesInPlace(ag.Total.Filter(func(res *resources.Resource) bool {
			owner := res.ReservationRole()
			return owner == top || role.IsStrictSubrole(owner, top)
		}))
	}
	return q
}

// surplus is what may be handed out without endangering a guarantee.
func (r *reference) surplus() resources.Quantities {
	var q resources.Quantities
	for _, ag := range r.agents {
		q.AddResourcesInPlace(ag.free().Filter(open))
	}
	for top, guarantee := range r.guarantees {
		q.SubtractInPlace(guarantee.Subtract(r.consumed(top)))
	}
	return q
}

// candidate is what a framework may have of an agent for a role, empty when
// it does not qualify.
func (r *reference) candidate(ag *refAgent, free resources.Resources, path string, fw *refFramework, guaranteeing bool) resources.Resources {
	none := resources.Resources{}
	if !ag.active ||
		strings.Contains(path, "/") && ag.Capabilities&allocator.AgentHierarchicalRole == 0 ||
		fw.Capabilities&allocator.CapMultiRole != 0 && ag.Capabilities&allocator.AgentMultiRole == 0 ||
		fw.Capabilities&allocator.CapGPU == 0 && ag.Total.Amount("gpus") > 0 ||
		fw.Constraints != nil && !fw.Constraints(path, &ag.Agent) {
		return none
	}
	seen := free.Filter(func(res *resources.Resource) bool {
		return res.AvailableTo(path) && (!guaranteeing || !res.Reserved() || res.ReservationRole() == path) &&
			(!res.Revocable() || fw.Capabilities&allocator.CapRevocable != 0) &&
			(!res.Refined() || fw.Capabilities&allocator.CapRefinement != 0)
	})
	seen, ok := r.shape(seen, path, guaranteeing)
	if !ok || seen.Empty() {
		return none
	}
	minimum, own := fw.MinAllocatable[path]
	if !own {
		minimum = r.minimum
	}
	if len(minimum) > 0 && !slices.ContainsFunc(minimum, seen.Quantities().Contains) {
		return none
	}
	for _, f := range r.refusals {
		if f.agent == ag.ID && f.refClient == (refClient{fw.ID, path}) && f.refused.Contains(seen) {
			return none
		}
	}
	return seen
}

// shape applies quota to the unreserved scalars.
func (r *reference) shape(seen resources.Resources, path string, guaranteeing bool) (resources.Resources, bool) {
	top, _, _ := strings.Cut(path, "/")
	plain := seen.Filter(open)
	there := plain.Quantities()
	consumed, surplus := r.consumed(top), r.surplus()
	unsatisfied := r.guarantees[top].Subtract(consumed)
	var bounds []resources.Quantity
	short := false
	for i := range there.Len() {
		name, amount := there.At(i).Name, there.At(i).Amount
		given := resources.Scalar(0)
		if guaranteeing {
			given = min(amount, unsatisfied.Get(name))
			short = short || given > 0
		}
		extra := surplus.Get(name)
		if limit, limited := r.limits[top].Get(name); limited {
			extra = min(extra, max(0, limit-consumed.Get(name)-given))
		}
		bounds = append(bounds, resources.Quantity{Name: name, Amount: min(amount, given+extra)})
	}
	if len(r.guarantees)+len(r.limits) == 0 {
		return seen, true
	}
	return seen.Subtract(plain).Add(plain.ShrinkToLimits(resources.NewLimits(bounds...))), !guaranteeing || short
}

// visit hands out what is free on an agent and returns the offers.
func (r *reference) visit(ag *refAgent, guaranteeing bool) []allocator.Proposal {
	var out []allocator.Proposal
	free := ag.free()
	for _, path := range r.roles("") {
		if guaranteeing && (r.guarantees[path].Empty() || r.consumed(path).Contains(r.guarantees[path])) {
			continue
		}
		for _, fw := range r.clients(path) {
			res := r.candidate(ag, free, path, fw, guaranteeing)
			if res.Empty() {
				continue
			}
			free = free.Subtract(res)
			out = append(out, allocator.Proposal{Framework: fw.ID, Role: path, Agent: ag.ID, Resources: res.Allocate(path)})
			r.hold(ag, refClient{fw.ID, path}, res.Allocate(path))
		}
	}
	return out
}

func (r *reference) hold(ag *refAgent, c refClient, res resources.Resources) {
	ag.held[c] = ag.held[c].Add(res)
	if r.frameworks[c.framework] == nil {
		return
	}
	r.served[string(c.framework)+" "+c.role]++
	r.served[c.role+"/."]++
	for path, nested := c.role, true; nested; path, nested = role.Parent(path) {
		r.served[path]++
	}
}

// release gives back; a framework that neither has the role nor holds anything
// starts again from nothing.
func (r *reference) release(ag *refAgent, c refClient, res resources.Resources) {
	if ag.held[c] = ag.held[c].Subtract(res); ag.held[c].Empty() {
		delete(ag.held, c)
	}
	r.retire(c)
}

func (r *reference) retire(c refClient) {
	if fw := r.frameworks[c.framework]; fw != nil && slices.Contains(fw.Roles, c.role) {
		return
	}
	for _, ag := range r.agents {
		if !ag.held[c].Empty() {
			return
		}
	}
	delete(r.served, string(c.framework)+" "+c.role)
}

func (r *reference) drop(which func(refusal) bool) { r.refusals = slices.DeleteFunc(r.refusals, which) }

func (r *reference) agentIDs() []mesosid.AgentID { return slices.Sorted(maps.Keys(r.agents)) }
func (r *reference) frameworkIDs() []mesosid.FrameworkID {
	return slices.Sorted(maps.Keys(r.frameworks))
}
