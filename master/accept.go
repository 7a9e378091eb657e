package master

import (
	"fmt"
	"time"

	"github.com/meseta/meseta/gen/mesosv1"
	"github.com/meseta/meseta/gen/nodev1"
	"github.com/meseta/meseta/gen/schedulerv1"
	"github.com/meseta/meseta/internal/mesosid"
	"github.com/meseta/meseta/internal/resources"
	"github.com/meseta/meseta/master/validation"
)

// acceptance is one ACCEPT while it is carried out: operations take from what
// the earlier ones left over.
type acceptance struct {
	m         *Master
	f         *framework
	a         *agent
	role      string
	remaining resources.Resources
	now       time.Time
}

// accept carries out an ACCEPT. If any of the offers is not valid, the whole
// call fails: valid offers are given back without a filter, tasks are lost.
func (m *Master) accept(f *framework, call *schedulerv1.CallAccept, now time.Time) {
	offers, err := m.acceptedOffers(f, call.OfferIds)
	if err != nil {
		for _, id := range call.OfferIds {
			if o := f.offers[mesosid.OfferID(id.Value)]; o != nil {
				m.withdraw(o)
			}
		}
		m.refuseAll(f, call.Operations, err, now)
		return
	}
	acc := acceptance{m: m, f: f, a: offers[0].agent, role: offers[0].role, now: now}
	for _, o := range offers {
		acc.remaining = acc.remaining.Add(o.resources)
		m.dropOffer(o)
	}
	acc.remaining = inOrder(acc.remaining)
	m.metrics.offersAccepted(f, len(offers))
	for i := range call.Operations {
		acc.apply(&call.Operations[i])
	}
	m.allocation.recover(f.id, acc.a.id, acc.remaining, m.refusal(call.Filters))
}

// inOrder puts resources into the order in which Mesos shows what was offered:
// plain scalars behind everything else.
func inOrder(rs resources.Resources) resources.Resources {
	plain := func(r *resources.Resource) bool {
		return r.Kind == resources.KindScalar && !r.Reserved() && !r.Revocable() && !r.Shared()
	}
	return rs.Filter(func(r *resources.Resource) bool { return !plain(r) }).Add(rs.Filter(plain))
}

// acceptedOffers looks the offers of an ACCEPT up. All must be outstanding,
// distinct, the framework's own, of one role and of one agent.
func (m *Master) acceptedOffers(f *framework, ids []mesosv1.OfferID) ([]*offer, error) {
	if len(ids) == 0 {
		return nil, fmt.Errorf("No offers specified") //nolint:staticcheck // the text is part of the v1 API
	}
	seen := make(map[string]bool, len(ids))
	for _, id := range ids {
		if seen[id.Value] {
			return nil, fmt.Errorf("Duplicate offer %s in offer list", id.Value) //nolint:staticcheck // v1 API
		}
		seen[id.Value] = true
	}
	offers := make([]*offer, 0, len(ids))
	for _, id := range ids {
		o := m.offers[mesosid.OfferID(id.Value)]
		if o == nil {
			return nil, fmt.Errorf("Offer %s is no longer valid", id.Value) //nolint:staticcheck // v1 API
		}
		if o.framework != f {
			return nil, fmt.Errorf("Offer %s has invalid framework %s while framework %s is expected", o.id, o.framework.id, f.id) //nolint:staticcheck // v1 API
		}
		offers = append(offers, o)
	}
	first := offers[0]
	for _, o := range offers[1:] {
		if o.role != first.role {
			return nil, fmt.Errorf("Aggregated offers must be allocated to the same role. Offer %s uses role '%s' but another is using role '%s'", o.id, o.role, first.role) //nolint:staticcheck // v1 API
		}
	}
	for _, o := range offers[1:] {
		if o.agent != first.agent {
			return nil, fmt.Errorf("Aggregated offers must belong to one single agent. Offer %s uses agent %s and agent %s", o.id, o.agent.id, first.agent.id) //nolint:staticcheck // v1 API
		}
	}
	return offers, nil
}

