package compat

import (
	"strings"
	"testing"
	"time"
)

func mustDecode(t *testing.T, text string) any {
	t.Helper()
	value, err := decode([]byte(text))
	if err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return value
}

func TestValuesAreComparedUnderTheSchedulerRules(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name             string
		expected, actual string
		unordered        []string
		equal            bool
	}{
		{"numbers are compared by value", `{"a":15}`, `{"a":15.0}`, nil, true},
		{"a float may differ in the last digits", `{"a":0.3}`, `{"a":0.30000000000000004}`, nil, true},
		{"a float may not differ visibly", `{"a":0.3}`, `{"a":0.3001}`, nil, false},
		{"a string is not a number", `{"a":"15"}`, `{"a":15}`, nil, false},
		{"null is not absence", `{"a":null}`, `{}`, nil, false},
		{"an absent list is not an empty one", `{}`, `{"a":[]}`, nil, false},
		{"an extra member is a mismatch", `{"a":1}`, `{"a":1,"b":2}`, nil, false},
		{"lists are in order", `{"a":[1,2]}`, `{"a":[2,1]}`, nil, false},
		{"a named list is a multiset", `{"a":[1,2,2]}`, `{"a":[2,1,2]}`, []string{"a"}, true},
		{"a multiset counts its elements", `{"a":[1,2,2]}`, `{"a":[2,1,1]}`, []string{"a"}, false},
		{"paths go through lists", `{"a":[{"b":[1,2]}]}`, `{"a":[{"b":[2,1]}]}`, []string{"a[].b"}, true},
		{"a placeholder has one value", `{"a":"$OFFER_ID_1","b":"$OFFER_ID_1"}`, `{"a":"x","b":"y"}`, nil, false},
		{"siblings have different values", `{"a":"$OFFER_ID_1","b":"$OFFER_ID_2"}`, `{"a":"x","b":"x"}`, nil, false},
		{"kinds are independent", `{"a":"$OFFER_ID_1","b":"$AGENT_ID_1"}`, `{"a":"x","b":"x"}`, nil, true},
		{"a choice in a multiset is taken back if the rest disagrees",
			`{"a":[{"id":"$OFFER_ID_1"},{"id":"$OFFER_ID_2"}],"b":"$OFFER_ID_1"}`,
			`{"a":[{"id":"x"},{"id":"y"}],"b":"y"}`, []string{"a"}, true},
		{"a uuid is sixteen bytes", `{"a":"$UUID_1"}`, `{"a":"AAAAAAAAQACAAAAAAAAAAQ=="}`, nil, true},
		{"fewer bytes are no uuid", `{"a":"$UUID_1"}`, `{"a":"AAAA"}`, nil, false},
		{"a dashed uuid is one as well", `{"a":"$UUID_1"}`, `{"a":"2e38f3a9-3a3a-4f5e-9d1c-0123456789ab"}`, nil, true},
		{"a framework id ends with a number", `{"a":"$FRAMEWORK_ID_1"}`, `{"a":"m-0001"}`, nil, true},
		{"another text is no framework id", `{"a":"$FRAMEWORK_ID_1"}`, `{"a":"m"}`, nil, false},
		{"a port is a number", `{"a":"$MASTER_PORT"}`, `{"a":"5050"}`, nil, false},
		{"a process id is any number", `{"a":"$PID","b":"$PID"}`, `{"a":1,"b":2}`, nil, true},
		{"placeholders inside a text are captured",
			`{"m":"Offer $OFFER_ID_1 uses agent $AGENT_ID_1 and agent $AGENT_ID_2"}`,
			`{"m":"Offer o7 uses agent s1 and agent s2"}`, nil, true},
		{"captured placeholders are siblings too",
			`{"m":"agent $AGENT_ID_1 and agent $AGENT_ID_2"}`, `{"m":"agent s1 and agent s1"}`, nil, false},
		{"a shell variable is ordinary text", `{"m":"echo $HOME $OFFER"}`, `{"m":"echo $HOME $OFFER"}`, nil, true},
		{"member names may hold placeholders", `{"/run/$CONTAINER_ID_1":1}`, `{"/run/c9":1}`, nil, true},
		{"a time outside of the run is refused", `{"a":"$TIMESTAMP"}`, `{"a":12345.6}`, nil, false},
		{"the status of a grouped task may lack details",
			`{"container_status":{"container_id":{"value":"$CONTAINER_ID_1","parent":{"value":"$CONTAINER_ID_2"}},"executor_pid":"$PID"}}`,
			`{"container_status":{"container_id":{"value":"a","parent":{"value":"b"}},"network_infos":[]}}`, nil, true},
		{"the status of other tasks may not",
			`{"container_status":{"container_id":{"value":"$CONTAINER_ID_1"},"executor_pid":"$PID"}}`,
			`{"container_status":{"container_id":{"value":"a"}}}`, nil, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := NewBindings()
			m := newMatcher(b, schedulerRules(c.unordered, time.Now(), nil))
			if got := m.match(mustDecode(t, c.expected), mustDecode(t, c.actual)); got != c.equal {
				t.Errorf("match of %s and %s: got %v, want %v", c.expected, c.actual, got, c.equal)
			}
			if !c.equal && len(b.trail) > 0 {
				t.Errorf("a failed comparison bound %v", b.trail)
			}
		})
	}
}

