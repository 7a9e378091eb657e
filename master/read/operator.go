package read

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/meseta/meseta/gen/mesosv1"
	"github.com/meseta/meseta/gen/operatorv1"
	"github.com/meseta/meseta/internal/fault"
	"github.com/meseta/meseta/internal/mesosid"
	"github.com/meseta/meseta/internal/mesosjson"
	"github.com/meseta/meseta/master"
)

// Operator carries out a call that has passed checkCall, and returns its
// answer as JSON, nil where a call has none. Errors have the kinds and
// sentences of the API; a call that is known but not served is Unimplemented.
// It may block until ctx ends.
func (r *Reader) Operator(ctx context.Context, call *operatorv1.Call) ([]byte, error) {
	if answer, err := r.plain(call); answer != nil || err != nil {
		if err != nil {
			return nil, err
		}
		return mesosjson.Marshal(answer)
	}
	switch call.Type {
	case operatorv1.CallTypeSetLoggingLevel:
		return nil, r.setLoggingLevel(call.SetLoggingLevel)
	case operatorv1.CallTypeTeardown:
		return nil, r.source.Teardown(ctx, mesosid.FrameworkID(call.Teardown.FrameworkID.Value))
	}
	v, err := r.source.View(ctx)
	if err != nil {
		return nil, err
	}
	if answer := r.fromView(call, v); answer != nil {
		return mesosjson.Marshal(answer)
	}
	switch call.Type {
	case operatorv1.CallTypeGetState:
		return r.written(call.Type, "get_state", func(o *object) {
			o.in("get_tasks", func() { r.writeTasks(o, v) })
			o.in("get_executors", func() { r.writeExecutors(o, v) })
			o.in("get_frameworks", func() { r.writeFrameworks(o, v) })
			o.in("get_agents", func() { r.writeAgents(o, v) })
		})
	case operatorv1.CallTypeGetAgents:
		return r.written(call.Type, "get_agents", func(o *object) { r.writeAgents(o, v) })
	case operatorv1.CallTypeGetFrameworks:
		return r.written(call.Type, "get_frameworks", func(o *object) { r.writeFrameworks(o, v) })
	case operatorv1.CallTypeGetExecutors:
		return r.written(call.Type, "get_executors", func(o *object) { r.writeExecutors(o, v) })
	case operatorv1.CallTypeGetTasks:
		return r.written(call.Type, "get_tasks", func(o *object) { r.writeTasks(o, v) })
	}
	return nil, refusal(call, v)
}

// written writes an answer member by member.
func (r *Reader) written(call operatorv1.CallType, member string, write func(*object)) ([]byte, error) {
	o := newObject(r.sizes.guess(member))
	o.set("type", call)
	o.in(member, func() { write(o) })
	text, err := o.done()
	r.sizes.learn(member, len(text))
	return text, err
}

// plain answers calls for which the state does not matter, and returns nil for
// all others.
func (r *Reader) plain(call *operatorv1.Call) (*operatorv1.Response, error) {
	out := &operatorv1.Response{Type: operatorv1.ResponseType(call.Type)}
	switch call.Type {
	case operatorv1.CallTypeGetHealth:
		out.GetHealth = &operatorv1.ResponseGetHealth{Healthy: true}
	case operatorv1.CallTypeGetVersion:
		out.GetVersion = &operatorv1.ResponseGetVersion{VersionInfo: r.build}
	case operatorv1.CallTypeGetFlags:
		out.GetFlags = new(operatorv1.ResponseGetFlags)
		for _, f := range r.opts.Flags {
			out.GetFlags.Flags = append(out.GetFlags.Flags, mesosv1.Flag{Name: f.Name, Value: new(f.Value)})
		}
	case operatorv1.CallTypeGetLoggingLevel:
		out.GetLoggingLevel = &operatorv1.ResponseGetLoggingLevel{Level: r.opts.Verbosity.Get()}
	case operatorv1.CallTypeGetMaster:
		info, start := r.source.Info(), seconds(r.source.StartTime())
		out.GetMaster = &operatorv1.ResponseGetMaster{MasterInfo: &info, StartTime: &start, ElectedTime: &start}
	case operatorv1.CallTypeListFiles:
		if err := r.files.browse(call.ListFiles.Path); err != nil {
			return nil, err
		}
		out.ListFiles = new(operatorv1.ResponseListFiles)
	case operatorv1.CallTypeReadFile:
		length := int64(-1)
		if call.ReadFile.Length != nil {
			length = int64(min(*call.ReadFile.Length, maxRead))
		}
		data, size, err := r.files.read(call.ReadFile.Path, call.ReadFile.Offset, length)
		if err != nil {
			return nil, err
		}
		out.ReadFile = &operatorv1.ResponseReadFile{Size: size, Data: data}
	default:
		return nil, nil
	}
	return out, nil
}

