package agent

import (
	"errors"
	"net"
	"slices"
	"syscall"
	"time"

	"github.com/google/uuid"

	"github.com/meseta/meseta/agent/checkpoint"
	"github.com/meseta/meseta/agent/containerizer"
	"github.com/meseta/meseta/agent/session"
	"github.com/meseta/meseta/agent/statusupdate"
	"github.com/meseta/meseta/agent/task"
	"github.com/meseta/meseta/gen/mesosv1"
	"github.com/meseta/meseta/gen/nodev1"
	"github.com/meseta/meseta/internal/mesosid"
	"github.com/meseta/meseta/internal/taskstate"
)

// taskUpdate takes an update from the runner of a command task: it gets its
// identity, is stored, and then goes on its way to the scheduler.
func (act *actor) taskUpdate(e *executor, u task.Update) {
	f := e.framework
	if f.terminating {
		return
	}
	for id, t := range e.tasks {
		if taskstate.Terminal(t.reported) || u.State == mesosv1.TaskKilling && !act.wantsKilling(f, t) {
			continue
		}
		if t.reported == mesosv1.TaskKilling && !taskstate.Terminal(u.State) {
			continue // a container that was being launched when its kill came, after a restart
		}
		t.reported = u.State
		status := act.newStatus(id, e.id, u, e)
		act.count(u)
		act.store(f, status, func(err error) {
			t.record = withStatus(t.record, status)
			e.final = nil // the disk may be slower than the end of the executor
			act.changed()
			act.enqueue(statusupdate.Key{Framework: f.id, Task: id}, status)
			if err == nil && taskstate.Terminal(status.State) {
				e.runner.Release()
			}
		})
	}
}

// count keeps the numbers of terminal updates.
func (act *actor) count(u task.Update) {
	if !taskstate.Terminal(u.State) {
		return
	}
	act.counters.Terminal[u.State]++
	if u.Reason == mesosv1.ReasonContainerLaunchFailed {
		act.counters.ContainerLaunchErrors++
	}
}

// wantsKilling reports whether TASK_KILLING is to be sent: only to frameworks
// that know it, and only once.
func (act *actor) wantsKilling(f *framework, t *taskRecord) bool {
	return t.reported != mesosv1.TaskKilling && f.capable(mesosv1.FrameworkInfoCapabilityTypeTaskKillingState)
}

// newStatus gives an update its identity. The executor may be nil.
func (act *actor) newStatus(id mesosid.TaskID, executor mesosid.ExecutorID, u task.Update, e *executor) *mesosv1.TaskStatus {
	status := &mesosv1.TaskStatus{
		TaskID:    mesosv1.TaskID{Value: string(id)},
		State:     u.State,
		Source:    &u.Source,
		Data:      u.Data,
		AgentID:   &mesosv1.AgentID{Value: string(act.id)},
		Timestamp: new(seconds(time.Now())),
		UUID:      newUUID(),
	}
	if executor != "" {
		status.ExecutorID = &mesosv1.ExecutorID{Value: string(executor)}
	}
	if u.Message != "" {
		status.Message = &u.Message
	}
	if u.Reason != "" {
		status.Reason = &u.Reason
	}
	if u.LimitBytes > 0 {
		status.Limitation = &mesosv1.TaskResourceLimitation{Resources: []mesosv1.Resource{{
			Name: "mem", Type: mesosv1.ValueTypeScalar, Role: new("*"),
			Scalar: &mesosv1.ValueScalar{Value: float64(u.LimitBytes) / (1 << 20)},
		}}}
	}
	if e != nil && u.Status != nil {
		e.status = act.containerStatus(e, *u.Status)
		status.ContainerStatus = e.status
	}
	return status
}

func newUUID() []byte {
	id := uuid.New()
	return id[:]
}

func seconds(t time.Time) float64 { return float64(t.UnixMicro()) / 1e6 }

// containerStatus tells schedulers where a container can be found. One that
// shares the network of the host has the agent's address.
func (act *actor) containerStatus(e *executor, s containerizer.Status) *mesosv1.ContainerStatus {
	status := &mesosv1.ContainerStatus{ContainerID: &mesosv1.ContainerID{Value: string(e.container)}}
	addresses := s.IPAddresses
	if len(addresses) == 0 && hostNetwork(e.launch.Spec.Container) {
		addresses = []string{act.opts.IP}
	}
	if len(addresses) > 0 {
		info := mesosv1.NetworkInfo{}
		for _, a := range addresses {
			protocol := mesosv1.NetworkInfoProtocolIpv4
			if ip := net.ParseIP(a); ip != nil && ip.To4() == nil {
				protocol = mesosv1.NetworkInfoProtocolIpv6
			}
			info.IPAddresses = append(info.IPAddresses, mesosv1.NetworkInfoIPAddress{Protocol: &protocol, IPAddress: &a})
		}
		status.NetworkInfos = []mesosv1.NetworkInfo{info}
	}
	if s.PID > 0 {
		status.ExecutorPid = new(uint32(s.PID))
	}
	return status
}

// hostNetwork reports whether a container shares the network of the host.
func hostNetwork(c *mesosv1.ContainerInfo) bool {
	if c == nil || c.Docker == nil {
		return !wantsDocker(c) || len(c.NetworkInfos) == 0
	}
	return c.Docker.Network == nil || *c.Docker.Network == mesosv1.ContainerInfoDockerInfoNetworkHost
}