// refuseAll answers every operation of an ACCEPT that cannot be carried out.
func (m *Master) refuseAll(f *framework, operations []mesosv1.OfferOperation, cause error, now time.Time) {
	for i := range operations {
		op := &operations[i]
		for _, info := range launchedTasks(op) {
			status := masterStatus(info.TaskID, &info.AgentID, f.dropped(), mesosv1.ReasonInvalidOffers,
				"Task launched with invalid offers: "+cause.Error(), now)
			m.metrics.taskRefused(f, status)
			f.send(m, updateEvent(status))
		}
		if !launches(op) {
			m.refuseOperation(f, op, "Operation attempted with invalid offers: "+cause.Error())
		}
	}
}

func launches(op *mesosv1.OfferOperation) bool {
	t := operationType(op)
	return t == mesosv1.OfferOperationTypeLaunch || t == mesosv1.OfferOperationTypeLaunchGroup
}

func operationType(op *mesosv1.OfferOperation) mesosv1.OfferOperationType {
	if op.Type == nil {
		return mesosv1.OfferOperationTypeUnknown
	}
	return *op.Type
}

func launchedTasks(op *mesosv1.OfferOperation) []mesosv1.TaskInfo {
	switch {
	case operationType(op) == mesosv1.OfferOperationTypeLaunch && op.Launch != nil:
		return op.Launch.TaskInfos
	case operationType(op) == mesosv1.OfferOperationTypeLaunchGroup && op.LaunchGroup != nil:
		return op.LaunchGroup.TaskGroup.Tasks
	}
	return nil
}

// refuseOperation reports the failure of an operation whose framework asked
// for feedback. It has no uuid and must not be acknowledged.
func (m *Master) refuseOperation(f *framework, op *mesosv1.OfferOperation, message string) {
	m.log.Info("operation refused", "framework", f.id, "type", operationType(op), "cause", message)
	if op.ID == nil {
		return
	}
	f.send(m, operationStatusEvent(mesosv1.OperationStatus{
		OperationID: op.ID,
		State:       mesosv1.OperationError,
		Message:     &message,
	}))
}

func (acc *acceptance) apply(op *mesosv1.OfferOperation) {
	switch kind := operationType(op); kind {
	case mesosv1.OfferOperationTypeLaunch:
		acc.launch(op)
	case mesosv1.OfferOperationTypeLaunchGroup:
		for _, info := range launchedTasks(op) {
			acc.refuse(info.TaskID, &info.AgentID, mesosv1.ReasonTaskGroupInvalid, "Task groups are not supported yet by this version of Meseta")
		}
	case mesosv1.OfferOperationTypeUnknown:
		acc.m.log.Warn("operation of an unknown type ignored", "framework", acc.f.id)
	default:
		acc.m.refuseOperation(acc.f, op, fmt.Sprintf("Operations of type %s are not supported yet by this version of Meseta", kind))
	}
}

func (acc *acceptance) refuse(id mesosv1.TaskID, agentID *mesosv1.AgentID, reason mesosv1.TaskStatusReason, message string) {
	status := masterStatus(id, agentID, mesosv1.TaskError, reason, message, acc.now)
	acc.m.metrics.taskRefused(acc.f, status)
	acc.f.send(acc.m, updateEvent(status))
}