// fromView answers calls whose answers are short, and returns nil for all
// others.
func (r *Reader) fromView(call *operatorv1.Call, v *master.View) *operatorv1.Response {
	out := &operatorv1.Response{Type: operatorv1.ResponseType(call.Type)}
	switch call.Type {
	case operatorv1.CallTypeGetMetrics:
		out.GetMetrics = new(operatorv1.ResponseGetMetrics)
		values := r.metrics(v, time.Now())
		for _, name := range slices.Sorted(maps.Keys(values)) {
			out.GetMetrics.Metrics = append(out.GetMetrics.Metrics, mesosv1.Metric{Name: name, Value: new(values[name])})
		}
	case operatorv1.CallTypeGetRoles:
		out.GetRoles = new(operatorv1.ResponseGetRoles)
		for _, u := range rolesOf(v, r.opts.Roles) {
			out.GetRoles.Roles = append(out.GetRoles.Roles, roleV1(v, u))
		}
	case operatorv1.CallTypeGetWeights:
		// Without weights the member is missing as a whole, as in Mesos.
		if list := weights(v); len(list) > 0 {
			out.GetWeights = &operatorv1.ResponseGetWeights{WeightInfos: list}
		}
	case operatorv1.CallTypeGetOperations:
		out.GetOperations = new(operatorv1.ResponseGetOperations)
	case operatorv1.CallTypeGetQuota:
		out.GetQuota = new(operatorv1.ResponseGetQuota)
	case operatorv1.CallTypeGetMaintenanceStatus:
		out.GetMaintenanceStatus = new(operatorv1.ResponseGetMaintenanceStatus)
	case operatorv1.CallTypeGetMaintenanceSchedule:
		out.GetMaintenanceSchedule = new(operatorv1.ResponseGetMaintenanceSchedule)
	default:
		return nil
	}
	return out
}

// setLoggingLevel raises the level for a while. Levels are not negative on the
// wire, so none is below the one that the program was started with.
func (r *Reader) setLoggingLevel(call *operatorv1.CallSetLoggingLevel) error {
	r.opts.Verbosity.Set(call.Level, time.Duration(call.Duration.Nanoseconds))
	return nil
}

// refusal answers calls that change what this version does not keep. Requests
// that are wrong in themselves are refused as they always will be, and
// requests to change nothing succeed (nil); for all others the answer is
// Unimplemented.
func refusal(call *operatorv1.Call, v *master.View) error {
	const noAgent = "No agent found with specified ID"
	known := func(id mesosv1.AgentID) bool {
		_, unreachable := v.Unreachable[mesosid.AgentID(id.Value)]
		return unreachable || registered(v, mesosid.AgentID(id.Value))
	}
	invalid := func(text string) error { return fault.New(fault.Invalid, text) }
	switch c := call; c.Type {
	case operatorv1.CallTypeUnknown:
		return fault.New(fault.Unimplemented, "501 Not Implemented.")
	case operatorv1.CallTypeUpdateWeights:
		if len(c.UpdateWeights.WeightInfos) == 0 {
			return nil
		}
	case operatorv1.CallTypeUpdateQuota:
		if len(c.UpdateQuota.QuotaConfigs) == 0 {
			return nil
		}
	case operatorv1.CallTypeStartMaintenance:
		if len(c.StartMaintenance.Machines) == 0 {
			return invalid("List of machines is empty")
		}
	case operatorv1.CallTypeStopMaintenance:
		if len(c.StopMaintenance.Machines) == 0 {
			return invalid("List of machines is empty")
		}
	case operatorv1.CallTypeMarkAgentGone:
		if id := c.MarkAgentGone.AgentID; !known(id) {
			return fault.New(fault.NotFound, fmt.Sprintf("Agent '%s' not found", id.Value))
		}
	case operatorv1.CallTypeDrainAgent:
		if !known(c.DrainAgent.AgentID) {
			return invalid("Unknown agent")
		}
	case operatorv1.CallTypeDeactivateAgent:
		if !known(c.DeactivateAgent.AgentID) {
			return invalid("Unknown agent")
		}
	case operatorv1.CallTypeReactivateAgent:
		// No agent can have been deactivated.
		return invalid("Agent is not deactivated")
	default:
		if id := operationAgent(c); id != nil && !registered(v, mesosid.AgentID(id.Value)) {
			return invalid(noAgent)
		}
	}
	return notServed(string(call.Type))
}

// operationAgent is the agent that an operation on resources names.
func operationAgent(c *operatorv1.Call) *mesosv1.AgentID {
	switch c.Type {
	case operatorv1.CallTypeReserveResources:
		return &c.ReserveResources.AgentID
	case operatorv1.CallTypeUnreserveResources:
		return &c.UnreserveResources.AgentID
	case operatorv1.CallTypeCreateVolumes:
		return &c.CreateVolumes.AgentID
	case operatorv1.CallTypeDestroyVolumes:
		return &c.DestroyVolumes.AgentID
	case operatorv1.CallTypeGrowVolume:
		return c.GrowVolume.AgentID
	case operatorv1.CallTypeShrinkVolume:
		return c.ShrinkVolume.AgentID
	}
	return nil
}

func registered(v *master.View, id mesosid.AgentID) bool {
	return slices.ContainsFunc(v.Agents, func(a *master.AgentRecord) bool { return a.ID == id })
}

func notServed(what string) error {
	return fault.New(fault.Unimplemented, what+" is not served by this version")
}