// store records an update and then calls then with the outcome. An update
// that cannot be stored is delivered all the same, from memory: the scheduler
// must learn of it, and storing it again would fail in the same way.
func (act *actor) store(f *framework, status *mesosv1.TaskStatus, then func(error)) {
	r := checkpoint.Record{Update: &checkpoint.Update{FrameworkID: f.id, Status: status}}
	act.journal.Append(r, taskstate.Terminal(status.State), func(err error) {
		if err != nil {
			act.log.Error("status update is not checkpointed; it is lost if the agent ends before its acknowledgement",
				"framework", f.id, "task", status.TaskID.Value, "state", status.State, "err", err)
		}
		if !f.terminating {
			then(err)
		}
	})
}

// enqueue puts a stored update into its stream.
func (act *actor) enqueue(key statusupdate.Key, status *mesosv1.TaskStatus) {
	if d, ok := act.updates.Append(time.Now(), key, status); ok {
		act.deliver(d)
	}
}

// deliver puts an update into the next report.
func (act *actor) deliver(d statusupdate.Delivery) {
	act.report.Updates = append(act.report.Updates, nodev1.StatusUpdate{
		FrameworkID: mesosv1.FrameworkID{Value: string(d.Key.Framework)},
		Status:      *d.Status,
		LatestState: d.Latest,
	})
	if f := act.frameworks[d.Key.Framework]; f != nil {
		if _, t := f.task(d.Key.Task); t != nil {
			record := *t.record
			record.StatusUpdateState, record.StatusUpdateUUID = &d.Status.State, d.Status.UUID
			t.record = &record
			act.changed()
		}
	}
}

// batch is one report on its way.
type batch struct {
	session string
	report  nodev1.Report
}

// sendReport hands over what has come together while the last report was on
// its way.
func (act *actor) sendReport() {
	r := &act.report
	if act.reporting || act.session == "" ||
		len(r.Updates)+len(r.Messages)+len(r.ExitedExecutors)+len(r.OperationUpdates) == 0 {
		return
	}
	b := &batch{session: act.session, report: *r}
	act.report = nodev1.Report{}
	if len(b.report.Updates) > maxReport {
		act.report.Updates = slices.Clone(b.report.Updates[maxReport:])
		b.report.Updates = b.report.Updates[:maxReport]
	}
	act.reporting = true
	act.agent.reports <- b // has room: there is never more than one
}

// reported is the end of a report. Updates of one that has failed are sent
// again by their streams; what has no stream goes into the next report.
func (act *actor) reported(b *batch, err error) {
	act.reporting = false
	if err == nil {
		act.counters.ValidStatusUpdates += int64(len(b.report.Updates))
		return
	}
	if !errors.Is(err, session.ErrOver) {
		act.log.Warn("report to the master has failed", "updates", len(b.report.Updates), "err", err)
	}
	act.report.Messages = append(b.report.Messages, act.report.Messages...)
	act.report.ExitedExecutors = append(b.report.ExitedExecutors, act.report.ExitedExecutors...)
}

// acknowledge takes acknowledgements of schedulers.
func (act *actor) acknowledge(acks []nodev1.Acknowledgement) {
	now := time.Now()
	for _, a := range acks {
		key := statusupdate.Key{
			Framework: mesosid.FrameworkID(a.FrameworkID.Value), Task: mesosid.TaskID(a.TaskID.Value),
		}
		status, next, more, err := act.updates.Acknowledge(now, key, a.UUID)
		if err != nil {
			act.counters.InvalidAcknowledgements++
			act.log.Debug("acknowledgement ignored", "framework", key.Framework, "task", key.Task, "err", err)
			continue
		}
		act.record(checkpoint.Record{Acknowledgment: &checkpoint.Acknowledgment{
			FrameworkID: key.Framework, TaskID: key.Task, UUID: a.UUID,
		}})
		if more {
			act.deliver(next)
		}
		if taskstate.Terminal(status.State) {
			act.acknowledged(key)
		}
	}
}

// acknowledged is the end of a task's story.
func (act *actor) acknowledged(key statusupdate.Key) {
	f := act.frameworks[key.Framework]
	if f == nil {
		return
	}
	if e, t := f.task(key.Task); t != nil {
		t.acknowledged = true
		// Should the update not have been stored, the container is not needed
		// any more either.
		e.runner.Release()
		act.changed()
		act.complete(e)
	}
	act.tidy(f)
}

// taskOf is the record of a task for the master and for readers.
func (act *actor) taskOf(f *framework, e *executor, info *mesosv1.TaskInfo) *mesosv1.Task {
	t := &mesosv1.Task{
		Name:        info.Name,
		TaskID:      info.TaskID,
		FrameworkID: mesosv1.FrameworkID{Value: string(f.id)},
		AgentID:     mesosv1.AgentID{Value: string(act.id)},
		State:       mesosv1.TaskStaging,
		Resources:   info.Resources,
		Labels:      info.Labels,
		Discovery:   info.Discovery,
		Container:   info.Container,
		HealthCheck: info.HealthCheck,
		KillPolicy:  info.KillPolicy,
		Limits:      info.Limits,
	}
	if !e.launch.Command {
		t.ExecutorID = &mesosv1.ExecutorID{Value: string(e.id)}
	}
	if info.Command != nil && info.Command.User != nil {
		t.User = info.Command.User
	}
	return t
}

// withStatus is the record with one more status.
func withStatus(t *mesosv1.Task, status *mesosv1.TaskStatus) *mesosv1.Task {
	record := *t
	record.State = status.State
	record.Statuses = taskstate.Append(t.Statuses, *status)
	return &record
}

func (act *actor) signalFailed(e *executor) func(syscall.Signal, error) {
	return func(s syscall.Signal, err error) {
		act.log.Warn("a container cannot be signalled; trying again",
			"container", e.container, "task", e.id, "signal", s, "err", err)
	}
}
