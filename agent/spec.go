package agent

import (
	"fmt"
	"maps"
	"math"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/meseta/meseta/agent/containerizer"
	"github.com/meseta/meseta/gen/mesosv1"
	"github.com/meseta/meseta/internal/durfmt"
	"github.com/meseta/meseta/internal/mesosid"
	"github.com/meseta/meseta/internal/resources"
)

const (
	// commandCPUs and commandMemory, in MiB, are what a command task has on
	// top of its own resources for the process that watches over it. The
	// framework is not charged for them.
	commandCPUs   = 0.1
	commandMemory = 32

	// defaultPath is the PATH of tasks; that of the agent is not inherited.
	defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

	// subscriptionBackoffMax bounds how long an executor waits before it
	// returns to an agent that has restarted.
	subscriptionBackoffMax = 2 * time.Second
)

// spec says how to run a command task.
func (act *actor) spec(f *framework, info *mesosv1.TaskInfo, container mesosid.ContainerID) containerizer.Spec {
	executor := mesosid.ExecutorID(info.TaskID.Value)
	spec := containerizer.Spec{
		ID:          container,
		AgentID:     act.id,
		FrameworkID: f.id,
		ExecutorID:  executor,
		TaskID:      mesosid.TaskID(info.TaskID.Value),
		Name:        info.Name,
		Sandbox:     act.agent.layout.Run(act.id, f.id, executor, container),
		User:        act.userOf(f, info.Command),
		Command:     *info.Command,
		Container:   info.Container,
		Limits:      limits(info),
	}
	spec.Environment = act.environment(f, info, &spec)
	return spec
}

// userOf is who runs a command; empty means the agent's own user.
func (act *actor) userOf(f *framework, command *mesosv1.CommandInfo) string {
	switch {
	case !act.opts.SwitchUser:
		return ""
	case command != nil && command.User != nil && *command.User != "":
		return *command.User
	case f.info != nil:
		return f.info.User
	}
	return ""
}

// limits bound the container of a command task. A container without an image
// also holds the process that watches over it, which is why it gets more.
func limits(info *mesosv1.TaskInfo) containerizer.Limits {
	const megabyte = 1 << 20
	cpus, memory := scalar(info.Resources, "cpus"), scalar(info.Resources, "mem")
	overheadCPUs, overheadMemory := commandCPUs, float64(commandMemory)
	if wantsDocker(info.Container) {
		overheadCPUs, overheadMemory = 0, 0
	}
	l := containerizer.Limits{CPUs: cpus + overheadCPUs}
	if memory > 0 {
		l.MemoryBytes = int64((memory + overheadMemory) * megabyte)
	}
	if limit, ok := info.Limits["cpus"]; ok && !math.IsInf(float64(limit.Value), 1) {
		l.MaxCPUs = float64(limit.Value) + overheadCPUs
	}
	if limit, ok := info.Limits["mem"]; ok {
		l.MaxMemoryBytes = -1
		if !math.IsInf(float64(limit.Value), 1) {
			l.MaxMemoryBytes = int64((float64(limit.Value) + overheadMemory) * megabyte)
		}
	}
	return l
}

// scalar sums the resources of one name.
func scalar(list []mesosv1.Resource, name string) float64 {
	total := 0.0
	for i := range list {
		if r := &list[i]; r.Name == name && r.Scalar != nil {
			total += r.Scalar.Value
		}
	}
	return total
}

