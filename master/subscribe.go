package master

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/meseta/meseta/gen/mesosv1"
	"github.com/meseta/meseta/gen/schedulerv1"
	"github.com/meseta/meseta/internal/fault"
	"github.com/meseta/meseta/internal/mesosid"
	"github.com/meseta/meseta/internal/taskstate"
	"github.com/meseta/meseta/master/allocator"
	"github.com/meseta/meseta/master/validation"
)

// HeartbeatInterval is how often an idle or busy stream carries a HEARTBEAT.
const HeartbeatInterval = 15 * time.Second

// Subscribe subscribes a framework. The subscriber is the stream on which its
// events go; its first event is SUBSCRIBED, or ERROR when the subscription is
// refused, after which it is closed. The caller must report the end of the
// stream with Disconnected. Subscribe returns an error only when the master
// does not run.
func (m *Master) Subscribe(ctx context.Context, call *schedulerv1.CallSubscribe, subscriber Subscriber, streamID string) error {
	return m.openStream(ctx, func(now time.Time) { m.subscribe(call, subscriber, streamID, now) })
}

// openStream is submit for commands that open a stream, which a master that is
// about to stop refuses.
func (m *Master) openStream(ctx context.Context, open func(now time.Time)) error {
	return m.try(ctx, func(now time.Time) error {
		if m.closing {
			return ErrStopped
		}
		open(now)
		return nil
	})
}

// NewStreamID makes the value of a Mesos-Stream-Id header.
func NewStreamID() string { return uuid.NewString() }

func (m *Master) subscribe(call *schedulerv1.CallSubscribe, subscriber Subscriber, streamID string, now time.Time) {
	info := call.FrameworkInfo
	refuse := func(err error) {
		m.log.Info("subscription refused", "framework", info.Name, "err", err)
		subscriber.Close(encodedError(err.Error()), "subscription refused")
	}
	compiled, err := m.validateSubscription(&info, call.SuppressedRoles, call.OfferConstraints)
	if err != nil {
		refuse(err)
		return
	}
	id := mesosid.FrameworkID("")
	if info.ID != nil {
		id = mesosid.FrameworkID(info.ID.Value)
	}
	if id != "" && m.isCompleted(id) {
		refuse(fault.New(fault.Invalid, "Framework has been removed"))
		return
	}

	f := m.frameworks[id]
	if f != nil {
		if err := validation.FrameworkPrincipal(f.info, &info); err != nil {
			refuse(err)
			return
		}
		m.resubscribe(f, &info, call, compiled, subscriber, streamID, now)
		return
	}

	if id == "" {
		id = mesosid.FrameworkID(fmt.Sprintf("%s-%04d", m.opts.ID, m.nextFramework))
		m.nextFramework++
	}
	info.ID = &mesosv1.FrameworkID{Value: string(id)}
	f = newFramework(id, now)
	f.setInfo(&info, call.SuppressedRoles, call.OfferConstraints, compiled)
	m.frameworks[id] = f
	m.connect(f, subscriber, streamID)
	m.metrics.frameworkAdded(f)
	fw := f.forAllocator()
	m.allocation.soonAll(func(a *allocator.Allocator, _ time.Time) { a.AddFramework(fw, true, nil) })
	m.log.Info("framework subscribed", "framework", id, "name", info.Name, "roles", f.roles)
}

// validateSubscription checks what SUBSCRIBE and UPDATE_FRAMEWORK have in
// common, in Mesos's order, and compiles the offer constraints.
func (m *Master) validateSubscription(info *mesosv1.FrameworkInfo, suppressed []string, constraints *mesosv1.OfferConstraints) (*validation.Constraints, error) {
	if err := validation.FrameworkInfo(info, validation.FrameworkRules{
		RefuseRoot: m.opts.RefuseRoot,
		Roles:      m.opts.Roles,
	}); err != nil {
		return nil, err
	}
	return validation.Subscription(rolesOf(info), suppressed, constraints, m.opts.MaxRegexProgram)
}

