package client

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/meseta/meseta/gen/mesosv1"
	"github.com/meseta/meseta/gen/schedulerv1"
	"github.com/meseta/meseta/internal/recordio"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fakeMaster plays the master of one framework. It is both a transport without
// a network, for tests in virtual time, and a handler for a real server. What
// it sends is written by the test through feed.
type fakeMaster struct {
	// answer, if set, replaces the answer to a call; nil means the usual one.
	answer func(call *schedulerv1.Call) *http.Response
	// onSubscribe runs for every stream, with its number from 0, in a goroutine
	// of its own, and writes the events.
	onSubscribe func(n int, send func(schedulerv1.Event))

	scripts sync.WaitGroup

	mu      sync.Mutex
	calls   []schedulerv1.Call
	streams []*io.PipeWriter
	faults  []string
}

const fakeFramework = "master-0000"

func (m *fakeMaster) RoundTrip(req *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	var call schedulerv1.Call
	if err := json.Unmarshal(body, &call); err != nil {
		m.fault("the call %s is not JSON: %v", string(body), err.Error())
	}
	if got := req.Header.Get("Content-Type"); got != "application/json" {
		m.fault("content type %q", got)
	}
	m.mu.Lock()
	m.calls = append(m.calls, call)
	m.mu.Unlock()
	if m.answer != nil {
		if resp := m.answer(&call); resp != nil {
			resp.Request = req
			return resp, nil
		}
	}
	if call.Type == schedulerv1.CallTypeSubscribe {
		return m.open(req), nil
	}
	m.mu.Lock()
	n := len(m.streams) - 1
	m.mu.Unlock()
	if got := req.Header.Get(streamHeader); got != "stream-"+strconv.Itoa(n) {
		m.fault("%s carries the stream id %q", string(call.Type), got)
	}
	if call.FrameworkID == nil || call.FrameworkID.Value != fakeFramework {
		m.fault("%s carries a wrong framework id", string(call.Type))
	}
	return respond(http.StatusAccepted, ""), nil
}

// open begins a stream.
func (m *fakeMaster) open(req *http.Request) *http.Response {
	in, out := io.Pipe()
	m.mu.Lock()
	n := len(m.streams)
	m.streams = append(m.streams, out)
	m.mu.Unlock()
	context.AfterFunc(req.Context(), func() { in.CloseWithError(req.Context().Err()) })
	m.scripts.Go(func() {
		// A script ends where its reader has gone.
		defer func() {
			if r := recover(); r != nil && r != http.ErrAbortHandler {
				panic(r)
			}
		}()
		m.onSubscribe(n, func(e schedulerv1.Event) { writeEvent(out, e) })
	})
	resp := respond(http.StatusOK, "")
	resp.Header.Set(streamHeader, "stream-"+strconv.Itoa(n))
	resp.Body = in
	return resp
}

func writeEvent(w io.Writer, e schedulerv1.Event) {
	record, err := json.Marshal(e)
	if err != nil {
		panic(err)
	}
	if _, err := w.Write(recordio.Frame(record)); err != nil {
		panic(http.ErrAbortHandler)
	}
}

func respond(status int, text string) *http.Response {
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(text))}
}

func (m *fakeMaster) fault(format string, args ...string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.faults = append(m.faults, format+" "+strings.Join(args, " "))
}

// types are those of the calls so far.
func (m *fakeMaster) types() []schedulerv1.CallType {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []schedulerv1.CallType
	for _, c := range m.calls {
		out = append(out, c.Type)
	}
	return out
}

// of returns the calls of one type.
func (m *fakeMaster) of(kind schedulerv1.CallType) []schedulerv1.Call {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(m.calls), func(c schedulerv1.Call) bool { return c.Type != kind })
}

func (m *fakeMaster) check(t *testing.T) {
	t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, f := range m.faults {
		t.Errorf("the driver's call: %s", f)
	}
}

// end closes the newest stream from the master's side.
func (m *fakeMaster) end() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.streams[len(m.streams)-1].Close()
}

// ServeHTTP lets the fake stand behind a real server.
func (m *fakeMaster) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	resp, err := m.RoundTrip(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	defer resp.Body.Close()
	for k, v := range resp.Header {
		w.Header()[k] = v
	}
	w.WriteHeader(resp.StatusCode)
	flush := http.NewResponseController(w)
	_ = flush.Flush()
	buf := make([]byte, 4096)
	for {
		n, err := resp.Body.Read(buf)
		_, _ = w.Write(buf[:n])
		_ = flush.Flush()
		if err != nil {
			return
		}
	}
}