func TestMasterInfoIsHeldToTheRecordedVersionOnlyIfItClaimsIt(t *testing.T) {
	t.Parallel()
	const expected = `{"subscribed":{"master_info":{"version":"1.12.0","capabilities":[{"type":"A"},{"type":"QUOTA_V2"}]}}}`
	cases := []struct {
		name, actual string
		equal        bool
	}{
		{"another version has its own capabilities", `{"subscribed":{"master_info":{"version":"0.1.0","capabilities":[]}}}`, true},
		{"the same version has the same ones without QUOTA_V2", `{"subscribed":{"master_info":{"version":"1.12.0","capabilities":[{"type":"A"}]}}}`, true},
		{"QUOTA_V2 breaks clients", `{"subscribed":{"master_info":{"version":"1.12.0","capabilities":[{"type":"A"},{"type":"QUOTA_V2"}]}}}`, false},
		{"a version is needed", `{"subscribed":{"master_info":{"version":"","capabilities":[{"type":"A"}]}}}`, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m := newMatcher(NewBindings(), schedulerRules(nil, time.Now(), nil))
			if got := m.match(mustDecode(t, expected), mustDecode(t, c.actual)); got != c.equal {
				t.Errorf("got %v for %s", got, c.actual)
			}
		})
	}
}

func TestValuesAreComparedUnderTheOperatorRules(t *testing.T) {
	t.Parallel()
	setup := Setup{MasterFlags: []string{"--cluster=east"}}
	cases := []struct {
		name             string
		request          string
		expected, actual string
		equal            bool
	}{
		{"most lists are multisets", "/state", `{"agents":[1,2]}`, `{"agents":[2,1]}`, true},
		{"the statuses of a task are in order", "/state", `{"statuses":[1,2]}`, `{"statuses":[2,1]}`, false},
		{"the elements of /tasks are in order", "/tasks?limit=2", `{"tasks":[1,2]}`, `{"tasks":[2,1]}`, false},
		{"tasks elsewhere are not", "/state", `{"tasks":[1,2]}`, `{"tasks":[2,1]}`, true},
		{"numbers may differ a little", "/state", `{"a":1000000}`, `{"a":1000000.5}`, true},
		{"resources may be split",
			"/slaves",
			`{"r":[{"name":"cpus","type":"SCALAR","scalar":{"value":3},"role":"*"},{"name":"ports","type":"RANGES","ranges":{"range":[{"begin":1,"end":4}]}}]}`,
			`{"r":[{"name":"ports","type":"RANGES","ranges":{"range":[{"begin":3,"end":4},{"begin":1,"end":2}]}},{"name":"cpus","type":"SCALAR","scalar":{"value":1},"role":"*"},{"name":"cpus","type":"SCALAR","scalar":{"value":2},"role":"*"}]}`,
			true},
		{"resources of different roles do not add up", "/slaves",
			`{"r":[{"name":"cpus","type":"SCALAR","scalar":{"value":3},"role":"a"}]}`,
			`{"r":[{"name":"cpus","type":"SCALAR","scalar":{"value":1},"role":"a"},{"name":"cpus","type":"SCALAR","scalar":{"value":2},"role":"b"}]}`,
			false},
		{"only flags of the setup count", "/flags",
			`{"flags":{"cluster":"east","quorum":"1"}}`, `{"flags":{"cluster":"east","other":"2"}}`, true},
		{"flags of the setup must be there", "/flags", `{"flags":{"cluster":"east"}}`, `{"flags":{}}`, false},
		{"so in the list form", "/api/v1",
			`{"type":"GET_FLAGS","get_flags":{"flags":[{"name":"cluster","value":"east"},{"name":"quorum"}]}}`,
			`{"type":"GET_FLAGS","get_flags":{"flags":[{"name":"cluster","value":"west"}]}}`, false},
		{"additional metrics are free", "/metrics/snapshot", `{"a":"$NUMBER"}`, `{"a":3,"b":4}`, true},
		{"recorded metrics must exist", "/metrics/snapshot", `{"a":"$NUMBER"}`, `{"b":4}`, false},
		{"distributions of timers may be missing", "/metrics/snapshot", `{"x_ms":"$NUMBER","x_ms/p50":"$NUMBER"}`, `{"x_ms":0}`, true},
		{"metrics in the list form are named", "/api/v1",
			`{"type":"GET_METRICS","get_metrics":{"metrics":[{"name":"a","value":1},{"name":"f/$FRAMEWORK_ID_1/x","value":2}]}}`,
			`{"type":"GET_METRICS","get_metrics":{"metrics":[{"name":"z","value":9},{"name":"f/m-0001/x","value":2},{"name":"a","value":1.0}]}}`, true},
		{"measured statistics may be missing", "/monitor",
			`{"statistics":{"cpus_limit":1,"mem_rss":"$NUMBER"}}`, `{"statistics":{"cpus_limit":1}}`, true},
		{"limits may not", "/monitor", `{"statistics":{"cpus_limit":1}}`, `{"statistics":{}}`, false},
		{"details of a container status are not compared", "/tasks",
			`{"container_status":{"container_id":{"value":"$CONTAINER_ID_1"},"executor_pid":"$PID"}}`,
			`{"container_status":{"container_id":{"value":"c"}}}`, true},
		{"the newest state may be ahead", "",
			`{"task_updated":{"state":"TASK_STARTING","status":{"state":"TASK_STARTING"}}}`,
			`{"task_updated":{"state":"TASK_RUNNING","status":{"state":"TASK_STARTING"}}}`, true},
		{"it may not be behind", "",
			`{"task_updated":{"state":"TASK_RUNNING","status":{"state":"TASK_RUNNING"}}}`,
			`{"task_updated":{"state":"TASK_STARTING","status":{"state":"TASK_RUNNING"}}}`, false},
		{"an empty list may not be left out", "/state", `{"tasks":[]}`, `{}`, false},
		{"a recorded zero is no time stamp", "/state", `{"t":"$TIMESTAMP"}`, `{"t":0}`, false},
		{"any value", "/state", `{"t":"$ANY"}`, `{"t":[1]}`, true},
		{"any text inside a text", "/state", `{"t":"error at line $STRING"}`, `{"t":"error at line 1: x"}`, true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m := newMatcher(NewBindings(), operatorRules(setup, c.request, nil))
			if got := m.match(mustDecode(t, c.expected), mustDecode(t, c.actual)); got != c.equal {
				t.Errorf("match of %s and %s: got %v, want %v", c.expected, c.actual, got, c.equal)
			}
		})
	}
}

