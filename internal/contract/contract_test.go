package contract_test

import (
	"cmp"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/meseta/meseta/internal/contract"
	"github.com/meseta/meseta/internal/recordio"
)

// loadedOnce is shared by the tests: loading takes most of their time.
var loadedOnce = sync.OnceValues(func() (*contract.Contract, error) {
	c, err := contract.Load("scheduler.yaml", "operator.yaml")
	if err == nil {
		c.Alias = "/master"
	}
	return c, err
})

func loaded(t *testing.T) *contract.Contract {
	t.Helper()
	c, err := loadedOnce()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// violations is a Reporter that collects.
type violations struct {
	mu   sync.Mutex
	text []string
}

func (v *violations) Helper() {}
func (v *violations) Errorf(format string, args ...any) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.text = append(v.text, fmt.Sprintf(format, args...))
}

// answer is what the server under test says.
type answer struct {
	status int
	header map[string]string
	flush  bool // after each part of body
	body   []string
}

func (a answer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	for name, value := range a.header {
		w.Header().Set(name, value)
	}
	w.WriteHeader(a.status)
	for _, part := range a.body {
		_, _ = io.WriteString(w, part)
		if a.flush {
			_ = http.NewResponseController(w).Flush()
		}
	}
}

var jsonAnswer = map[string]string{"Content-Type": "application/json"}

func record(text string) string { return string(recordio.Frame([]byte(text))) }

const heartbeat, teardown = `{"type":"HEARTBEAT"}`, `{"framework_id":{"value":"f"},"type":"TEARDOWN"}`

