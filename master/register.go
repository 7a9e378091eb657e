package master

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/google/uuid"

	"github.com/meseta/meseta/gen/mesosv1"
	"github.com/meseta/meseta/gen/nodev1"
	"github.com/meseta/meseta/internal/fault"
	"github.com/meseta/meseta/internal/mesosid"
	"github.com/meseta/meseta/internal/resources"
	"github.com/meseta/meseta/internal/taskstate"
	"github.com/meseta/meseta/master/allocator"
)

// NewSessionID makes the value of a Meseta-Session-Id header.
func NewSessionID() string { return uuid.NewString() }

// Register opens the session of an agent. The subscriber is the stream of the
// session: its first event is REGISTERED, or ERROR or SHUTDOWN, after which it
// is closed. The caller must report the end of the stream with
// SessionEnded. A registration that makes no sense is refused with Invalid.
func (m *Master) Register(ctx context.Context, r *nodev1.Register, subscriber Subscriber, session string) error {
	total, err := resources.FromV1(r.AgentInfo.Resources)
	if err != nil {
		return fault.Wrap(fault.Invalid, fmt.Sprintf("agent %s: its resources are invalid: %v", r.AgentInfo.Hostname, err), err)
	}
	attributes, err := resources.AttributesFromV1(r.AgentInfo.Attributes)
	if err != nil {
		return fault.Wrap(fault.Invalid, fmt.Sprintf("agent %s: its attributes are invalid: %v", r.AgentInfo.Hostname, err), err)
	}
	ip, err := netip.ParseAddr(r.IP)
	if err != nil {
		return fault.Wrap(fault.Invalid, fmt.Sprintf("agent %s: %q is not an IP address", r.AgentInfo.Hostname, r.IP), err)
	}
	if err := m.checkDomain(r.AgentInfo.Hostname, r.AgentInfo.Domain); err != nil {
		return err
	}
	in := incoming{r, total, attributes, netip.AddrPortFrom(ip, uint16(r.Port))}
	return m.openStream(ctx, func(now time.Time) { m.register(in, subscriber, session, now) })
}

// checkDomain refuses an agent whose fault domain could not be compared with
// that of the master, or that has none where one is required.
func (m *Master) checkDomain(hostname string, domain *mesosv1.DomainInfo) error {
	switch {
	case domain != nil && m.opts.Domain == nil:
		return fault.New(fault.Forbidden, fmt.Sprintf("agent %s has a fault domain, but the master has none: start masters with --domain first", hostname))
	case domain == nil && m.opts.RequireAgentDomain:
		return fault.New(fault.Forbidden, fmt.Sprintf("agent %s has no fault domain, which this master requires: start it with --domain", hostname))
	}
	return nil
}

// incoming is a registration whose parts have been read.
type incoming struct {
	*nodev1.Register
	total      resources.Resources
	attributes resources.Attributes
	address    netip.AddrPort
}

func (m *Master) register(in incoming, subscriber Subscriber, session string, now time.Time) {
	if in.AgentID == nil || in.AgentID.Value == "" {
		m.registerNew(in, subscriber, session, now)
		return
	}
	id := mesosid.AgentID(in.AgentID.Value)
	if _, gone := m.gone[id]; gone {
		subscriber.Close(mustEncode(&nodev1.Event{
			Type:     nodev1.EventTypeShutdown,
			Shutdown: &nodev1.Message{Message: "the agent has been marked gone and can never return"},
		}), "agent is gone")
		return
	}
	a := m.agents[id]
	if a == nil {
		m.readmit(id, in, subscriber, session, now)
		return
	}
	if a.info.Hostname != in.AgentInfo.Hostname || a.address.Addr() != in.address.Addr() {
		subscriber.Close(mustEncode(&nodev1.Event{
			Type: nodev1.EventTypeShutdown,
			Shutdown: &nodev1.Message{Message: fmt.Sprintf(
				"the agent is known as %s at %s and cannot come back as %s at %s", a.info.Hostname, a.address.Addr(), in.AgentInfo.Hostname, in.address.Addr())},
		}), "agent changed its address")
		return
	}
	m.reregister(a, in, subscriber, session, now)
}

func (m *Master) registerNew(in incoming, subscriber Subscriber, session string, now time.Time) {
	for _, other := range m.agents {
		if other.address == in.address {
			// The same address has only one agent: whoever was there lost its
			// memory and with it its tasks.
			m.removeAgent(other, "a new agent registered at the same address", now)
			break
		}
	}
	id := mesosid.AgentID(fmt.Sprintf("%s-S%d", m.opts.ID, m.nextAgent))
	m.nextAgent++
	a := newAgent(id)
	a.registered = now
	m.adopt(a, in)
	m.agents[id] = a
	m.open(a, subscriber, session)
	m.metrics.agentRegistered()
	m.announce(a)
	m.log.Info("agent registered", "agent", id, "hostname", a.info.Hostname, "address", a.address, "resources", a.total.String())
}

