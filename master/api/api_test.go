package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/meseta/meseta/gen/mesosv1"
	"github.com/meseta/meseta/gen/nodev1"
	"github.com/meseta/meseta/gen/schedulerv1"
	"github.com/meseta/meseta/internal/contract"
	"github.com/meseta/meseta/internal/httpx"
	"github.com/meseta/meseta/internal/recordio"
	"github.com/meseta/meseta/internal/resources"
	"github.com/meseta/meseta/master"
	"github.com/meseta/meseta/master/api"
)

var covered *contract.Contract

func TestMain(m *testing.M) {
	var err error
	if covered, err = contract.Load("scheduler.yaml", "node.yaml", "meseta.yaml"); err != nil {
		panic(err)
	}
	code := m.Run()
	if code == 0 {
		report := covered.Report()
		fmt.Print(report)
		if err := goleak.Find(); err != nil {
			fmt.Println(err)
			code = 1
		}
	}
	os.Exit(code)
}

// server is a master behind real HTTP, every byte checked against the contract.
type server struct {
	t      *testing.T
	url    string
	client *http.Client
}

func serve(t *testing.T) *server {
	t.Helper()
	m := master.New(master.Options{
		ID: "M", Hostname: "master.test", IP: netip.MustParseAddr("127.0.0.1"), Port: 5050, Version: "1.12.0",
		AllocationInterval: 50 * time.Millisecond, Seed: 1,
	})
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = m.Run(ctx)
	}()
	router := httpx.NewRouter("/master")
	api.New(m, api.Options{MaxBody: 1 << 20, Logger: slog.New(slog.DiscardHandler)}).Routes(router)
	checker := covered.Checker(t)
	web := httptest.NewServer(checker.Middleware(router))
	transport := &http.Transport{}
	t.Cleanup(func() {
		cancel()
		<-done
		transport.CloseIdleConnections()
		web.Close()
	})
	return &server{t: t, url: web.URL, client: &http.Client{Transport: transport}}
}

// post sends a body and returns the answer, which the caller must close.
func (s *server) post(ctx context.Context, path string, body any, header ...string) *http.Response {
	s.t.Helper()
	raw, ok := body.(string)
	if !ok {
		b, err := json.Marshal(body)
		if err != nil {
			s.t.Fatal(err)
		}
		raw = string(b)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url+path, strings.NewReader(raw))
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	response, err := s.client.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	return response
}

// ask sends a body and returns status and text of the answer.
func (s *server) ask(path string, body any, header ...string) (int, string) {
	s.t.Helper()
	response := s.post(s.t.Context(), path, body, header...)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

// stream is an open subscription.
type stream[E any] struct {
	t       *testing.T
	records *recordio.Reader
	id      string
}

func open[E any](s *server, path, header string, body any) *stream[E] {
	s.t.Helper()
	ctx, cancel := context.WithCancel(s.t.Context())
	response := s.post(ctx, path, body)
	s.t.Cleanup(func() {
		cancel()
		response.Body.Close()
	})
	if response.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(response.Body)
		s.t.Fatalf("%s: %s: %s", path, response.Status, text)
	}
	return &stream[E]{t: s.t, records: recordio.NewReader(response.Body, 0), id: response.Header.Get(header)}
}

func (s *stream[E]) next() E {
	s.t.Helper()
	record, err := s.records.Next()
	if err != nil {
		s.t.Fatalf("the stream ended: %v", err)
	}
	var e E
	if err := json.Unmarshal(record, &e); err != nil {
		s.t.Fatalf("%v: %s", err, record)
	}
	return e
}

func subscription() *schedulerv1.Call {
	return &schedulerv1.Call{Type: schedulerv1.CallTypeSubscribe, Subscribe: &schedulerv1.CallSubscribe{
		FrameworkInfo: mesosv1.FrameworkInfo{
			User: "tester", Name: "test", Roles: []string{"dev"},
			Capabilities: []mesosv1.FrameworkInfoCapability{{Type: new(mesosv1.FrameworkInfoCapabilityTypeMultiRole)}},
		},
	}}
}

func registration(t *testing.T) *nodev1.Call {
	declared, err := resources.Parse("cpus:4;mem:2048", "*")
	if err != nil {
		t.Fatal(err)
	}
	return &nodev1.Call{Type: nodev1.CallTypeRegister, Register: &nodev1.Register{
		AgentInfo:    mesosv1.AgentInfo{Hostname: "agent.test", Resources: declared.Resources.ToV1(resources.Post)},
		Version:      "1.12.0",
		IP:           "127.0.0.1",
		Port:         5051,
		Capabilities: []mesosv1.AgentInfoCapability{{Type: new(mesosv1.AgentInfoCapabilityTypeMultiRole)}},
	}}
}

