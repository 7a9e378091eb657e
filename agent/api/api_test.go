package api

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/meseta/meseta/agent"
	"github.com/meseta/meseta/agent/sandbox"
	"github.com/meseta/meseta/gen/mesosv1"
	"github.com/meseta/meseta/internal/config"
	"github.com/meseta/meseta/internal/mesosid"
	"github.com/meseta/meseta/internal/verbosity"
)

// source is an agent that says what the test wants.
type source struct {
	view  *agent.View
	err   error
	files *sandbox.Files
}

var _ Source = (*source)(nil)

func (s *source) View(context.Context) (*agent.View, error) { return s.view, s.err }
func (s *source) Files() *sandbox.Files                     { return s.files }
func (s *source) Metrics(*agent.View) []agent.Metric {
	return []agent.Metric{{Name: "slave/tasks_running", Value: 1}}
}

func (s *source) Statistics(_ context.Context, name string, id mesosid.ContainerID) (mesosv1.ResourceStatistics, error) {
	if name != "process" || id != "c1" {
		return mesosv1.ResourceStatistics{}, errors.New("unknown")
	}
	return mesosv1.ResourceStatistics{Timestamp: 5, MemLimitBytes: new(uint64(67108864))}, nil
}

// station is a server over one agent with one running task.
type station struct {
	t       *testing.T
	source  *source
	sandbox string
	server  http.Handler
}

func newStation(t *testing.T) *station {
	t.Helper()
	work, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	layout := sandbox.Layout{WorkDir: work}
	path := layout.Run("S0", "f1", "t1", "c1")
	if err := errors.Join(layout.CreateAgent("S0"), sandbox.Create(path, ""),
		os.WriteFile(filepath.Join(path, "out.txt"), []byte("hello golden\nline two\n"), 0o644),
		os.WriteFile(filepath.Join(path, "z.bin"), []byte("data"), 0o644)); err != nil {
		t.Fatal(err)
	}
	s := &source{view: viewOf(path), files: sandbox.NewFiles(layout, nil)}
	server := New(s, Options{
		Flags:     []config.Flag{{Name: "work_dir", Value: work}},
		Verbosity: verbosity.New(new(slog.LevelVar)),
		Gatherer:  prometheus.NewRegistry(),
	})
	return &station{t: t, source: s, sandbox: path, server: server.Handler()}
}

func viewOf(path string) *agent.View {
	role := "dev"
	resource := func(name string, value float64, role *string) mesosv1.Resource {
		r := mesosv1.Resource{Name: name, Type: mesosv1.ValueTypeScalar, Scalar: &mesosv1.ValueScalar{Value: value}}
		if role != nil {
			r.AllocationInfo = &mesosv1.ResourceAllocationInfo{Role: role}
		}
		return r
	}
	status := &mesosv1.ContainerStatus{ContainerID: &mesosv1.ContainerID{Value: "c1"}, ExecutorPid: new(uint32(7))}
	return &agent.View{
		ID: "S0", IP: "127.0.0.1", Port: 5051, Started: time.Unix(100, 0), Registered: true, MasterHost: "localhost",
		Capabilities: []string{"MULTI_ROLE"},
		Info: mesosv1.AgentInfo{
			Hostname: "agent1.test", Port: new(int32(5051)), ID: &mesosv1.AgentID{Value: "S0"},
			Resources: []mesosv1.Resource{
				resource("cpus", 4, nil), resource("mem", 2048, nil),
				{Name: "ports", Type: mesosv1.ValueTypeRanges, Ranges: &mesosv1.ValueRanges{Range: []mesosv1.ValueRange{{Begin: 31000, End: 32000}}}},
			},
		},
		Frameworks: []agent.FrameworkView{{
			Info: &mesosv1.FrameworkInfo{ID: &mesosv1.FrameworkID{Value: "f1"}, Name: "fw", User: "u", Roles: []string{"dev"}},
			Executors: []agent.ExecutorView{{
				Info: &mesosv1.ExecutorInfo{
					ExecutorID: mesosv1.ExecutorID{Value: "t1"}, Name: new("Command Executor"), Source: new("t1"),
					Resources: []mesosv1.Resource{resource("cpus", 0.1, &role), resource("mem", 32, &role)},
				},
				ContainerID: "c1", Directory: path, VirtualPath: sandbox.VirtualPath("f1", "t1"),
				Containerizer: "process", Command: true, Live: true, Status: status,
				Launched: []*mesosv1.Task{{
					Name: "t1", TaskID: mesosv1.TaskID{Value: "t1"}, State: mesosv1.TaskRunning,
					FrameworkID: mesosv1.FrameworkID{Value: "f1"}, AgentID: mesosv1.AgentID{Value: "S0"},
					Resources: []mesosv1.Resource{resource("cpus", 0.5, &role), resource("mem", 32, &role)},
					Statuses:  []mesosv1.TaskStatus{{State: mesosv1.TaskRunning, ContainerStatus: status}},
				}},
			}},
		}},
	}
}