// readmit takes an agent back that this master does not have in its memory:
// it was unreachable, or another master admitted it.
func (m *Master) readmit(id mesosid.AgentID, in incoming, subscriber Subscriber, session string, now time.Time) {
	_, wasUnreachable := m.unreachable[id]
	delete(m.unreachable, id)
	greeting := "Unknown agent reregistered"
	if wasUnreachable {
		greeting = "Unreachable agent re-reregistered"
	}
	a := newAgent(id)
	a.registered, a.reregistered = now, now
	m.adopt(a, in)
	m.agents[id] = a
	m.open(a, subscriber, session)
	m.recoverFrameworks(a, in, now)
	m.recoverExecutors(a, in)
	for i := range in.Tasks {
		m.recoverTask(a, &in.Tasks[i], greeting, now)
	}
	m.metrics.agentReregistered()
	m.announce(a)
	m.log.Info("agent readmitted", "agent", id, "hostname", a.info.Hostname, "unreachable", wasUnreachable, "tasks", len(in.Tasks))
}

// reregister continues an agent that had been disconnected, or that opens a
// second session before the end of the first has been noticed.
func (m *Master) reregister(a *agent, in incoming, subscriber Subscriber, session string, now time.Time) {
	if a.connected() {
		m.closeSession(a, "the agent opened another session")
	}
	a.reregistered = now
	changed := !a.total.Equal(in.total)
	m.adopt(a, in)
	m.open(a, subscriber, session)
	m.recoverFrameworks(a, in, now)
	reported := map[mesosid.FrameworkID]map[mesosid.TaskID]bool{}
	for i := range in.Tasks {
		fw, id := mesosid.FrameworkID(in.Tasks[i].FrameworkID.Value), mesosid.TaskID(in.Tasks[i].TaskID.Value)
		if reported[fw] == nil {
			reported[fw] = map[mesosid.TaskID]bool{}
		}
		reported[fw][id] = true
		m.rejoinTask(a, &in.Tasks[i], now)
	}
	m.reconcileAgent(a, reported)
	for _, k := range a.kills {
		a.send(nodev1.Event{Type: nodev1.EventTypeKillTask, KillTask: new(k)})
	}
	a.kills = nil
	m.metrics.agentReregistered()
	fact, offerable := a.forAllocator(), a.offerable()
	m.allocation.soon(func(core *allocator.Allocator, _ time.Time) {
		if changed {
			core.UpdateAgent(fact)
		}
		if offerable {
			core.ActivateAgent(fact.ID)
		}
	})
	m.log.Info("agent registered again", "agent", a.id, "hostname", a.info.Hostname, "tasks", len(in.Tasks))
}

// announce tells the allocator of an agent that it does not know.
func (m *Master) announce(a *agent) {
	fact, used, offerable := a.forAllocator(), a.usedByFramework(), a.offerable()
	m.allocation.soon(func(core *allocator.Allocator, _ time.Time) {
		core.AddAgent(fact, used)
		if !offerable {
			core.DeactivateAgent(fact.ID)
		}
	})
}

// adopt takes over what the agent says of itself.
func (m *Master) adopt(a *agent, in incoming) {
	info := in.AgentInfo
	info.ID = &mesosv1.AgentID{Value: string(a.id)}
	a.info = &info
	a.total = in.total
	a.attributes = in.attributes
	a.address = in.address
	a.unlisted = !m.listed(in.AgentInfo.Hostname)
	a.version = in.Version
	a.capabilities = in.Capabilities
	a.record = nil
}

// open makes subscriber the session of the agent and greets it.
func (m *Master) open(a *agent, subscriber Subscriber, session string) {
	a.subscriber = subscriber
	a.session = session
	a.missed = 0
	a.record = nil
	m.sessions[session] = a
	a.send(nodev1.Event{
		Type: nodev1.EventTypeRegistered,
		Registered: &nodev1.Registered{
			AgentID:             mesosv1.AgentID{Value: string(a.id)},
			MasterID:            m.opts.ID,
			PingIntervalSeconds: m.opts.PingInterval.Seconds(),
			PingTimeoutSeconds:  (m.opts.PingInterval * time.Duration(m.opts.MaxMissedPings)).Seconds(),
		},
	})
	m.changed()
}

// recoverFrameworks makes frameworks known that only the agent remembers, and
// tells it which ones are gone or have changed.
func (m *Master) recoverFrameworks(a *agent, in incoming, now time.Time) {
	for i := range in.Frameworks {
		info := in.Frameworks[i]
		if info.ID == nil {
			continue
		}
		id := mesosid.FrameworkID(info.ID.Value)
		if f := m.frameworks[id]; f != nil {
			if f.subscriber != nil {
				a.send(updateFramework(f.info))
			}
			continue
		}
		if m.isCompleted(id) {
			a.send(shutdownFramework(id))
			continue
		}
		m.recoverFramework(id, &info, now)
	}
}

func (m *Master) recoverFramework(id mesosid.FrameworkID, info *mesosv1.FrameworkInfo, now time.Time) {
	f := newFramework(id, now)
	f.recovered = true
	f.setInfo(info, nil, nil, nil)
	m.frameworks[id] = f
	m.metrics.frameworkAdded(f)
	fw := f.forAllocator()
	m.allocation.do(func(core *allocator.Allocator, _ time.Time) { core.AddFramework(fw, false, nil) })
	m.changed()
	m.log.Info("framework recovered from an agent", "framework", id, "name", info.Name)
	f.failover = m.after(f.failoverTimeout(), func(now time.Time) {
		if m.frameworks[id] == f && f.recovered {
			m.log.Info("recovered framework did not return within its failover timeout", "framework", id)
			m.removeFramework(f, now)
		}
	})
}