// connect makes subscriber the framework's stream and greets it.
func (m *Master) connect(f *framework, subscriber Subscriber, streamID string) {
	f.subscriber = subscriber
	f.streamID = streamID
	f.recovered = false
	f.record = nil
	if f.failover != nil {
		f.failover.Stop()
		f.failover = nil
	}
	info := m.subscribedInfo()
	f.send(m, schedulerv1.Event{
		Type: schedulerv1.EventTypeSubscribed,
		Subscribed: &schedulerv1.EventSubscribed{
			FrameworkID:              mesosv1.FrameworkID{Value: string(f.id)},
			HeartbeatIntervalSeconds: new(HeartbeatInterval.Seconds()),
			MasterInfo:               &info,
		},
	})
	m.changed()
}

// subscribedInfo is MasterInfo without the capability that an existing client
// cannot decode.
func (m *Master) subscribedInfo() mesosv1.MasterInfo {
	info := m.info
	info.Capabilities = slices.DeleteFunc(slices.Clone(info.Capabilities), func(c mesosv1.MasterInfoCapability) bool {
		return *c.Type == mesosv1.MasterInfoCapabilityTypeQuotaV2
	})
	return info
}

func (m *Master) resubscribe(f *framework, info *mesosv1.FrameworkInfo, call *schedulerv1.CallSubscribe, compiled *validation.Constraints, subscriber Subscriber, streamID string, now time.Time) {
	wasActive := f.active()
	if wasActive {
		// Offers of roles that are given up are rescinded while the old
		// stream can still hear it.
		m.rescindForeignRoles(f, rolesOf(info))
		f.subscriber.Close(encodedError("Framework failed over"), "framework failed over")
		f.subscriber = nil
	}
	m.discardOffers(f)
	m.updateInfo(f, info, call.SuppressedRoles, call.OfferConstraints, compiled)
	f.reregistered = now
	m.connect(f, subscriber, streamID)
	fw := f.forAllocator()
	if wasActive {
		m.allocation.do(func(a *allocator.Allocator, _ time.Time) { a.UpdateFramework(fw) })
	} else {
		m.allocation.soonAll(func(a *allocator.Allocator, _ time.Time) {
			a.UpdateFramework(fw)
			a.ActivateFramework(fw.ID)
		})
	}
	m.tellAgents(f)
	m.log.Info("framework subscribed again", "framework", f.id, "name", f.info.Name, "connected", wasActive)
}

// updateInfo takes over a new info. The user and the checkpoint flag cannot
// change: the old ones are kept silently, as Mesos does for SUBSCRIBE.
func (m *Master) updateInfo(f *framework, info *mesosv1.FrameworkInfo, suppressed []string, constraints *mesosv1.OfferConstraints, compiled *validation.Constraints) {
	info.User = f.info.User
	info.Checkpoint = f.info.Checkpoint
	info.ID = &mesosv1.FrameworkID{Value: string(f.id)}
	f.setInfo(info, suppressed, constraints, compiled)
	m.changed()
}

// UpdateFramework replaces the information of a subscribed framework. It
// answers when the change has been applied; the error is Invalid when the
// call breaks a rule.
func (m *Master) UpdateFramework(ctx context.Context, caller Caller, call *schedulerv1.CallUpdateFramework) error {
	return m.byFramework(ctx, caller, func(f *framework, _ time.Time) error {
		info := call.FrameworkInfo
		if err := validation.FrameworkInfo(&info, validation.FrameworkRules{RefuseRoot: m.opts.RefuseRoot, Roles: m.opts.Roles}); err != nil {
			return fault.Wrap(fault.Invalid, "Supplied FrameworkInfo is not valid: "+err.Error(), err)
		}
		if err := validation.FrameworkUpdate(f.info, &info); err != nil {
			return fault.Wrap(fault.Invalid, "FrameworkInfo update is not valid: "+err.Error(), err)
		}
		compiled, err := validation.Subscription(rolesOf(&info), call.SuppressedRoles, call.OfferConstraints, m.opts.MaxRegexProgram)
		if err != nil {
			return fault.Wrap(fault.Invalid, "'UpdateFramework' call is not valid: "+err.Error(), err)
		}
		m.rescindForeignRoles(f, rolesOf(&info))
		changed := !reflect.DeepEqual(f.info, &info)
		m.updateInfo(f, &info, call.SuppressedRoles, call.OfferConstraints, compiled)
		fw := f.forAllocator()
		m.allocation.do(func(a *allocator.Allocator, _ time.Time) { a.UpdateFramework(fw) })
		if changed {
			m.tellAgents(f)
		}
		return nil
	})
}

