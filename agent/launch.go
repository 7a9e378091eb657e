package agent

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/meseta/meseta/agent/checkpoint"
	"github.com/meseta/meseta/agent/containerizer"
	"github.com/meseta/meseta/agent/sandbox"
	"github.com/meseta/meseta/agent/statusupdate"
	"github.com/meseta/meseta/agent/task"
	"github.com/meseta/meseta/gen/mesosv1"
	"github.com/meseta/meseta/gen/nodev1"
	"github.com/meseta/meseta/internal/mesosid"
)

// runTasks takes tasks from the master, in order.
func (act *actor) runTasks(e *nodev1.RunTasks) {
	if e.FrameworkInfo.ID == nil {
		act.log.Warn("tasks without the id of their framework are ignored", "tasks", len(e.Tasks))
		return
	}
	id := mesosid.FrameworkID(e.FrameworkInfo.ID.Value)
	if f := act.frameworks[id]; act.stopping || f != nil && f.terminating {
		act.log.Info("tasks of a framework that is being shut down are ignored", "framework", id, "tasks", len(e.Tasks))
		return
	}
	act.storeIdentity()
	f := act.framework(id, &e.FrameworkInfo)
	for i := range e.Tasks {
		act.runTask(f, &e.Tasks[i], e)
	}
	act.tidy(f)
}

func (act *actor) runTask(f *framework, info *mesosv1.TaskInfo, e *nodev1.RunTasks) {
	id := mesosid.TaskID(info.TaskID.Value)
	if _, t := f.task(id); t != nil && !t.acknowledged {
		act.log.Warn("a task that is here already is ignored", "framework", f.id, "task", id)
		return
	}
	if r := act.refusal(f, info, e); r != nil {
		act.log.Info("task refused", "framework", f.id, "task", id, "state", r.State, "reason", r.Reason, "message", r.Message)
		act.refuse(f, id, *r)
		return
	}
	act.launch(f, info)
}

// refused is the terminal update of a task that is not launched.
type refused struct {
	task.Update
	executor mesosid.ExecutorID // or empty
}

// refusal is the first rule that a task breaks, nil when there is none.
func (act *actor) refusal(f *framework, info *mesosv1.TaskInfo, e *nodev1.RunTasks) *refused {
	refuse := func(state mesosv1.TaskState, reason mesosv1.TaskStatusReason, format string, args ...any) *refused {
		return &refused{Update: task.Update{
			State: state, Source: mesosv1.SourceAgent, Reason: reason, Message: fmt.Sprintf(format, args...),
		}}
	}
	if act.drain != nil {
		return refuse(lost(f), mesosv1.ReasonAgentDraining, "The agent is draining and takes no tasks")
	}
	if what := unsupported(info, e); what != "" {
		reason := mesosv1.ReasonTaskInvalid
		if e.Group != nil && *e.Group {
			reason = mesosv1.ReasonTaskGroupInvalid
		}
		return refuse(mesosv1.TaskError, reason, "This agent does not support %s yet", what)
	}
	if len(info.Command.Uris) > 0 {
		r := refuse(mesosv1.TaskFailed, mesosv1.ReasonContainerLaunchFailed, "Failed to launch container: this agent does not support fetching URIs yet")
		r.executor = mesosid.ExecutorID(info.TaskID.Value)
		return r
	}
	if !wantsDocker(info.Container) {
		if _, ok := info.Limits["cpus"]; ok && !act.opts.CPULimits {
			return refuse(lost(f), mesosv1.ReasonGcError, "CPU limits can only be set on tasks launched in Mesos containers when the agent has loaded the 'cgroups/cpu' isolator")
		}
		if _, ok := info.Limits["mem"]; ok && !act.opts.MemoryLimits {
			return refuse(lost(f), mesosv1.ReasonGcError, "Memory limits can only be set on tasks launched in Mesos containers when the agent has loaded the 'cgroups/mem' isolator")
		}
	}
	if id := mesosid.ExecutorID(info.TaskID.Value); f.executors[id] != nil {
		r := refuse(lost(f), mesosv1.ReasonTaskInvalid, "Cannot reuse an already existing executor for a command task")
		r.executor = id
		return r
	}
	if c, name := act.containerizerFor(info.Container); c == nil {
		r := refuse(mesosv1.TaskFailed, mesosv1.ReasonExecutorTerminated, "The agent has no %s containerizer, which this task needs", name)
		r.executor = mesosid.ExecutorID(info.TaskID.Value)
		return r
	}
	return nil
}

// unsupported names what a task asks for and this agent cannot do.
func unsupported(info *mesosv1.TaskInfo, e *nodev1.RunTasks) string {
	switch {
	case e.Group != nil && *e.Group:
		return "task groups"
	case info.Executor != nil || e.ExecutorInfo != nil:
		return "tasks with an executor of their own"
	case info.Command == nil:
		return "tasks without a command"
	case info.HealthCheck != nil:
		return "health checks"
	case info.Check != nil:
		return "checks"
	}
	return ""
}

// refuse reports a task that has no executor.
func (act *actor) refuse(f *framework, id mesosid.TaskID, r refused) {
	status := act.newStatus(id, r.executor, r.Update, nil)
	act.store(f, status, func(error) {
		act.enqueue(statusupdate.Key{Framework: f.id, Task: id}, status)
	})
}

