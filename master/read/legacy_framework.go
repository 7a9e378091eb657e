package read

import (
	"slices"

	"github.com/meseta/meseta/gen/mesosv1"
	"github.com/meseta/meseta/gen/operatorv1"
	"github.com/meseta/meseta/master"
)

// legacyFrameworkBrief describes a framework as the older endpoints do.
func legacyFrameworkBrief(f *master.FrameworkRecord) *operatorv1.LegacyFrameworkBrief {
	out := &operatorv1.LegacyFrameworkBrief{
		ID:               string(f.ID),
		Name:             f.Info.Name,
		UsedResources:    sum(f.Used),
		OfferedResources: sum(f.Offered),
		Capabilities:     make([]string, 0, len(f.Info.Capabilities)),
		Active:           f.Active,
		Connected:        f.Connected,
		Recovered:        f.Recovered,
	}
	if f.Info.Hostname != nil {
		out.Hostname = *f.Info.Hostname
	}
	if f.Info.WebuiURL != nil {
		out.WebuiURL = *f.Info.WebuiURL
	}
	for _, c := range f.Info.Capabilities {
		if c.Type != nil {
			out.Capabilities = append(out.Capabilities, string(*c.Type))
		}
	}
	return out
}

// writeFramework writes everything that belongs to a framework.
func (r *Reader) writeFramework(o *object, f *master.FrameworkRecord) {
	o.element(func() {
		o.members(legacyFrameworkBrief(f))
		o.members(legacyFrameworkFacts(f))
		if multiRole(f.Info) {
			// A framework may be without roles; the list is there all the same.
			o.set("roles", append([]string{}, f.Roles...))
		}
		list(o, "tasks", f.Tasks, r.writeTask)
		list(o, "unreachable_tasks", f.Unreachable, r.writeTask)
		list(o, "completed_tasks", f.Finished, r.writeTask)
		list(o, "offers", f.Offers, func(o *object, offer *mesosv1.Offer) { o.value(legacyOffer(offer)) })
		list(o, "executors", f.Executors, func(o *object, e master.ExecutorRecord) { o.value(legacyExecutor(f, e)) })
		o.set("offer_constraints", constraints(f))
	})
}

func (r *Reader) writeTask(o *object, t *mesosv1.Task) { o.text(r.fragments.task(t)) }

// legacyFrameworkFacts describes the framework beyond the brief form.
func legacyFrameworkFacts(f *master.FrameworkRecord) *operatorv1.LegacyFrameworkFacts {
	out := &operatorv1.LegacyFrameworkFacts{
		User:             f.Info.User,
		RegisteredTime:   seconds(f.Registered),
		UnregisteredTime: seconds(f.Unregistered),
		Principal:        f.Info.Principal,
		Resources:        sum(f.Used.Add(f.Offered)),
		Labels:           labels(f.Info.Labels),
	}
	if f.Info.FailoverTimeout != nil {
		out.FailoverTimeout = *f.Info.FailoverTimeout
	}
	if f.Info.Checkpoint != nil {
		out.Checkpoint = *f.Info.Checkpoint
	}
	if !f.Reregistered.IsZero() && !f.Reregistered.Equal(f.Registered) {
		out.ReregisteredTime = new(seconds(f.Reregistered))
	}
	if !multiRole(f.Info) && len(f.Roles) > 0 {
		out.Role = new(f.Roles[0])
	}
	return out
}

func multiRole(info *mesosv1.FrameworkInfo) bool {
	return slices.ContainsFunc(info.Capabilities, func(c mesosv1.FrameworkInfoCapability) bool {
		return c.Type != nil && *c.Type == mesosv1.FrameworkInfoCapabilityTypeMultiRole
	})
}

func legacyOffer(o *mesosv1.Offer) *operatorv1.LegacyOffer {
	out := &operatorv1.LegacyOffer{
		ID:          o.ID.Value,
		FrameworkID: o.FrameworkID.Value,
		SlaveID:     o.AgentID.Value,
		Resources:   sumV1(o.Resources),
	}
	if a := o.AllocationInfo; a != nil && a.Role != nil {
		out.AllocationInfo.Role = *a.Role
	}
	return out
}

func legacyExecutor(f *master.FrameworkRecord, e master.ExecutorRecord) *operatorv1.LegacyExecutor {
	out := &operatorv1.LegacyExecutor{
		ExecutorID:  e.Info.ExecutorID.Value,
		FrameworkID: string(f.ID),
		Command:     legacyCommand(e.Info.Command),
		Resources:   sum(e.Resources),
		Labels:      labels(e.Info.Labels),
		Type:        e.Info.Type,
		SlaveID:     string(e.Agent),
	}
	if e.Info.Name != nil {
		out.Name = *e.Info.Name
	}
	for r := range e.Resources.All() {
		if r.Allocation != "" {
			out.Role = new(r.Allocation)
			break
		}
	}
	return out
}

// legacyCommand describes a command; an executor without one has an empty one.
func legacyCommand(c *mesosv1.CommandInfo) operatorv1.LegacyCommand {
	out := operatorv1.LegacyCommand{Argv: []string{}, Uris: []operatorv1.LegacyURI{}}
	if c == nil {
		return out
	}
	out.Shell, out.Value, out.Environment = c.Shell, c.Value, c.Environment
	out.Argv = append(out.Argv, c.Arguments...)
	for _, u := range c.Uris {
		out.Uris = append(out.Uris, operatorv1.LegacyURI{
			Value:      u.Value,
			Executable: u.Executable != nil && *u.Executable,
		})
	}
	return out
}

// writeLegacyFrameworks writes what /frameworks answers; with an id only that
// framework, running or completed.
func (r *Reader) writeLegacyFrameworks(o *object, v *master.View, id string) {
	idOf := func(f *master.FrameworkRecord) string { return string(f.ID) }
	list(o, "frameworks", only(v.Frameworks, id, idOf), r.writeFramework)
	list(o, "completed_frameworks", only(v.Completed, id, idOf), r.writeFramework)
	o.set("unregistered_frameworks", []string{})
}