// Disconnected reports that a stream has ended. It does nothing when the
// framework has another stream by now.
func (m *Master) Disconnected(id mesosid.FrameworkID, streamID string) {
	m.post(func(now time.Time) {
		f := m.frameworks[id]
		if f == nil || f.streamID != streamID || f.subscriber == nil {
			return
		}
		m.disconnect(f, now)
	})
}

// DisconnectedStream is Disconnected for a caller that does not know the
// framework's id, because the master assigned it.
func (m *Master) DisconnectedStream(streamID string) {
	m.post(func(now time.Time) {
		for _, f := range m.frameworks {
			if f.streamID == streamID && f.subscriber != nil {
				m.disconnect(f, now)
				return
			}
		}
	})
}

// disconnect makes the framework inactive and starts its failover timeout.
func (m *Master) disconnect(f *framework, now time.Time) {
	f.subscriber = nil
	f.record = nil
	m.discardOffers(f)
	id := f.id
	m.allocation.do(func(a *allocator.Allocator, _ time.Time) { a.DeactivateFramework(id) })
	m.changed()

	timeout := f.failoverTimeout()
	m.log.Info("framework disconnected", "framework", f.id, "name", f.info.Name, "failover_timeout", timeout)
	if timeout <= 0 {
		m.removeFramework(f, now)
		return
	}
	f.disconnects++
	disconnects := f.disconnects
	f.failover = m.after(timeout, func(now time.Time) {
		if m.frameworks[id] != f || f.subscriber != nil || f.disconnects != disconnects {
			return
		}
		m.log.Info("failover timeout has passed", "framework", id)
		m.removeFramework(f, now)
	})
}

// removeFramework ends a framework: agents kill what it runs, its tasks are
// recorded as killed without an update, and its id cannot be used again.
func (m *Master) removeFramework(f *framework, now time.Time) {
	if f.subscriber != nil {
		f.subscriber.Close(nil, "framework removed")
		f.subscriber = nil
	}
	if f.failover != nil {
		f.failover.Stop()
	}
	m.discardOffers(f)
	used := f.used()
	for _, a := range f.agents {
		m.allocation.recoverUsed(f.id, a.id, a.used[f.id])
		a.forgetFramework(f.id)
	}
	tell(f.agents, shutdownFramework(f.id))
	for _, t := range sortedTasks(f.tasks) {
		if !taskstate.Terminal(t.record.State) {
			t.set(masterStatus(t.record.TaskID, &t.record.AgentID, mesosv1.TaskKilled, mesosv1.ReasonFrameworkRemoved,
				fmt.Sprintf("Framework %s removed", f.id), now))
		}
		f.finished = append(f.finished, t.record)
	}
	for _, rec := range f.unreachable {
		f.finished = append(f.finished, rec)
	}
	f.unreachable = nil
	clear(f.tasks)
	f.trimFinished(m.opts.MaxCompletedTasks)
	f.unregistered = now
	id := f.id
	delete(m.frameworks, id)
	rec := f.makeRecord()
	rec.Used = used
	m.completed = append(m.completed, rec)
	if extra := len(m.completed) - m.opts.MaxCompletedFrameworks; extra > 0 {
		m.completed = slices.Delete(m.completed, 0, extra)
	}
	m.metrics.frameworkRemoved(f)
	m.allocation.do(func(a *allocator.Allocator, _ time.Time) { a.RemoveFramework(id) })
	m.changed()
	m.log.Info("framework removed", "framework", id, "name", f.info.Name)
}

func (m *Master) isCompleted(id mesosid.FrameworkID) bool {
	return slices.ContainsFunc(m.completed, func(r *FrameworkRecord) bool { return r.ID == id })
}

// tellAgents sends the present information to the agents that run something
// of the framework; they repeat pending updates at once.
func (m *Master) tellAgents(f *framework) {
	tell(f.agents, updateFramework(f.info))
}
