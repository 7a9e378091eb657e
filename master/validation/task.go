package validation

import (
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/meseta/meseta/gen/mesosv1"
	"github.com/meseta/meseta/internal/mesosid"
	"github.com/meseta/meseta/internal/resources"
)

// TaskRules are what a task is judged by.
type TaskRules struct {
	Framework mesosid.FrameworkID
	Agent     mesosid.AgentID
	// Role is that of the offers; resources of the task belong to it.
	Role string
	// Remaining is what earlier operations of the same call left over.
	Remaining resources.Resources
	// Live and Unreachable tell which task ids are in use.
	Live, Unreachable func(mesosid.TaskID) bool
	// Executor gives the info of an executor that runs on the agent, nil for
	// none.
	Executor func(mesosid.ExecutorID) *mesosv1.ExecutorInfo
	// TaskResourceLimits tells whether the agent can enforce limits.
	TaskResourceLimits bool
}

// CheckedTask is a task that may be launched.
type CheckedTask struct {
	// Info is a copy with everything filled in that the framework may leave
	// out: the role of the resources, the framework of the executor.
	Info *mesosv1.TaskInfo
	// Resources are the task's own, ExecutorResources those of an executor
	// that has to be started for it.
	Resources, ExecutorResources resources.Resources
}

// LaunchResources checks the form of the resources of every task of a LAUNCH.
// One invalid resource fails the whole operation.
func LaunchResources(tasks []mesosv1.TaskInfo) error {
	for i := range tasks {
		if _, err := resources.ListFromV1(tasks[i].Resources); err != nil {
			return err
		}
		if e := tasks[i].Executor; e != nil {
			if _, err := resources.ListFromV1(e.Resources); err != nil {
				return err
			}
		}
	}
	return nil
}

// Task judges one task of a LAUNCH.
func Task(in *mesosv1.TaskInfo, rules TaskRules) (CheckedTask, error) {
	var checked CheckedTask
	info := fillIn(in, rules)
	checks := []func() error{
		func() error { return mesosid.Validate(mesosid.TaskID(info.TaskID.Value)) },
		func() error { return uniqueTaskID(info, rules) },
		func() error {
			if info.AgentID.Value != string(rules.Agent) {
				return fmt.Errorf("Task uses invalid agent %s while agent %s is expected", info.AgentID.Value, rules.Agent)
			}
			return nil
		},
		func() error { return taskTimes(info) },
		func() error { return prefix("Task uses invalid check: ", check(info.Check)) },
		func() error { return prefix("Task uses invalid health check: ", healthCheck(info.HealthCheck)) },
		func() (err error) {
			checked.Resources, err = taskResources(info)
			return err
		},
		func() error { return prefix("Task's `CommandInfo` is invalid: ", command(info.Command)) },
		func() error { return prefix("Task's `ContainerInfo` is invalid: ", container(info.Container)) },
		func() error { return limits(info, checked.Resources, rules.TaskResourceLimits) },
		func() error {
			if (info.Command == nil) == (info.Executor == nil) {
				return errors.New("Task should have at least one (but not both) of CommandInfo or ExecutorInfo present")
			}
			return nil
		},
		func() (err error) {
			checked.ExecutorResources, err = executorOfTask(info, rules)
			return err
		},
		func() error {
			total := checked.Resources.Add(checked.ExecutorResources)
			if !rules.Remaining.Contains(total) {
				return fmt.Errorf("Total resources %v required by task and its executor is more than available %v", total, rules.Remaining)
			}
			return nil
		},
		func() error { return disjoint(checked.Resources, checked.ExecutorResources) },
	}
	for _, c := range checks {
		if err := c(); err != nil {
			return CheckedTask{}, err
		}
	}
	checked.Info = info
	return checked, nil
}

func prefix(text string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s%w", text, err)
}

// fillIn copies a task and adds what the framework may leave out.
func fillIn(in *mesosv1.TaskInfo, rules TaskRules) *mesosv1.TaskInfo {
	info := *in
	info.Resources = allocated(in.Resources, rules.Role)
	if in.Executor != nil {
		e := *in.Executor
		e.Resources = allocated(e.Resources, rules.Role)
		if e.FrameworkID == nil {
			e.FrameworkID = &mesosv1.FrameworkID{Value: string(rules.Framework)}
		}
		if e.Type == nil {
			e.Type = new(mesosv1.ExecutorInfoTypeCustom)
		}
		info.Executor = &e
	}
	return &info
}

