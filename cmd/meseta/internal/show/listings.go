package show

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/meseta/meseta/gen/mesosv1"
	"github.com/meseta/meseta/gen/operatorv1"
	"github.com/meseta/meseta/internal/durfmt"
	"github.com/meseta/meseta/internal/resources"
)

// Agents lists the registered agents.
func Agents(agents *operatorv1.ResponseGetAgents) *Listing {
	list := slices.Clone(agents.Agents)
	slices.SortFunc(list, func(a, b operatorv1.ResponseGetAgentsAgent) int {
		return cmp.Or(strings.Compare(a.AgentInfo.Hostname, b.AgentInfo.Hostname), strings.Compare(agentID(&a), agentID(&b)))
	})
	l := &Listing{objects: list, columns: []column{
		{"ID", false}, {"HOSTNAME", false}, {"ADDRESS", false}, {"STATUS", false}, {"CPUS", false}, {"MEM", false},
		{"DISK", true}, {"GPUS", true}, {"ATTRIBUTES", true}, {"VERSION", true}, {"REGISTERED", true},
	}}
	for i := range list {
		a := &list[i]
		used, total := parsed(a.AllocatedResources), parsed(a.TotalResources)
		l.add(agentID(a), agentID(a), a.AgentInfo.Hostname, AgentAddress(a), agentStatus(a),
			share(used, total, resources.CPUs), share(used, total, resources.Mem),
			share(used, total, resources.DiskSpace), share(used, total, resources.GPUs),
			attributes(a.AgentInfo.Attributes), a.Version, when(a.RegisteredTime))
	}
	return l
}

func agentID(a *operatorv1.ResponseGetAgentsAgent) string {
	if a.AgentInfo.ID == nil {
		return ""
	}
	return a.AgentInfo.ID.Value
}

// AgentAddress is the "host:port" of an agent's API. The pid has the form
// "slave(1)@ip:port".
func AgentAddress(a *operatorv1.ResponseGetAgentsAgent) string {
	if _, address, ok := strings.Cut(text(a.Pid), "@"); ok {
		return address
	}
	port := int32(5051)
	if a.AgentInfo.Port != nil {
		port = *a.AgentInfo.Port
	}
	return a.AgentInfo.Hostname + ":" + strconv.Itoa(int(port))
}

func agentStatus(a *operatorv1.ResponseGetAgentsAgent) string {
	switch {
	case a.DrainInfo != nil:
		return strings.ToLower(string(a.DrainInfo.State))
	case a.Deactivated != nil && *a.Deactivated:
		return "deactivated"
	case !a.Active:
		return "disconnected"
	}
	return "active"
}

func attributes(in []mesosv1.Attribute) string {
	parsed, err := resources.AttributesFromV1(in)
	if err != nil {
		return "?"
	}
	return parsed.String()
}

// Frameworks lists the frameworks that are not completed, or, with all, those as
// well.
func Frameworks(frameworks *operatorv1.ResponseGetFrameworks, all bool) *Listing {
	list := slices.Clone(frameworks.Frameworks)
	live := len(list)
	if all {
		list = append(list, frameworks.CompletedFrameworks...)
	}
	l := &Listing{objects: list, columns: []column{
		{"ID", false}, {"NAME", false}, {"USER", false}, {"ROLES", false}, {"STATUS", false}, {"CPUS", false}, {"MEM", false},
		{"PRINCIPAL", true}, {"CHECKPOINT", true}, {"FAILOVER", true}, {"HOSTNAME", true}, {"REGISTERED", true},
	}}
	for i := range list {
		f := &list[i]
		info, id := &f.FrameworkInfo, ""
		if info.ID != nil {
			id = info.ID.Value
		}
		roles := info.Roles
		if len(roles) == 0 && info.Role != nil {
			roles = []string{*info.Role}
		}
		failover := time.Duration(0)
		if info.FailoverTimeout != nil {
			failover = time.Duration(min(*info.FailoverTimeout, 1e9) * float64(time.Second))
		}
		used := parsed(f.AllocatedResources)
		l.add(id, id, info.Name, info.User, strings.Join(roles, ","), frameworkStatus(f, i >= live),
			used.Amount(resources.CPUs).String(), used.Amount(resources.Mem).String(),
			text(info.Principal), strconv.FormatBool(info.Checkpoint != nil && *info.Checkpoint),
			durfmt.Format(failover), text(info.Hostname), when(f.RegisteredTime))
	}
	return l
}

func frameworkStatus(f *operatorv1.ResponseGetFrameworksFramework, completed bool) string {
	switch {
	case completed:
		return "completed"
	case f.Recovered:
		return "recovered"
	case !f.Connected:
		return "disconnected"
	case !f.Active:
		return "inactive"
	}
	return "active"
}

// Tasks lists the tasks that have not ended, or, with all, those as well.
func Tasks(tasks *operatorv1.ResponseGetTasks, all bool) *Listing {
	list := slices.Concat(tasks.PendingTasks, tasks.Tasks, tasks.UnreachableTasks)
	if all {
		list = AllTasks(tasks)
	}
	l := &Listing{objects: list, columns: []column{
		{"ID", false}, {"NAME", false}, {"FRAMEWORK", false}, {"AGENT", false}, {"STATE", false}, {"CPUS", false}, {"MEM", false},
		{"EXECUTOR", true}, {"UPDATED", true}, {"MESSAGE", true},
	}}
	for i := range list {
		t := &list[i]
		executor, updated, message := "", "", ""
		if t.ExecutorID != nil {
			executor = t.ExecutorID.Value
		}
		if n := len(t.Statuses); n > 0 {
			last := &t.Statuses[n-1]
			message = text(last.Message)
			if last.Timestamp != nil {
				updated = time.UnixMilli(int64(*last.Timestamp * 1000)).UTC().Format(time.RFC3339)
			}
		}
		used := parsed(t.Resources)
		l.add(t.TaskID.Value, t.TaskID.Value, t.Name, t.FrameworkID.Value, t.AgentID.Value,
			strings.TrimPrefix(string(t.State), "TASK_"), used.Amount(resources.CPUs).String(), used.Amount(resources.Mem).String(),
			executor, updated, message)
	}
	return l
}

// AllTasks puts tasks in every condition into one list, the live ones first.
func AllTasks(tasks *operatorv1.ResponseGetTasks) []mesosv1.Task {
	return slices.Concat(tasks.PendingTasks, tasks.Tasks, tasks.UnreachableTasks, tasks.CompletedTasks)
}

// Roles lists the roles that are in use or have settings.
func Roles(roles *operatorv1.ResponseGetRoles) *Listing {
	list := slices.Clone(roles.Roles)
	slices.SortFunc(list, func(a, b mesosv1.Role) int { return strings.Compare(a.Name, b.Name) })
	l := &Listing{objects: list, columns: []column{
		{"NAME", false}, {"WEIGHT", false}, {"FRAMEWORKS", false}, {"CPUS", false}, {"MEM", false}, {"DISK", true}, {"GPUS", true},
	}}
	for _, r := range list {
		used := parsed(r.Resources)
		l.add(r.Name, r.Name, fmt.Sprintf("%g", r.Weight), strconv.Itoa(len(r.Frameworks)),
			used.Amount(resources.CPUs).String(), used.Amount(resources.Mem).String(),
			used.Amount(resources.DiskSpace).String(), used.Amount(resources.GPUs).String())
	}
	return l
}