func TestATaskLivesOverHTTP(t *testing.T) {
	t.Parallel()
	s := serve(t)
	agent := open[nodev1.Event](s, "/api/v1/node", api.SessionIDHeader, registration(t))
	if e := agent.next(); e.Type != nodev1.EventTypeRegistered {
		t.Fatalf("the session begins with %s", e.Type)
	}
	scheduler := open[schedulerv1.Event](s, "/api/v1/scheduler", api.StreamIDHeader, subscription())
	subscribed := scheduler.next()
	if subscribed.Type != schedulerv1.EventTypeSubscribed {
		t.Fatalf("the stream begins with %s", subscribed.Type)
	}
	if e := scheduler.next(); e.Type != schedulerv1.EventTypeHeartbeat {
		t.Fatalf("the second event is %s, want HEARTBEAT", e.Type)
	}
	offer := scheduler.next().Offers.Offers[0]
	call := func(c *schedulerv1.Call) {
		t.Helper()
		c.FrameworkID = &subscribed.Subscribed.FrameworkID
		if status, text := s.ask("/api/v1/scheduler", c, api.StreamIDHeader, scheduler.id); status != http.StatusAccepted {
			t.Fatalf("%s: %d %s", c.Type, status, text)
		}
	}
	call(&schedulerv1.Call{Type: schedulerv1.CallTypeAccept, Accept: &schedulerv1.CallAccept{
		OfferIds: []mesosv1.OfferID{offer.ID},
		Operations: []mesosv1.OfferOperation{{
			Type: new(mesosv1.OfferOperationTypeLaunch),
			Launch: &mesosv1.OfferOperationLaunch{TaskInfos: []mesosv1.TaskInfo{{
				Name: "t", TaskID: mesosv1.TaskID{Value: "t1"}, AgentID: offer.AgentID,
				Command:   &mesosv1.CommandInfo{Value: new("true")},
				Resources: []mesosv1.Resource{{Name: "cpus", Type: mesosv1.ValueTypeScalar, Scalar: &mesosv1.ValueScalar{Value: 1}}},
			}}},
		}},
	}})
	run := agent.next()
	if run.Type != nodev1.EventTypeRunTasks || run.RunTasks.Tasks[0].TaskID.Value != "t1" {
		t.Fatalf("the agent got %+v, want RUN_TASKS", run)
	}
	report := &nodev1.Call{Type: nodev1.CallTypeReport, Report: &nodev1.Report{Updates: []nodev1.StatusUpdate{{
		FrameworkID: subscribed.Subscribed.FrameworkID,
		LatestState: mesosv1.TaskFinished,
		Status: mesosv1.TaskStatus{
			TaskID: mesosv1.TaskID{Value: "t1"}, State: mesosv1.TaskFinished, AgentID: &offer.AgentID,
			UUID: []byte{0, 1, 2, 3, 4, 5, 0x46, 7, 0x88, 9, 10, 11, 12, 13, 14, 15},
		},
	}}}}
	if status, text := s.ask("/api/v1/node", report, api.SessionIDHeader, agent.id); status != http.StatusAccepted {
		t.Fatalf("REPORT: %d %s", status, text)
	}
	update := scheduler.next()
	for update.Type != schedulerv1.EventTypeUpdate {
		update = scheduler.next()
	}
	call(&schedulerv1.Call{Type: schedulerv1.CallTypeAcknowledge, Acknowledge: &schedulerv1.CallAcknowledge{
		AgentID: offer.AgentID, TaskID: mesosv1.TaskID{Value: "t1"}, UUID: update.Update.Status.UUID,
	}})
	if ack := agent.next(); ack.Type != nodev1.EventTypeAcknowledge {
		t.Errorf("the agent got %s, want ACKNOWLEDGE", ack.Type)
	}
}

