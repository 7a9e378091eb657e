package validation_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/meseta/meseta/gen/mesosv1"
	"github.com/meseta/meseta/internal/mesosid"
	"github.com/meseta/meseta/internal/resources"
	"github.com/meseta/meseta/master/validation"
)

func scalar(name string, value float64) mesosv1.Resource {
	return mesosv1.Resource{Name: name, Type: mesosv1.ValueTypeScalar, Scalar: &mesosv1.ValueScalar{Value: value}}
}

// task is a valid task, changed by each of the functions.
func task(changes ...func(*mesosv1.TaskInfo)) *mesosv1.TaskInfo {
	t := &mesosv1.TaskInfo{
		Name:      "t",
		TaskID:    mesosv1.TaskID{Value: "t1"},
		AgentID:   mesosv1.AgentID{Value: "S0"},
		Resources: []mesosv1.Resource{scalar("cpus", 1), scalar("mem", 32)},
		Command:   &mesosv1.CommandInfo{Value: new("true")},
	}
	for _, change := range changes {
		change(t)
	}
	return t
}

func rules(t *testing.T) validation.TaskRules {
	t.Helper()
	offered, err := resources.Parse("cpus:4;mem:2048;ports:[31000-32000]", "*")
	if err != nil {
		t.Fatal(err)
	}
	return validation.TaskRules{
		Framework:          "F",
		Agent:              "S0",
		Role:               "dev",
		Remaining:          offered.Resources.Allocate("dev"),
		Live:               func(id mesosid.TaskID) bool { return id == "live" },
		Unreachable:        func(id mesosid.TaskID) bool { return id == "away" },
		Executor:           func(mesosid.ExecutorID) *mesosv1.ExecutorInfo { return nil },
		TaskResourceLimits: true,
	}
}