func TestASentenceWordedDifferentlyOnPurposeIsAccepted(t *testing.T) {
	t.Parallel()
	texts := []TextDifference{{Theirs: "Offer $OFFER_ID_1 is bad", Ours: "offer $OFFER_ID_1: not good"}}
	m := newMatcher(NewBindings(), schedulerRules(nil, time.Now(), texts))
	expected := mustDecode(t, `{"message":"Offer $OFFER_ID_1 is bad","state":"TASK_LOST"}`)
	if !m.match(expected, mustDecode(t, `{"message":"offer o1: not good","state":"TASK_LOST"}`)) {
		t.Error("our wording was refused")
	}
	if m.match(expected, mustDecode(t, `{"message":"offer o1: not good","state":"TASK_ERROR"}`)) {
		t.Error("another state was accepted with it")
	}
}

func TestAnExplanationNamesThePlacesAndBindsTheRest(t *testing.T) {
	t.Parallel()
	b := NewBindings()
	m := newMatcher(b, schedulerRules([]string{"list"}, time.Now(), nil))
	expected := mustDecode(t, `{"id":"$OFFER_ID_1","host":"a","gone":1,"list":[{"n":1,"v":2},{"n":2,"v":3}]}`)
	actual := mustDecode(t, `{"id":"o1","host":"b","more":2,"list":[{"n":2,"v":3},{"n":1,"v":4}]}`)
	got := m.explain(expected, actual)
	for _, want := range []string{
		`host: expected "a", got "b"`,
		`gone: is missing; expected 1`,
		`more: is unexpected: 2`,
		`list[].v: expected 2, got 4`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the explanation lacks %q:\n%s", want, got)
		}
	}
	if strings.Contains(got, "list[].n") {
		t.Errorf("equal members are listed:\n%s", got)
	}
	if value, _ := b.Value("OFFER_ID_1"); value != "o1" {
		t.Errorf("the placeholder in the matching part is %q", value)
	}
}