// launch records a command task and starts it.
func (act *actor) launch(f *framework, info *mesosv1.TaskInfo) {
	container := mesosid.ContainerID(uuid.NewString())
	launch := &checkpoint.Launch{
		FrameworkID: f.id,
		Executor:    commandExecutor(f, info),
		Command:     true,
		Spec:        act.spec(f, info, container),
		Tasks:       []mesosv1.TaskInfo{*info},
	}
	_, launch.Containerizer = act.containerizerFor(info.Container)
	e := act.addExecutor(f, launch)
	e.runner = task.NewRunner(act.runnerOptions(e, info, nil))
	act.agent.gc.Keep(launch.Spec.Sandbox)
	act.journal.Append(checkpoint.Record{Launch: launch}, false, func(err error) {
		if err == nil {
			act.start(e)
			return
		}
		act.log.Error("task is not launched, since it cannot be checkpointed", "framework", f.id, "task", info.TaskID.Value, "err", err)
		act.taskUpdate(e, task.Update{
			State: mesosv1.TaskFailed, Source: mesosv1.SourceAgent,
			Reason:  mesosv1.ReasonContainerLaunchFailed,
			Message: "Failed to launch container: the task cannot be checkpointed: " + err.Error(),
		})
		act.gone(e)
	})
}

// addExecutor enters an executor with its tasks into the table.
func (act *actor) addExecutor(f *framework, launch *checkpoint.Launch) *executor {
	e := &executor{
		framework: f,
		launch:    launch,
		id:        mesosid.ExecutorID(launch.Executor.ExecutorID.Value),
		container: launch.Spec.ID,
		tasks:     map[mesosid.TaskID]*taskRecord{},
	}
	for i := range launch.Tasks {
		info := &launch.Tasks[i]
		id := mesosid.TaskID(info.TaskID.Value)
		f.tasks[id] = e
		e.tasks[id] = &taskRecord{
			info: info, reported: mesosv1.TaskStaging, record: act.taskOf(f, e, info),
		}
	}
	f.executors[e.id] = e
	act.changed()
	return e
}

// start lets the runner of an executor loose.
func (act *actor) start(e *executor) {
	act.runners.Go(func() {
		if e.runner.Run(act.ctx) {
			act.agent.post(func(act *actor) { act.gone(e) })
		}
	})
}

func (act *actor) runnerOptions(e *executor, info *mesosv1.TaskInfo, recovered *task.Recovered) task.Options {
	spec := e.launch.Spec
	c, _ := act.containerizerFor(info.Container)
	options := task.Options{
		Config: task.Config{
			KillGrace:        act.killGrace(info),
			Subject:          "Command",
			MemoryLimitBytes: spec.Limits.MemoryBytes,
		},
		Spec:          spec,
		Containerizer: c,
		Recovered:     recovered,
		Setup: func(context.Context) error {
			return sandbox.Create(spec.Sandbox, spec.User)
		},
		Emit: func(ctx context.Context, u task.Update) {
			// Without an actor there is nobody to report to.
			_ = act.agent.do(ctx, func(act *actor) { act.taskUpdate(e, u) })
		},
	}
	options.SignalFailed = act.signalFailed(e)
	if wantsDocker(info.Container) {
		options.Subject = "Container"
	}
	if info.MaxCompletionTime != nil {
		options.MaxCompletion = time.Duration(info.MaxCompletionTime.Nanoseconds)
	}
	if spec.Limits.MaxMemoryBytes > 0 {
		options.MemoryLimitBytes = spec.Limits.MaxMemoryBytes
	}
	return options
}

// commandGrace is the time between SIGTERM and SIGKILL of a command task
// whose kill policy does not say otherwise.
const commandGrace = 3 * time.Second

func (act *actor) killGrace(info *mesosv1.TaskInfo) time.Duration {
	switch p := info.KillPolicy; {
	case p != nil && p.GracePeriod != nil:
		return time.Duration(p.GracePeriod.Nanoseconds)
	case wantsDocker(info.Container):
		return act.opts.DockerStopTimeout
	default:
		return commandGrace
	}
}

// The names of the containerizers in checkpoints and views.
const (
	dockerName  = "docker"
	processName = "process"
)

// containerizerFor is the containerizer for a container and its name, which
// is set even when the agent has none of that name.
func (act *actor) containerizerFor(c *mesosv1.ContainerInfo) (containerizer.Containerizer, string) {
	if wantsDocker(c) {
		return act.opts.Containerizers.Docker, dockerName
	}
	return act.opts.Containerizers.Process, processName
}

// wantsDocker reports whether a container is made from a Docker image.
func wantsDocker(c *mesosv1.ContainerInfo) bool {
	if c == nil {
		return false
	}
	return c.Type == mesosv1.ContainerInfoTypeDocker ||
		c.Mesos != nil && c.Mesos.Image != nil && c.Mesos.Image.Type == mesosv1.ImageTypeDocker
}

// task finds a task among the framework's executors.
func (f *framework) task(id mesosid.TaskID) (*executor, *taskRecord) {
	if e := f.tasks[id]; e != nil {
		return e, e.tasks[id]
	}
	return nil, nil
}

// capable reports whether the framework has told a capability.
func (f *framework) capable(c mesosv1.FrameworkInfoCapabilityType) bool {
	return f.info != nil && slices.ContainsFunc(f.info.Capabilities, func(have mesosv1.FrameworkInfoCapability) bool {
		return have.Type != nil && *have.Type == c
	})
}

// lost is the state of a task that never reached its executor, in the words
// that the framework understands.
func lost(f *framework) mesosv1.TaskState {
	return lostState(f.capable(mesosv1.FrameworkInfoCapabilityTypePartitionAware))
}

func lostState(partitionAware bool) mesosv1.TaskState {
	if partitionAware {
		return mesosv1.TaskDropped
	}
	return mesosv1.TaskLost
}