// reply is an answer in short.
type reply struct {
	status      int
	contentType string
	body        string
	header      http.Header
}

func (s *station) do(method, target, body string, header ...string) reply {
	s.t.Helper()
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	s.server.ServeHTTP(w, r)
	text, err := io.ReadAll(w.Result().Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return reply{w.Code, w.Header().Get("Content-Type"), string(text), w.Header()}
}

func (s *station) get(target string) reply { return s.do(http.MethodGet, target, "") }

func (s *station) call(body string) reply {
	return s.do(http.MethodPost, "/api/v1", body, "Content-Type", "application/json", "Accept", "application/json")
}

func (s *station) expectJSON(r reply, want string) {
	s.t.Helper()
	if r.status != http.StatusOK || !strings.HasPrefix(r.contentType, "application/json") {
		s.t.Errorf("status %d, %s: %s", r.status, r.contentType, r.body)
		return
	}
	var got, expected any
	if err := errors.Join(json.Unmarshal([]byte(r.body), &got), json.Unmarshal([]byte(want), &expected)); err != nil {
		s.t.Fatalf("%v in %s", err, r.body)
	}
	if diff := cmp.Diff(expected, got); diff != "" {
		s.t.Errorf("answer (-want +got):\n%s", diff)
	}
}

const virtual = "/frameworks/f1/executors/t1/runs/latest"

func TestRefusalsHaveTheStatusAndTextOfMesos(t *testing.T) {
	t.Parallel()
	s := newStation(t)
	json := []string{"Content-Type", "application/json", "Accept", "application/json"}
	tests := []struct {
		name, method, target, body string
		header                     []string
		status                     int
		text                       string
	}{
		{"another method", "GET", "/api/v1", "", nil, 405, "405 Method Not Allowed. Expecting one of { 'POST' }, but received 'GET'."},
		{"no content type", "POST", "/api/v1", `{"type":"GET_HEALTH"}`, nil, 400, "Expecting 'Content-Type' to be present"},
		{"another content type", "POST", "/api/v1", `{}`, []string{"Content-Type", "text/plain"}, 415, "Expecting 'Content-Type' of application/json or application/x-protobuf or application/recordio"},
		{"another accept", "POST", "/api/v1", `{"type":"GET_HEALTH"}`, []string{"Content-Type", "application/json", "Accept", "text/html"}, 406, "Expecting 'Accept' to allow application/json or application/x-protobuf or application/recordio"},
		{"a stream is wanted", "POST", "/api/v1", `{"type":"GET_HEALTH"}`, []string{"Content-Type", "application/json", "Accept", "application/recordio"}, 406, "Streaming response is not supported for GET_HEALTH call"},
		{"a stream of unknown messages", "POST", "/api/v1", `{"type":"GET_HEALTH"}`, []string{"Content-Type", "application/recordio"}, 400, "Expecting 'Message-Content-Type' to be set for streaming requests"},
		{"a stream that is none", "POST", "/api/v1", `{"type":"GET_HEALTH"}`, []string{"Content-Type", "application/recordio", "Message-Content-Type", "application/json"}, 400, "Received EOF while reading request body"},
		{"messages in no stream", "POST", "/api/v1", `{"type":"GET_HEALTH"}`, append([]string{"Message-Content-Type", "application/json"}, json...), 415, "Expecting 'Message-Content-Type' to be not set for non-streaming requests"},
		{"messages accepted in no stream", "POST", "/api/v1", `{"type":"GET_HEALTH"}`, append([]string{"Message-Accept", "application/json"}, json...), 406, "Expecting 'Message-Accept' to be not set for non-streaming responses"},
		{"an array", "POST", "/api/v1", `[]`, json, 400, "Expecting a JSON object"},
		{"no type", "POST", "/api/v1", `{}`, json, 400, "Failed to validate agent::Call: Expecting 'type' to be present"},
		{"an unknown type", "POST", "/api/v1", `{"type":"NOPE"}`, json, 400, "Failed to validate agent::Call: Expecting 'type' to be present"},
		{"the type UNKNOWN", "POST", "/api/v1", `{"type":"UNKNOWN"}`, json, 501, "501 Not Implemented."},
		{"a missing member", "POST", "/api/v1", `{"type":"READ_FILE"}`, json, 400, "Failed to validate agent::Call: Expecting 'read_file' to be present"},
		{"missing fields", "POST", "/api/v1", `{"type":"READ_FILE","read_file":{}}`, json, 400, "Missing required fields: read_file.path, read_file.offset"},
		{"a call that is not served yet", "POST", "/api/v1", `{"type":"KILL_CONTAINER","kill_container":{"container_id":{"value":"x"}}}`, json, 501, "This agent does not support the call KILL_CONTAINER yet"},
		{"executors", "POST", "/api/v1/executor", `{}`, json, 501, "This agent does not support executors yet"},
		{"an unknown path", "GET", "/redirect", "", nil, 404, "404 Not Found."},
		{"no path of a file", "GET", "/files/browse", "", nil, 400, "Expecting 'path=value' in query.\n"},
		{"a file that does not exist", "GET", "/files/browse?path=" + virtual + "/nope", "", nil, 404, ""},
		{"a download that does not exist", "GET", "/files/download?path=" + virtual + "/nope", "", nil, 404, "404 Not Found."},
		{"reading a directory", "GET", "/files/read?path=" + virtual, "", nil, 400, "Cannot read a directory.\n"},
		{"downloading a directory", "GET", "/files/download?path=" + virtual, "", nil, 400, "Cannot download a directory.\n"},
		{"a negative offset", "GET", "/files/read?path=" + virtual + "/out.txt&offset=-7", "", nil, 400, "Negative offset provided: -7.\n"},
		{"an offset that is no number", "GET", "/files/read?path=" + virtual + "/out.txt&offset=x", "", nil, 400, "Failed to parse offset: Failed to convert 'x' to number.\n"},
		{"a path that leaves the sandbox", "GET", "/files/browse?path=" + virtual + "/../..", "", nil, 400, "'" + s.sandbox + "/../..' is inaccessible.\n"},
		{"containers by executor alone", "GET", "/containers?executor_id=t1", "", nil, 400, "Supported query parameters are container_id only, framework_id only, or executor_id and framework_id only"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got := s.do(test.method, test.target, test.body, test.header...)
			if got.status != test.status || got.body != test.text || got.contentType != "text/plain; charset=utf-8" {
				t.Errorf("got %d %s %q\nwant %d %q", got.status, got.contentType, got.body, test.status, test.text)
			}
		})
	}
}