// allocated gives resources the role of the offer where they name none.
func allocated(in []mesosv1.Resource, role string) []mesosv1.Resource {
	if len(in) == 0 {
		return nil
	}
	out := make([]mesosv1.Resource, len(in))
	copy(out, in)
	for i := range out {
		if out[i].AllocationInfo == nil || out[i].AllocationInfo.Role == nil {
			out[i].AllocationInfo = &mesosv1.ResourceAllocationInfo{Role: &role}
		}
	}
	return out
}

func uniqueTaskID(info *mesosv1.TaskInfo, rules TaskRules) error {
	id := mesosid.TaskID(info.TaskID.Value)
	if rules.Live(id) {
		return fmt.Errorf("Task has duplicate ID: %s", id)
	}
	if rules.Unreachable(id) {
		return fmt.Errorf("Task reuses the ID of an unreachable task: %s", id)
	}
	return nil
}

func taskTimes(info *mesosv1.TaskInfo) error {
	if p := info.KillPolicy; p != nil && p.GracePeriod != nil && p.GracePeriod.Nanoseconds < 0 {
		return errors.New("Task's 'kill_policy.grace_period' must be non-negative")
	}
	if t := info.MaxCompletionTime; t != nil && t.Nanoseconds < 0 {
		return errors.New("Task's `max_completion_time` must be non-negative")
	}
	return nil
}

// taskResources reads and judges the resources of a task.
func taskResources(info *mesosv1.TaskInfo) (resources.Resources, error) {
	if len(info.Resources) == 0 {
		return resources.Resources{}, errors.New("Task uses no resources")
	}
	list, err := resources.ListFromV1(info.Resources)
	if err != nil {
		return resources.Resources{}, fmt.Errorf("Task uses invalid resources: %w", err)
	}
	for _, rule := range []struct {
		text  string
		check func([]resources.Resource) error
	}{
		{"Task uses invalid resources: ", resources.CheckGPUs},
		{"Task uses invalid resources: ", resources.CheckDiskInfo},
		{"Invalid task resources: ", resources.CheckSingleAllocation},
		{"Task mixes revocable and non-revocable resources: ", resources.CheckRevocableMix},
		{"Task uses duplicate persistence ID: ", func(l []resources.Resource) error {
			return resources.CheckUniquePersistence(l, resources.Resources{})
		}},
	} {
		if err := rule.check(list); err != nil {
			return resources.Resources{}, fmt.Errorf("%s%w", rule.text, err)
		}
	}
	return resources.New(list...), nil
}

// limits judges TaskInfo.limits against the requests.
func limits(info *mesosv1.TaskInfo, requested resources.Resources, capable bool) error {
	if len(info.Limits) == 0 {
		return nil
	}
	for name := range info.Limits {
		if name != resources.CPUs && name != resources.Mem {
			return errors.New("Only cpus and mem may be included in a task's resource limits")
		}
	}
	if !capable {
		return errors.New("Resource limits on tasks require the agent to have the TASK_RESOURCE_LIMITS capability")
	}
	for _, one := range []struct{ name, text string }{
		{resources.CPUs, "The cpu limit must be greater than or equal to the cpu request"},
		{resources.Mem, "The memory limit must be greater than or equal to the memory request"},
	} {
		if l, ok := info.Limits[one.name]; ok && float64(l.Value) < requested.Amount(one.name).Float() {
			return errors.New(one.text)
		}
	}
	return nil
}

