package read

import (
	"github.com/meseta/meseta/gen/mesosv1"
	"github.com/meseta/meseta/gen/operatorv1"
	"github.com/meseta/meseta/internal/resources"
)

// legacyTask describes a task as the older endpoints do.
func legacyTask(t *mesosv1.Task) *operatorv1.LegacyTask {
	out := &operatorv1.LegacyTask{
		ID:          t.TaskID.Value,
		Name:        t.Name,
		FrameworkID: t.FrameworkID.Value,
		SlaveID:     t.AgentID.Value,
		State:       t.State,
		Resources:   sumV1(t.Resources),
		Limits:      t.Limits,
		Role:        resources.AllocationRole(t.Resources),
		Statuses:    make([]operatorv1.LegacyTaskStatus, 0, len(t.Statuses)),
		User:        t.User,
		Labels:      labels(t.Labels),
		Discovery:   t.Discovery,
		Container:   t.Container,
		HealthCheck: t.HealthCheck,
	}
	if t.ExecutorID != nil {
		out.ExecutorID = t.ExecutorID.Value
	}
	for i := range t.Statuses {
		out.Statuses = append(out.Statuses, legacyStatus(&t.Statuses[i]))
	}
	return out
}

func legacyStatus(s *mesosv1.TaskStatus) operatorv1.LegacyTaskStatus {
	out := operatorv1.LegacyTaskStatus{
		State:   s.State,
		Labels:  labels(s.Labels),
		Healthy: s.Healthy,
	}
	if s.Timestamp != nil {
		out.Timestamp = *s.Timestamp
	}
	if c := s.ContainerStatus; c != nil {
		out.ContainerStatus = &operatorv1.LegacyContainerStatus{
			ContainerID:  c.ContainerID,
			NetworkInfos: c.NetworkInfos,
			CgroupInfo:   c.CgroupInfo,
		}
	}
	return out
}

// labels are shown as a plain list, which is left out when it is empty.
func labels(l *mesosv1.Labels) []mesosv1.Label {
	if l == nil {
		return nil
	}
	return l.Labels
}
