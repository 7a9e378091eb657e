package client

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/meseta/meseta/gen/mesosv1"
	"github.com/meseta/meseta/gen/operatorv1"
	"github.com/meseta/meseta/internal/recordio"
)

// operator makes a client of a server that answers calls by their text.
func operator(t *testing.T, answers map[string]string) *Operator {
	t.Helper()
	url := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		answer, ok := answers[string(body)]
		if !ok || r.URL.Path != "/api/v1" {
			t.Errorf("unexpected call %s %s", r.URL.Path, body)
			http.Error(w, "Expecting something else", http.StatusBadRequest)
			return
		}
		_, _ = io.WriteString(w, answer)
	}))
	o, err := NewOperator(OperatorOptions{Masters: []string{url}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(o.Close)
	return o
}

func TestOperatorCallsAreWrittenAndReadAsTheAPISays(t *testing.T) {
	t.Parallel()
	o := operator(t, map[string]string{
		`{"type":"GET_AGENTS"}`:     `{"type":"GET_AGENTS","get_agents":{"agents":[{"agent_info":{"hostname":"h"},"active":true,"version":"1.12.0"}]}}`,
		`{"type":"GET_FRAMEWORKS"}`: `{"type":"GET_FRAMEWORKS","get_frameworks":{}}`,
		`{"type":"GET_TASKS"}`:      `{"type":"GET_TASKS","get_tasks":{"tasks":[{"name":"n","task_id":{"value":"t"},"framework_id":{"value":"f"},"agent_id":{"value":"a"},"state":"TASK_RUNNING","unknown":1}]}}`,
		`{"type":"GET_ROLES"}`:      `{"type":"GET_ROLES","get_roles":{"roles":[{"name":"*","weight":1.0}]}}`,
		`{"type":"GET_STATE"}`:      `{"type":"GET_STATE","get_state":{}}`,
		`{"type":"GET_MASTER"}`:     `{"type":"GET_MASTER","get_master":{"start_time":1.5}}`,
		`{"type":"GET_VERSION"}`:    `{"type":"GET_VERSION","get_version":{"version_info":{"version":"1.12.0"}}}`,
		`{"type":"GET_FLAGS"}`:      `{"type":"GET_FLAGS","get_flags":{"flags":[{"name":"port","value":"5050"}]}}`,
		`{"type":"GET_METRICS","get_metrics":{"timeout":{"nanoseconds":5000000000}}}`:                                                    `{"type":"GET_METRICS","get_metrics":{"metrics":[{"name":"m","value":2}]}}`,
		`{"type":"TEARDOWN","teardown":{"framework_id":{"value":"f"}}}`:                                                                  ``,
		`{"type":"MARK_AGENT_GONE","mark_agent_gone":{"agent_id":{"value":"a"}}}`:                                                        ``,
		`{"type":"DRAIN_AGENT","drain_agent":{"agent_id":{"value":"a"},"max_grace_period":{"seconds":90,"nanos":500},"mark_gone":true}}`: ``,
		`{"type":"DEACTIVATE_AGENT","deactivate_agent":{"agent_id":{"value":"a"}}}`:                                                      ``,
		`{"type":"REACTIVATE_AGENT","reactivate_agent":{"agent_id":{"value":"a"}}}`:                                                      ``,
	})
	ctx, agent := t.Context(), mesosv1.AgentID{Value: "a"}
	agents, err1 := o.Agents(ctx)
	_, err2 := o.Frameworks(ctx)
	tasks, err3 := o.Tasks(ctx)
	roles, err4 := o.Roles(ctx)
	_, err5 := o.State(ctx)
	master, err6 := o.Master(ctx)
	version, err7 := o.Version(ctx)
	flags, err8 := o.Flags(ctx)
	metrics, err9 := o.Metrics(ctx, 5*time.Second)
	if err := errors.Join(err1, err2, err3, err4, err5, err6, err7, err8, err9,
		o.Teardown(ctx, mesosv1.FrameworkID{Value: "f"}), o.MarkAgentGone(ctx, agent),
		o.DrainAgent(ctx, agent, 90*time.Second+500, true), o.DeactivateAgent(ctx, agent), o.ReactivateAgent(ctx, agent)); err != nil {
		t.Fatal(err)
	}
	got := []any{agents.Agents[0].AgentInfo.Hostname, tasks.Tasks[0].State, roles.Roles[0].Name, *master.StartTime, version.Version, *flags[0].Value, *metrics[0].Value}
	if diff := cmp.Diff([]any{"h", mesosv1.TaskRunning, "*", 1.5, "1.12.0", "5050", 2.0}, got); diff != "" {
		t.Errorf("answers differ (-want +got):\n%s", diff)
	}
}

func TestARefusedOperatorCallKeepsTheWordsOfTheMaster(t *testing.T) {
	t.Parallel()
	url := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "No such agent", http.StatusBadRequest) }))
	o, err := NewOperator(OperatorOptions{Masters: []string{url}})
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	if _, err := o.Agents(t.Context()); err == nil || err.Error() != "GET_AGENTS refused with status 400: No such agent" {
		t.Errorf("the error is %v", err)
	}
}

