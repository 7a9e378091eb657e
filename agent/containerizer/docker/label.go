package docker

import (
	"strconv"
	"strings"

	"github.com/meseta/meseta/agent/containerizer"
	"github.com/meseta/meseta/internal/mesosid"
)

// Labels on every container, for people who look at the engine and for
// Recover.
const (
	labelPrefix      = "meseta."
	labelContainerID = labelPrefix + "container_id"
	labelWorkDir     = labelPrefix + "work_dir"
	labelAgentID     = labelPrefix + "agent_id"
	labelFrameworkID = labelPrefix + "framework_id"
	labelExecutorID  = labelPrefix + "executor_id"
	labelTaskID      = labelPrefix + "task_id"
	labelTaskName    = labelPrefix + "task_name"
	// The lengths that stdout and stderr had in the sandbox before the
	// container wrote to them: where its own output begins.
	labelStdoutStart = labelPrefix + "stdout_start"
	labelStderrStart = labelPrefix + "stderr_start"
	// labelMesosTask is the label by which Mesos's own users find a task's
	// container.
	labelMesosTask = "MESOS_TASK_ID"
)

// labels names whom the container runs for.
func (c *Containerizer) labels(spec containerizer.Spec) map[string]string {
	labels := map[string]string{
		labelContainerID: string(spec.ID),
		labelWorkDir:     c.opts.WorkDir,
		labelAgentID:     string(spec.AgentID),
		labelFrameworkID: string(spec.FrameworkID),
		labelExecutorID:  string(spec.ExecutorID),
		labelStdoutStart: strconv.FormatInt(sizeOf(spec.Sandbox, stdoutFile), 10),
		labelStderrStart: strconv.FormatInt(sizeOf(spec.Sandbox, stderrFile), 10),
	}
	if spec.TaskID != "" {
		labels[labelTaskID] = string(spec.TaskID)
		labels[labelMesosTask] = string(spec.TaskID)
	}
	if spec.Name != "" {
		labels[labelTaskName] = spec.Name
	}
	return labels
}

// startsOf reads where the output of a container begins in the sandbox.
func startsOf(labels map[string]string) (starts [2]int64) {
	for i, label := range [2]string{labelStdoutStart, labelStderrStart} {
		starts[i], _ = strconv.ParseInt(labels[label], 10, 64)
	}
	return starts
}

// ours says whether labels are those of the container id of this work
// directory.
func (c *Containerizer) ours(labels map[string]string, id mesosid.ContainerID) bool {
	return labels[labelWorkDir] == c.opts.WorkDir && labels[labelContainerID] == string(id)
}

// reserved says whether a label is one of those above, which a task may not
// set.
func reserved(label string) bool {
	return strings.HasPrefix(label, labelPrefix) || label == labelMesosTask
}

// containerName is how the engine calls the container, as Mesos does.
func containerName(id mesosid.ContainerID) string { return "mesos-" + string(id) }
