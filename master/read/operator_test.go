package read

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/meseta/meseta/gen/operatorv1"
	"github.com/meseta/meseta/master"
)

func TestCallsThatReadAnswerAsTheContractSays(t *testing.T) {
	t.Parallel()
	url := serve(t, &fakeSource{view: sample(t)}, nil)
	for body, want := range map[string]string{
		`{"type":"GET_HEALTH"}`:        `{"type":"GET_HEALTH","get_health":{"healthy":true}}`,
		`{"type":"GET_FLAGS"}`:         `{"type":"GET_FLAGS","get_flags":{"flags":[{"name":"cluster","value":"east"},{"name":"port","value":"5050"}]}}`,
		`{"type":"GET_LOGGING_LEVEL"}`: `{"type":"GET_LOGGING_LEVEL","get_logging_level":{"level":0}}`,
		`{"type":"GET_VERSION"}`:       "",
		`{"type":"GET_MASTER"}`:        "",
		`{"type":"GET_METRICS","get_metrics":{"timeout":{"nanoseconds":-1}}}`: "",
		`{"type":"GET_STATE"}`:                "",
		`{"type":"GET_FRAMEWORKS"}`:           "",
		`{"type":"GET_EXECUTORS"}`:            "",
		`{"type":"GET_TASKS"}`:                "",
		`{"type":"GET_WEIGHTS"}`:              `{"type":"GET_WEIGHTS","get_weights":{"weight_infos":[{"role":"eng","weight":2.5}]}}`,
		`{"type":"GET_OPERATIONS"}`:           `{"type":"GET_OPERATIONS","get_operations":{}}`,
		`{"type":"GET_QUOTA"}`:                `{"type":"GET_QUOTA","get_quota":{"status":{}}}`,
		`{"type":"GET_MAINTENANCE_STATUS"}`:   `{"type":"GET_MAINTENANCE_STATUS","get_maintenance_status":{"status":{}}}`,
		`{"type":"GET_MAINTENANCE_SCHEDULE"}`: `{"type":"GET_MAINTENANCE_SCHEDULE","get_maintenance_schedule":{"schedule":{}}}`,
		`{"type":"SET_LOGGING_LEVEL","set_logging_level":{"level":2,"duration":{"nanoseconds":1}}}`: "",
		`{"type":"TEARDOWN","teardown":{"framework_id":{"value":"F2"}}}`:                            "",
		`{"type":"UPDATE_WEIGHTS","update_weights":{}}`:                                             "",
		`{"type":"GET_ROLES"}`: `{"type":"GET_ROLES","get_roles":{"roles":[
			{"name":"*","weight":1,"frameworks":[{"value":"F2"}],"resources":[{"name":"cpus","type":"SCALAR","scalar":{"value":0.1}}]},
			{"name":"eng","weight":2.5,"resources":[{"name":"cpus","type":"SCALAR","scalar":{"value":0.5}},{"name":"mem","type":"SCALAR","scalar":{"value":96}}]},
			{"name":"eng/web","weight":1,"frameworks":[{"value":"F1"}],"resources":[{"name":"cpus","type":"SCALAR","scalar":{"value":0.5}},{"name":"mem","type":"SCALAR","scalar":{"value":96}}]},
			{"name":"ops","weight":1,"frameworks":[{"value":"F1"}]}]}}`,
		`{"type":"GET_AGENTS"}`: `{"type":"GET_AGENTS","get_agents":{"agents":[
			{"agent_info":{"hostname":"agent1.test","port":5051,"id":{"value":"S1"}},"active":true,"deactivated":false,"version":"1.12.0",
				"pid":"slave(1)@127.0.0.1:5051","registered_time":{"nanoseconds":1000500000000},
				"total_resources":[{"name":"cpus","type":"SCALAR","scalar":{"value":4},"role":"*"},
					{"name":"cpus","type":"SCALAR","scalar":{"value":1},"role":"eng","reservations":[{"type":"STATIC","role":"eng"}]},
					{"name":"mem","type":"SCALAR","scalar":{"value":1024},"role":"*"},
					{"name":"ports","type":"RANGES","ranges":{"range":[{"begin":1,"end":100}]},"role":"*"}],
				"allocated_resources":[{"name":"cpus","type":"SCALAR","scalar":{"value":0.5},"role":"*","allocation_info":{"role":"eng/web"}},
					{"name":"mem","type":"SCALAR","scalar":{"value":32},"role":"*","allocation_info":{"role":"eng/web"}},
					{"name":"cpus","type":"SCALAR","scalar":{"value":0.1},"role":"*","allocation_info":{"role":"*"}}],
				"offered_resources":[{"name":"mem","type":"SCALAR","scalar":{"value":64},"role":"*","allocation_info":{"role":"eng/web"}},
					{"name":"ports","type":"RANGES","ranges":{"range":[{"begin":10,"end":12}]},"role":"*","allocation_info":{"role":"eng/web"}}],
				"capabilities":[{"type":"MULTI_ROLE"}]},
			{"agent_info":{"hostname":"agent2.test","port":5051,"id":{"value":"S2"}},"active":false,"deactivated":false,"version":"1.12.0",
				"pid":"slave(1)@127.0.0.2:5051","registered_time":{"nanoseconds":1000500000000},"reregistered_time":{"nanoseconds":2000000000000},
				"total_resources":[{"name":"cpus","type":"SCALAR","scalar":{"value":2},"role":"*"}]}],
			"recovered_agents":[]}}`,
	} {
		t.Run(body, func(t *testing.T) {
			t.Parallel()
			got := send(t, url, call(body))
			if got.status != http.StatusOK {
				t.Fatalf("got %d %s", got.status, got.body)
			}
			if want != "" {
				sameJSON(t, []byte(got.body), want)
			}
			if got.body == "" && got.header.Get("Content-Type") != "" {
				t.Errorf("an answer without a body has the Content-Type %q", got.header.Get("Content-Type"))
			}
		})
	}
}

