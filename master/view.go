package master

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/meseta/meseta/gen/mesosv1"
	"github.com/meseta/meseta/internal/mesosid"
	"github.com/meseta/meseta/internal/resources"
	"github.com/meseta/meseta/master/validation"
)

// viewInterval is the least time between two copies of the state for readers.
// A reader who comes earlier, and for whom something has changed since the
// last copy, waits; it never gets an old state.
const viewInterval = 100 * time.Millisecond

// View is the state of the master at one moment. Everything in it is immutable
// and may be read by any number of goroutines.
type View struct {
	version uint64
	// Frameworks are those known, sorted by id; Completed the removed ones,
	// oldest first.
	Frameworks []*FrameworkRecord
	Completed  []*FrameworkRecord
	// Agents are those registered, sorted by id.
	Agents []*AgentRecord
	// Unreachable has the agents that stopped answering, with the time.
	Unreachable map[mesosid.AgentID]time.Time
	// Offers is the number of outstanding offers.
	Offers int
	// Weights are those of roles for which one has been set.
	Weights map[string]float64
}

// FrameworkRecord is one framework in a view.
type FrameworkRecord struct {
	ID         mesosid.FrameworkID
	Info       *mesosv1.FrameworkInfo
	Roles      []string
	Suppressed []string
	// Connected means that it has a stream; Active that it may get offers.
	Connected, Active, Recovered bool

	Registered, Reregistered, Unregistered time.Time

	// Tasks are the live ones in order of their ids; Unreachable and
	// Completed are in the order in which they became so.
	Tasks       []*mesosv1.Task
	Unreachable []*mesosv1.Task
	Finished    []*mesosv1.Task
	Offers      []*mesosv1.Offer
	Executors   []ExecutorRecord
	// Constraints are the offer constraints as the scheduler sent them, Matcher
	// is their compiled form; both are nil for a framework without any.
	Constraints *mesosv1.OfferConstraints
	Matcher     *validation.Constraints

	// Used is what its tasks and executors use, Offered what is offered to it.
	Used, Offered resources.Resources
}

// ExecutorRecord is an executor on an agent, those of command tasks left out.
type ExecutorRecord struct {
	Agent     mesosid.AgentID
	Info      *mesosv1.ExecutorInfo
	Resources resources.Resources
}

// AgentRecord is one agent in a view.
type AgentRecord struct {
	ID           mesosid.AgentID
	Info         *mesosv1.AgentInfo
	Version      string
	PID          string
	Capabilities []mesosv1.AgentInfoCapability
	Attributes   resources.Attributes
	// Connected means that its session is open; Active that it may be offered.
	Connected, Active, Deactivated bool

	Registered, Reregistered time.Time

	Total resources.Resources
	// Used is what is used by framework, Offered what is offered to anybody.
	Used    map[mesosid.FrameworkID]resources.Resources
	Offered resources.Resources
	// Frameworks have something on the agent, sorted by id.
	Frameworks []mesosid.FrameworkID
}

// View returns the present state. It shows everything that had happened
// before the call. It waits for the actor when something has changed since the
// last view, at most until ctx ends.
func (m *Master) View(ctx context.Context) (*View, error) {
	if v := m.view.Load(); v != nil && v.version == m.version.Load() {
		return v, nil
	}
	var view *View
	var wait time.Duration
	take := func(now time.Time) {
		if v := m.view.Load(); v != nil && v.version == m.version.Load() {
			view = v
			return
		}
		if wait = viewInterval - now.Sub(m.viewBuilt); wait > 0 {
			return
		}
		view = m.buildView(now)
	}
	for {
		if err := m.submit(ctx, take); err != nil {
			return nil, err
		}
		if view != nil {
			return view, nil
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil, context.Cause(ctx)
		}
	}
}

// buildView copies pointers to records; only records of what changed are made
// anew.
func (m *Master) buildView(now time.Time) *View {
	v := &View{
		version:     m.version.Load(),
		Completed:   slices.Clone(m.completed),
		Unreachable: maps.Clone(m.unreachable),
		Offers:      len(m.offers),
		Weights:     m.opts.Weights,
	}
	v.Frameworks = make([]*FrameworkRecord, 0, len(m.frameworks))
	for _, f := range m.frameworks {
		if f.record == nil {
			f.record = f.makeRecord()
		}
		v.Frameworks = append(v.Frameworks, f.record)
	}
	slices.SortFunc(v.Frameworks, func(a, b *FrameworkRecord) int { return strings.Compare(string(a.ID), string(b.ID)) })
	v.Agents = make([]*AgentRecord, 0, len(m.agents))
	for _, a := range m.agents {
		if a.record == nil {
			a.record = a.makeRecord()
		}
		v.Agents = append(v.Agents, a.record)
	}
	slices.SortFunc(v.Agents, func(a, b *AgentRecord) int { return compareAgentIDs(a.ID, b.ID) })
	m.viewBuilt = now
	m.view.Store(v)
	return v
}

// compareAgentIDs orders ids of one master by their number.
func compareAgentIDs(a, b mesosid.AgentID) int {
	if len(a) != len(b) {
		return len(a) - len(b)
	}
	return strings.Compare(string(a), string(b))
}

func (f *framework) makeRecord() *FrameworkRecord {
	r := &FrameworkRecord{
		ID:           f.id,
		Info:         f.info,
		Roles:        f.roles,
		Connected:    f.subscriber != nil,
		Active:       f.active(),
		Recovered:    f.recovered,
		Registered:   f.registered,
		Reregistered: f.reregistered,
		Unregistered: f.unregistered,
		Unreachable:  slices.Clone(f.unreachable),
		Finished:     slices.Clone(f.finished),
		Constraints:  f.constraintsInfo,
		Matcher:      f.constraints,
	}
	for name := range f.suppressed {
		r.Suppressed = append(r.Suppressed, name)
	}
	slices.Sort(r.Suppressed)
	for _, t := range sortedTasks(f.tasks) {
		r.Tasks = append(r.Tasks, t.record)
	}
	var offered resources.Builder
	for _, o := range f.offers {
		r.Offers = append(r.Offers, o.record)
		offered.Add(o.resources)
	}
	slices.SortFunc(r.Offers, func(a, b *mesosv1.Offer) int { return strings.Compare(a.ID.Value, b.ID.Value) })
	r.Offered = offered.Resources()
	r.Used = f.used()
	for _, a := range f.agents {
		for _, e := range a.executors[f.id] {
			r.Executors = append(r.Executors, ExecutorRecord{Agent: a.id, Info: e.info, Resources: e.resources})
		}
	}
	slices.SortFunc(r.Executors, func(a, b ExecutorRecord) int {
		if c := compareAgentIDs(a.Agent, b.Agent); c != 0 {
			return c
		}
		return strings.Compare(a.Info.ExecutorID.Value, b.Info.ExecutorID.Value)
	})
	return r
}

func (a *agent) makeRecord() *AgentRecord {
	r := &AgentRecord{
		ID:           a.id,
		Info:         a.info,
		Version:      a.version,
		PID:          a.pid(),
		Capabilities: a.capabilities,
		Attributes:   a.attributes,
		Connected:    a.connected(),
		Active:       a.offerable(),
		Deactivated:  a.deactivated,
		Registered:   a.registered,
		Reregistered: a.reregistered,
		Total:        a.total,
		Used:         a.usedByFramework(),
	}
	var offered resources.Builder
	for _, o := range a.offers {
		offered.Add(o.resources)
	}
	r.Offered = offered.Resources()
	for id := range a.used {
		r.Frameworks = append(r.Frameworks, id)
	}
	slices.Sort(r.Frameworks)
	return r
}