// serve puts a handler behind a real server that ends with the test.
func serve(t *testing.T, h http.Handler) string {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(func() {
		srv.CloseClientConnections()
		srv.Close()
	})
	return srv.URL
}

func subscribed() schedulerv1.Event {
	return schedulerv1.Event{Type: schedulerv1.EventTypeSubscribed, Subscribed: &schedulerv1.EventSubscribed{
		FrameworkID: mesosv1.FrameworkID{Value: fakeFramework}, HeartbeatIntervalSeconds: new(15.0),
	}}
}

func offer(ids ...string) schedulerv1.Event {
	e := schedulerv1.Event{Type: schedulerv1.EventTypeOffers, Offers: &schedulerv1.EventOffers{}}
	for _, id := range ids {
		e.Offers.Offers = append(e.Offers.Offers, mesosv1.Offer{
			ID: mesosv1.OfferID{Value: id}, AgentID: mesosv1.AgentID{Value: "agent"}, Hostname: "host",
		})
	}
	return e
}

func update(task string, state mesosv1.TaskState, uuid string) schedulerv1.Event {
	status := mesosv1.TaskStatus{TaskID: mesosv1.TaskID{Value: task}, State: state, AgentID: &mesosv1.AgentID{Value: "agent"}}
	if uuid != "" {
		status.UUID = []byte(uuid)
	}
	return schedulerv1.Event{Type: schedulerv1.EventTypeUpdate, Update: &schedulerv1.EventUpdate{Status: status}}
}

func heartbeat() schedulerv1.Event { return schedulerv1.Event{Type: schedulerv1.EventTypeHeartbeat} }

// probe is a Handler of function fields; those that are nil do what BaseHandler
// does.
type probe struct {
	BaseHandler
	onSubscribed   func(*schedulerv1.EventSubscribed) error
	onOffers       func(context.Context, *Scheduler, []mesosv1.Offer) error
	onUpdate       func(*mesosv1.TaskStatus) error
	onError        func(string) error
	onHeartbeat    func() error
	onDisconnected func(error, time.Duration) error
}

func (p *probe) Subscribed(ctx context.Context, s *Scheduler, e *schedulerv1.EventSubscribed) error {
	if p.onSubscribed == nil {
		return p.BaseHandler.Subscribed(ctx, s, e)
	}
	return p.onSubscribed(e)
}

func (p *probe) Offers(ctx context.Context, s *Scheduler, offers []mesosv1.Offer) error {
	if p.onOffers == nil {
		return p.BaseHandler.Offers(ctx, s, offers)
	}
	return p.onOffers(ctx, s, offers)
}

func (p *probe) Update(ctx context.Context, s *Scheduler, status *mesosv1.TaskStatus) error {
	if p.onUpdate == nil {
		return p.BaseHandler.Update(ctx, s, status)
	}
	return p.onUpdate(status)
}

func (p *probe) Error(ctx context.Context, s *Scheduler, message string) error {
	if p.onError == nil {
		return p.BaseHandler.Error(ctx, s, message)
	}
	return p.onError(message)
}

func (p *probe) Heartbeat(ctx context.Context, s *Scheduler) error {
	if p.onHeartbeat == nil {
		return p.BaseHandler.Heartbeat(ctx, s)
	}
	return p.onHeartbeat()
}

func (p *probe) Disconnected(ctx context.Context, s *Scheduler, cause error, retry time.Duration) error {
	if p.onDisconnected == nil {
		return p.BaseHandler.Disconnected(ctx, s, cause, retry)
	}
	return p.onDisconnected(cause, retry)
}

// scheduler makes a driver with a probe, against masters or a fake transport.
func scheduler(t *testing.T, h Handler, opts SchedulerOptions) *Scheduler {
	t.Helper()
	opts.Handler = h
	if opts.Framework.Name == "" {
		opts.Framework = mesosv1.FrameworkInfo{User: "me", Name: "test", Roles: []string{"a", "b"}}
	}
	s, err := NewScheduler(opts)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// virtual is the option for a transport without a network. The test ends when
// the scripts of its streams have.
func virtual(t *testing.T, m *fakeMaster) SchedulerOptions {
	t.Cleanup(m.scripts.Wait)
	return SchedulerOptions{Masters: []string{"master"}, HTTPClient: &http.Client{Transport: m}}
}
