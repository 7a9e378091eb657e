package allocator_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/meseta/meseta/internal/mesosid"
	"github.com/meseta/meseta/internal/resources"
	"github.com/meseta/meseta/master/allocator"
)

// TestEveryHistoryGivesWhatTheReferenceGives runs random histories on the
// allocator and on the reference. Of every run it checks that, agent by agent,
// the offers are those of the reference in the same order; that the agents
// without an offer have none in the reference either (so whoever qualifies for
// something free is offered it); and that all accounts are right (so nothing
// is given away twice).
func TestEveryHistoryGivesWhatTheReferenceGives(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		h := newHistory(t, rapid.Uint64().Draw(t, "seed"))
		t.Repeat(h.actions(t))
	})
}

// TestTheSameHistoryGivesTheSameOffers replays a history on two allocators.
func TestTheSameHistoryGivesTheSameOffers(t *testing.T) {
	t.Parallel()
	play := func(random bool) string {
		s := newScript(t)
		var out strings.Builder
		options := []string{"options", "seed=42"}
		if random {
			options = append(options, "random")
		}
		s.command(options)
		for i := range 20 {
			s.command([]string{"framework", fmt.Sprint("f", i), "roles=" + historyRoles[i%len(historyRoles)]})
		}
		for i := range 50 {
			s.command([]string{"agent", fmt.Sprint("s", i), "cpus:4;mem:100"})
		}
		for round := range 10 {
			out.WriteString(s.command([]string{"batch"}))
			for i, p := range s.offers {
				if p != nil && (i+round)%3 > 0 {
					s.command([]string{"decline", fmt.Sprint("o", i+1), "2s"})
				}
			}
			s.command([]string{"tick", "700ms"})
			out.WriteString(s.command([]string{"allocate"}))
		}
		return out.String()
	}
	for _, random := range []bool{false, true} {
		if first, second := play(random), play(random); first != second {
			t.Errorf("random order %v: two runs differ:\n%s\n%s", random, first, second)
		}
	}
}

// TestSharesOfEqualFrameworksStayWithinOneTask fills a cluster one task at a
// time: every framework that is offered an agent takes one task of it.
func TestSharesOfEqualFrameworksStayWithinOneTask(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		frameworks, agents := rapid.IntRange(2, 12).Draw(t, "frameworks"), rapid.IntRange(1, 10).Draw(t, "agents")
		a := allocator.New(allocator.Options{Seed: rapid.Uint64().Draw(t, "seed")})
		for i := range frameworks {
			a.AddFramework(allocator.Framework{ID: frameworkID(i), Roles: []string{"r"}}, true, nil)
		}
		for i := range agents {
			a.AddAgent(allocator.Agent{ID: mesosid.AgentID(fmt.Sprint("s", i)), Total: cpus(4)}, nil)
		}
		tasks := make(map[mesosid.FrameworkID]int)
		now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		for range 4 * agents {
			offers := a.AllocateAll(now)
			if len(offers) == 0 {
				t.Fatal("there are free resources but no offers")
			}
			for i, p := range offers {
				rest := p.Resources
				if i == 0 {
					task := cpus(1).Allocate("r")
					must(t, a.TransitionToAllocated(p.Framework, p.Agent, task))
					tasks[p.Framework]++
					rest = rest.Subtract(task)
				}
				must(t, a.Recover(p.Framework, p.Agent, rest, 0, now))
			}
			least, most := 4*agents, 0
			for i := range frameworks {
				least, most = min(least, tasks[frameworkID(i)]), max(most, tasks[frameworkID(i)])
			}
			if most-least > 1 {
				t.Fatalf("tasks by framework: %v", tasks)
			}
		}
	})
}

func cpus(n int) resources.Resources {
	return resources.New(resources.Resource{Name: resources.CPUs, Scalar: resources.Scalar(n) * resources.Unit})
}

func must(t fataler, err error) {
	if err != nil {
		t.Fatal(err)
	}
}

var historyRoles = []string{"a", "b", "a/x", "a/y", "b/z", "*"}

// history drives allocator and reference alike.
type history struct {
	a   *allocator.Allocator
	r   *reference
	now time.Time
	// offers are outstanding, agents that changed since the last run dirty.
	offers []allocator.Proposal
	dirty  map[mesosid.AgentID]bool
	all    bool
}

