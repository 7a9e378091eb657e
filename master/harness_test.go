package master_test

import (
	"context"
	"encoding/json"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/google/uuid"

	"github.com/meseta/meseta/gen/mesosv1"
	"github.com/meseta/meseta/gen/nodev1"
	"github.com/meseta/meseta/gen/schedulerv1"
	"github.com/meseta/meseta/internal/mesosid"
	"github.com/meseta/meseta/internal/resources"
	"github.com/meseta/meseta/master"
)

// stream is the far end of a subscription: it keeps what it was sent.
type stream[E any] struct {
	t      *testing.T
	mu     sync.Mutex
	events []E
	closed string // the reason
}

func (s *stream[E]) Send(frame []byte) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed != "" {
		return false
	}
	s.add(frame)
	return true
}

func (s *stream[E]) Close(last []byte, reason string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed != "" {
		return
	}
	if last != nil {
		s.add(last)
	}
	s.closed = reason
}

func (s *stream[E]) add(frame []byte) {
	var e E
	if err := json.Unmarshal(frame, &e); err != nil {
		s.t.Errorf("an event is not JSON: %v\n%s", err, frame)
	}
	s.events = append(s.events, e)
}

// take waits until the cluster is quiet and returns what has come since the
// last take.
func (s *stream[E]) take() []E {
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	out := s.events
	s.events = nil
	return out
}

// putBack makes events the next that take returns.
func (s *stream[E]) putBack(events []E) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events = append(events, s.events...)
}