func TestWhileRecoveringTheAgentIsHealthyButHasNothingToTell(t *testing.T) {
	t.Parallel()
	s := newStation(t)
	s.source.view, s.source.err = nil, agent.ErrRecovering
	for _, r := range []reply{s.get("/state"), s.get("/containers"), s.call(`{"type":"GET_STATE"}`)} {
		if r.status != http.StatusServiceUnavailable || r.body != "Agent has not finished recovery" {
			t.Errorf("%d %q", r.status, r.body)
		}
	}
	if r := s.get("/health"); r.status != http.StatusOK || r.body != "" {
		t.Errorf("/health: %d %q", r.status, r.body)
	}
}

func TestFilesAreReadInBothWays(t *testing.T) {
	t.Parallel()
	s := newStation(t)
	read := "/files/read?path=" + virtual + "/out.txt"
	s.expectJSON(s.get(read), `{"data":"","offset":22}`)
	s.expectJSON(s.get(read+"&offset=-1&length=5"), `{"data":"","offset":22}`)
	s.expectJSON(s.get(read+"&offset=6&length=6"), `{"data":"golden","offset":6}`)
	s.expectJSON(s.get(read+"&offset=0&length=-1"), `{"data":"hello golden\nline two\n","offset":0}`)
	s.expectJSON(s.get(read+"&offset=23"), `{"data":"","offset":23}`)
	s.expectJSON(s.call(`{"type":"READ_FILE","read_file":{"path":"`+virtual+`/out.txt","offset":6,"length":6}}`), `{"type":"READ_FILE","read_file":{"size":22,"data":"Z29sZGVu"}}`)
	s.expectJSON(s.call(`{"type":"READ_FILE","read_file":{"path":"`+virtual+`/out.txt","offset":100}}`), `{"type":"READ_FILE","read_file":{"size":22,"data":""}}`)
	s.expectJSON(s.call(`{"type":"LIST_FILES","list_files":{"path":"`+virtual+`/out.txt"}}`), `{"type":"LIST_FILES","list_files":{}}`)
	if r := s.get(read + "&offset=0&jsonp=cb"); r.contentType != "text/javascript" || r.body != `cb({"data":"hello golden\nline two\n","offset":0});` {
		t.Errorf("%s %q", r.contentType, r.body)
	}
	s.expectJSON(s.get("/files/debug"), `{"`+virtual+`":"`+s.sandbox+`","`+s.sandbox+`":"`+s.sandbox+`","`+filepath.Dir(s.sandbox)+`/latest":"`+s.sandbox+`"}`)
}

