package master

import (
	"time"

	"github.com/meseta/meseta/gen/mesosv1"
	"github.com/meseta/meseta/gen/nodev1"
	"github.com/meseta/meseta/gen/schedulerv1"
	"github.com/meseta/meseta/internal/mesosid"
	"github.com/meseta/meseta/internal/mesosjson"
)

// mustEncode gives an event as JSON. Every value that the actor puts into an
// event can be encoded; anything else is a broken invariant.
func mustEncode(v any) []byte {
	b, err := mesosjson.Marshal(v)
	if err != nil {
		panic("an event cannot be encoded: " + err.Error())
	}
	return b
}

// encodedError is the last event of a stream that is closed, as it is sent.
func encodedError(message string) []byte {
	return mustEncode(&schedulerv1.Event{
		Type:  schedulerv1.EventTypeError,
		Error: &schedulerv1.EventError{Message: message},
	})
}

func updateEvent(status mesosv1.TaskStatus) schedulerv1.Event {
	return schedulerv1.Event{
		Type:   schedulerv1.EventTypeUpdate,
		Update: &schedulerv1.EventUpdate{Status: status},
	}
}

func rescindEvent(id mesosid.OfferID) schedulerv1.Event {
	return schedulerv1.Event{
		Type:    schedulerv1.EventTypeRescind,
		Rescind: &schedulerv1.EventRescind{OfferID: mesosv1.OfferID{Value: string(id)}},
	}
}

func agentFailureEvent(id mesosid.AgentID) schedulerv1.Event {
	return schedulerv1.Event{
		Type:    schedulerv1.EventTypeFailure,
		Failure: &schedulerv1.EventFailure{AgentID: &mesosv1.AgentID{Value: string(id)}},
	}
}

func operationStatusEvent(status mesosv1.OperationStatus) schedulerv1.Event {
	return schedulerv1.Event{
		Type:                  schedulerv1.EventTypeUpdateOperationStatus,
		UpdateOperationStatus: &schedulerv1.EventUpdateOperationStatus{Status: status},
	}
}

// Events for agents.

func updateFramework(info *mesosv1.FrameworkInfo) nodev1.Event {
	return nodev1.Event{
		Type:            nodev1.EventTypeUpdateFramework,
		UpdateFramework: &nodev1.UpdateFramework{FrameworkInfo: *info},
	}
}

func shutdownFramework(id mesosid.FrameworkID) nodev1.Event {
	return nodev1.Event{
		Type:              nodev1.EventTypeShutdownFramework,
		ShutdownFramework: &nodev1.ShutdownFramework{FrameworkID: mesosv1.FrameworkID{Value: string(id)}},
	}
}

// seconds gives a time as the v1 API writes it.
func seconds(t time.Time) float64 { return float64(t.UnixNano()) / 1e9 }
