package agent_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/meseta/meseta/gen/mesosv1"
	"github.com/meseta/meseta/gen/nodev1"
	"github.com/meseta/meseta/internal/recordio"
)

// fakeMaster is a master without a network: a RoundTripper that plays the
// node API. It admits every agent and records what the agent says.
type fakeMaster struct {
	t *testing.T // nil in benchmarks

	// acknowledge makes the master acknowledge every update as a scheduler
	// would.
	acknowledge bool
	// refuse, when set, answers calls in place of the master.
	refuse func(*http.Request, *nodev1.Call) *http.Response
	// pingTimeout is told to agents.
	pingTimeout time.Duration
	// registered, when set, is asked for what follows a registration. The
	// lock is held.
	registered func(*nodev1.Register) *nodev1.Reconcile
	// patience bounds every wait.
	patience time.Duration

	mu        sync.Mutex
	sessions  int
	stream    *io.PipeWriter
	ready     chan struct{} // closed when the stream has had its first event
	session   string
	registers []nodev1.Register
	updates   []nodev1.StatusUpdate
	// ended, when not nil, takes the ends of tasks in place of updates.
	ended      map[string]bool
	operations []nodev1.OperationUpdate
	calls      []nodev1.CallType
	changed    chan struct{} // closed and replaced at every change
}

func newFakeMaster(t *testing.T) *fakeMaster {
	return &fakeMaster{t: t, acknowledge: true, pingTimeout: 75 * time.Second, patience: 15 * time.Minute, changed: make(chan struct{})}
}

func (m *fakeMaster) RoundTrip(r *http.Request) (*http.Response, error) {
	call := new(nodev1.Call)
	if err := json.NewDecoder(r.Body).Decode(call); err != nil {
		return nil, err
	}
	m.mu.Lock()
	refuse := m.refuse
	m.mu.Unlock()
	if refuse != nil {
		if response := refuse(r, call); response != nil {
			return response, nil
		}
	}
	if call.Type == nodev1.CallTypeRegister {
		return m.register(r, call.Register), nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if r.Header.Get("Meseta-Session-Id") != m.session {
		return answer(http.StatusForbidden, "the session is over"), nil
	}
	m.calls = append(m.calls, call.Type)
	if call.Type == nodev1.CallTypeUnregister {
		_ = m.stream.Close() // before the answer, as a real master may
	}
	if call.Report != nil {
		if m.ended != nil {
			m.note(call.Report.Updates)
		} else {
			m.updates = append(m.updates, call.Report.Updates...)
		}
		m.operations = append(m.operations, call.Report.OperationUpdates...)
		if m.acknowledge {
			stream := m.stream
			go m.acknowledgeAll(stream, call.Report.Updates)
		}
	}
	m.announce()
	return answer(http.StatusAccepted, ""), nil
}

func answer(status int, text string) *http.Response {
	return &http.Response{
		StatusCode: status, Status: fmt.Sprintf("%d %s", status, http.StatusText(status)),
		Header: http.Header{}, Body: io.NopCloser(stringReader(text)),
	}
}

func (m *fakeMaster) register(r *http.Request, register *nodev1.Register) *http.Response {
	m.mu.Lock()
	m.sessions++
	reader, writer := io.Pipe()
	ready := make(chan struct{})
	m.stream, m.ready, m.session = writer, ready, fmt.Sprintf("session-%d", m.sessions)
	m.registers = append(m.registers, *register)
	id := "agent-S0"
	if register.AgentID != nil {
		id = register.AgentID.Value
	}
	var reconcile *nodev1.Reconcile
	if m.registered != nil {
		reconcile = m.registered(register)
	}
	m.announce()
	session := m.session
	m.mu.Unlock()

	// As with a real connection, the body ends with the request.
	context.AfterFunc(r.Context(), func() { _ = writer.CloseWithError(r.Context().Err()) })
	go func() {
		m.write(writer, nodev1.Event{Type: nodev1.EventTypeRegistered, Registered: &nodev1.Registered{
			AgentID: mesosv1.AgentID{Value: id}, MasterID: "master",
			PingIntervalSeconds: 15, PingTimeoutSeconds: m.pingTimeout.Seconds(),
		}})
		close(ready)
		if reconcile != nil && len(reconcile.Tasks) > 0 {
			m.write(writer, nodev1.Event{Type: nodev1.EventTypeReconcile, Reconcile: reconcile})
		}
	}()
	response := answer(http.StatusOK, "")
	response.Header.Set("Meseta-Session-Id", session)
	response.Body = reader
	return response
}

func (m *fakeMaster) acknowledgeAll(stream *io.PipeWriter, updates []nodev1.StatusUpdate) {
	e := nodev1.Event{Type: nodev1.EventTypeAcknowledge, Acknowledge: &nodev1.Acknowledge{}}
	for _, u := range updates {
		e.Acknowledge.Updates = append(e.Acknowledge.Updates, nodev1.Acknowledgement{
			FrameworkID: u.FrameworkID, TaskID: u.Status.TaskID, UUID: u.Status.UUID,
		})
	}
	m.write(stream, e)
}

// send writes an event to the present session.
func (m *fakeMaster) send(e nodev1.Event) {
	m.mu.Lock()
	stream, ready := m.stream, m.ready
	m.mu.Unlock()
	<-ready
	m.write(stream, e)
}

func (m *fakeMaster) write(stream *io.PipeWriter, e nodev1.Event) {
	text, err := json.Marshal(e)
	if err != nil {
		panic(err)
	}
	// An error means that the session is over, which tests see otherwise.
	_, _ = stream.Write(recordio.Frame(text))
}

// disconnect breaks the present session.
func (m *fakeMaster) disconnect() {
	m.mu.Lock()
	defer m.mu.Unlock()
	_ = m.stream.CloseWithError(io.ErrUnexpectedEOF)
}

func (m *fakeMaster) announce() {
	close(m.changed)
	m.changed = make(chan struct{})
}

// wait blocks until the condition holds; it is called with the lock held.
func (m *fakeMaster) wait(what string, condition func() bool) {
	if m.t != nil {
		m.t.Helper()
	}
	began := time.Now()
	deadline := time.After(m.patience)
	for {
		m.mu.Lock()
		ok, changed := condition(), m.changed
		m.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-changed:
		case <-deadline:
			m.t.Fatalf("waited %s in vain for %s; updates: %v", time.Since(began), what, m.history())
		}
	}
}

