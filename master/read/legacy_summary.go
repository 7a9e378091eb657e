package read

import (
	"slices"

	"github.com/meseta/meseta/gen/mesosv1"
	"github.com/meseta/meseta/gen/operatorv1"
	"github.com/meseta/meseta/internal/mesosid"
	"github.com/meseta/meseta/master"
)

// writeSummary writes what /state-summary answers.
func (r *Reader) writeSummary(o *object, v *master.View) {
	tally := countTasks(v)
	o.set("hostname", r.source.Info().Hostname)
	if name := r.flag("cluster"); name != "" {
		o.set("cluster", name)
	}
	list(o, "slaves", v.Agents, func(o *object, a *master.AgentRecord) {
		t := tally.agents[a.ID]
		o.element(func() {
			o.inner(r.fragments.agent(a))
			o.members(t.counts())
			o.set("framework_ids", t.others())
		})
	})
	list(o, "frameworks", v.Frameworks, func(o *object, f *master.FrameworkRecord) {
		t := tally.frameworks[f.ID]
		o.element(func() {
			o.members(legacyFrameworkBrief(f))
			o.members(t.counts())
			o.set("slave_ids", t.others())
		})
	})
}

// taskTally counts tasks by agent and by framework.
type taskTally struct {
	agents     map[mesosid.AgentID]*tally
	frameworks map[mesosid.FrameworkID]*tally
}

// tally counts the tasks on one side and remembers who is on the other side.
// A nil one has counted nothing.
type tally struct {
	states map[mesosv1.TaskState]int64
	other  map[string]struct{}
}

// countTasks counts the live, unreachable and ended tasks of the frameworks
// that are registered.
func countTasks(v *master.View) taskTally {
	t := taskTally{map[mesosid.AgentID]*tally{}, map[mesosid.FrameworkID]*tally{}}
	for _, f := range v.Frameworks {
		for _, tasks := range [][]*mesosv1.Task{f.Tasks, f.Unreachable, f.Finished} {
			for _, task := range tasks {
				count(t.agents, mesosid.AgentID(task.AgentID.Value), task.State, string(f.ID))
				count(t.frameworks, f.ID, task.State, task.AgentID.Value)
			}
		}
	}
	return t
}

func count[ID ~string](by map[ID]*tally, id ID, state mesosv1.TaskState, other string) {
	t := by[id]
	if t == nil {
		t = &tally{map[mesosv1.TaskState]int64{}, map[string]struct{}{}}
		by[id] = t
	}
	t.states[state]++
	t.other[other] = struct{}{}
}

func (t *tally) counts() operatorv1.LegacyTaskCounts {
	if t == nil {
		return operatorv1.LegacyTaskCounts{}
	}
	return operatorv1.LegacyTaskCounts{
		TASKSTAGING:     t.states[mesosv1.TaskStaging],
		TASKSTARTING:    t.states[mesosv1.TaskStarting],
		TASKRUNNING:     t.states[mesosv1.TaskRunning],
		TASKKILLING:     t.states[mesosv1.TaskKilling],
		TASKFINISHED:    t.states[mesosv1.TaskFinished],
		TASKKILLED:      t.states[mesosv1.TaskKilled],
		TASKFAILED:      t.states[mesosv1.TaskFailed],
		TASKLOST:        t.states[mesosv1.TaskLost],
		TASKERROR:       t.states[mesosv1.TaskError],
		TASKUNREACHABLE: t.states[mesosv1.TaskUnreachable],
	}
}

// others lists those on the other side in order; it is never nil.
func (t *tally) others() []string {
	out := []string{}
	if t == nil {
		return out
	}
	for id := range t.other {
		out = append(out, id)
	}
	slices.Sort(out)
	return out
}