// launch judges the tasks of a LAUNCH one by one and sends the good ones to
// the agent, in order.
func (acc *acceptance) launch(op *mesosv1.OfferOperation) {
	if op.Launch == nil {
		return // nothing to launch: an implicit decline
	}
	tasks := op.Launch.TaskInfos
	refuseAll := func(message string) {
		for i := range tasks {
			acc.refuse(tasks[i].TaskID, &tasks[i].AgentID, mesosv1.ReasonTaskInvalid, message)
		}
	}
	if op.ID != nil {
		refuseAll("The `id` field cannot be set on LAUNCH operations")
		return
	}
	if err := validation.LaunchResources(tasks); err != nil {
		refuseAll(err.Error())
		return
	}
	var batch runBatch
	for i := range tasks {
		checked, err := validation.Task(&tasks[i], acc.rules())
		if err != nil {
			acc.refuse(tasks[i].TaskID, &tasks[i].AgentID, mesosv1.ReasonTaskInvalid, err.Error())
			continue
		}
		acc.add(&checked, &batch)
	}
	batch.flush(acc)
}

func (acc *acceptance) rules() validation.TaskRules {
	f, a := acc.f, acc.a
	return validation.TaskRules{
		Framework: f.id,
		Agent:     a.id,
		Role:      acc.role,
		Remaining: acc.remaining,
		Live:      func(id mesosid.TaskID) bool { return f.tasks[id] != nil },
		Unreachable: func(id mesosid.TaskID) bool {
			for _, rec := range f.unreachable {
				if rec.TaskID.Value == string(id) {
					return true
				}
			}
			return false
		},
		Executor: func(id mesosid.ExecutorID) *mesosv1.ExecutorInfo {
			if e := a.executors[f.id][id]; e != nil {
				return e.info
			}
			return nil
		},
		TaskResourceLimits: a.can(mesosv1.AgentInfoCapabilityTypeTaskResourceLimits),
	}
}

// add makes the master know a task that has passed every check.
func (acc *acceptance) add(checked *validation.CheckedTask, batch *runBatch) {
	info := checked.Info
	launchExecutor := false
	if info.Executor != nil {
		id := mesosid.ExecutorID(info.Executor.ExecutorID.Value)
		if acc.a.executors[acc.f.id][id] == nil {
			launchExecutor = true
			acc.a.addExecutor(acc.f.id, &executor{info: info.Executor, resources: checked.ExecutorResources})
			acc.f.agents[acc.a.id] = acc.a
			acc.take(checked.ExecutorResources)
		}
	}
	acc.take(checked.Resources)
	t := &task{
		framework: acc.f.id,
		agent:     acc.a,
		id:        mesosid.TaskID(info.TaskID.Value),
		resources: checked.Resources,
		record:    newTaskRecord(acc.f, info),
	}
	if info.Executor != nil {
		t.executor = mesosid.ExecutorID(info.Executor.ExecutorID.Value)
	}
	acc.m.addTask(acc.f, acc.a, t)
	batch.add(acc, info, launchExecutor)
}

// take moves resources from the offers to what is in use.
func (acc *acceptance) take(rs resources.Resources) {
	acc.remaining = acc.remaining.Subtract(rs)
	acc.m.allocation.use(acc.f.id, acc.a.id, rs)
}

// runBatch collects tasks that go to the agent in one event: command tasks
// together, tasks of one executor together, in the order of the call.
type runBatch struct {
	executor string
	launch   bool
	tasks    []mesosv1.TaskInfo
}

func (b *runBatch) add(acc *acceptance, info *mesosv1.TaskInfo, launchExecutor bool) {
	id := ""
	if info.Executor != nil {
		id = info.Executor.ExecutorID.Value
	}
	if len(b.tasks) > 0 && id != b.executor {
		b.flush(acc)
	}
	b.executor = id
	b.launch = b.launch || launchExecutor
	b.tasks = append(b.tasks, *info)
}

func (b *runBatch) flush(acc *acceptance) {
	if len(b.tasks) == 0 {
		return
	}
	run := &nodev1.RunTasks{FrameworkInfo: *acc.f.info, Tasks: b.tasks}
	if b.tasks[0].Executor != nil {
		run.ExecutorInfo = b.tasks[0].Executor
		run.LaunchExecutor = new(b.launch)
	}
	acc.a.send(nodev1.Event{Type: nodev1.EventTypeRunTasks, RunTasks: run})
	*b = runBatch{}
}
