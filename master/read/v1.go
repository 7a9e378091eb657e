package read

import (
	"time"

	"github.com/meseta/meseta/gen/mesosv1"
	"github.com/meseta/meseta/gen/operatorv1"
	"github.com/meseta/meseta/internal/resources"
	"github.com/meseta/meseta/master"
)

// The lists of the operator API. They are there even when they are empty,
// while members of the objects in them are left out when they are.

func (r *Reader) writeTasks(o *object, v *master.View) {
	list(o, "tasks", tasksOf(v.Frameworks, live), r.writeTaskV1)
	list(o, "unreachable_tasks", tasksOf(v.Frameworks, unreachable), r.writeTaskV1)
	completed := append(tasksOf(v.Frameworks, finished), tasksOf(v.Completed, finished)...)
	list(o, "completed_tasks", completed, r.writeTaskV1)
}

func (r *Reader) writeExecutors(o *object, v *master.View) {
	var all []operatorv1.ResponseGetExecutorsExecutor
	for _, f := range v.Frameworks {
		for _, e := range f.Executors {
			all = append(all, operatorv1.ResponseGetExecutorsExecutor{
				ExecutorInfo: *e.Info,
				AgentID:      mesosv1.AgentID{Value: string(e.Agent)},
			})
		}
	}
	list(o, "executors", all, value)
}

func (r *Reader) writeFrameworks(o *object, v *master.View) {
	write := func(o *object, f *master.FrameworkRecord) { o.value(frameworkV1(f)) }
	list(o, "frameworks", v.Frameworks, write)
	list(o, "completed_frameworks", v.Completed, write)
}

func (r *Reader) writeAgents(o *object, v *master.View) {
	list(o, "agents", v.Agents, func(o *object, a *master.AgentRecord) { o.text(r.fragments.agentV1(a)) })
	list(o, "recovered_agents", []mesosv1.AgentInfo(nil), value)
}

// frameworkV1 describes a framework.
func frameworkV1(f *master.FrameworkRecord) *operatorv1.ResponseGetFrameworksFramework {
	out := &operatorv1.ResponseGetFrameworksFramework{
		FrameworkInfo:      *f.Info,
		Active:             f.Active,
		Connected:          f.Connected,
		Recovered:          f.Recovered,
		RegisteredTime:     timeInfo(f.Registered),
		ReregisteredTime:   timeInfo(f.Reregistered),
		UnregisteredTime:   timeInfo(f.Unregistered),
		AllocatedResources: f.Used.ToV1(resources.Endpoint),
		OfferedResources:   f.Offered.ToV1(resources.Endpoint),
		OfferConstraints:   constraints(f),
	}
	// A framework counts as registered again from the start.
	if out.ReregisteredTime == nil {
		out.ReregisteredTime = out.RegisteredTime
	}
	for _, offer := range f.Offers {
		out.Offers = append(out.Offers, *offer)
	}
	return out
}

// constraints are never left out.
func constraints(f *master.FrameworkRecord) *mesosv1.OfferConstraints {
	if f.Constraints == nil {
		return new(mesosv1.OfferConstraints)
	}
	return f.Constraints
}

// agentV1 describes an agent.
func agentV1(a *master.AgentRecord) *operatorv1.ResponseGetAgentsAgent {
	out := &operatorv1.ResponseGetAgentsAgent{
		AgentInfo:          *a.Info,
		Active:             a.Active,
		Deactivated:        new(a.Deactivated),
		Version:            a.Version,
		Pid:                new(a.PID),
		RegisteredTime:     timeInfo(a.Registered),
		TotalResources:     a.Total.ToV1(resources.Endpoint),
		AllocatedResources: used(a).ToV1(resources.Endpoint),
		OfferedResources:   a.Offered.ToV1(resources.Endpoint),
		Capabilities:       a.Capabilities,
	}
	if !a.Reregistered.Equal(a.Registered) {
		out.ReregisteredTime = timeInfo(a.Reregistered)
	}
	return out
}

// used sums up what all frameworks use of an agent.
func used(a *master.AgentRecord) resources.Resources {
	var all resources.Builder
	for _, id := range a.Frameworks {
		all.Add(a.Used[id])
	}
	return all.Resources()
}

func timeInfo(t time.Time) *mesosv1.TimeInfo {
	if t.IsZero() {
		return nil
	}
	return &mesosv1.TimeInfo{Nanoseconds: t.UnixNano()}
}

// The lists of tasks that a framework has.

func live(f *master.FrameworkRecord) []*mesosv1.Task        { return f.Tasks }
func unreachable(f *master.FrameworkRecord) []*mesosv1.Task { return f.Unreachable }
func finished(f *master.FrameworkRecord) []*mesosv1.Task    { return f.Finished }

func tasksOf(frameworks []*master.FrameworkRecord, which func(*master.FrameworkRecord) []*mesosv1.Task) []*mesosv1.Task {
	n := 0
	for _, f := range frameworks {
		n += len(which(f))
	}
	out := make([]*mesosv1.Task, 0, n)
	for _, f := range frameworks {
		out = append(out, which(f)...)
	}
	return out
}

func value[T any](o *object, v T) { o.value(v) }

func (r *Reader) writeTaskV1(o *object, t *mesosv1.Task) { o.text(r.fragments.taskV1(t)) }