func newHistory(t *rapid.T, seed uint64) *history {
	minimum, err := resources.ParseMinAllocatable("cpus:0.5|mem:32")
	must(t, err)
	h := &history{
		a:     allocator.New(allocator.Options{Seed: seed, MinAllocatable: minimum, FilterGPU: true}),
		now:   time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
		dirty: map[mesosid.AgentID]bool{},
		r: &reference{
			minimum: minimum, agents: map[mesosid.AgentID]*refAgent{}, frameworks: map[mesosid.FrameworkID]*refFramework{},
			weights: map[string]float64{}, guarantees: map[string]resources.Quantities{}, limits: map[string]resources.Limits{},
			served: map[string]int{},
		},
	}
	// A weight keeps a role known, so that its count of allocations lasts.
	for i, role := range historyRoles {
		h.weigh(t, role, []float64{0.5, 2, 3}[i%3])
	}
	return h
}

func (h *history) weigh(t *rapid.T, role string, weight float64) {
	must(t, h.a.UpdateWeight(role, weight))
	h.r.weights[role] = weight
}

func (h *history) actions(t *rapid.T) map[string]func(*rapid.T) {
	return map[string]func(*rapid.T){
		"":              func(t *rapid.T) { must(t, h.a.Verify()) },
		"add framework": h.addFramework, "update framework": h.updateFramework,
		"remove framework": h.removeFramework, "toggle framework": h.toggleFramework,
		"suppress or revive": h.suppressOrRevive,
		"add agent":          h.addAgent, "update agent": h.updateAgent, "remove agent": h.removeAgent, "toggle agent": h.toggleAgent,
		"weight": func(t *rapid.T) {
			h.weigh(t, anyOf(t, historyRoles), rapid.SampledFrom([]float64{0.5, 2, 3}).Draw(t, "weight"))
		},
		"quota":   h.quota,
		"decline": h.decline, "accept": h.accept, "finish": h.finish, "reserve": h.reserve,
		"tick": func(t *rapid.T) {
			h.now = h.now.Add(time.Duration(rapid.IntRange(1, 30).Draw(t, "tenths")) * 100 * time.Millisecond)
		},
		"allocate": func(t *rapid.T) { h.allocate(t, false) }, "again": func(t *rapid.T) { h.allocate(t, false) },
		"batch": func(t *rapid.T) { h.allocate(t, true) },
	}
}

func anyOf[T any](t *rapid.T, list []T) T {
	if len(list) == 0 {
		t.Skip("there is none")
	}
	return list[rapid.IntRange(0, len(list)-1).Draw(t, "which")]
}

func someOf(t *rapid.T, list []string) []string {
	var out []string
	for _, each := range list {
		if rapid.Bool().Draw(t, each) {
			out = append(out, each)
		}
	}
	return out
}

func (h *history) drawFramework(t *rapid.T, id mesosid.FrameworkID) allocator.Framework {
	f := allocator.Framework{ID: id, Roles: someOf(t, historyRoles)}
	f.Suppressed = slices.DeleteFunc(someOf(t, historyRoles), func(string) bool { return rapid.IntRange(0, 2).Draw(t, "suppress") > 0 })
	f.Capabilities = allocator.Capabilities(rapid.IntRange(0, 127).Draw(t, "capabilities"))
	if rapid.IntRange(0, 3).Draw(t, "picky") == 0 {
		minimum, err := resources.ParseMinAllocatable(rapid.SampledFrom([]string{"", "cpus:2"}).Draw(t, "minimum"))
		must(t, err)
		f.MinAllocatable = map[string][]resources.Quantities{anyOf(t, historyRoles): minimum}
	}
	if rapid.IntRange(0, 3).Draw(t, "constrained") == 0 {
		f.Constraints = func(role string, agent *allocator.Agent) bool {
			return len(agent.Attributes) > 0 || role == "a"
		}
	}
	return f
}

func (h *history) addFramework(t *rapid.T) {
	id := frameworkID(rapid.IntRange(0, 5).Draw(t, "framework"))
	if h.r.frameworks[id] != nil {
		t.Skip("known")
	}
	f, active := h.drawFramework(t, id), rapid.IntRange(0, 3).Draw(t, "active") > 0
	h.a.AddFramework(f, active, nil)
	h.r.frameworks[id] = &refFramework{f, active}
	h.all = h.all || active
}

func (h *history) updateFramework(t *rapid.T) {
	fw := h.r.frameworks[anyOf(t, h.r.frameworkIDs())]
	f := h.drawFramework(t, fw.ID)
	old := fw.Roles
	h.a.UpdateFramework(f)
	fw.Framework = f
	h.r.drop(func(r refusal) bool { return r.framework == f.ID && !slices.Contains(f.Roles, r.role) })
	for _, role := range old {
		h.r.retire(refClient{f.ID, role})
	}
}

