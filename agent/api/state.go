package api

import (
	"net"
	"net/http"
	"net/netip"
	"strconv"

	"github.com/meseta/meseta/agent"
	"github.com/meseta/meseta/gen/mesosv1"
	"github.com/meseta/meseta/internal/resources"
)

// stateAnswer is the answer of /state.
type stateAnswer struct {
	build
	StartTime    float64              `json:"start_time"`
	ID           string               `json:"id"`
	PID          string               `json:"pid"`
	Hostname     string               `json:"hostname"`
	Capabilities []string             `json:"capabilities"`
	Domain       *mesosv1.DomainInfo  `json:"domain,omitempty"`
	DrainConfig  *mesosv1.DrainConfig `json:"drain_config,omitempty"`
	DrainStart   float64              `json:"estimated_drain_start_time_seconds,omitempty"`
	Resources    map[string]any       `json:"resources"`
	Reserved     map[string]any       `json:"reserved_resources"`
	Unreserved   map[string]any       `json:"unreserved_resources"`
	ReservedFull map[string]any       `json:"reserved_resources_full"`
	FreeFull     []mesosv1.Resource   `json:"unreserved_resources_full"`
	ReservedUsed map[string]any       `json:"reserved_resources_allocated"`
	FreeUsed     map[string]any       `json:"unreserved_resources_allocated"`
	Providers    []struct{}           `json:"resource_providers"`
	Attributes   map[string]any       `json:"attributes"`
	MasterHost   string               `json:"master_hostname,omitempty"`
	Flags        map[string]string    `json:"flags"`
	Frameworks   []stateFramework     `json:"frameworks"`
	Completed    []stateFramework     `json:"completed_frameworks"`
}

type stateFramework struct {
	ID              string          `json:"id"`
	Name            string          `json:"name"`
	User            string          `json:"user"`
	FailoverTimeout float64         `json:"failover_timeout"`
	Checkpoint      bool            `json:"checkpoint"`
	Hostname        string          `json:"hostname"`
	Principal       *string         `json:"principal,omitempty"`
	Role            *string         `json:"role,omitempty"`
	Roles           []string        `json:"roles,omitempty"`
	Executors       []stateExecutor `json:"executors"`
	Completed       []stateExecutor `json:"completed_executors"`
}

type stateExecutor struct {
	ID        string          `json:"id"`
	Name      string          `json:"name"`
	Source    string          `json:"source"`
	Container string          `json:"container"`
	Directory string          `json:"directory"`
	Resources map[string]any  `json:"resources"`
	Role      string          `json:"role,omitempty"`
	Labels    []mesosv1.Label `json:"labels,omitempty"`
	Type      string          `json:"type,omitempty"`
	Tasks     []stateTask     `json:"tasks"`
	Queued    []stateTask     `json:"queued_tasks"`
	Completed []stateTask     `json:"completed_tasks"`
}

type stateTask struct {
	ID          string                   `json:"id"`
	Name        string                   `json:"name"`
	FrameworkID string                   `json:"framework_id"`
	ExecutorID  string                   `json:"executor_id"`
	AgentID     string                   `json:"slave_id"`
	State       mesosv1.TaskState        `json:"state"`
	Resources   map[string]any           `json:"resources"`
	Limits      map[string]mesosv1.Limit `json:"limits,omitempty"`
	Role        string                   `json:"role,omitempty"`
	Statuses    []stateStatus            `json:"statuses"`
	User        *string                  `json:"user,omitempty"`
	Labels      []mesosv1.Label          `json:"labels,omitempty"`
	Discovery   *mesosv1.DiscoveryInfo   `json:"discovery,omitempty"`
	Container   *mesosv1.ContainerInfo   `json:"container,omitempty"`
	HealthCheck *mesosv1.HealthCheck     `json:"health_check,omitempty"`
}

type stateStatus struct {
	State           mesosv1.TaskState     `json:"state"`
	Timestamp       *float64              `json:"timestamp,omitempty"`
	Labels          []mesosv1.Label       `json:"labels,omitempty"`
	ContainerStatus *stateContainerStatus `json:"container_status,omitempty"`
	Healthy         *bool                 `json:"healthy,omitempty"`
}

// stateContainerStatus leaves out the process id.
type stateContainerStatus struct {
	ContainerID  *mesosv1.ContainerID  `json:"container_id,omitempty"`
	NetworkInfos []mesosv1.NetworkInfo `json:"network_infos,omitempty"`
	CgroupInfo   *mesosv1.CgroupInfo   `json:"cgroup_info,omitempty"`
}

func (s *Server) state(r *http.Request) (any, error) {
	v, err := s.view(r)
	if err != nil {
		return nil, err
	}
	total, used := v.Totals()
	endpoint := net.JoinHostPort(v.IP, strconv.Itoa(v.Port))
	out := stateAnswer{
		build:        s.build,
		StartTime:    float64(v.Started.UnixMicro()) / 1e6,
		ID:           string(v.ID),
		PID:          "slave(1)@" + endpoint,
		Hostname:     v.Info.Hostname,
		Capabilities: v.Capabilities,
		Domain:       v.Info.Domain,
		Resources:    amounts(total),
		Reserved:     map[string]any{},
		Unreserved:   amounts(total.Unreserved()),
		ReservedFull: map[string]any{},
		FreeFull:     total.Unreserved().ToV1(resources.Endpoint),
		ReservedUsed: map[string]any{},
		FreeUsed:     amounts(used.Unreserved()),
		Providers:    []struct{}{},
		Attributes:   attributes(v.Info.Attributes),
		MasterHost:   hostName(v.MasterHost),
		Flags:        s.flagTable(),
		Frameworks:   stateFrameworks(v.Frameworks),
		Completed:    stateFrameworks(v.CompletedFrameworks),
	}
	for _, role := range total.ReservationRoles() {
		reserved := total.ReservedTo(role)
		out.Reserved[role] = amounts(reserved)
		out.ReservedFull[role] = reserved.ToV1(resources.Endpoint)
	}
	for _, role := range used.ReservationRoles() {
		out.ReservedUsed[role] = amounts(used.ReservedTo(role))
	}
	if v.Drain != nil {
		out.DrainConfig, out.DrainStart = v.Drain, float64(v.DrainStarted.Unix())
	}
	return out, nil
}