// environment is what the agent tells a command task, as KEY=value. The
// variables that describe the agent's own network are left out of containers
// with an image, which have their own, as is PATH.
func (act *actor) environment(f *framework, info *mesosv1.TaskInfo, spec *containerizer.Spec) []string {
	env := map[string]string{}
	sandbox := spec.Sandbox
	if wantsDocker(info.Container) {
		sandbox = act.opts.SandboxDirectory
	} else {
		env["PATH"] = defaultPath
		env["LIBPROCESS_IP"] = act.opts.IP
		env["LIBPROCESS_PORT"] = "0"
	}
	maps.Copy(env, act.opts.ExecutorEnvironment)
	endpoint := net.JoinHostPort(act.opts.IP, strconv.Itoa(act.opts.Port))
	maps.Copy(env, map[string]string{
		"MESOS_FRAMEWORK_ID":                   string(f.id),
		"MESOS_EXECUTOR_ID":                    string(spec.ExecutorID),
		"MESOS_SLAVE_ID":                       string(act.id),
		"MESOS_SLAVE_PID":                      "slave(1)@" + endpoint,
		"MESOS_AGENT_ENDPOINT":                 endpoint,
		"MESOS_DIRECTORY":                      spec.Sandbox,
		"MESOS_SANDBOX":                        sandbox,
		"MESOS_HTTP_COMMAND_EXECUTOR":          "0",
		"MESOS_CHECKPOINT":                     "0",
		"MESOS_EXECUTOR_SHUTDOWN_GRACE_PERIOD": durfmt.Format(act.shutdownGrace(info)),
	})
	if f.checkpoints() {
		env["MESOS_CHECKPOINT"] = "1"
		env["MESOS_RECOVERY_TIMEOUT"] = durfmt.Format(act.opts.RecoveryTimeout)
		env["MESOS_SUBSCRIPTION_BACKOFF_MAX"] = durfmt.Format(subscriptionBackoffMax)
	}
	if role := resources.AllocationRole(info.Resources); role != "" {
		env["MESOS_ALLOCATION_ROLE"] = role
	}
	list := make([]string, 0, len(env))
	for _, key := range slices.Sorted(maps.Keys(env)) {
		list = append(list, key+"="+env[key])
	}
	return list
}

// shutdownMargin is what the executor of a command task has beyond the kill
// grace of its task: one second to notice, one to report.
const shutdownMargin = 2 * time.Second

func (act *actor) shutdownGrace(info *mesosv1.TaskInfo) time.Duration {
	if p := info.KillPolicy; p != nil && p.GracePeriod != nil {
		return time.Duration(p.GracePeriod.Nanoseconds) + shutdownMargin
	}
	return act.opts.ExecutorShutdownGracePeriod
}

// checkpoints reports whether the tasks of a framework outlive the agent.
func (f *framework) checkpoints() bool {
	return f.info != nil && f.info.Checkpoint != nil && *f.info.Checkpoint
}

// commandExecutor is the executor that the agent makes up for a command task.
func commandExecutor(f *framework, info *mesosv1.TaskInfo) mesosv1.ExecutorInfo {
	id := info.TaskID.Value
	resource := func(name string, value float64) mesosv1.Resource {
		r := mesosv1.Resource{Name: name, Type: mesosv1.ValueTypeScalar, Scalar: &mesosv1.ValueScalar{Value: value}}
		if role := resources.AllocationRole(info.Resources); role != "" {
			r.AllocationInfo = &mesosv1.ResourceAllocationInfo{Role: &role}
		}
		return r
	}
	return mesosv1.ExecutorInfo{
		ExecutorID:  mesosv1.ExecutorID{Value: id},
		FrameworkID: &mesosv1.FrameworkID{Value: string(f.id)},
		Command:     info.Command,
		Container:   info.Container,
		Resources:   []mesosv1.Resource{resource("cpus", commandCPUs), resource("mem", commandMemory)},
		Name:        new(fmt.Sprintf("Command Executor (Task: %s) (Command: %s)", id, describeCommand(info.Command))),
		Source:      &id,
		Discovery:   info.Discovery,
		Labels:      info.Labels,
	}
}

// longestShown is how much of a command the name of its executor shows.
const longestShown = 15

func describeCommand(c *mesosv1.CommandInfo) string {
	shell := c.Shell == nil || *c.Shell
	switch {
	case c.Value == nil && shell:
		return "NO COMMAND"
	case c.Value == nil:
		return "NO EXECUTABLE"
	case shell:
		return "sh -c '" + shorten(*c.Value) + "'"
	default:
		return shorten(strings.Join(append([]string{*c.Value}, c.Arguments...), " "))
	}
}

func shorten(text string) string {
	if runes := []rune(text); len(runes) > longestShown {
		return string(runes[:longestShown-3]) + "..."
	}
	return text
}