func TestAnEmptyMasterAnswersWithEmptyLists(t *testing.T) {
	t.Parallel()
	url := serve(t, &fakeSource{view: new(master.View)}, nil)
	sameJSON(t, []byte(send(t, url, call(`{"type":"GET_STATE"}`)).body), `{"type":"GET_STATE","get_state":{
		"get_tasks":{"tasks":[],"unreachable_tasks":[],"completed_tasks":[]},"get_executors":{"executors":[]},
		"get_frameworks":{"frameworks":[],"completed_frameworks":[]},"get_agents":{"agents":[],"recovered_agents":[]}}}`)
	sameJSON(t, []byte(send(t, url, call(`{"type":"GET_WEIGHTS"}`)).body), `{"type":"GET_WEIGHTS"}`)
	sameJSON(t, []byte(send(t, url, call(`{"type":"GET_ROLES"}`)).body), `{"type":"GET_ROLES","get_roles":{}}`)
}

func TestCallsAreRefusedInTheWordsOfMesos(t *testing.T) {
	t.Parallel()
	url := serve(t, &fakeSource{view: sample(t)}, nil)
	with := func(body string, header ...string) request {
		q := off(call(body))
		for i := 0; i < len(header); i += 2 {
			q.header[header[i]] = header[i+1]
		}
		return q
	}
	noType := with(`{"type":"GET_HEALTH"}`)
	delete(noType.header, "Content-Type")
	get := off(request{path: "/api/v1"})
	const notPresent = "Failed to validate master::Call: Expecting 'type' to be present"
	for name, test := range map[string]struct {
		request
		status int
		text   string
	}{
		"method":                        {get, 405, "405 Method Not Allowed. Expecting one of { 'POST' }, but received 'GET'."},
		"no content type":               {noType, 400, "Expecting 'Content-Type' to be present"},
		"content type":                  {with(`{}`, "Content-Type", "text/plain"), 415, "Expecting 'Content-Type' of application/json or application/x-protobuf"},
		"accept":                        {with(`{"type":"GET_HEALTH"}`, "Accept", "text/html"), 406, "Expecting 'Accept' to allow 'application/x-protobuf' or 'application/json'"},
		"accept, before the call":       {with(`{"type":"TEARDOWN","teardown":{"framework_id":{"value":"x"}}}`, "Accept", "text/html"), 406, "Expecting 'Accept' to allow 'application/x-protobuf' or 'application/json'"},
		"protobuf in":                   {with("\b\x01", "Content-Type", "application/x-protobuf"), 415, "Calls in application/x-protobuf are not supported yet; send application/json"},
		"protobuf out":                  {with(`{"type":"GET_HEALTH"}`, "Accept", "application/x-protobuf"), 406, "Expecting 'Accept' to allow 'application/x-protobuf' or 'application/json'"},
		"not an object":                 {with(`[]`), 400, "Failed to convert JSON into Call protobuf: Expecting a JSON object"},
		"no type":                       {with(`{}`), 400, notPresent},
		"an unknown type":               {with(`{"type":"NOPE"}`), 400, notPresent},
		"a number for the type":         {with(`{"type":2}`), 400, "Failed to convert JSON into Call protobuf: Not expecting a JSON number for field 'type'"},
		"UNKNOWN":                       {with(`{"type":"UNKNOWN"}`), 501, "501 Not Implemented."},
		"no member":                     {with(`{"type":"GET_METRICS"}`), 400, "Failed to validate master::Call: Expecting 'get_metrics' to be present"},
		"missing fields":                {with(`{"type":"SET_LOGGING_LEVEL","set_logging_level":{}}`), 400, "Failed to convert JSON into Call protobuf: Missing required fields: set_logging_level.level, set_logging_level.duration"},
		"volume without agent":          {with(`{"type":"GROW_VOLUME","grow_volume":{"volume":{"name":"disk","type":"SCALAR"},"addition":{"name":"disk","type":"SCALAR"}}}`), 400, "Failed to validate master::Call: Expecting 'agent_id' to be present; only agent default resources are supported right now"},
		"unknown framework":             {call(`{"type":"TEARDOWN","teardown":{"framework_id":{"value":"x"}}}`), 400, "No framework found with specified ID"},
		"unknown agent to reserve on":   {call(`{"type":"RESERVE_RESOURCES","reserve_resources":{"agent_id":{"value":"x"}}}`), 400, "No agent found with specified ID"},
		"unknown agent to drain":        {call(`{"type":"DRAIN_AGENT","drain_agent":{"agent_id":{"value":"x"}}}`), 400, "Unknown agent"},
		"unknown agent to deactivate":   {call(`{"type":"DEACTIVATE_AGENT","deactivate_agent":{"agent_id":{"value":"x"}}}`), 400, "Unknown agent"},
		"agent that is not deactivated": {call(`{"type":"REACTIVATE_AGENT","reactivate_agent":{"agent_id":{"value":"S1"}}}`), 400, "Agent is not deactivated"},
		"unknown agent to be gone":      {call(`{"type":"MARK_AGENT_GONE","mark_agent_gone":{"agent_id":{"value":"x"}}}`), 404, "Agent 'x' not found"},
		"no machines":                   {call(`{"type":"START_MAINTENANCE","start_maintenance":{}}`), 400, "List of machines is empty"},
		"reservations are for later":    {call(`{"type":"RESERVE_RESOURCES","reserve_resources":{"agent_id":{"value":"S1"}}}`), 501, "RESERVE_RESOURCES is not served by this version"},
		"draining is for later":         {call(`{"type":"DRAIN_AGENT","drain_agent":{"agent_id":{"value":"S9"}}}`), 501, "DRAIN_AGENT is not served by this version"},
		"the event stream is for later": {call(`{"type":"SUBSCRIBE"}`), 501, "SUBSCRIBE is not served by this version"},
		"a file that is not there":      {call(`{"type":"READ_FILE","read_file":{"path":"/etc/passwd","offset":0}}`), 404, ""},
		"a directory that is not there": {call(`{"type":"LIST_FILES","list_files":{"path":""}}`), 404, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := send(t, url, test.request); got.status != test.status || got.body != test.text {
				t.Errorf("got %d %q, want %d %q", got.status, got.body, test.status, test.text)
			}
		})
	}
}