func TestAnAnswerWithoutItsContentIsAnError(t *testing.T) {
	t.Parallel()
	for _, answer := range []string{``, `{}`, `{"type":"GET_AGENTS"}`, `<html>`} {
		o := operator(t, map[string]string{`{"type":"GET_AGENTS"}`: answer})
		if _, err := o.Agents(t.Context()); err == nil {
			t.Errorf("answer %q was taken", answer)
		}
	}
}

func TestUnreachableMastersAreNamed(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	o, err := NewOperator(OperatorOptions{Masters: []string{address}})
	if err != nil {
		t.Fatal(err)
	}
	_, err = o.Agents(t.Context())
	if e, ok := errors.AsType[*UnreachableError](err); !ok || e.Masters[0] != address {
		t.Errorf("the error is %v", err)
	}
}

func TestMastersThatRedirectInACircleAreGivenUp(t *testing.T) {
	t.Parallel()
	var a, b string
	redirect := func(to *string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", *to+"/api/v1")
			w.WriteHeader(http.StatusTemporaryRedirect)
		})
	}
	a, b = serve(t, redirect(&b)), serve(t, redirect(&a))
	o, err := NewOperator(OperatorOptions{Masters: []string{a}})
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	if _, err := o.Agents(t.Context()); err == nil {
		t.Error("an endless chain of redirects was no error")
	}
}

func TestEventsOfTheClusterAreDelivered(t *testing.T) {
	t.Parallel()
	url := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, e := range []operatorv1.EventType{operatorv1.EventTypeSubscribed, operatorv1.EventTypeHeartbeat} {
			record, _ := json.Marshal(operatorv1.Event{Type: e})
			_, _ = w.Write(recordio.Frame(record))
		}
	}))
	o, err := NewOperator(OperatorOptions{Masters: []string{url}})
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	var types []operatorv1.EventType
	err = o.Subscribe(t.Context(), func(e *operatorv1.Event) error { types = append(types, e.Type); return nil })
	if !errors.Is(err, io.EOF) {
		t.Errorf("the end of the stream gave %v", err)
	}
	if diff := cmp.Diff([]operatorv1.EventType{"SUBSCRIBED", "HEARTBEAT"}, types); diff != "" {
		t.Errorf("events differ (-want +got):\n%s", diff)
	}
	if err := o.Subscribe(t.Context(), func(*operatorv1.Event) error { return ErrStop }); err != nil {
		t.Errorf("ErrStop gave %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	err = o.Subscribe(ctx, func(*operatorv1.Event) error { cancel(); return nil })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled subscription gave %v", err)
	}
}

func TestFilesOfASandboxAreReadInParts(t *testing.T) {
	t.Parallel()
	url := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		want := `{"type":"READ_FILE","read_file":{"path":"/frameworks/f/executors/e/runs/latest/stdout","offset":6,"length":5}}`
		if string(body) != want {
			w.WriteHeader(http.StatusNotFound)
			return
		}
		_, _ = io.WriteString(w, `{"type":"READ_FILE","read_file":{"size":11,"data":"d29ybGQ="}}`)
	}))
	a, err := NewAgent(AgentOptions{Address: url})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	file := Sandbox(mesosv1.FrameworkID{Value: "f"}, mesosv1.ExecutorID{Value: "e"}) + "/stdout"
	data, size, err := a.ReadFile(t.Context(), file, 6, 5)
	if err != nil || string(data) != "world" || size != 11 {
		t.Errorf("got %q of %d (%v)", data, size, err)
	}
	_, _, err = a.ReadFile(t.Context(), "/nope", 0, 5)
	if e, ok := errors.AsType[*StatusError](err); !ok || e.Code != http.StatusNotFound {
		t.Errorf("a missing file gave %v", err)
	}
	gone, err := NewAgent(AgentOptions{Address: "127.0.0.1:1"})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := gone.ReadFile(t.Context(), "/x", 0, 1); err == nil || !strings.HasPrefix(err.Error(), "agent 127.0.0.1:1 does not answer") {
		t.Errorf("an agent that is not there gave %v", err)
	}
}