func (m *fakeMaster) waitSessions(n int) {
	if m.t != nil {
		m.t.Helper()
	}
	m.wait(fmt.Sprintf("%d sessions", n), func() bool { return m.sessions >= n })
}

// locked runs f with the lock held, for tests that look at or change fields.
func (m *fakeMaster) locked(f func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	f()
}

// sessionsNow is the number of sessions so far.
func (m *fakeMaster) sessionsNow() (n int) {
	m.locked(func() { n = m.sessions })
	return n
}

// waitState blocks until a task has been reported in a state and returns that
// status.
func (m *fakeMaster) waitState(id string, state mesosv1.TaskState) mesosv1.TaskStatus {
	m.t.Helper()
	var found mesosv1.TaskStatus
	m.wait(fmt.Sprintf("%s of %s", state, id), func() bool {
		for _, u := range m.updates {
			if u.Status.TaskID.Value == id && u.Status.State == state {
				found = u.Status
				return true
			}
		}
		return false
	})
	return found
}

// states are the states that were reported of a task, repetitions included.
func (m *fakeMaster) states(id string) []mesosv1.TaskState {
	m.mu.Lock()
	defer m.mu.Unlock()
	var states []mesosv1.TaskState
	for _, u := range m.updates {
		if id == "" || u.Status.TaskID.Value == id {
			states = append(states, u.Status.State)
		}
	}
	return states
}

// history is every task with its states, for failures.
func (m *fakeMaster) history() map[string][]mesosv1.TaskState {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := map[string][]mesosv1.TaskState{}
	for _, u := range m.updates {
		all[u.Status.TaskID.Value] = append(all[u.Status.TaskID.Value], u.Status.State)
	}
	return all
}

func (m *fakeMaster) lastRegister() nodev1.Register {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.registers[len(m.registers)-1]
}

type stringBody struct {
	text string
	at   int
}

func stringReader(text string) io.Reader { return &stringBody{text: text} }

func (s *stringBody) Read(p []byte) (int, error) {
	if s.at == len(s.text) {
		return 0, io.EOF
	}
	n := copy(p, s.text[s.at:])
	s.at += n
	return n, nil
}