// Every call that the contract knows has an answer of some kind; none falls
// through to success without one.
func TestNoCallIsForgotten(t *testing.T) {
	t.Parallel()
	r := reader(&fakeSource{view: sample(t)})
	decoder := r.calls
	for _, kind := range callTypes {
		body := `{"type":"` + string(kind) + `"}`
		c, err := decoder.Decode([]byte(body))
		if err != nil {
			t.Fatalf("%s: %v", kind, err)
		}
		if checkCall(c) != nil {
			continue // it needs a member, which is tested elsewhere
		}
		answer, err := r.Operator(t.Context(), c)
		if err == nil && answer == nil {
			t.Errorf("%s succeeds without doing anything", kind)
		}
		if answer == nil {
			continue
		}
		var head struct {
			Type string `json:"type"`
		}
		if err := json.Unmarshal(answer, &head); err != nil || head.Type != string(kind) {
			t.Errorf("%s: the answer is of type %q, %v", kind, head.Type, err)
		}
	}
}

// callTypes are the calls that have no member of their own.
var callTypes = []operatorv1.CallType{
	operatorv1.CallTypeGetHealth, operatorv1.CallTypeGetFlags, operatorv1.CallTypeGetVersion, operatorv1.CallTypeGetLoggingLevel,
	operatorv1.CallTypeGetState, operatorv1.CallTypeGetAgents, operatorv1.CallTypeGetFrameworks, operatorv1.CallTypeGetExecutors,
	operatorv1.CallTypeGetOperations, operatorv1.CallTypeGetTasks, operatorv1.CallTypeGetRoles, operatorv1.CallTypeGetWeights,
	operatorv1.CallTypeGetMaster, operatorv1.CallTypeSubscribe, operatorv1.CallTypeGetMaintenanceStatus,
	operatorv1.CallTypeGetMaintenanceSchedule, operatorv1.CallTypeGetQuota, operatorv1.CallTypeUnknown,
}

