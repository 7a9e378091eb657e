package read

import (
	"fmt"
	"reflect"

	"github.com/meseta/meseta/gen/operatorv1"
	"github.com/meseta/meseta/internal/fault"
)

// checkCall finds out whether a call is well-formed: it has a type, and the
// member that its type needs. The sentences are those of Mesos.
func checkCall(c *operatorv1.Call) error {
	if c.Type == "" {
		return invalidCall("Expecting 'type' to be present")
	}
	if name, member := neededMember(c); name != "" && reflect.ValueOf(member).IsNil() {
		return invalidCall(fmt.Sprintf("Expecting '%s' to be present", name))
	}
	const needsAgent = "Expecting 'agent_id' to be present; only agent default resources are supported right now"
	switch {
	case c.Type == operatorv1.CallTypeGrowVolume && c.GrowVolume.AgentID == nil,
		c.Type == operatorv1.CallTypeShrinkVolume && c.ShrinkVolume.AgentID == nil:
		return invalidCall(needsAgent)
	}
	return nil
}

func invalidCall(reason string) error {
	return fault.New(fault.Invalid, "Failed to validate master::Call: "+reason)
}

// neededMember gives the member that the type of a call needs, "" for types
// that need none.
func neededMember(c *operatorv1.Call) (string, any) {
	switch c.Type {
	case operatorv1.CallTypeGetMetrics:
		return "get_metrics", c.GetMetrics
	case operatorv1.CallTypeSetLoggingLevel:
		return "set_logging_level", c.SetLoggingLevel
	case operatorv1.CallTypeListFiles:
		return "list_files", c.ListFiles
	case operatorv1.CallTypeReadFile:
		return "read_file", c.ReadFile
	case operatorv1.CallTypeUpdateWeights:
		return "update_weights", c.UpdateWeights
	case operatorv1.CallTypeReserveResources:
		return "reserve_resources", c.ReserveResources
	case operatorv1.CallTypeUnreserveResources:
		return "unreserve_resources", c.UnreserveResources
	case operatorv1.CallTypeCreateVolumes:
		return "create_volumes", c.CreateVolumes
	case operatorv1.CallTypeDestroyVolumes:
		return "destroy_volumes", c.DestroyVolumes
	case operatorv1.CallTypeGrowVolume:
		return "grow_volume", c.GrowVolume
	case operatorv1.CallTypeShrinkVolume:
		return "shrink_volume", c.ShrinkVolume
	case operatorv1.CallTypeUpdateMaintenanceSchedule:
		return "update_maintenance_schedule", c.UpdateMaintenanceSchedule
	case operatorv1.CallTypeStartMaintenance:
		return "start_maintenance", c.StartMaintenance
	case operatorv1.CallTypeStopMaintenance:
		return "stop_maintenance", c.StopMaintenance
	case operatorv1.CallTypeDrainAgent:
		return "drain_agent", c.DrainAgent
	case operatorv1.CallTypeDeactivateAgent:
		return "deactivate_agent", c.DeactivateAgent
	case operatorv1.CallTypeReactivateAgent:
		return "reactivate_agent", c.ReactivateAgent
	case operatorv1.CallTypeUpdateQuota:
		return "update_quota", c.UpdateQuota
	case operatorv1.CallTypeSetQuota:
		return "set_quota", c.SetQuota
	case operatorv1.CallTypeRemoveQuota:
		return "remove_quota", c.RemoveQuota
	case operatorv1.CallTypeTeardown:
		return "teardown", c.Teardown
	case operatorv1.CallTypeMarkAgentGone:
		return "mark_agent_gone", c.MarkAgentGone
	}
	return "", nil
}