// executorOfTask judges a custom executor and gives what has to be charged
// for it: nothing when it already runs.
func executorOfTask(info *mesosv1.TaskInfo, rules TaskRules) (resources.Resources, error) {
	none := resources.Resources{}
	e := info.Executor
	if e == nil {
		return none, nil
	}
	if err := mesosid.Validate(mesosid.ExecutorID(e.ExecutorID.Value)); err != nil {
		return none, err
	}
	switch {
	case *e.Type == mesosv1.ExecutorInfoTypeDefault && e.Command != nil:
		return none, errors.New("'ExecutorInfo.command' must not be set for 'DEFAULT' executor")
	case *e.Type == mesosv1.ExecutorInfoTypeDefault:
		return none, errors.New("'ExecutorInfo.type' must not be 'DEFAULT' for a LAUNCH operation")
	case e.Command == nil:
		return none, errors.New("'ExecutorInfo.command' must be set")
	case e.FrameworkID.Value != string(rules.Framework):
		return none, fmt.Errorf("ExecutorInfo has an invalid FrameworkID (Actual: %s vs Expected: %s)", e.FrameworkID.Value, rules.Framework)
	case e.ShutdownGracePeriod != nil && e.ShutdownGracePeriod.Nanoseconds < 0:
		return none, errors.New("ExecutorInfo's 'shutdown_grace_period' must be non-negative")
	}
	list, err := resources.ListFromV1(e.Resources)
	if err != nil {
		return none, fmt.Errorf("Executor uses invalid resources: %w", err)
	}
	for _, rule := range []func([]resources.Resource) error{resources.CheckGPUs, resources.CheckDiskInfo, resources.CheckSingleAllocation} {
		if err := rule(list); err != nil {
			return none, fmt.Errorf("Executor uses invalid resources: %w", err)
		}
	}
	for i := range list {
		if list[i].Shared() {
			return none, fmt.Errorf("Executor resources %v are shared", list[i])
		}
	}
	if err := prefix("Executor's `CommandInfo` is invalid: ", command(e.Command)); err != nil {
		return none, err
	}
	if running := rules.Executor(mesosid.ExecutorID(e.ExecutorID.Value)); running != nil {
		if !reflect.DeepEqual(running, e) {
			return none, fmt.Errorf("ExecutorInfo is not compatible with existing ExecutorInfo with same ExecutorID '%s'", e.ExecutorID.Value)
		}
		return none, nil
	}
	return resources.New(list...), nil
}

// disjoint refuses a task and an executor that claim the same item of a range
// or a set.
func disjoint(task, executor resources.Resources) error {
	for e := range executor.All() {
		if e.Kind == resources.KindScalar {
			continue
		}
		for t := range task.All() {
			if t.Name != e.Name || t.Kind != e.Kind {
				continue
			}
			both := resources.New(*t).Subtract(resources.New(*e))
			if !both.Equal(resources.New(*t)) {
				return fmt.Errorf("There are overlapping '%s' resources used by the task and its executor", t.Name)
			}
		}
	}
	return nil
}

// command judges the environment of a command.
func command(c *mesosv1.CommandInfo) error {
	if c == nil || c.Environment == nil {
		return nil
	}
	for _, v := range c.Environment.Variables {
		kind := mesosv1.EnvironmentVariableTypeValue
		if v.Type != nil {
			kind = *v.Type
		}
		switch kind {
		case mesosv1.EnvironmentVariableTypeValue:
			if v.Value == nil {
				return fmt.Errorf("Environment variable '%s' of type 'VALUE' must have a value set", v.Name)
			}
			if v.Secret != nil {
				return fmt.Errorf("Environment variable '%s' of type 'VALUE' must not have a secret set", v.Name)
			}
		case mesosv1.EnvironmentVariableTypeSecret:
			if err := secretVariable(&v); err != nil {
				return err
			}
		default:
			return fmt.Errorf("Environment variable '%s' of type 'UNKNOWN' is not allowed", v.Name)
		}
	}
	return nil
}

func secretVariable(v *mesosv1.EnvironmentVariable) error {
	if v.Secret == nil {
		return fmt.Errorf("Environment variable '%s' of type 'SECRET' must have a secret set", v.Name)
	}
	if v.Value != nil {
		return fmt.Errorf("Environment variable '%s' of type 'SECRET' must not have a value set", v.Name)
	}
	if err := secret(v.Secret); err != nil {
		return fmt.Errorf("Environment variable '%s' specifies an invalid secret: %w", v.Name, err)
	}
	if v.Secret.Value != nil && strings.ContainsRune(string(v.Secret.Value.Data), 0) {
		return fmt.Errorf("Environment variable '%s' specifies a secret containing null bytes, which is not allowed in the environment", v.Name)
	}
	return nil
}

func secret(s *mesosv1.Secret) error {
	kind := mesosv1.SecretTypeUnknown
	if s.Type != nil {
		kind = *s.Type
	}
	switch kind {
	case mesosv1.SecretTypeReference:
		switch {
		case s.Reference == nil:
			return errors.New("Secret of type REFERENCE must have the 'reference' field set")
		case s.Value != nil:
			return fmt.Errorf("Secret '%s' of type REFERENCE must not have the 'value' field set", s.Reference.Name)
		}
	case mesosv1.SecretTypeValue:
		switch {
		case s.Value == nil:
			return errors.New("Secret of type VALUE must have the 'value' field set")
		case s.Reference != nil:
			return errors.New("Secret of type VALUE must not have the 'reference' field set")
		}
	default:
		return errors.New("Secret of type UNKNOWN is not allowed")
	}
	return nil
}