func TestFilesAreListedWithTheirProperties(t *testing.T) {
	t.Parallel()
	s := newStation(t)
	var files []fileInfo
	if err := json.Unmarshal([]byte(s.get("/files/browse?path="+virtual).body), &files); err != nil {
		t.Fatal(err)
	}
	if len(files) != 2 || files[0].Path != virtual+"/out.txt" || files[0].Mode != "-rw-r--r--" || files[0].Size != 22 || files[0].Nlink != 1 {
		t.Errorf("%+v", files)
	}
	if r := s.call(`{"type":"LIST_FILES","list_files":{"path":"` + virtual + `"}}`); !strings.Contains(r.body, `"mode":33188`) {
		t.Errorf("LIST_FILES: %s", r.body)
	}
}

func TestDownloadsAreNamedAndTypedByTheirExtension(t *testing.T) {
	t.Parallel()
	s := newStation(t)
	for file, want := range map[string]string{"out.txt": "text/plain", "z.bin": "application/octet-stream"} {
		r := s.get("/files/download?path=" + virtual + "/" + file)
		if r.status != 200 || r.contentType != want || r.header.Get("Content-Disposition") != "attachment; filename="+file {
			t.Errorf("%s: %d %s %s", file, r.status, r.contentType, r.header.Get("Content-Disposition"))
		}
	}
}

func TestStateIsToldWithItsEmptyLists(t *testing.T) {
	t.Parallel()
	s := newStation(t)
	s.source.view = &agent.View{Info: mesosv1.AgentInfo{Hostname: "h"}}
	s.expectJSON(s.call(`{"type":"GET_STATE"}`), `{"type":"GET_STATE","get_state":{
		"get_tasks":{"pending_tasks":[],"queued_tasks":[],"launched_tasks":[],"terminated_tasks":[],"completed_tasks":[]},
		"get_executors":{"executors":[],"completed_executors":[]},
		"get_frameworks":{"frameworks":[],"completed_frameworks":[]}}}`)
	s.expectJSON(s.call(`{"type":"GET_CONTAINERS"}`), `{"type":"GET_CONTAINERS"}`)
	s.expectJSON(s.call(`{"type":"GET_OPERATIONS"}`), `{"type":"GET_OPERATIONS","get_operations":{}}`)
	s.expectJSON(s.get("/containers"), `[]`)
	s.expectJSON(s.get("/monitor/statistics"), `[]`)
}