func (h *history) removeFramework(t *rapid.T) {
	id := anyOf(t, h.r.frameworkIDs())
	h.a.RemoveFramework(id)
	delete(h.r.frameworks, id)
	h.r.drop(func(r refusal) bool { return r.framework == id })
	for _, role := range historyRoles {
		h.r.retire(refClient{id, role})
	}
}

func (h *history) toggleFramework(t *rapid.T) {
	fw := h.r.frameworks[anyOf(t, h.r.frameworkIDs())]
	if fw.active = !fw.active; fw.active {
		h.a.ActivateFramework(fw.ID)
		h.all = true
		return
	}
	h.a.DeactivateFramework(fw.ID)
	h.r.drop(func(r refusal) bool { return r.framework == fw.ID })
}

func (h *history) suppressOrRevive(t *rapid.T) {
	fw, roles := h.r.frameworks[anyOf(t, h.r.frameworkIDs())], someOf(t, historyRoles)
	concerned := func(role string) bool { return len(roles) == 0 || slices.Contains(roles, role) }
	fw.Suppressed = slices.DeleteFunc(slices.Clone(fw.Suppressed), concerned)
	if rapid.Bool().Draw(t, "suppress") {
		h.a.Suppress(fw.ID, roles)
		for _, role := range fw.Roles {
			if concerned(role) {
				fw.Suppressed = append(fw.Suppressed, role)
			}
		}
		return
	}
	h.a.Revive(fw.ID, roles)
	h.r.drop(func(r refusal) bool { return r.framework == fw.ID && concerned(r.role) })
	h.all = true
}

func (h *history) drawAgent(t *rapid.T, id mesosid.AgentID) allocator.Agent {
	total := parse(t, rapid.SampledFrom([]string{
		"cpus:4;mem:100", "cpus:1;mem:400;ports:[1-10]", "cpus:2;mem:100;cpus(a):1;mem(a/x):50", "cpus(b):2;disk(b/z):5;cpus:1", "cpus:2;gpus:1",
	}).Draw(t, "total"))
	if rapid.IntRange(0, 2).Draw(t, "revocable") == 0 {
		total = total.AddOne(resources.Resource{Name: resources.CPUs, Scalar: 2 * resources.Unit}.WithRevocable(true))
	}
	if rapid.IntRange(0, 2).Draw(t, "refined") == 0 {
		total = total.AddOne(resources.Resource{Name: resources.CPUs, Scalar: resources.Unit}.
			PushReservation(resources.Reservation{Type: resources.Static, Role: "a"}).
			PushReservation(resources.Reservation{Type: resources.Dynamic, Role: "a/x"}))
	}
	ag := allocator.Agent{ID: id, Total: total, Capabilities: allocator.AgentCapabilities(rapid.SampledFrom([]int{3, 3, 3, 1, 2}).Draw(t, "able"))}
	if rapid.Bool().Draw(t, "attribute") {
		ag.Attributes = resources.Attributes{{Name: "x", Kind: resources.KindText, Text: "y"}}
	}
	return ag
}

func (h *history) addAgent(t *rapid.T) {
	id := mesosid.AgentID(fmt.Sprint("s", rapid.IntRange(0, 4).Draw(t, "agent")))
	if h.r.agents[id] != nil {
		t.Skip("known")
	}
	description := h.drawAgent(t, id)
	ag := &refAgent{Agent: description, active: true, held: map[refClient]resources.Resources{}}
	h.r.agents[id] = ag
	used := map[mesosid.FrameworkID]resources.Resources{}
	for i, role := range someOf(t, historyRoles) {
		c := refClient{frameworkID(i), role}
		if use := ag.free().Filter(open).ShrinkToQuantities(cpus(1).Quantities()).Allocate(role); !use.Empty() {
			used[c.framework] = used[c.framework].Add(use)
			h.r.hold(ag, c, use)
		}
	}
	h.a.AddAgent(description, used)
	h.dirty[id] = true
}

func (h *history) updateAgent(t *rapid.T) {
	ag := h.r.agents[anyOf(t, h.r.agentIDs())]
	next := h.drawAgent(t, ag.ID)
	var held resources.Resources
	for _, res := range ag.held {
		held = held.Add(res.Unallocated())
	}
	if !next.Total.Contains(held) {
		next.Total = ag.Total
	}
	if !ag.Attributes.Equal(next.Attributes) {
		h.r.drop(func(r refusal) bool { return r.agent == ag.ID })
	}
	if h.a.UpdateAgent(next) {
		h.dirty[ag.ID] = true
	}
	ag.Agent = next
}

