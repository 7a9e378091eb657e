package agent

import (
	"maps"
	"slices"
	"time"

	"github.com/meseta/meseta/agent/sandbox"
	"github.com/meseta/meseta/gen/mesosv1"
	"github.com/meseta/meseta/internal/mesosid"
	"github.com/meseta/meseta/internal/resources"
	"github.com/meseta/meseta/internal/taskstate"
)

// View is the state of the agent at one moment. It and all that it points to
// must not be changed.
type View struct {
	// ID is empty before the first registration.
	ID   mesosid.AgentID
	Info mesosv1.AgentInfo
	// IP and Port are where the API can be reached, Version that of the API.
	IP      string
	Port    int
	Version string
	Started time.Time
	// Registered says that a session with a master exists; MasterID is that
	// of the last one.
	Registered bool
	MasterID   string
	// MasterHost is the host name or address of that master.
	MasterHost string
	// Capabilities are what the agent understands.
	Capabilities []string
	// Drain is nil unless the agent is draining.
	Drain        *mesosv1.DrainConfig
	DrainStarted time.Time

	Frameworks          []FrameworkView
	CompletedFrameworks []FrameworkView
	Counters            Counters
}

// FrameworkView is a framework with its executors.
type FrameworkView struct {
	Info               *mesosv1.FrameworkInfo
	Executors          []ExecutorView
	CompletedExecutors []ExecutorView
}

// ExecutorView is an executor with its tasks.
type ExecutorView struct {
	Info        *mesosv1.ExecutorInfo
	ContainerID mesosid.ContainerID
	// Directory is the sandbox, VirtualPath another name of the newest one.
	Directory   string
	VirtualPath string
	// Containerizer names the one that runs the container.
	Containerizer string
	// Command says that the agent made the executor up for a command task.
	Command bool
	// Live says that the container has not been removed.
	Live bool
	// Status is nil before the container is prepared.
	Status *mesosv1.ContainerStatus

	// Queued tasks wait for their container, launched ones have not ended,
	// terminated ones await the acknowledgement of that, completed ones are
	// history.
	Queued, Launched, Terminated, Completed []*mesosv1.Task
}

// Counters are numbers since the start of the agent.
type Counters struct {
	// Terminal counts the terminal updates of launched tasks by their state.
	Terminal                 map[mesosv1.TaskState]int64
	ExecutorsTerminated      int64
	ValidStatusUpdates       int64
	InvalidAcknowledgements  int64
	InvalidFrameworkMessages int64
	ContainerLaunchErrors    int64
	RecoverySeconds          float64
}

// snapshot returns the view of the present moment. It is made when somebody
// asks and something has changed since.
func (act *actor) snapshot() *View {
	if act.view != nil {
		return act.view
	}
	v := &View{
		ID: act.id, Info: act.opts.info(), IP: act.opts.IP, Port: act.opts.Port,
		Version: act.opts.Version, Started: act.agent.started,
		Registered: act.session != "", MasterID: act.masterID, MasterHost: act.masterHost,
		Drain: act.drain, DrainStarted: act.drainStarted,
		Counters: act.counters,
	}
	v.Counters.Terminal = maps.Clone(act.counters.Terminal)
	for _, c := range capabilities() {
		v.Capabilities = append(v.Capabilities, string(*c.Type))
	}
	if act.id != "" {
		v.Info.ID = &mesosv1.AgentID{Value: string(act.id)}
	}
	for _, id := range slices.Sorted(maps.Keys(act.frameworks)) {
		if f := act.frameworks[id]; f.info != nil {
			v.Frameworks = append(v.Frameworks, f.view())
		}
	}
	for _, f := range act.completed {
		v.CompletedFrameworks = append(v.CompletedFrameworks, f.view())
	}
	act.view = v
	return v
}

func (f *framework) view() FrameworkView {
	v := FrameworkView{Info: f.info}
	for _, id := range slices.Sorted(maps.Keys(f.executors)) {
		v.Executors = append(v.Executors, f.executors[id].view())
	}
	for _, e := range f.history {
		v.CompletedExecutors = append(v.CompletedExecutors, e.view())
	}
	return v
}

// view is made once of a completed executor and anew of all others.
func (e *executor) view() ExecutorView {
	if e.final != nil {
		return *e.final
	}
	v := ExecutorView{
		Info: &e.launch.Executor, ContainerID: e.container, Directory: e.launch.Spec.Sandbox,
		VirtualPath:   sandbox.VirtualPath(e.framework.id, e.id),
		Containerizer: e.launch.Containerizer, Command: e.launch.Command,
		Live: e.state == executorActive, Status: e.status,
	}
	for _, id := range slices.Sorted(maps.Keys(e.tasks)) {
		t := e.tasks[id]
		switch {
		case t.acknowledged || e.state == executorCompleted:
			v.Completed = append(v.Completed, t.record)
		case taskstate.Terminal(t.record.State):
			v.Terminated = append(v.Terminated, t.record)
		case t.record.State == mesosv1.TaskStaging:
			v.Queued = append(v.Queued, t.record)
		default:
			v.Launched = append(v.Launched, t.record)
		}
	}
	if e.state == executorCompleted {
		final := v
		e.final = &final
	}
	return v
}

// Used are the resources of the executor and of its tasks that have not ended.
// Resources that cannot be read count as none; the master has checked them.
func (e *ExecutorView) Used() resources.Resources {
	var sum resources.Builder
	add := func(list []mesosv1.Resource) {
		if rs, err := resources.FromV1(list); err == nil {
			sum.Add(rs)
		}
	}
	add(e.Info.Resources)
	for _, list := range [][]*mesosv1.Task{e.Queued, e.Launched} {
		for _, t := range list {
			add(t.Resources)
		}
	}
	return sum.Resources()
}

// Totals are the agent's resources and what its executors use of them.
func (v *View) Totals() (total, used resources.Resources) {
	total, err := resources.FromV1(v.Info.Resources)
	if err != nil {
		total = resources.Resources{} // they were checked at the start
	}
	var sum resources.Builder
	for _, f := range v.Frameworks {
		for i := range f.Executors {
			if e := &f.Executors[i]; e.Live {
				sum.Add(e.Used())
			}
		}
	}
	return total, sum.Resources()
}