func TestMetricsHaveEveryNameFromTheStart(t *testing.T) {
	t.Parallel()
	r := New(&fakeSource{view: sample(t)}, Options{Counters: master.NewMetrics(nil), PerFramework: true})
	values := r.metrics(sample(t), reregisteredAt)
	for name, want := range map[string]float64{
		"master/uptime_secs": 1100, "master/elected": 1, "master/outstanding_offers": 1,
		"master/slaves_connected": 1, "master/slaves_disconnected": 1, "master/slaves_active": 1, "master/slaves_inactive": 1, "master/slaves_unreachable": 1,
		"master/frameworks_connected": 1, "master/frameworks_disconnected": 1, "master/frameworks_active": 1, "master/frameworks_inactive": 1,
		"master/tasks_running": 1, "master/tasks_staging": 0, "master/tasks_unreachable": 1, "master/tasks_finished": 0, "master/tasks_gone_by_operator": 0,
		"master/cpus_total": 7, "master/cpus_used": 0.6, "master/cpus_percent": 0.6 / 7, "master/gpus_percent": 0,
		"master/mem_total": 1024, "master/mem_used": 32, "master/cpus_revocable_total": 0, "master/disk_revocable_percent": 0,
		"allocator/mesos/resources/mem/total": 1024, "allocator/mesos/resources/mem/offered_or_allocated": 96,
		"allocator/mesos/roles/eng/web/shares/dominant": 96.0 / 1024, "allocator/mesos/allocation_runs": 0,
		"allocator/mesos/allocation_run_ms": 0, "allocator/mesos/allocation_run_latency_ms": 0,
		"master/messages_kill_task": 0, "master/dropped_messages": 0, "master/http_cache_hits": 0,
		"master/operations/total": 0, "master/operations/create_disk/gone_by_operator": 0, "master/operations/grow_volume/pending": 0,
		"master/frameworks/fw/F1/subscribed": 1, "master/frameworks/fw/F1/calls/accept": 0, "master/frameworks/fw/F1/events/offers": 0,
		"master/frameworks/fw/F1/tasks/active/task_running": 1, "master/frameworks/fw/F1/tasks/terminal/task_lost": 0,
		"master/frameworks/fw/F1/roles/ops/suppressed": 1, "master/frameworks/fw/F1/roles/eng/web/suppressed": 0,
		"master/frameworks/old%20one/F2/tasks/active/task_unreachable": 1, "master/frameworks/old%20one/F2/operations/launch_group": 0,
		"registrar/queued_operations": 0,
	} {
		got, there := values[name]
		if !there || got < want-1e-9 || got > want+1e-9 {
			t.Errorf("%s: got %v (there: %v), want %v", name, got, there, want)
		}
	}
	for _, name := range []string{"system/cpus_total", "system/load_1min", "system/mem_total_bytes"} {
		if _, there := values[name]; !there {
			t.Errorf("%s is missing", name)
		}
	}
}

func TestMetricsOfFrameworksCanBeSwitchedOff(t *testing.T) {
	t.Parallel()
	r := New(&fakeSource{view: sample(t)}, Options{Counters: fakeCounters{}})
	for name := range r.metrics(sample(t), reregisteredAt) {
		if strings.HasPrefix(name, "master/frameworks/") {
			t.Errorf("%s is there", name)
		}
	}
}

func TestEveryWayOfReadingMetricsTellsHowManyCommandsWait(t *testing.T) {
	t.Parallel()
	const name = "master/event_queue_dispatches"
	source := &fakeSource{view: sample(t)}
	if got := reader(source).metrics(sample(t), reregisteredAt)[name]; got != 4 {
		t.Errorf("%s is %v, want 4", name, got)
	}
	if got, there := New(source, Options{}).metrics(sample(t), reregisteredAt)[name]; got != 0 || !there {
		t.Errorf("%s without counters is %v (there: %v), want 0", name, got, there)
	}
	body := send(t, serve(t, source, nil), request{path: "/metrics"}).body
	if want := "mesos_master_event_queue_dispatches 4"; !slices.Contains(strings.Split(body, "\n"), want) {
		t.Errorf("%q is missing in\n%s", want, body)
	}
}

func TestPrometheusGetsCountersOnceAndGaugesOfTheMoment(t *testing.T) {
	t.Parallel()
	url := serve(t, &fakeSource{view: sample(t)}, nil)
	got := send(t, url, request{path: "/metrics"})
	lines := strings.Split(got.body, "\n")
	for _, want := range []string{"mesos_master_slaves_active 1", "mesos_master_cpus_total 7", "mesos_master_tasks_running 1"} {
		if !slices.Contains(lines, want) {
			t.Errorf("%q is missing in\n%s", want, got.body)
		}
	}
	if strings.Contains(got.body, "roles") {
		t.Error("metrics of single roles are there: their number has no bound")
	}
}