// amounts are resources as the older endpoints show them: {"cpus":4,
// "ports":"[1-2]"}, the four standard names always, those that may be taken
// back under names of their own.
func amounts(rs resources.Resources) map[string]any {
	out := map[string]any{resources.CPUs: 0.0, resources.GPUs: 0.0, resources.Mem: 0.0, resources.DiskSpace: 0.0}
	for _, part := range []struct {
		suffix string
		rs     resources.Resources
	}{{"", rs.NonRevocable()}, {"_revocable", rs.Revocable()}} {
		for _, name := range part.rs.Names() {
			named := part.rs.Named(name)
			if named.At(0).Kind == resources.KindScalar {
				out[name+part.suffix] = part.rs.Amount(name).Float()
				continue
			}
			var plain resources.Builder
			for r := range named.All() {
				plain.AddOne(resources.Resource{Kind: r.Kind, Ranges: r.Ranges, Set: r.Set})
			}
			out[name+part.suffix] = plain.View().At(0).String()[1:] // without the colon behind no name
		}
	}
	return out
}

func attributes(list []mesosv1.Attribute) map[string]any {
	out := map[string]any{}
	parsed, err := resources.AttributesFromV1(list)
	if err != nil {
		return out // they were checked when the agent started
	}
	for _, a := range parsed {
		out[a.Name] = a.Value()
	}
	return out
}

func stateFrameworks(views []agent.FrameworkView) []stateFramework {
	out := make([]stateFramework, 0, len(views))
	for i := range views {
		info := views[i].Info
		f := stateFramework{
			ID: info.ID.Value, Name: info.Name, User: info.User, Hostname: text(info.Hostname),
			Principal: info.Principal, Role: info.Role, Roles: info.Roles,
			Executors: []stateExecutor{}, Completed: []stateExecutor{},
		}
		if info.FailoverTimeout != nil {
			f.FailoverTimeout = *info.FailoverTimeout
		}
		if info.Checkpoint != nil {
			f.Checkpoint = *info.Checkpoint
		}
		for j := range views[i].Executors {
			f.Executors = append(f.Executors, stateExecutorOf(&views[i].Executors[j]))
		}
		for j := range views[i].CompletedExecutors {
			f.Completed = append(f.Completed, stateExecutorOf(&views[i].CompletedExecutors[j]))
		}
		out = append(out, f)
	}
	return out
}

func stateExecutorOf(e *agent.ExecutorView) stateExecutor {
	out := stateExecutor{
		ID: e.Info.ExecutorID.Value, Name: text(e.Info.Name), Source: text(e.Info.Source),
		Container: string(e.ContainerID), Directory: e.Directory,
		Resources: amounts(e.Used()), Role: resources.AllocationRole(e.Info.Resources), Labels: labels(e.Info.Labels),
		Tasks:     stateTasks(e.Launched),
		Queued:    stateTasks(e.Queued),
		Completed: append(stateTasks(e.Completed), stateTasks(e.Terminated)...),
	}
	if e.Info.Type != nil {
		out.Type = string(*e.Info.Type)
	}
	return out
}

func stateTasks(tasks []*mesosv1.Task) []stateTask {
	out := make([]stateTask, 0, len(tasks))
	for _, t := range tasks {
		s := stateTask{
			ID: t.TaskID.Value, Name: t.Name, FrameworkID: t.FrameworkID.Value, AgentID: t.AgentID.Value,
			State: t.State, Resources: amountsV1(t.Resources), Limits: t.Limits, Role: resources.AllocationRole(t.Resources),
			Statuses: []stateStatus{}, User: t.User, Labels: labels(t.Labels),
			Discovery: t.Discovery, Container: t.Container, HealthCheck: t.HealthCheck,
		}
		if t.ExecutorID != nil {
			s.ExecutorID = t.ExecutorID.Value
		}
		for i := range t.Statuses {
			s.Statuses = append(s.Statuses, stateStatusOf(&t.Statuses[i]))
		}
		out = append(out, s)
	}
	return out
}

func stateStatusOf(status *mesosv1.TaskStatus) stateStatus {
	out := stateStatus{
		State: status.State, Timestamp: status.Timestamp, Labels: labels(status.Labels), Healthy: status.Healthy,
	}
	if c := status.ContainerStatus; c != nil {
		out.ContainerStatus = &stateContainerStatus{c.ContainerID, c.NetworkInfos, c.CgroupInfo}
	}
	return out
}

func amountsV1(list []mesosv1.Resource) map[string]any {
	rs, err := resources.FromV1(list)
	if err != nil {
		rs = resources.Resources{} // the master has checked them
	}
	return amounts(rs)
}

func labels(l *mesosv1.Labels) []mesosv1.Label {
	if l == nil {
		return nil
	}
	return l.Labels
}

// hostName gives the name of a master's address where one is known for certain.
func hostName(address string) string {
	if ip, err := netip.ParseAddr(address); err == nil && ip.IsLoopback() {
		return "localhost"
	}
	return address
}