func TestAHopelessSearchEnds(t *testing.T) {
	t.Parallel()
	// Every offer fits every other one, except that the last condition fails.
	list := strings.TrimSuffix(strings.Repeat(`{"id":"$X"},`, 12), ",")
	expected, actual := list, list
	for i := range 12 {
		expected = strings.Replace(expected, "$X", "$OFFER_ID_"+string(rune('a'+i)), 1)
		actual = strings.Replace(actual, "$X", "o"+string(rune('a'+i)), 1)
	}
	expected = strings.NewReplacer("_a", "_1", "_b", "_2", "_c", "_3", "_d", "_4", "_e", "_5", "_f", "_6",
		"_g", "_7", "_h", "_8", "_i", "_9", "_j", "_10", "_k", "_11", "_l", "_12").Replace(expected)
	m := newMatcher(NewBindings(), schedulerRules([]string{"a"}, time.Now(), nil))
	if m.match(mustDecode(t, `{"a":[`+expected+`],"z":"$OFFER_ID_1"}`), mustDecode(t, `{"a":[`+actual+`],"z":"other"}`)) {
		t.Error("it matched")
	}
}

func TestRequestsAreSentWithTheBoundValues(t *testing.T) {
	t.Parallel()
	b := NewBindings()
	for name, value := range map[string]string{"FRAMEWORK_ID_1": "m-0000", "MASTER_PORT": "5050"} {
		if !b.Bind(name, value) {
			t.Fatalf("%s was not bound", name)
		}
	}
	value, err := b.ExpandJSON(mustDecode(t, `{"id":"$FRAMEWORK_ID_1","port":"$MASTER_PORT","text":"x:$MASTER_PORT","$FRAMEWORK_ID_1":[true]}`))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := shorten(value, 1000), `{"id":"m-0000","m-0000":[true],"port":5050,"text":"x:5050"}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if _, err := b.Expand("$OFFER_ID_3"); err == nil || !strings.Contains(err.Error(), "$OFFER_ID_3") {
		t.Errorf("got %v for a placeholder without a value", err)
	}
}