func TestARunningTaskIsShownEverywhere(t *testing.T) {
	t.Parallel()
	s := newStation(t)
	const executor = `{"executor_id":{"value":"t1"},"name":"Command Executor","source":"t1","resources":[
		{"name":"cpus","type":"SCALAR","scalar":{"value":0.1},"allocation_info":{"role":"dev"}},
		{"name":"mem","type":"SCALAR","scalar":{"value":32},"allocation_info":{"role":"dev"}}]}`
	s.expectJSON(s.call(`{"type":"GET_EXECUTORS"}`), `{"type":"GET_EXECUTORS","get_executors":{"executors":[{"executor_info":`+executor+`}],"completed_executors":[]}}`)
	s.expectJSON(s.call(`{"type":"GET_CONTAINERS"}`), `{"type":"GET_CONTAINERS","get_containers":{"containers":[{
		"framework_id":{"value":"f1"},"executor_id":{"value":"t1"},"executor_name":"Command Executor","container_id":{"value":"c1"},
		"container_status":{"container_id":{"value":"c1"},"executor_pid":7},"resource_statistics":{"timestamp":5,"mem_limit_bytes":67108864}}]}}`)
	s.expectJSON(s.get("/containers?framework_id=nope"), `[]`)
	s.expectJSON(s.get("/containers?framework_id=f1&executor_id=t1"), `[{"container_id":"c1","executor_id":"t1","executor_name":"Command Executor",
		"framework_id":"f1","source":"t1","statistics":{"timestamp":5,"mem_limit_bytes":67108864},"status":{"container_id":{"value":"c1"},"executor_pid":7}}]`)

	var state map[string]any
	if err := json.Unmarshal([]byte(s.get("/slave(1)/state").body), &state); err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]string{
		"id": `"S0"`, "pid": `"slave(1)@127.0.0.1:5051"`, "hostname": `"agent1.test"`, "start_time": `100`,
		"resources":                      `{"cpus":4,"gpus":0,"mem":2048,"disk":0,"ports":"[31000-32000]"}`,
		"unreserved_resources_allocated": `{"cpus":0.6,"gpus":0,"mem":64,"disk":0}`,
		"reserved_resources":             `{}`, "resource_providers": `[]`, "attributes": `{}`, "completed_frameworks": `[]`,
		"frameworks": `[{"id":"f1","name":"fw","user":"u","failover_timeout":0,"checkpoint":false,"hostname":"","roles":["dev"],"completed_executors":[],
			"executors":[{"id":"t1","name":"Command Executor","source":"t1","container":"c1","directory":"` + s.sandbox + `","role":"dev",
				"resources":{"cpus":0.6,"gpus":0,"mem":64,"disk":0},"queued_tasks":[],"completed_tasks":[],
				"tasks":[{"id":"t1","name":"t1","framework_id":"f1","executor_id":"","slave_id":"S0","state":"TASK_RUNNING","role":"dev",
					"resources":{"cpus":0.5,"gpus":0,"mem":32,"disk":0},
					"statuses":[{"state":"TASK_RUNNING","container_status":{"container_id":{"value":"c1"}}}]}]}]}]`,
	} {
		var expected any
		if err := json.Unmarshal([]byte(want), &expected); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(expected, state[key]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", key, diff)
		}
	}
}

func TestTheAgentDescribesItself(t *testing.T) {
	t.Parallel()
	s := newStation(t)
	s.expectJSON(s.call(`{"type":"GET_HEALTH"}`), `{"type":"GET_HEALTH","get_health":{"healthy":true}}`)
	if r := s.call(`{"type":"GET_VERSION"}`); !strings.Contains(r.body, `"version":"1.12.0"`) {
		t.Errorf("GET_VERSION: %s", r.body)
	}
	for _, r := range []reply{s.get("/flags"), s.call(`{"type":"GET_FLAGS"}`)} {
		if !strings.Contains(r.body, "work_dir") {
			t.Errorf("flags: %s", r.body)
		}
	}
	for _, r := range []reply{s.get("/metrics/snapshot"), s.call(`{"type":"GET_METRICS","get_metrics":{}}`)} {
		if !strings.Contains(r.body, "slave/tasks_running") || !strings.Contains(r.body, "system/mem_total_bytes") {
			t.Errorf("metrics: %s", r.body)
		}
	}
	if r := s.get("/system/stats.json"); !strings.Contains(r.body, "avg_load_1min") {
		t.Errorf("/system/stats.json: %s", r.body)
	}
	if r := s.get("/metrics"); r.status != 200 {
		t.Errorf("/metrics: %d %s", r.status, r.body)
	}
}

func TestTheLogCanBeMadeMoreTalkative(t *testing.T) {
	t.Parallel()
	s := newStation(t)
	s.expectJSON(s.call(`{"type":"GET_LOGGING_LEVEL"}`), `{"type":"GET_LOGGING_LEVEL","get_logging_level":{"level":0}}`)
	if r := s.call(`{"type":"SET_LOGGING_LEVEL","set_logging_level":{"level":1,"duration":{"nanoseconds":60000000000}}}`); r.status != 200 || r.body != "" {
		t.Errorf("%d %q", r.status, r.body)
	}
	s.expectJSON(s.call(`{"type":"GET_LOGGING_LEVEL"}`), `{"type":"GET_LOGGING_LEVEL","get_logging_level":{"level":1}}`)
}

func TestADrainIsShown(t *testing.T) {
	t.Parallel()
	s := newStation(t)
	s.source.view.Drain = &mesosv1.DrainConfig{MarkGone: new(true)}
	s.source.view.DrainStarted = time.Unix(7, 0)
	r := s.call(`{"type":"GET_AGENT"}`)
	if !strings.Contains(r.body, `"drain_config":{"mark_gone":true},"estimated_drain_start_time":{"nanoseconds":7000000000}`) {
		t.Errorf("GET_AGENT: %s", r.body)
	}
}
