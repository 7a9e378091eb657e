package client

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/meseta/meseta/gen/mesosv1"
	"github.com/meseta/meseta/gen/schedulerv1"
	"github.com/meseta/meseta/internal/mesosjson"
)

// DefaultRefusal is a good time for which to decline what is not wanted: long
// enough not to see it again every second. SetIdle(false) or Revive lift it.
const DefaultRefusal = 5 * time.Minute

// Call sends one call of the framework and waits for the master's answer, which
// means that the call is well-formed and noted, not that it has had its effect.
// The framework id and the subscription are filled in. The error is
// ErrNotSubscribed, a *StatusError, or that of the connection, after which the
// call may or may not have arrived.
func (s *Scheduler) Call(ctx context.Context, call schedulerv1.Call) error {
	s.mu.Lock()
	sub := s.current
	s.mu.Unlock()
	if sub == nil {
		return ErrNotSubscribed
	}
	return s.callOn(ctx, sub, call)
}

// callOn sends a call that belongs to one subscription.
func (s *Scheduler) callOn(ctx context.Context, sub *subscription, call schedulerv1.Call) error {
	call.FrameworkID = s.FrameworkID()
	body, err := mesosjson.Marshal(call)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	resp, err := s.net.sendTo(ctx, sub.master, schedulerPath, body, http.Header{streamHeader: {sub.stream}})
	if err != nil {
		return err
	}
	switch resp.StatusCode {
	case http.StatusAccepted, http.StatusOK:
		return drain(resp)
	}
	return statusError(string(call.Type), resp)
}

// Accept uses offers of one agent for operations, applied in order. What is
// left is declined for refuse; 0 means the master's default of five seconds.
func (s *Scheduler) Accept(ctx context.Context, refuse time.Duration, offers []mesosv1.OfferID, operations ...mesosv1.OfferOperation) error {
	return s.Call(ctx, schedulerv1.Call{Type: schedulerv1.CallTypeAccept, Accept: &schedulerv1.CallAccept{
		OfferIds: offers, Operations: operations, Filters: filters(refuse),
	}})
}

// Launch accepts one offer to run tasks. Their agent id is filled in.
func (s *Scheduler) Launch(ctx context.Context, refuse time.Duration, offer *mesosv1.Offer, tasks ...mesosv1.TaskInfo) error {
	for i := range tasks {
		tasks[i].AgentID = offer.AgentID
	}
	return s.Accept(ctx, refuse, []mesosv1.OfferID{offer.ID}, mesosv1.OfferOperation{
		Type:   new(mesosv1.OfferOperationTypeLaunch),
		Launch: &mesosv1.OfferOperationLaunch{TaskInfos: tasks},
	})
}

// Decline gives offers back and asks not to be offered the same agents for
// refuse; 0 means the master's default of five seconds. No ids are no call.
func (s *Scheduler) Decline(ctx context.Context, refuse time.Duration, offers ...mesosv1.OfferID) error {
	if len(offers) == 0 {
		return nil
	}
	return s.Call(ctx, schedulerv1.Call{Type: schedulerv1.CallTypeDecline, Decline: &schedulerv1.CallDecline{
		OfferIds: offers, Filters: filters(refuse),
	}})
}

// AcceptInverseOffers agrees to leave agents. It is a promise, not the act.
func (s *Scheduler) AcceptInverseOffers(ctx context.Context, refuse time.Duration, offers ...mesosv1.OfferID) error {
	return s.Call(ctx, schedulerv1.Call{Type: schedulerv1.CallTypeAcceptInverseOffers,
		AcceptInverseOffers: &schedulerv1.CallAcceptInverseOffers{InverseOfferIds: offers, Filters: filters(refuse)}})
}

// DeclineInverseOffers refuses to leave agents.
func (s *Scheduler) DeclineInverseOffers(ctx context.Context, refuse time.Duration, offers ...mesosv1.OfferID) error {
	return s.Call(ctx, schedulerv1.Call{Type: schedulerv1.CallTypeDeclineInverseOffers,
		DeclineInverseOffers: &schedulerv1.CallDeclineInverseOffers{InverseOfferIds: offers, Filters: filters(refuse)}})
}

// Revive asks for offers for roles, or for all of the framework's, and lifts
// its refusals. SetIdle is the better choice for all roles together.
func (s *Scheduler) Revive(ctx context.Context, roles ...string) error {
	return s.Call(ctx, schedulerv1.Call{Type: schedulerv1.CallTypeRevive, Revive: &schedulerv1.CallRevive{Roles: roles}})
}

// Suppress asks for no offers for roles, or for all of the framework's.
// SetIdle is the better choice for all roles together: it outlives the
// subscription.
func (s *Scheduler) Suppress(ctx context.Context, roles ...string) error {
	return s.Call(ctx, schedulerv1.Call{Type: schedulerv1.CallTypeSuppress, Suppress: &schedulerv1.CallSuppress{Roles: roles}})
}

// SetIdle says whether the framework needs no offers now. It is cheap to
// repeat: the master is told only of changes. The wish is kept across
// subscriptions, and offers that arrive while idle are declined by the driver.
// Without a subscription it takes effect with the next one.
func (s *Scheduler) SetIdle(ctx context.Context, idle bool) error {
	s.mu.Lock()
	s.idle = idle
	told := s.current == nil || s.toldIdle == idle
	s.mu.Unlock()
	if told {
		return nil
	}
	tell := s.Revive
	if idle {
		tell = s.Suppress
	}
	if err := tell(ctx); err != nil {
		return ignoreDisconnected(err)
	}
	s.mu.Lock()
	s.toldIdle = idle
	s.mu.Unlock()
	return nil
}