func TestTraffic(t *testing.T) {
	t.Parallel()
	const scheduler = "/api/v1/scheduler"
	text := map[string]string{"Content-Type": "text/plain; charset=utf-8"}
	stream := map[string]string{"Content-Type": "application/json", "Mesos-Stream-Id": "s"}
	for _, test := range []struct {
		name, path, request string
		method              string // POST if empty
		header              http.Header
		answer              answer
		want                string // in a violation; none if empty
		onlyMiddleware      bool
	}{
		{name: "a call and its acceptance", path: scheduler, request: teardown, answer: answer{status: 202}},
		{name: "the path with its alias and needless slashes", path: "/master//api/v1/scheduler/", request: teardown, answer: answer{status: 202}},
		{name: "unknown members of a call are allowed", path: scheduler, request: `{"framework_id":{"value":"f","x":1},"type":"TEARDOWN"}`, answer: answer{status: 202}},
		{name: "a call of an unknown type", path: scheduler, request: `{"type":"NOPE"}`, answer: answer{status: 202}, want: "/type"},
		{name: "a call with a member of the wrong kind", path: scheduler, request: `{"framework_id":{"value":7},"type":"TEARDOWN"}`, answer: answer{status: 202}, want: "/framework_id/value"},
		{name: "a call that breaks the contract on purpose", path: scheduler, request: `{"type":7}`, header: http.Header{contract.OffContractHeader: {"1"}}, answer: answer{status: 400, header: text, body: []string{"no"}}},
		{name: "a path that is not described", path: "/nope", request: teardown, answer: answer{status: 404}, want: "not described"},
		{name: "such a path on purpose", path: "/nope", request: teardown, header: http.Header{contract.OffContractHeader: {"1"}}, answer: answer{status: 404}},
		{name: "a method that is not described", path: scheduler, method: "PUT", request: teardown, answer: answer{status: 405, header: text, body: []string{"no"}}, want: "not described"},
		{name: "such a method on purpose", path: scheduler, method: "PUT", request: teardown, header: http.Header{contract.OffContractHeader: {"1"}}, answer: answer{status: 405, header: text, body: []string{"no"}}},
		{name: "HEAD is described by GET", path: "/version", method: "HEAD", answer: answer{status: 200, header: jsonAnswer}},
		{name: "a status that is not described", path: scheduler, request: teardown, answer: answer{status: 418}, want: "status is not supported"},
		{name: "a body of another type than described", path: scheduler, request: teardown, answer: answer{status: 400, header: jsonAnswer, body: []string{`{}`}}, want: "application/json"},
		{name: "a page instead of what is described", path: scheduler, request: teardown, answer: answer{status: 400, header: map[string]string{"Content-Type": "text/html"}, body: []string{"<p>"}}, want: "text/html"},

		{name: "a stream", path: scheduler, request: teardown, answer: answer{200, stream, true, []string{record(heartbeat), record(heartbeat)}}},
		{name: "a record in pieces is seen as one by the client", path: scheduler, request: teardown, answer: answer{200, stream, false, []string{"2", "0\n" + heartbeat[:7], heartbeat[7:]}}},
		{name: "a record with numbers", path: scheduler, request: teardown, answer: answer{200, stream, true, []string{
			record(`{"type":"SUBSCRIBED","subscribed":{"framework_id":{"value":"f"},"heartbeat_interval_seconds":15.0,"master_info":{"id":"m","ip":16777343,"port":5050,"hostname":"h"}}}`)}}},
		{name: "a record with a text for a number", path: scheduler, request: teardown, answer: answer{200, stream, true, []string{
			record(`{"type":"SUBSCRIBED","subscribed":{"framework_id":{"value":"f"},"heartbeat_interval_seconds":"15"}}`)}}, want: "/subscribed/heartbeat_interval_seconds"},
		{name: "a record of an unknown type", path: scheduler, request: teardown, answer: answer{200, stream, true, []string{record(`{"type":"NOPE"}`)}}, want: "/type"},
		{name: "a record with a member that is not described", path: scheduler, request: teardown, answer: answer{200, stream, true, []string{record(`{"type":"HEARTBEAT","extra":1}`)}}, want: "extra"},
		{name: "a record that lacks a member deep inside", path: scheduler, request: teardown,
			answer: answer{200, stream, true, []string{record(`{"type":"UPDATE","update":{"status":{"task_id":{},"state":"TASK_RUNNING"}}}`)}}, want: "/update/status/task_id/value"},
		{name: "a record that is not JSON", path: scheduler, request: teardown, answer: answer{200, stream, true, []string{"3\nabc"}}, want: "invalid character"},
		{name: "framing that is broken", path: scheduler, request: teardown, answer: answer{200, stream, true, []string{record(heartbeat), "\n" + record(heartbeat)}}, want: "not the length of a record"},
		{name: "two records in one chunk", path: scheduler, request: teardown, answer: answer{200, stream, true, []string{record(heartbeat) + record(heartbeat)}}, want: "exactly one record", onlyMiddleware: true},
		{name: "half a record in a chunk", path: scheduler, request: teardown, answer: answer{200, stream, true, []string{record(heartbeat)[:9], record(heartbeat)[9:]}}, want: "exactly one record", onlyMiddleware: true},

		{name: "an operator's call and its answer", path: "/api/v1", request: `{"type":"GET_HEALTH"}`, answer: answer{status: 200, header: jsonAnswer, body: []string{`{"type":"GET_HEALTH","get_health":{"healthy":true}}`}}},
		{name: "an empty answer without a type", path: "/api/v1", request: `{"type":"GET_HEALTH"}`, answer: answer{status: 200}},
		{name: "an answer that lacks a member", path: "/api/v1", request: `{"type":"GET_HEALTH"}`, answer: answer{status: 200, header: jsonAnswer, body: []string{`{"type":"GET_HEALTH","get_health":{}}`}}, want: "/get_health/healthy"},
		{name: "an answer with a member that is not described", path: "/api/v1", request: `{"type":"GET_HEALTH"}`, answer: answer{status: 200, header: jsonAnswer, body: []string{`{"type":"GET_HEALTH","get_health":{"healthy":true,"extra":1}}`}}, want: "extra"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c := loaded(t)
			var client, server violations
			handler := c.Checker(&server).Middleware(test.answer)
			ts := httptest.NewServer(handler)
			defer ts.Close()
			request, err := http.NewRequestWithContext(t.Context(), cmp.Or(test.method, "POST"), ts.URL+test.path, strings.NewReader(test.request))
			if err != nil {
				t.Fatal(err)
			}
			request.Header = test.header.Clone()
			if request.Header == nil {
				request.Header = http.Header{}
			}
			request.Header.Set("Content-Type", "application/json")
			response, err := (&http.Client{Transport: c.Checker(&client).Transport(ts.Client().Transport)}).Do(request)
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(response.Body)
			if err != nil {
				t.Fatal(err)
			}
			_ = response.Body.Close()
			if want := strings.Join(test.answer.body, ""); string(got) != want {
				t.Errorf("the client received %q, the server sent %q", got, want)
			}
			ts.Close() // the handler has returned
			expect(t, "the server's", &server, test.want)
			if test.onlyMiddleware {
				expect(t, "the client's", &client, "")
			} else {
				expect(t, "the client's", &client, test.want)
			}
		})
	}
}