func (h *history) removeAgent(t *rapid.T) {
	ag := h.r.agents[anyOf(t, h.r.agentIDs())]
	h.a.RemoveAgent(ag.ID)
	delete(h.r.agents, ag.ID)
	h.r.drop(func(r refusal) bool { return r.agent == ag.ID })
	for c := range ag.held {
		h.r.retire(c)
	}
	h.offers = slices.DeleteFunc(h.offers, func(p allocator.Proposal) bool { return p.Agent == ag.ID })
	delete(h.dirty, ag.ID)
}

func (h *history) toggleAgent(t *rapid.T) {
	ag := h.r.agents[anyOf(t, h.r.agentIDs())]
	if ag.active = !ag.active; ag.active {
		h.a.ActivateAgent(ag.ID)
		h.dirty[ag.ID] = true
	} else {
		h.a.DeactivateAgent(ag.ID)
	}
}

func (h *history) quota(t *rapid.T) {
	role := anyOf(t, []string{"a", "b"})
	delete(h.r.guarantees, role)
	delete(h.r.limits, role)
	var guarantee resources.Quantities
	var limits resources.Limits
	if rapid.Bool().Draw(t, "guarantee") {
		guarantee = parse(t, rapid.SampledFrom([]string{"cpus:2", "cpus:6;mem:50", "mem:150"}).Draw(t, "amount")).Quantities()
		h.r.guarantees[role] = guarantee
	}
	if rapid.IntRange(0, 2).Draw(t, "limit") == 0 {
		limits = resources.NewLimits(resources.Quantity{Name: resources.CPUs, Amount: resources.Scalar(rapid.IntRange(0, 8000).Draw(t, "cpus"))})
		h.r.limits[role] = limits
	}
	must(t, h.a.UpdateQuota(role, guarantee, limits))
}

func (h *history) take(t *rapid.T) (allocator.Proposal, *refAgent, refClient) {
	if len(h.offers) == 0 {
		t.Skip("no offers")
	}
	i := rapid.IntRange(0, len(h.offers)-1).Draw(t, "offer")
	p := h.offers[i]
	h.offers = slices.Delete(h.offers, i, i+1)
	return p, h.r.agents[p.Agent], refClient{p.Framework, p.Role}
}

func (h *history) recover(t *rapid.T, p allocator.Proposal, rest resources.Resources, whole bool) {
	refuse := rapid.SampledFrom([]time.Duration{0, 300 * time.Millisecond, 2 * time.Second, -1, time.Hour}).Draw(t, "refuse")
	must(t, h.a.Recover(p.Framework, p.Agent, rest, refuse, h.now))
	if rest.Empty() {
		return
	}
	c := refClient{p.Framework, p.Role}
	h.r.release(h.r.agents[p.Agent], c, rest)
	h.dirty[p.Agent] = true
	fw := h.r.frameworks[p.Framework]
	if fw == nil || !slices.Contains(fw.Roles, p.Role) || refuse == 0 && !whole {
		return
	}
	life := max(refuse, time.Second)
	if refuse < 0 {
		life = 5 * time.Second
	}
	h.r.refusals = append(h.r.refusals, refusal{c, p.Agent, rest.Unallocated(), h.now.Add(life), refuse == 0})
}

func (h *history) decline(t *rapid.T) {
	p, _, _ := h.take(t)
	if rapid.IntRange(0, 3).Draw(t, "copy") == 0 {
		p.Resources = p.Resources.Map(func(r resources.Resource) resources.Resource { return r })
	}
	h.recover(t, p, p.Resources, true)
}

func (h *history) accept(t *rapid.T) {
	p, _, _ := h.take(t)
	use := p.Resources.ShrinkToQuantities(resources.NewQuantities(
		resources.Quantity{Name: resources.CPUs, Amount: resources.Scalar(rapid.IntRange(1, 2000).Draw(t, "cpus"))}))
	if use.Empty() {
		h.recover(t, p, p.Resources, true)
		return
	}
	must(t, h.a.TransitionToAllocated(p.Framework, p.Agent, use))
	h.recover(t, p, p.Resources.Subtract(use), false)
}

