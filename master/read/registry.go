package read

import (
	"net/http"

	"github.com/meseta/meseta/gen/mesosv1"
	"github.com/meseta/meseta/gen/operatorv1"
	"github.com/meseta/meseta/internal/resources"
	"github.com/meseta/meseta/master"
	"github.com/meseta/meseta/master/validation"
)

// registry shows what a registry in memory holds: this master and the agents
// that it has admitted.
func (r *Reader) registry(w http.ResponseWriter, req *http.Request) error {
	return r.ofView(w, req, func(v *master.View) any { return registryOf(v, r.source.Info()) })
}

func registryOf(v *master.View, info mesosv1.MasterInfo) operatorv1.Registry {
	out := operatorv1.Registry{
		Master: operatorv1.RegistryMaster{Info: info},
		Slaves: operatorv1.RegistryAgents{Slaves: []operatorv1.RegistryAgent{}},
	}
	for _, a := range v.Agents {
		agent := *a.Info
		agent.Resources = a.Total.ToV1(resources.Pre)
		out.Slaves.Slaves = append(out.Slaves.Slaves, operatorv1.RegistryAgent{Info: agent, Deactivated: a.Deactivated})
	}
	return out
}

// constraintsDebug shows which agents the offer constraints of frameworks
// exclude.
func (r *Reader) constraintsDebug(w http.ResponseWriter, req *http.Request) error {
	return r.ofView(w, req, func(v *master.View) any { return excluded(v) })
}

// excluded lists the agents that each constrained role of a framework may not
// be offered.
func excluded(v *master.View) operatorv1.OfferConstraintsDebug {
	out := operatorv1.OfferConstraintsDebug{Frameworks: map[string]operatorv1.OfferConstraintsDebugFramework{}}
	for _, f := range v.Frameworks {
		if f.Matcher == nil || f.Constraints == nil {
			continue
		}
		roles := map[string]operatorv1.OfferConstraintsDebugRole{}
		for name := range f.Constraints.RoleConstraints {
			agents := []mesosv1.AgentID{}
			for _, a := range v.Agents {
				if !f.Matcher.Match(name, target(a)) {
					agents = append(agents, mesosv1.AgentID{Value: string(a.ID)})
				}
			}
			roles[name] = operatorv1.OfferConstraintsDebugRole{ExcludedAgents: agents}
		}
		if len(roles) > 0 {
			out.Frameworks[string(f.ID)] = operatorv1.OfferConstraintsDebugFramework{Roles: roles}
		}
	}
	return out
}

// target is an agent as offer constraints see it.
func target(a *master.AgentRecord) validation.ConstraintTarget {
	t := validation.ConstraintTarget{Hostname: a.Info.Hostname, Attributes: a.Attributes}
	if d := a.Info.Domain; d != nil && d.FaultDomain != nil {
		t.HasDomain = true
		t.Region, t.Zone = d.FaultDomain.Region.Name, d.FaultDomain.Zone.Name
	}
	return t
}
