package master

import (
	"github.com/meseta/meseta/gen/schedulerv1"
)

// Names of counters of messages. Some of them can only stay at zero, since
// they count messages that the v1 API does not have; tools read them all the
// same.
var messageCounters = []string{
	"master/dropped_messages", "master/http_cache_hits",
	"master/messages_authenticate", "master/messages_deactivate_framework", "master/messages_decline_offers",
	"master/messages_executor_to_framework", "master/messages_exited_executor", "master/messages_framework_to_executor",
	"master/messages_kill_task", "master/messages_launch_tasks", "master/messages_operation_status_update",
	"master/messages_operation_status_update_acknowledgement", "master/messages_reconcile_operations",
	"master/messages_reconcile_tasks", "master/messages_register_framework", "master/messages_register_slave",
	"master/messages_reregister_framework", "master/messages_reregister_slave", "master/messages_resource_request",
	"master/messages_revive_offers", "master/messages_status_update", "master/messages_status_update_acknowledgement",
	"master/messages_suppress_offers", "master/messages_unregister_framework", "master/messages_unregister_slave",
	"master/messages_update_slave",
}

// Kinds of operations that are counted, and what can become of them.
var (
	operationKinds = []string{
		"reserve", "unreserve", "create", "destroy", "grow_volume", "shrink_volume", "create_disk", "destroy_disk",
	}
	operationEnds = []string{"finished", "failed", "error", "dropped", "gone_by_operator"}
)

// operationCounters are the names of counters of operations.
func operationCounters() []string {
	names := []string{
		"master/valid_operation_status_updates", "master/invalid_operation_status_updates",
		"master/valid_operation_status_update_acknowledgements", "master/invalid_operation_status_update_acknowledgements",
	}
	for _, end := range operationEnds {
		names = append(names, "master/operations/"+end)
		for _, kind := range operationKinds {
			names = append(names, "master/operations/"+kind+"/"+end)
		}
	}
	return names
}

// callMessages are the messages of the older API that calls of schedulers
// stand for.
var callMessages = map[schedulerv1.CallType]string{
	schedulerv1.CallTypeTeardown:                   "master/messages_unregister_framework",
	schedulerv1.CallTypeDecline:                    "master/messages_decline_offers",
	schedulerv1.CallTypeAccept:                     "master/messages_launch_tasks",
	schedulerv1.CallTypeRevive:                     "master/messages_revive_offers",
	schedulerv1.CallTypeSuppress:                   "master/messages_suppress_offers",
	schedulerv1.CallTypeKill:                       "master/messages_kill_task",
	schedulerv1.CallTypeAcknowledge:                "master/messages_status_update_acknowledgement",
	schedulerv1.CallTypeAcknowledgeOperationStatus: "master/messages_operation_status_update_acknowledgement",
	schedulerv1.CallTypeReconcile:                  "master/messages_reconcile_tasks",
	schedulerv1.CallTypeReconcileOperations:        "master/messages_reconcile_operations",
	schedulerv1.CallTypeMessage:                    "master/messages_framework_to_executor",
	schedulerv1.CallTypeRequest:                    "master/messages_resource_request",
}