func TestRefusalsAreThoseOfMesos(t *testing.T) {
	t.Parallel()
	s := serve(t)
	for _, test := range []struct {
		name   string
		body   string
		header []string
		status int
		text   string
	}{
		{"no type", `{}`, nil, 400, "Failed to validate scheduler::Call: Expecting 'type' to be present"},
		{"not JSON", `{"type":`, nil, 400, "Failed to parse body into JSON: "},
		{"a number for a type", `{"type":7}`, nil, 400, "Failed to convert JSON into Call protobuf: Not expecting a JSON number for field 'type'"},
		{"a foreign Content-Type", `{}`, []string{"Content-Type", "text/plain"}, 415, "Expecting 'Content-Type' of application/json or application/x-protobuf"},
		{"no framework", `{"type":"REVIVE"}`, nil, 400, "Failed to validate scheduler::Call: Expecting 'framework_id' to be present"},
		{"an unknown framework", `{"type":"REVIVE","framework_id":{"value":"x"}}`, nil, 400, "Framework cannot be found"},
		{"a stream id on SUBSCRIBE", `{"type":"SUBSCRIBE","subscribe":{"framework_info":{"user":"u","name":"n"}}}`, []string{api.StreamIDHeader, "x"}, 400, "Subscribe calls should not include the 'Mesos-Stream-Id' header"},
		{"nothing acceptable", `{"type":"SUBSCRIBE","subscribe":{"framework_info":{"user":"u","name":"n"}}}`, []string{"Accept", "text/html"}, 406, "Expecting 'Accept' to allow 'application/x-protobuf' or 'application/json'"},
		{"a UUID that is none", `{"type":"ACKNOWLEDGE","framework_id":{"value":"x"},"acknowledge":{"agent_id":{"value":"a"},"task_id":{"value":"t"},"uuid":"AAAAAAAAAAAAAAAAAAAAAA=="}}`, nil, 400, "Failed to validate scheduler::Call: Not a valid UUID"},
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.url+"/api/v1/scheduler", strings.NewReader(test.body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		for i := 0; i < len(test.header); i += 2 {
			r.Header.Set(test.header[i], test.header[i+1])
		}
		r.Header.Set(contract.OffContractHeader, "1")
		response, err := s.client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(response.Body)
		response.Body.Close()
		if response.StatusCode != test.status || !strings.HasPrefix(string(text), test.text) {
			t.Errorf("%s: %d %s\nwant %d %s", test.name, response.StatusCode, text, test.status, test.text)
		}
	}
}

func TestABodyThatIsTooLargeIsRefused(t *testing.T) {
	t.Parallel()
	s := serve(t)
	response := s.post(t.Context(), "/api/v1/scheduler", `{"type":"`+strings.Repeat("x", 2<<20)+`"}`, contract.OffContractHeader, "1")
	defer response.Body.Close()
	if response.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("2 MiB with a limit of 1 MiB: %s", response.Status)
	}
}

func TestASubscriberThatStopsReadingLosesItsStream(t *testing.T) {
	t.Parallel()
	s := serve(t)
	address := strings.TrimPrefix(s.url, "http://")
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	body, err := json.Marshal(subscription())
	if err != nil {
		t.Fatal(err)
	}
	var request bytes.Buffer
	fmt.Fprintf(&request, "POST /api/v1/scheduler HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", address, len(body), body)
	if _, err := conn.Write(request.Bytes()); err != nil {
		t.Fatal(err)
	}
	// Reading nothing and closing is the rudest end; the framework is then
	// unknown, since it has no failover timeout.
	conn.Close()
	call := `{"type":"REVIVE","framework_id":{"value":"M-0000"}}`
	deadline := time.Now().Add(10 * time.Second)
	for {
		status, text := s.ask("/api/v1/scheduler", call, api.StreamIDHeader, "x")
		if status == http.StatusBadRequest && text == "Framework cannot be found" {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the framework is still there: %d %s", status, text)
		}
	}
}

func TestANodeCallOutsideASessionIsRefused(t *testing.T) {
	t.Parallel()
	s := serve(t)
	pong := &nodev1.Call{Type: nodev1.CallTypePong}
	if status, _ := s.ask("/api/v1/node", pong); status != http.StatusBadRequest {
		t.Errorf("without a session: %d, want 400", status)
	}
	if status, _ := s.ask("/api/v1/node", pong, api.SessionIDHeader, "x"); status != http.StatusForbidden {
		t.Errorf("with a foreign session: %d, want 403", status)
	}
	if status, text := s.ask("/api/v1/node", &nodev1.Call{Type: nodev1.CallTypeReport}, api.SessionIDHeader, "x"); status != http.StatusBadRequest {
		t.Errorf("without its member: %d %s, want 400", status, text)
	}
}

func TestTheMasterExplainsWhyThereIsNoOffer(t *testing.T) {
	t.Parallel()
	s := serve(t)
	scheduler := open[schedulerv1.Event](s, "/api/v1/scheduler", api.StreamIDHeader, subscription())
	id := scheduler.next().Subscribed.FrameworkID.Value
	get := func(query string) (int, string) {
		response, err := s.client.Get(s.url + "/explain" + query)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		text, _ := io.ReadAll(response.Body)
		return response.StatusCode, string(text)
	}
	if status, text := get("?framework_id=" + id); status != http.StatusOK || !strings.Contains(text, "there are no agents") {
		t.Errorf("%d %s, want that there are no agents", status, text)
	}
	if status, text := get("?framework_id=nobody"); status != http.StatusNotFound {
		t.Errorf("an unknown framework: %d %s, want 404", status, text)
	}
	if status, text := get("?framework_id=" + id + "&role=other"); status != http.StatusNotFound {
		t.Errorf("a foreign role: %d %s, want 404", status, text)
	}
}
