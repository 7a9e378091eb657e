package api

import (
	"errors"
	"fmt"
	"reflect"

	"github.com/google/uuid"

	"github.com/meseta/meseta/gen/mesosv1"
	"github.com/meseta/meseta/gen/schedulerv1"
)

// validateCall checks the form of a call before any state is looked at, in the
// order and with the sentences of Mesos, since programs show and compare them. principal is that
// of the authenticated caller, nil without authentication. If it is set and
// the framework's info names none, it is filled in.
func validateCall(call *schedulerv1.Call, principal *string) error {
	if call.Type == "" {
		return errors.New("Expecting 'type' to be present")
	}
	if call.Type == schedulerv1.CallTypeSubscribe {
		if call.Subscribe == nil {
			return expecting("subscribe")
		}
		info := &call.Subscribe.FrameworkInfo
		if idOf(info.ID) != idOf(call.FrameworkID) {
			return errors.New("'framework_id' differs from 'subscribe.framework_info.id'")
		}
		return checkPrincipal(info, principal)
	}
	if call.FrameworkID == nil {
		return expecting("framework_id")
	}
	if name, member := schedulerMember(call); name != "" && reflect.ValueOf(member).IsNil() {
		return expecting(name)
	}
	switch call.Type {
	case schedulerv1.CallTypeAcknowledge:
		return checkUUID(call.Acknowledge.UUID)
	case schedulerv1.CallTypeAcknowledgeOperationStatus:
		ack := call.AcknowledgeOperationStatus
		if err := checkUUID(ack.UUID); err != nil {
			return err
		}
		if ack.AgentID == nil {
			return expecting("agent_id")
		}
	case schedulerv1.CallTypeUpdateFramework:
		info := &call.UpdateFramework.FrameworkInfo
		if info.ID == nil || info.ID.Value != call.FrameworkID.Value {
			return errors.New("'framework_id' differs from 'update_framework.framework_info.id'")
		}
		return checkPrincipal(info, principal)
	}
	return nil
}

// schedulerMember gives the member that the type of the call requires, "" for
// types that require none.
func schedulerMember(c *schedulerv1.Call) (string, any) {
	switch c.Type {
	case schedulerv1.CallTypeAccept:
		return "accept", c.Accept
	case schedulerv1.CallTypeDecline:
		return "decline", c.Decline
	case schedulerv1.CallTypeAcceptInverseOffers:
		return "accept_inverse_offers", c.AcceptInverseOffers
	case schedulerv1.CallTypeDeclineInverseOffers:
		return "decline_inverse_offers", c.DeclineInverseOffers
	case schedulerv1.CallTypeKill:
		return "kill", c.Kill
	case schedulerv1.CallTypeShutdown:
		return "shutdown", c.Shutdown
	case schedulerv1.CallTypeAcknowledge:
		return "acknowledge", c.Acknowledge
	case schedulerv1.CallTypeAcknowledgeOperationStatus:
		return "acknowledge_operation_status", c.AcknowledgeOperationStatus
	case schedulerv1.CallTypeReconcile:
		return "reconcile", c.Reconcile
	case schedulerv1.CallTypeReconcileOperations:
		return "reconcile_operations", c.ReconcileOperations
	case schedulerv1.CallTypeMessage:
		return "message", c.Message
	case schedulerv1.CallTypeRequest:
		return "request", c.Request
	case schedulerv1.CallTypeUpdateFramework:
		return "update_framework", c.UpdateFramework
	}
	return "", nil
}

func expecting(member string) error { return fmt.Errorf("Expecting '%s' to be present", member) }

func idOf(id *mesosv1.FrameworkID) string {
	if id == nil {
		return ""
	}
	return id.Value
}

// checkPrincipal compares the authenticated principal with that of the info,
// and fills it in where the info has none.
func checkPrincipal(info *mesosv1.FrameworkInfo, principal *string) error {
	if principal == nil {
		return nil
	}
	if info.Principal == nil {
		info.Principal = principal
		return nil
	}
	if *info.Principal != *principal {
		return fmt.Errorf("Authenticated principal '%s' does not match principal '%s' set in `FrameworkInfo`", *principal, *info.Principal)
	}
	return nil
}

// checkUUID accepts what Mesos's UUID library recognises: 16 bytes of the RFC
// 4122 variant with one of its versions.
func checkUUID(b []byte) error {
	id, err := uuid.FromBytes(b)
	if err != nil || id.Variant() != uuid.RFC4122 || id.Version() < 1 || id.Version() > 5 {
		return errors.New("Not a valid UUID")
	}
	return nil
}