func (s *stream[E]) reason() string {
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

// cluster is a master under test, inside a synctest bubble.
type cluster struct {
	t *testing.T
	m *master.Master
}

// start runs a master until the test's end. It must be called in a bubble.
func start(t *testing.T, opts master.Options) *cluster {
	t.Helper()
	opts.Hostname = "master.test"
	opts.IP = netip.MustParseAddr("127.0.0.1")
	opts.Port = 5050
	opts.Version = "1.12.0"
	opts.Seed = 1
	if opts.ID == "" {
		opts.ID = "M"
	}
	m := master.New(opts)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := m.Run(ctx); err != nil {
			t.Errorf("Run: %v", err)
		}
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
	return &cluster{t, m}
}

// fakeAgent is an agent that only speaks.
type fakeAgent struct {
	*stream[nodev1.Event]
	c       *cluster
	id      string
	session string
	info    nodev1.Register
}

const agentResources = "cpus:4;mem:2048;disk:4096;ports:[31000-32000]"

func (c *cluster) agent(hostname string, port int32) *fakeAgent {
	c.t.Helper()
	declared, err := resources.Parse(agentResources, "*")
	if err != nil {
		c.t.Fatal(err)
	}
	a := &fakeAgent{c: c, info: nodev1.Register{
		AgentInfo: mesosv1.AgentInfo{Hostname: hostname, Resources: declared.Resources.ToV1(resources.Post)},
		IP:        "127.0.0.1",
		Port:      port,
		Version:   "1.12.0",
	}}
	for _, capability := range []mesosv1.AgentInfoCapabilityType{
		mesosv1.AgentInfoCapabilityTypeMultiRole,
		mesosv1.AgentInfoCapabilityTypeHierarchicalRole,
		mesosv1.AgentInfoCapabilityTypeReservationRefinement,
		mesosv1.AgentInfoCapabilityTypeTaskResourceLimits,
	} {
		a.info.Capabilities = append(a.info.Capabilities, mesosv1.AgentInfoCapability{Type: new(capability)})
	}
	a.register()
	return a
}

// register opens a session; the first time the agent gets its id.
func (a *fakeAgent) register() {
	a.c.t.Helper()
	a.stream = &stream[nodev1.Event]{t: a.c.t}
	a.session = master.NewSessionID()
	if a.id != "" {
		a.info.AgentID = &mesosv1.AgentID{Value: a.id}
	}
	if err := a.c.m.Register(a.c.t.Context(), &a.info, a.stream, a.session); err != nil {
		a.c.t.Fatal(err)
	}
	events := a.take()
	if len(events) == 0 || events[0].Type != nodev1.EventTypeRegistered {
		a.c.t.Fatalf("the first event of a session is %+v, want REGISTERED", events)
	}
	a.id = events[0].Registered.AgentID.Value
	a.putBack(events[1:])
}

func (a *fakeAgent) call(call *nodev1.Call) {
	a.c.t.Helper()
	if err := a.c.m.NodeCall(a.c.t.Context(), a.session, call); err != nil {
		a.c.t.Fatalf("%s: %v", call.Type, err)
	}
}

// update sends one status update of a task and returns its uuid.
func (a *fakeAgent) update(framework, task string, state, latest mesosv1.TaskState) []byte {
	a.c.t.Helper()
	id := uuid.New()
	a.call(&nodev1.Call{Type: nodev1.CallTypeReport, Report: &nodev1.Report{Updates: []nodev1.StatusUpdate{{
		FrameworkID: mesosv1.FrameworkID{Value: framework},
		LatestState: latest,
		Status: mesosv1.TaskStatus{
			TaskID:  mesosv1.TaskID{Value: task},
			State:   state,
			Source:  new(mesosv1.SourceExecutor),
			AgentID: &mesosv1.AgentID{Value: a.id},
			UUID:    id[:],
		},
	}}}})
	return id[:]
}

// of keeps the events of one type.
func of[E any](events []E, is func(E) bool) []E {
	var out []E
	for _, e := range events {
		if is(e) {
			out = append(out, e)
		}
	}
	return out
}

func nodeEvents(events []nodev1.Event, t nodev1.EventType) []nodev1.Event {
	return of(events, func(e nodev1.Event) bool { return e.Type == t })
}

// scheduler is a framework under test.
type scheduler struct {
	*stream[schedulerv1.Event]
	c        *cluster
	id       string
	streamID string
}

type frameworkOption func(*schedulerv1.CallSubscribe)

func withRoles(roles ...string) frameworkOption {
	return func(s *schedulerv1.CallSubscribe) { s.FrameworkInfo.Roles = roles }
}

func withID(id string) frameworkOption {
	return func(s *schedulerv1.CallSubscribe) { s.FrameworkInfo.ID = &mesosv1.FrameworkID{Value: id} }
}

func withFailover(seconds float64) frameworkOption {
	return func(s *schedulerv1.CallSubscribe) { s.FrameworkInfo.FailoverTimeout = &seconds }
}

func withCheckpoint(s *schedulerv1.CallSubscribe) { s.FrameworkInfo.Checkpoint = new(true) }

func withCapability(t mesosv1.FrameworkInfoCapabilityType) frameworkOption {
	return func(s *schedulerv1.CallSubscribe) {
		s.FrameworkInfo.Capabilities = append(s.FrameworkInfo.Capabilities, mesosv1.FrameworkInfoCapability{Type: &t})
	}
}

// open sends SUBSCRIBE and returns the stream, whatever came of it.
func (c *cluster) open(options ...frameworkOption) *scheduler {
	c.t.Helper()
	call := &schedulerv1.CallSubscribe{FrameworkInfo: mesosv1.FrameworkInfo{User: "tester", Name: "test", Roles: []string{"dev"}}}
	withCapability(mesosv1.FrameworkInfoCapabilityTypeMultiRole)(call)
	withCapability(mesosv1.FrameworkInfoCapabilityTypeReservationRefinement)(call)
	for _, o := range options {
		o(call)
	}
	s := &scheduler{stream: &stream[schedulerv1.Event]{t: c.t}, c: c, streamID: master.NewStreamID()}
	if err := c.m.Subscribe(c.t.Context(), call, s.stream, s.streamID); err != nil {
		c.t.Fatal(err)
	}
	return s
}

// subscribe opens a stream that must begin with SUBSCRIBED.
func (c *cluster) subscribe(options ...frameworkOption) *scheduler {
	c.t.Helper()
	s := c.open(options...)
	events := s.take()
	if len(events) == 0 || events[0].Type != schedulerv1.EventTypeSubscribed {
		c.t.Fatalf("the first event is %+v, want SUBSCRIBED", events)
	}
	s.id = events[0].Subscribed.FrameworkID.Value
	s.putBack(events[1:])
	return s
}

func (s *scheduler) try(call *schedulerv1.Call) error {
	call.FrameworkID = &mesosv1.FrameworkID{Value: s.id}
	return s.c.m.Call(s.c.t.Context(), master.Caller{
		Framework:   mesosid.FrameworkID(s.id),
		StreamID:    s.streamID,
		HasStreamID: true,
	}, call)
}

func (s *scheduler) call(call *schedulerv1.Call) {
	s.c.t.Helper()
	if err := s.try(call); err != nil {
		s.c.t.Fatalf("%s: %v", call.Type, err)
	}
}

// offers returns the offers that have come since the last take.
func (s *scheduler) offers() []mesosv1.Offer {
	var out []mesosv1.Offer
	for _, e := range s.take() {
		if e.Type == schedulerv1.EventTypeOffers {
			out = append(out, e.Offers.Offers...)
		}
	}
	return out
}

// oneOffer waits for exactly one offer.
func (s *scheduler) oneOffer() mesosv1.Offer {
	s.c.t.Helper()
	offers := s.offers()
	if len(offers) != 1 {
		s.c.t.Fatalf("%d offers came, want 1", len(offers))
	}
	return offers[0]
}

// updates returns the task statuses that have come since the last take.
func (s *scheduler) updates() []mesosv1.TaskStatus {
	var out []mesosv1.TaskStatus
	for _, e := range s.take() {
		if e.Type == schedulerv1.EventTypeUpdate {
			out = append(out, e.Update.Status)
		}
	}
	return out
}

func scalar(name string, value float64) mesosv1.Resource {
	return mesosv1.Resource{Name: name, Type: mesosv1.ValueTypeScalar, Scalar: &mesosv1.ValueScalar{Value: value}}
}

func commandTask(offer mesosv1.Offer, id string, cpus float64) mesosv1.TaskInfo {
	return mesosv1.TaskInfo{
		Name:      "task " + id,
		TaskID:    mesosv1.TaskID{Value: id},
		AgentID:   offer.AgentID,
		Resources: []mesosv1.Resource{scalar("cpus", cpus), scalar("mem", 32)},
		Command:   &mesosv1.CommandInfo{Value: new("exit 0")},
	}
}

func (s *scheduler) launch(offer mesosv1.Offer, tasks ...mesosv1.TaskInfo) {
	s.c.t.Helper()
	s.call(&schedulerv1.Call{Type: schedulerv1.CallTypeAccept, Accept: &schedulerv1.CallAccept{
		OfferIds:   []mesosv1.OfferID{offer.ID},
		Operations: []mesosv1.OfferOperation{{Type: new(mesosv1.OfferOperationTypeLaunch), Launch: &mesosv1.OfferOperationLaunch{TaskInfos: tasks}}},
	}})
}

func (s *scheduler) acknowledge(agent, task string, id []byte) {
	s.c.t.Helper()
	s.call(&schedulerv1.Call{Type: schedulerv1.CallTypeAcknowledge, Acknowledge: &schedulerv1.CallAcknowledge{
		AgentID: mesosv1.AgentID{Value: agent}, TaskID: mesosv1.TaskID{Value: task}, UUID: id,
	}})
}