func (m *Master) recoverExecutors(a *agent, in incoming) {
	for i := range in.Executors {
		e := &in.Executors[i]
		id := mesosid.FrameworkID(e.FrameworkID.Value)
		f := m.frameworks[id]
		if f == nil {
			continue
		}
		rs, err := resources.FromV1(e.ExecutorInfo.Resources)
		if err != nil {
			m.log.Warn("an agent reported an executor with invalid resources", "agent", a.id, "executor", e.ExecutorInfo.ExecutorID.Value, "err", err)
			continue
		}
		a.addExecutor(id, &executor{info: &e.ExecutorInfo, resources: rs})
		f.agents[a.id] = a
		f.record = nil
	}
}

// taskFromAgent makes a task of an agent's report.
func (m *Master) taskFromAgent(f *framework, a *agent, rec *mesosv1.Task) *task {
	rs, err := resources.FromV1(rec.Resources)
	if err != nil {
		m.log.Warn("an agent reported a task with invalid resources", "agent", a.id, "task", rec.TaskID.Value, "err", err)
	}
	t := &task{
		framework: f.id,
		agent:     a,
		id:        mesosid.TaskID(rec.TaskID.Value),
		resources: rs,
		released:  taskstate.Terminal(rec.State),
		record:    rec,
	}
	if rec.ExecutorID != nil {
		t.executor = mesosid.ExecutorID(rec.ExecutorID.Value)
	}
	return t
}

// recoverTask takes over a task of an agent that this master did not know.
// The framework hears of it with the given message, unless that is empty.
func (m *Master) recoverTask(a *agent, rec *mesosv1.Task, message string, now time.Time) {
	f := m.frameworks[mesosid.FrameworkID(rec.FrameworkID.Value)]
	if f == nil || f.tasks[mesosid.TaskID(rec.TaskID.Value)] != nil {
		return
	}
	f.forgetUnreachable(rec.TaskID)
	t := m.taskFromAgent(f, a, rec)
	m.addTask(f, a, t)
	if message == "" {
		return
	}
	status := masterStatus(rec.TaskID, &rec.AgentID, rec.State, mesosv1.ReasonAgentReregistered, message, now)
	copyDetails(&status, rec)
	t.set(status)
	f.send(m, updateEvent(status))
}

// rejoinTask compares a task of an agent that was only disconnected with what
// the master knows.
func (m *Master) rejoinTask(a *agent, rec *mesosv1.Task, now time.Time) {
	f := m.frameworks[mesosid.FrameworkID(rec.FrameworkID.Value)]
	if f == nil {
		return
	}
	t := f.tasks[mesosid.TaskID(rec.TaskID.Value)]
	switch {
	case t != nil && t.agent == a:
		if before := t.record.State; taskstate.Terminal(rec.State) && !taskstate.Terminal(before) {
			next := *t.record
			next.State = rec.State
			t.record = &next
			f.record = nil
			m.release(f, t)
		}
	case t == nil && f.checkpoints():
		m.recoverTask(a, rec, "", now)
	case t == nil && !taskstate.Terminal(rec.State):
		// The task was given up when the agent was disconnected, since its
		// framework does not checkpoint. It must not go on unseen.
		a.send(nodev1.Event{Type: nodev1.EventTypeKillTask, KillTask: &nodev1.KillTask{FrameworkID: rec.FrameworkID, TaskID: rec.TaskID}})
	}
}

// reconcileAgent asks the agent about tasks that it did not report: their
// launch may have been lost with the connection.
func (m *Master) reconcileAgent(a *agent, reported map[mesosid.FrameworkID]map[mesosid.TaskID]bool) {
	var missing []nodev1.ReconcileTask
	for fw, tasks := range a.tasks {
		for id, t := range tasks {
			if reported[fw][id] || taskstate.Terminal(t.record.State) {
				continue
			}
			missing = append(missing, nodev1.ReconcileTask{
				FrameworkID:    mesosv1.FrameworkID{Value: string(fw)},
				TaskID:         t.record.TaskID,
				PartitionAware: new(m.frameworks[fw] != nil && m.frameworks[fw].caps.partitionAware),
			})
		}
	}
	if len(missing) > 0 {
		a.send(nodev1.Event{Type: nodev1.EventTypeReconcile, Reconcile: &nodev1.Reconcile{Tasks: missing}})
	}
}

func (f *framework) checkpoints() bool { return f.info.Checkpoint != nil && *f.info.Checkpoint }

func (f *framework) forgetUnreachable(id mesosv1.TaskID) {
	for i, rec := range f.unreachable {
		if rec.TaskID == id {
			f.unreachable = append(f.unreachable[:i:i], f.unreachable[i+1:]...)
			f.record = nil
			return
		}
	}
}