// Kill asks to end a task. The agent's id helps the master to find it and may
// be nil; so may policy, which overrides that of the task.
func (s *Scheduler) Kill(ctx context.Context, task mesosv1.TaskID, agent *mesosv1.AgentID, policy *mesosv1.KillPolicy) error {
	return s.Call(ctx, schedulerv1.Call{Type: schedulerv1.CallTypeKill, Kill: &schedulerv1.CallKill{
		TaskID: task, AgentID: agent, KillPolicy: policy,
	}})
}

// Shutdown ends an executor with all its tasks.
func (s *Scheduler) Shutdown(ctx context.Context, executor mesosv1.ExecutorID, agent mesosv1.AgentID) error {
	return s.Call(ctx, schedulerv1.Call{Type: schedulerv1.CallTypeShutdown, Shutdown: &schedulerv1.CallShutdown{
		ExecutorID: executor, AgentID: agent,
	}})
}

// NeedsAcknowledgement tells whether an agent waits for the acknowledgement of
// an update. Updates that the master made itself need none.
func NeedsAcknowledgement(status *mesosv1.TaskStatus) bool {
	return len(status.UUID) > 0 && status.AgentID != nil
}

// Acknowledge confirms an update that NeedsAcknowledgement. It is only needed
// with SchedulerOptions.ManualAcknowledge.
func (s *Scheduler) Acknowledge(ctx context.Context, status *mesosv1.TaskStatus) error {
	return s.Call(ctx, acknowledgeCall(status))
}

func acknowledgeCall(status *mesosv1.TaskStatus) schedulerv1.Call {
	return schedulerv1.Call{Type: schedulerv1.CallTypeAcknowledge, Acknowledge: &schedulerv1.CallAcknowledge{
		AgentID: *status.AgentID, TaskID: status.TaskID, UUID: status.UUID,
	}}
}

// AcknowledgeOperationStatus confirms an operation's update that has a uuid. It
// is only needed with SchedulerOptions.ManualAcknowledge.
func (s *Scheduler) AcknowledgeOperationStatus(ctx context.Context, status *mesosv1.OperationStatus) error {
	return s.Call(ctx, acknowledgeOperationCall(status))
}

func acknowledgeOperationCall(status *mesosv1.OperationStatus) schedulerv1.Call {
	return schedulerv1.Call{
		Type: schedulerv1.CallTypeAcknowledgeOperationStatus,
		AcknowledgeOperationStatus: &schedulerv1.CallAcknowledgeOperationStatus{
			AgentID: status.AgentID, ResourceProviderID: status.ResourceProviderID,
			UUID: status.UUID.Value, OperationID: *status.OperationID,
		},
	}
}

// Reconcile asks for the states of tasks, which come as updates; without tasks
// for those of all that the master knows. SchedulerOptions.LiveTasks makes the
// driver do this whenever it is needed.
func (s *Scheduler) Reconcile(ctx context.Context, tasks ...schedulerv1.CallReconcileTask) error {
	return s.Call(ctx, schedulerv1.Call{Type: schedulerv1.CallTypeReconcile, Reconcile: &schedulerv1.CallReconcile{Tasks: tasks}})
}

// ReconcileOperations asks for the states of operations, which come as updates;
// without operations for those of all that the master knows.
func (s *Scheduler) ReconcileOperations(ctx context.Context, operations ...schedulerv1.CallReconcileOperationsOperation) error {
	return s.Call(ctx, schedulerv1.Call{Type: schedulerv1.CallTypeReconcileOperations,
		ReconcileOperations: &schedulerv1.CallReconcileOperations{Operations: operations}})
}

// Message sends bytes to an executor. They may get lost.
func (s *Scheduler) Message(ctx context.Context, agent mesosv1.AgentID, executor mesosv1.ExecutorID, data []byte) error {
	return s.Call(ctx, schedulerv1.Call{Type: schedulerv1.CallTypeMessage, Message: &schedulerv1.CallMessage{
		AgentID: agent, ExecutorID: executor, Data: data,
	}})
}

// UpdateFramework changes the description of the framework, now and for later
// subscriptions. The id of info is filled in.
func (s *Scheduler) UpdateFramework(ctx context.Context, info mesosv1.FrameworkInfo, constraints *mesosv1.OfferConstraints) error {
	info.ID = s.FrameworkID()
	s.mu.Lock()
	idle := s.idle
	s.mu.Unlock()
	update := &schedulerv1.CallUpdateFramework{FrameworkInfo: info, OfferConstraints: constraints}
	if idle {
		update.SuppressedRoles = info.Roles
	}
	if err := s.Call(ctx, schedulerv1.Call{Type: schedulerv1.CallTypeUpdateFramework, UpdateFramework: update}); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.info, s.constraints, s.toldIdle = info, constraints, idle
	return nil
}

// Teardown removes the framework and ends all its tasks and executors. The
// stream ends after it, so a Handler should return ErrStop.
func (s *Scheduler) Teardown(ctx context.Context) error {
	return s.Call(ctx, schedulerv1.Call{Type: schedulerv1.CallTypeTeardown})
}

func filters(refuse time.Duration) *mesosv1.Filters {
	if refuse <= 0 {
		return nil
	}
	return &mesosv1.Filters{RefuseSeconds: new(refuse.Seconds())}
}

func offerIDs(offers []mesosv1.Offer) []mesosv1.OfferID {
	ids := make([]mesosv1.OfferID, len(offers))
	for i := range offers {
		ids[i] = offers[i].ID
	}
	return ids
}

// ignoreDisconnected drops the error that says there is no subscription.
func ignoreDisconnected(err error) error {
	if errors.Is(err, ErrNotSubscribed) {
		return nil
	}
	return err
}