// finish gives back what is not part of an offer.
func (h *history) finish(t *rapid.T) {
	ag := h.r.agents[anyOf(t, h.r.agentIDs())]
	for i := range 6 {
		for _, role := range historyRoles {
			c := refClient{frameworkID(i), role}
			res := ag.held[c]
			for _, p := range h.offers {
				if p.Agent == ag.ID && (refClient{p.Framework, p.Role}) == c {
					res = res.Subtract(p.Resources)
				}
			}
			if res.Empty() || rapid.Bool().Draw(t, "keep") {
				continue
			}
			must(t, h.a.RecoverUsed(c.framework, ag.ID, res))
			h.r.release(ag, c, res)
			h.dirty[ag.ID] = true
		}
	}
}

// reserve turns what is unreserved in an offer into a reservation for its role.
func (h *history) reserve(t *rapid.T) {
	p, ag, c := h.take(t)
	plain := p.Resources.Filter(open).Scalars()
	if plain.Empty() || p.Role == "*" {
		h.offers = append(h.offers, p)
		t.Skip("nothing to reserve")
	}
	reserved, err := plain.PushReservation(resources.Reservation{Type: resources.Dynamic, Role: p.Role})
	must(t, err)
	conversions := resources.ReserveConversions(reserved)
	must(t, h.a.UpdateAllocation(p.Framework, p.Agent, conversions))
	p.Resources, err = p.Resources.ApplyAll(conversions)
	must(t, err)
	ag.held[c], err = ag.held[c].ApplyAll(conversions)
	must(t, err)
	for i := range conversions {
		conversions[i].Consumed = conversions[i].Consumed.Unallocated()
		conversions[i].Converted = conversions[i].Converted.Unallocated()
	}
	ag.Total, err = ag.Total.ApplyAll(conversions)
	must(t, err)
	// An offer that was converted is no longer declined as a whole.
	h.recover(t, p, p.Resources, false)
}

// allocate runs both and compares.
func (h *history) allocate(t *rapid.T, all bool) {
	h.r.drop(func(r refusal) bool {
		ended := !r.until.After(h.now) || all && r.passing
		if ended {
			h.dirty[r.agent] = true
		}
		return ended
	})
	var got []allocator.Proposal
	if all {
		got = h.a.AllocateAll(h.now)
	} else {
		got = h.a.Allocate(h.now)
	}
	candidates, waiting := map[mesosid.AgentID]bool{}, map[mesosid.AgentID]bool{}
	for id := range h.dirty {
		// What lies behind an outstanding offer waits for a run over all.
		if slices.ContainsFunc(h.offers, func(p allocator.Proposal) bool { return p.Agent == id }) {
			waiting[id] = true
		} else {
			candidates[id] = true
		}
	}
	if all || h.all {
		waiting = map[mesosid.AgentID]bool{}
		candidates = map[mesosid.AgentID]bool{}
		for id := range h.r.agents {
			candidates[id] = true
		}
	}
	guaranteeing := true
	for i := 0; i < len(got); {
		ag := h.r.agents[got[i].Agent]
		if ag == nil || !candidates[ag.ID] {
			t.Fatalf("an offer of agent %s, which is not due", got[i].Agent)
		}
		var want []allocator.Proposal
		if guaranteeing {
			if want = h.r.visit(ag, true); len(want) == 0 {
				h.nothing(t, candidates, true)
				guaranteeing = false
			}
		}
		if !guaranteeing {
			want = h.r.visit(ag, false)
		}
		if len(want) == 0 {
			t.Fatalf("offer %v, want none", got[i])
		}
		for _, p := range want {
			if i == len(got) || got[i].Framework != p.Framework || got[i].Role != p.Role || got[i].Agent != p.Agent || !got[i].Resources.Equal(p.Resources) {
				t.Fatalf("offers %v, of which number %d should be %v", got, i, p)
			}
			i++
		}
	}
	h.nothing(t, candidates, true)
	if len(h.r.guarantees) == 0 {
		// What a sub-role gets may fulfil a guarantee and so free headroom,
		// which is offered in the next run only.
		h.nothing(t, candidates, false)
	}
	h.offers = append(h.offers, got...)
	h.dirty, h.all = waiting, false
}

// nothing checks that nobody else qualifies for anything.
func (h *history) nothing(t *rapid.T, candidates map[mesosid.AgentID]bool, guaranteeing bool) {
	for _, id := range h.r.agentIDs() {
		if !candidates[id] {
			continue
		}
		if missed := h.r.visit(h.r.agents[id], guaranteeing); len(missed) > 0 {
			t.Fatalf("not offered, though it should be: %v", missed)
		}
	}
}