func expect(t *testing.T, whose string, got *violations, want string) {
	t.Helper()
	got.mu.Lock()
	defer got.mu.Unlock()
	all := strings.Join(got.text, "\n")
	switch {
	case want == "" && all != "":
		t.Errorf("%s checker objects to what is right:\n%s", whose, all)
	case want != "" && !strings.Contains(all, want):
		t.Errorf("%s checker does not find %q, but reports: %q", whose, want, all)
	}
}

func TestARequestMadeOffContractByItsContextCarriesNoTrace(t *testing.T) {
	t.Parallel()
	var found violations
	var header http.Header
	ts := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header = r.Header
		w.WriteHeader(http.StatusAccepted)
	}))
	defer ts.Close()
	request, err := http.NewRequestWithContext(contract.OffContract(t.Context()), "POST", ts.URL+"/api/v1/scheduler", strings.NewReader(`{"type":7}`))
	if err != nil {
		t.Fatal(err)
	}
	response, err := loaded(t).Checker(&found).Transport(ts.Client().Transport).RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if len(found.text) > 0 || header.Get(contract.OffContractHeader) != "" {
		t.Errorf("violations %q, header %q", found.text, header)
	}
}

func TestCoverage(t *testing.T) {
	t.Parallel()
	c, err := contract.Load("scheduler.yaml")
	if err != nil {
		t.Fatal(err)
	}
	ts := httptest.NewServer(c.Checker(t).Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer{200, map[string]string{"Content-Type": "application/json", "Mesos-Stream-Id": "s"}, true, []string{record(heartbeat)}}.ServeHTTP(w, r)
	})))
	defer ts.Close()
	response, err := ts.Client().Post(ts.URL+"/api/v1/scheduler", "application/json", strings.NewReader(teardown))
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, response.Body)
	_ = response.Body.Close()
	ts.Close()
	report := c.Report()
	want := []string{"scheduler.yaml: Call TEARDOWN", "scheduler.yaml: Event HEARTBEAT", "scheduler.yaml: POST /api/v1/scheduler → 200"}
	if strings.Join(report.Exercised, ";") != strings.Join(want, ";") {
		t.Errorf("exercised: %q, want %q", report.Exercised, want)
	}
	if len(report.Missing) < 20 || strings.Contains(report.String(), "UNKNOWN") {
		t.Errorf("the report is\n%s", report)
	}
	if report.Require(0.9) == nil || report.Require(0.01) != nil {
		t.Error("the threshold has no effect")
	}
	if all := c.Report("Call", "Event", "POST"); all.Ratio() != 1 || len(all.Missing) != 0 {
		t.Errorf("what is left out still counts: %s", all)
	}
}

func TestEverySpecificationLoads(t *testing.T) {
	t.Parallel()
	names, err := os.ReadDir("../../openapi")
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range names {
		if strings.HasSuffix(entry.Name(), ".yaml") {
			t.Run(entry.Name(), func(t *testing.T) {
				t.Parallel()
				if _, err := contract.Load(entry.Name()); err != nil {
					t.Error(err)
				}
			})
		}
	}
	if _, err := contract.Load("nope.yaml"); err == nil {
		t.Error("a specification that does not exist is loaded")
	}
}
