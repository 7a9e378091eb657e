package read

import (
	"net/url"
	"slices"
	"strings"

	"github.com/meseta/meseta/gen/mesosv1"
	"github.com/meseta/meseta/gen/schedulerv1"
	"github.com/meseta/meseta/master"
)

// frameworkPrefix begins the names of metrics of single frameworks.
const frameworkPrefix = "master/frameworks/"

// addFramework gives the gauges of one framework, and its counters that have
// not counted anything yet: every name exists from the start.
func addFramework(out map[string]float64, f *master.FrameworkRecord) {
	prefix := frameworkPrefix + url.PathEscape(f.Info.Name) + "/" + string(f.ID) + "/"
	for _, name := range counterNames {
		key := prefix + name
		if _, counted := out[key]; !counted {
			out[key] = 0
		}
	}
	out[prefix+"subscribed"] = truth(f.Connected)
	for _, state := range activeStates {
		out[prefix+"tasks/active/"+lower(state)] = 0
	}
	for _, t := range f.Tasks {
		if slices.Contains(activeStates, t.State) {
			out[prefix+"tasks/active/"+lower(t.State)]++
		}
	}
	for range f.Unreachable {
		out[prefix+"tasks/active/"+lower(mesosv1.TaskUnreachable)]++
	}
	for _, name := range f.Roles {
		out[prefix+"roles/"+name+"/suppressed"] = truth(slices.Contains(f.Suppressed, name))
	}
}

// counterNames are the names of the counters that a framework has. They are
// made once, not for each framework at each scrape.
var counterNames = frameworkCounters()

func frameworkCounters() []string {
	names := []string{"calls", "events", "offers/sent", "offers/accepted", "offers/declined", "offers/rescinded", "operations"}
	for _, one := range frameworkCalls {
		names = append(names, "calls/"+lower(one))
	}
	for _, one := range frameworkEvents {
		names = append(names, "events/"+lower(one))
	}
	for _, one := range frameworkOperations {
		names = append(names, "operations/"+lower(one))
	}
	for _, one := range terminalStates {
		names = append(names, "tasks/terminal/"+lower(one))
	}
	return names
}

var (
	frameworkCalls = []schedulerv1.CallType{
		schedulerv1.CallTypeSubscribe, schedulerv1.CallTypeTeardown, schedulerv1.CallTypeAccept, schedulerv1.CallTypeDecline,
		schedulerv1.CallTypeAcceptInverseOffers, schedulerv1.CallTypeDeclineInverseOffers, schedulerv1.CallTypeRevive,
		schedulerv1.CallTypeSuppress, schedulerv1.CallTypeKill, schedulerv1.CallTypeShutdown, schedulerv1.CallTypeAcknowledge,
		schedulerv1.CallTypeAcknowledgeOperationStatus, schedulerv1.CallTypeReconcile, schedulerv1.CallTypeReconcileOperations,
		schedulerv1.CallTypeMessage, schedulerv1.CallTypeRequest, schedulerv1.CallTypeUpdateFramework,
	}
	frameworkEvents = []schedulerv1.EventType{
		schedulerv1.EventTypeSubscribed, schedulerv1.EventTypeOffers, schedulerv1.EventTypeInverseOffers,
		schedulerv1.EventTypeRescind, schedulerv1.EventTypeRescindInverseOffer, schedulerv1.EventTypeUpdate,
		schedulerv1.EventTypeUpdateOperationStatus, schedulerv1.EventTypeMessage, schedulerv1.EventTypeFailure,
		schedulerv1.EventTypeError, schedulerv1.EventTypeHeartbeat,
	}
	frameworkOperations = []mesosv1.OfferOperationType{
		mesosv1.OfferOperationTypeLaunch, mesosv1.OfferOperationTypeLaunchGroup, mesosv1.OfferOperationTypeReserve,
		mesosv1.OfferOperationTypeUnreserve, mesosv1.OfferOperationTypeCreate, mesosv1.OfferOperationTypeDestroy,
		mesosv1.OfferOperationTypeGrowVolume, mesosv1.OfferOperationTypeShrinkVolume,
		mesosv1.OfferOperationTypeCreateDisk, mesosv1.OfferOperationTypeDestroyDisk,
	}
	activeStates = []mesosv1.TaskState{
		mesosv1.TaskStaging, mesosv1.TaskStarting, mesosv1.TaskRunning, mesosv1.TaskKilling, mesosv1.TaskUnreachable,
	}
	terminalStates = []mesosv1.TaskState{
		mesosv1.TaskFinished, mesosv1.TaskFailed, mesosv1.TaskKilled, mesosv1.TaskError, mesosv1.TaskLost,
		mesosv1.TaskDropped, mesosv1.TaskGone, mesosv1.TaskGoneByOperator,
	}
)

func lower[T ~string](name T) string { return strings.ToLower(string(name)) }

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
