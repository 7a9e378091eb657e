package master

import (
	"context"
	"fmt"
	"time"

	"github.com/meseta/meseta/gen/schedulerv1"
	"github.com/meseta/meseta/internal/fault"
	"github.com/meseta/meseta/internal/mesosid"
)

// Caller says who makes a scheduler's call, as far as the request tells.
type Caller struct {
	Framework mesosid.FrameworkID
	// Principal is the authenticated principal, nil without authentication.
	Principal *string
	// StreamID is the Mesos-Stream-Id header; HasStreamID tells an empty one
	// from none.
	StreamID    string
	HasStreamID bool
}

// byFramework runs a call in the name of a subscribed framework. Its error is
// that of the call, or the first of the checks that Mesos makes in this
// order: the framework is known, the principal is its own, it is subscribed,
// and the stream id is that of its present stream.
func (m *Master) byFramework(ctx context.Context, caller Caller, call func(f *framework, now time.Time) error) error {
	return m.try(ctx, func(now time.Time) error {
		f, err := m.authorised(caller)
		if err != nil {
			return err
		}
		return call(f, now)
	})
}

func (m *Master) authorised(caller Caller) (*framework, error) {
	f := m.frameworks[caller.Framework]
	if f == nil {
		return nil, fault.New(fault.Invalid, "Framework cannot be found")
	}
	if caller.Principal != nil && f.info.Principal != nil && *caller.Principal != *f.info.Principal {
		return nil, fault.New(fault.Invalid, fmt.Sprintf(
			"Authenticated principal '%s' does not match principal '%s' set in `FrameworkInfo`", *caller.Principal, *f.info.Principal))
	}
	if f.subscriber == nil {
		return nil, fault.New(fault.Forbidden, "Framework is not subscribed")
	}
	if !caller.HasStreamID {
		return nil, fault.New(fault.Invalid, "All non-subscribe calls should include the 'Mesos-Stream-Id' header")
	}
	if caller.StreamID != f.streamID {
		return nil, fault.New(fault.Invalid, fmt.Sprintf(
			"The stream ID '%s' included in this request didn't match the stream ID currently associated with framework ID %s", caller.StreamID, f.id))
	}
	return f, nil
}

// Call carries out any call except SUBSCRIBE and UPDATE_FRAMEWORK. The call
// has passed validation.SchedulerCall. A nil error means that it has been
// taken; what becomes of it is reported by events.
func (m *Master) Call(ctx context.Context, caller Caller, call *schedulerv1.Call) error {
	return m.byFramework(ctx, caller, func(f *framework, now time.Time) error {
		m.metrics.call(f, call.Type)
		switch call.Type {
		case schedulerv1.CallTypeTeardown:
			m.removeFramework(f, now)
		case schedulerv1.CallTypeAccept:
			m.accept(f, call.Accept, now)
		case schedulerv1.CallTypeDecline:
			m.decline(f, call.Decline)
		case schedulerv1.CallTypeAcceptInverseOffers, schedulerv1.CallTypeDeclineInverseOffers:
			// No inverse offer can be outstanding, and answers to unknown ones
			// are ignored as in Mesos.
		case schedulerv1.CallTypeRevive:
			m.revive(f, call.Revive)
		case schedulerv1.CallTypeSuppress:
			m.suppress(f, call.Suppress)
		case schedulerv1.CallTypeKill:
			m.kill(f, call.Kill, now)
		case schedulerv1.CallTypeShutdown:
			m.shutdownExecutor(f, call.Shutdown)
		case schedulerv1.CallTypeAcknowledge:
			m.acknowledge(f, call.Acknowledge)
		case schedulerv1.CallTypeAcknowledgeOperationStatus:
			// Acknowledgements of unknown operations are dropped, as in Mesos.
		case schedulerv1.CallTypeReconcile:
			m.reconcile(f, call.Reconcile.Tasks, now)
		case schedulerv1.CallTypeReconcileOperations:
			m.reconcileOperations(f, call.ReconcileOperations.Operations)
		case schedulerv1.CallTypeMessage:
			m.message(f, call.Message)
		case schedulerv1.CallTypeRequest:
			m.request(f, call.Request)
		default:
			return fault.New(fault.Unimplemented, fmt.Sprintf("A call of type %s is not implemented", call.Type))
		}
		return nil
	})
}
