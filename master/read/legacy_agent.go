package read

import (
	"time"

	"github.com/meseta/meseta/gen/mesosv1"
	"github.com/meseta/meseta/gen/operatorv1"
	"github.com/meseta/meseta/internal/resources"
	"github.com/meseta/meseta/master"
)

// legacyAgent describes an agent as the older endpoints do.
func legacyAgent(a *master.AgentRecord) *operatorv1.LegacyAgent {
	reserved, unreserved := byReservation(a.Total)
	out := &operatorv1.LegacyAgent{
		ID:                  string(a.ID),
		Hostname:            a.Info.Hostname,
		Attributes:          attributes(a.Attributes),
		Domain:              a.Info.Domain,
		Pid:                 a.PID,
		RegisteredTime:      seconds(a.Registered),
		Resources:           sum(a.Total),
		UsedResources:       sum(used(a)),
		OfferedResources:    sum(a.Offered),
		ReservedResources:   make(map[string]operatorv1.LegacyResources, len(reserved)),
		UnreservedResources: sum(unreserved),
		Active:              a.Active,
		Deactivated:         a.Deactivated,
		Version:             a.Version,
		Capabilities:        make([]string, 0, len(a.Capabilities)),
	}
	if a.Info.Port != nil {
		out.Port = *a.Info.Port
	}
	if !a.Reregistered.IsZero() && !a.Reregistered.Equal(a.Registered) {
		out.ReregisteredTime = new(seconds(a.Reregistered))
	}
	for owner, rs := range reserved {
		out.ReservedResources[owner] = sum(rs)
	}
	for _, c := range a.Capabilities {
		if c.Type != nil {
			out.Capabilities = append(out.Capabilities, string(*c.Type))
		}
	}
	return out
}

// legacyAgentResources lists the resources of an agent one by one.
func legacyAgentResources(a *master.AgentRecord) *operatorv1.LegacyAgentResources {
	reserved, unreserved := byReservation(a.Total)
	out := &operatorv1.LegacyAgentResources{
		ReservedResourcesFull:   make(map[string][]mesosv1.Resource, len(reserved)),
		UnreservedResourcesFull: full(unreserved),
		UsedResourcesFull:       full(used(a)),
		OfferedResourcesFull:    full(a.Offered),
	}
	for owner, rs := range reserved {
		out.ReservedResourcesFull[owner] = full(rs)
	}
	return out
}

// writeSlaves writes what /slaves answers; with an id only that agent.
func (r *Reader) writeSlaves(o *object, v *master.View, id string) {
	list(o, "slaves", only(v.Agents, id, func(a *master.AgentRecord) string { return string(a.ID) }),
		func(o *object, a *master.AgentRecord) {
			o.element(func() {
				o.inner(r.fragments.agent(a))
				o.members(legacyAgentResources(a))
			})
		})
	list(o, "recovered_slaves", []mesosv1.AgentInfo(nil), value)
}

// only keeps the element with the id; all of them if the id is "".
func only[T any](elements []T, id string, idOf func(T) string) []T {
	if id == "" {
		return elements
	}
	for _, e := range elements {
		if idOf(e) == id {
			return []T{e}
		}
	}
	return nil
}

// attributes are shown by name; of those with the same name the last one is
// seen.
func attributes(as resources.Attributes) operatorv1.LegacyAttributes {
	out := make(operatorv1.LegacyAttributes, len(as))
	for _, a := range as {
		out[a.Name] = a.Value()
	}
	return out
}

// seconds is a time as the older endpoints write it, 0 for none.
func seconds(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.UnixNano()) / 1e9
}
