package client

import (
	"context"
	"fmt"
	"time"

	"github.com/meseta/meseta/gen/mesosv1"
	"github.com/meseta/meseta/gen/operatorv1"
)

// get sends a call without parameters and picks its member of the answer.
func get[T any](ctx context.Context, o *Operator, call operatorv1.Call, pick func(*operatorv1.Response) *T) (*T, error) {
	answer, err := o.Call(ctx, call)
	if err != nil {
		return nil, err
	}
	if answer == nil || pick(answer) == nil {
		return nil, fmt.Errorf("the answer to %s lacks its content", call.Type)
	}
	return pick(answer), nil
}

// do sends a call that only changes something.
func (o *Operator) do(ctx context.Context, call operatorv1.Call) error {
	_, err := o.Call(ctx, call)
	return err
}

// Agents lists the registered agents and those known from a former leader.
func (o *Operator) Agents(ctx context.Context) (*operatorv1.ResponseGetAgents, error) {
	return get(ctx, o, operatorv1.Call{Type: operatorv1.CallTypeGetAgents},
		func(r *operatorv1.Response) *operatorv1.ResponseGetAgents { return r.GetAgents })
}

// Frameworks lists the frameworks, present and completed.
func (o *Operator) Frameworks(ctx context.Context) (*operatorv1.ResponseGetFrameworks, error) {
	return get(ctx, o, operatorv1.Call{Type: operatorv1.CallTypeGetFrameworks},
		func(r *operatorv1.Response) *operatorv1.ResponseGetFrameworks { return r.GetFrameworks })
}

// Tasks lists the tasks, present, unreachable and completed.
func (o *Operator) Tasks(ctx context.Context) (*operatorv1.ResponseGetTasks, error) {
	return get(ctx, o, operatorv1.Call{Type: operatorv1.CallTypeGetTasks},
		func(r *operatorv1.Response) *operatorv1.ResponseGetTasks { return r.GetTasks })
}

// Roles lists the roles in use or with settings.
func (o *Operator) Roles(ctx context.Context) (*operatorv1.ResponseGetRoles, error) {
	return get(ctx, o, operatorv1.Call{Type: operatorv1.CallTypeGetRoles},
		func(r *operatorv1.Response) *operatorv1.ResponseGetRoles { return r.GetRoles })
}

// State is agents, frameworks, executors and tasks of one moment.
func (o *Operator) State(ctx context.Context) (*operatorv1.ResponseGetState, error) {
	return get(ctx, o, operatorv1.Call{Type: operatorv1.CallTypeGetState},
		func(r *operatorv1.Response) *operatorv1.ResponseGetState { return r.GetState })
}

// Master describes the leading master.
func (o *Operator) Master(ctx context.Context) (*operatorv1.ResponseGetMaster, error) {
	return get(ctx, o, operatorv1.Call{Type: operatorv1.CallTypeGetMaster},
		func(r *operatorv1.Response) *operatorv1.ResponseGetMaster { return r.GetMaster })
}

// Version is the version of the leading master.
func (o *Operator) Version(ctx context.Context) (*mesosv1.VersionInfo, error) {
	v, err := get(ctx, o, operatorv1.Call{Type: operatorv1.CallTypeGetVersion},
		func(r *operatorv1.Response) *operatorv1.ResponseGetVersion { return r.GetVersion })
	if err != nil {
		return nil, err
	}
	return &v.VersionInfo, nil
}

// Flags lists the settings of the leading master.
func (o *Operator) Flags(ctx context.Context) ([]mesosv1.Flag, error) {
	f, err := get(ctx, o, operatorv1.Call{Type: operatorv1.CallTypeGetFlags},
		func(r *operatorv1.Response) *operatorv1.ResponseGetFlags { return r.GetFlags })
	if err != nil {
		return nil, err
	}
	return f.Flags, nil
}

// Metrics lists the metrics of the leading master. timeout bounds how long it
// may spend on slow ones; 0 means not.
func (o *Operator) Metrics(ctx context.Context, timeout time.Duration) ([]mesosv1.Metric, error) {
	call := operatorv1.Call{Type: operatorv1.CallTypeGetMetrics, GetMetrics: &operatorv1.CallGetMetrics{}}
	if timeout > 0 {
		call.GetMetrics.Timeout = &mesosv1.DurationInfo{Nanoseconds: timeout.Nanoseconds()}
	}
	m, err := get(ctx, o, call, func(r *operatorv1.Response) *operatorv1.ResponseGetMetrics { return r.GetMetrics })
	if err != nil {
		return nil, err
	}
	return m.Metrics, nil
}

// Teardown removes a framework and ends all its tasks and executors.
func (o *Operator) Teardown(ctx context.Context, framework mesosv1.FrameworkID) error {
	return o.do(ctx, operatorv1.Call{Type: operatorv1.CallTypeTeardown,
		Teardown: &operatorv1.CallTeardown{FrameworkID: framework}})
}

// MarkAgentGone declares an agent lost for ever, with all its tasks.
func (o *Operator) MarkAgentGone(ctx context.Context, agent mesosv1.AgentID) error {
	return o.do(ctx, operatorv1.Call{Type: operatorv1.CallTypeMarkAgentGone,
		MarkAgentGone: &operatorv1.CallMarkAgentGone{AgentID: agent}})
}

// DrainAgent stops offering an agent and ends its tasks. grace, if not 0,
// bounds their kill policies; gone marks the agent gone afterwards.
func (o *Operator) DrainAgent(ctx context.Context, agent mesosv1.AgentID, grace time.Duration, gone bool) error {
	drain := &operatorv1.CallDrainAgent{AgentID: agent, MarkGone: &gone}
	if grace > 0 {
		drain.MaxGracePeriod = protobufDuration(grace)
	}
	return o.do(ctx, operatorv1.Call{Type: operatorv1.CallTypeDrainAgent, DrainAgent: drain})
}

// DeactivateAgent stops offering an agent and leaves its tasks alone.
func (o *Operator) DeactivateAgent(ctx context.Context, agent mesosv1.AgentID) error {
	return o.do(ctx, operatorv1.Call{Type: operatorv1.CallTypeDeactivateAgent,
		DeactivateAgent: &operatorv1.CallDeactivateAgent{AgentID: agent}})
}

// ReactivateAgent offers an agent again.
func (o *Operator) ReactivateAgent(ctx context.Context, agent mesosv1.AgentID) error {
	return o.do(ctx, operatorv1.Call{Type: operatorv1.CallTypeReactivateAgent,
		ReactivateAgent: &operatorv1.CallReactivateAgent{AgentID: agent}})
}

// protobufDuration is a duration in the form of protobuf's own message.
func protobufDuration(d time.Duration) *mesosv1.ProtobufDuration {
	return &mesosv1.ProtobufDuration{
		Seconds: new(int64(d / time.Second)),
		Nanos:   new(int32(d % time.Second)),
	}
}