func TestTasksAreRefusedInTheWordsOfMesos(t *testing.T) {
	t.Parallel()
	id := func(s string) func(*mesosv1.TaskInfo) { return func(i *mesosv1.TaskInfo) { i.TaskID.Value = s } }
	for _, test := range []struct {
		name string
		task *mesosv1.TaskInfo
		want string
	}{
		{"a good one", task(), ""},
		{"an id with a slash", task(id("a/b")), "'a/b' contains invalid characters"},
		{"an id in use", task(id("live")), "Task has duplicate ID: live"},
		{"an id of an unreachable task", task(id("away")), "Task reuses the ID of an unreachable task: away"},
		{"another agent", task(func(i *mesosv1.TaskInfo) { i.AgentID.Value = "x" }), "Task uses invalid agent x while agent S0 is expected"},
		{"a negative grace period", task(func(i *mesosv1.TaskInfo) {
			i.KillPolicy = &mesosv1.KillPolicy{GracePeriod: &mesosv1.DurationInfo{Nanoseconds: -1}}
		}), "Task's 'kill_policy.grace_period' must be non-negative"},
		{"a check without a type", task(func(i *mesosv1.TaskInfo) { i.Check = &mesosv1.CheckInfo{} }), "Task uses invalid check: CheckInfo must specify 'type'"},
		{"a health check by an unknown scheme", task(func(i *mesosv1.TaskInfo) {
			i.HealthCheck = &mesosv1.HealthCheck{Type: new(mesosv1.HealthCheckTypeHTTP), HTTP: &mesosv1.HealthCheckHTTPCheckInfo{Port: 80, Scheme: new("ftp")}}
		}), "Task uses invalid health check: Unsupported HTTP health check scheme: 'ftp'"},
		{"no resources", task(func(i *mesosv1.TaskInfo) { i.Resources = nil }), "Task uses no resources"},
		{"too much", task(func(i *mesosv1.TaskInfo) { i.Resources = []mesosv1.Resource{scalar("cpus", 100)} }),
			"Total resources cpus(allocated: dev):100 required by task and its executor is more than available "},
		{"half a GPU", task(func(i *mesosv1.TaskInfo) { i.Resources = append(i.Resources, scalar("gpus", 0.5)) }),
			"Task uses invalid resources: Invalid 'gpus' resource: The 'gpus' resource must be an unsigned integer"},
		{"a variable without a value", task(func(i *mesosv1.TaskInfo) {
			i.Command.Environment = &mesosv1.Environment{Variables: []mesosv1.EnvironmentVariable{{Name: "X"}}}
		}), "Task's `CommandInfo` is invalid: Environment variable 'X' of type 'VALUE' must have a value set"},
		{"a volume without its source", task(func(i *mesosv1.TaskInfo) {
			i.Container = &mesosv1.ContainerInfo{Type: mesosv1.ContainerInfoTypeMesos, Volumes: []mesosv1.Volume{{
				Mode: mesosv1.VolumeModeRw, ContainerPath: "x", Source: &mesosv1.VolumeSource{Type: new(mesosv1.VolumeSourceTypeHostPath)},
			}}}
		}), "Task's `ContainerInfo` is invalid: Invalid volume: 'source.host_path' is not set for HOST_PATH volume"},
		{"a limit of disk", task(func(i *mesosv1.TaskInfo) { i.Limits = map[string]mesosv1.Limit{"disk": {Value: 1}} }),
			"Only cpus and mem may be included in a task's resource limits"},
		{"a limit below the request", task(func(i *mesosv1.TaskInfo) { i.Limits = map[string]mesosv1.Limit{"cpus": {Value: 0.5}} }),
			"The cpu limit must be greater than or equal to the cpu request"},
		{"no limit at all", task(func(i *mesosv1.TaskInfo) { i.Limits = map[string]mesosv1.Limit{"mem": {Value: math.MaxFloat64}} }), ""},
		{"neither command nor executor", task(func(i *mesosv1.TaskInfo) { i.Command = nil }),
			"Task should have at least one (but not both) of CommandInfo or ExecutorInfo present"},
		{"an executor without a command", task(func(i *mesosv1.TaskInfo) {
			i.Command, i.Executor = nil, &mesosv1.ExecutorInfo{ExecutorID: mesosv1.ExecutorID{Value: "e"}}
		}), "'ExecutorInfo.command' must be set"},
	} {
		_, err := validation.Task(test.task, rules(t))
		got := ""
		if err != nil {
			got = err.Error()
		}
		if got != test.want && !(test.want != "" && strings.HasPrefix(got, test.want)) {
			t.Errorf("%s: %q\nwant %q", test.name, got, test.want)
		}
	}
}

func TestACheckedTaskHasWhatTheFrameworkLeftOut(t *testing.T) {
	t.Parallel()
	checked, err := validation.Task(task(), rules(t))
	if err != nil {
		t.Fatal(err)
	}
	if got := checked.Info.Resources[0].AllocationInfo; got == nil || *got.Role != "dev" {
		t.Errorf("the resources are allocated to %+v, want dev", got)
	}
	if got := checked.Resources.String(); got != "cpus(allocated: dev):1; mem(allocated: dev):32" {
		t.Errorf("resources %s", got)
	}
}

func TestFrameworksAreRefusedInTheWordsOfMesos(t *testing.T) {
	t.Parallel()
	multi := mesosv1.FrameworkInfoCapability{Type: new(mesosv1.FrameworkInfoCapabilityTypeMultiRole)}
	for _, test := range []struct {
		name string
		info mesosv1.FrameworkInfo
		want string
	}{
		{"several roles", mesosv1.FrameworkInfo{Roles: []string{"a", "b"}, Capabilities: []mesosv1.FrameworkInfoCapability{multi}}, ""},
		{"a role twice", mesosv1.FrameworkInfo{Roles: []string{"a", "a"}, Capabilities: []mesosv1.FrameworkInfoCapability{multi}},
			"'FrameworkInfo.roles' contains duplicate items: { a }"},
		{"roles without the capability", mesosv1.FrameworkInfo{Roles: []string{"a"}},
			"'FrameworkInfo.roles' must not be set when the framework is not MULTI_ROLE capable"},
		{"the old member with the capability", mesosv1.FrameworkInfo{Role: new("a"), Capabilities: []mesosv1.FrameworkInfoCapability{multi}},
			"'FrameworkInfo.role' must not be set when the framework is MULTI_ROLE capable"},
		{"a foreign role", mesosv1.FrameworkInfo{Role: new("other")}, "Roles { other } are not present in the master's --roles"},
		{"root", mesosv1.FrameworkInfo{User: "root"}, "User 'root' is not allowed to run frameworks without --root_submissions set"},
		{"an endless timeout", mesosv1.FrameworkInfo{FailoverTimeout: new(1e30)}, "The framework failover_timeout (1e+30) is invalid"},
		{"an id that could leave a directory", mesosv1.FrameworkInfo{ID: &mesosv1.FrameworkID{Value: ".."}}, "'..' is disallowed"},
	} {
		err := validation.FrameworkInfo(&test.info, validation.FrameworkRules{RefuseRoot: true, Roles: []string{"a", "b"}})
		got := ""
		if err != nil {
			got = err.Error()
		}
		if got != test.want {
			t.Errorf("%s: %q\nwant %q", test.name, got, test.want)
		}
	}
}

func TestFailoverTimeoutsAreDurations(t *testing.T) {
	t.Parallel()
	for s, want := range map[float64]time.Duration{-1: 0, 0: 0, 0.5: 500 * time.Millisecond, 1e12: math.MaxInt64} {
		if got := validation.FailoverTimeout(s); got != want {
			t.Errorf("%v s: %v, want %v", s, got, want)
		}
	}
}

func TestOfferConstraintsSelectAgents(t *testing.T) {
	t.Parallel()
	constraint := func(attribute string, p mesosv1.AttributeConstraintPredicate) *mesosv1.OfferConstraints {
		return &mesosv1.OfferConstraints{RoleConstraints: map[string]mesosv1.OfferConstraintsRoleConstraints{"dev": {
			Groups: []mesosv1.OfferConstraintsRoleConstraintsGroup{{AttributeConstraints: []mesosv1.AttributeConstraint{{
				Selector:  mesosv1.AttributeConstraintSelector{AttributeName: &attribute},
				Predicate: p,
			}}}},
		}}}
	}
	attributes, err := resources.ParseAttributes("rack:r1;level:10")
	if err != nil {
		t.Fatal(err)
	}
	agent := validation.ConstraintTarget{Hostname: "h", Attributes: attributes}
	matches := func(regex string) mesosv1.AttributeConstraintPredicate {
		return mesosv1.AttributeConstraintPredicate{TextMatches: &mesosv1.AttributeConstraintPredicateTextMatches{Regex: regex}}
	}
	for _, test := range []struct {
		name      string
		attribute string
		predicate mesosv1.AttributeConstraintPredicate
		want      bool
	}{
		{"the whole text matches", "rack", matches("r[0-9]"), true},
		{"a part is not enough", "rack", matches("r"), false},
		{"an absent attribute does not match", "zone", matches(".*"), false},
		{"a number passes every test of text", "level", matches("x"), true},
		{"an absent attribute does not exist", "zone", mesosv1.AttributeConstraintPredicate{NotExists: &mesosv1.AttributeConstraintPredicateNotExists{}}, true},
	} {
		compiled, err := validation.Subscription([]string{"dev"}, nil, constraint(test.attribute, test.predicate), validation.DefaultRegexProgram)
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		if got := compiled.Match("dev", agent); got != test.want {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
		if !compiled.Match("other", agent) {
			t.Errorf("%s: a role without constraints is constrained", test.name)
		}
	}
	for regex, want := range map[string]string{
		"(":       "missing ): (",
		"a{1000}": "pattern too large - compile failed",
	} {
		_, err := validation.Subscription([]string{"dev"}, nil, constraint("rack", matches(regex)), validation.DefaultRegexProgram)
		if err == nil || !strings.HasSuffix(err.Error(), "': "+want) {
			t.Errorf("%s: %v, want it to end with %q", regex, err, want)
		}
	}
}
