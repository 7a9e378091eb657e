package read

import (
	"compress/gzip"
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/meseta/meseta/internal/contract"
	"github.com/meseta/meseta/internal/fault"
	"github.com/meseta/meseta/internal/httpx"
)

// covered is loaded once: the specifications are large.
var covered *contract.Contract

func TestMain(m *testing.M) {
	var err error
	if covered, err = contract.Load("operator.yaml"); err != nil {
		panic(err)
	}
	covered.Alias = "/master"
	code := m.Run()
	if code == 0 {
		report := covered.Report()
		fmt.Print(report)
		// The rest is of calls that are not served yet, and of rules of access.
		whole := flag.Lookup("test.run").Value.String() == ""
		if err := report.Require(0.6); err != nil && whole {
			fmt.Println(err)
			code = 1
		}
		if err := goleak.Find(); err != nil {
			fmt.Println(err)
			code = 1
		}
	}
	os.Exit(code)
}

// serve answers over real HTTP, every byte checked against the contract.
func serve(t *testing.T, source Source, change func(*Options)) string {
	t.Helper()
	r := reader(source)
	if change != nil {
		opts := r.opts
		change(&opts)
		r = New(source, opts)
	}
	router := httpx.NewRouter("/master")
	r.Routes(router)
	web := httptest.NewServer(covered.Checker(t).Middleware(router))
	t.Cleanup(web.Close)
	return web.URL
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   string
}

// request is one to be sent; the zero method is GET.
type request struct {
	method, path, body string
	header             map[string]string
	// offContract marks requests that the contract does not describe.
	offContract bool
}

func send(t *testing.T, url string, q request) answer {
	t.Helper()
	method := q.method
	if method == "" {
		method = http.MethodGet
	}
	req, err := http.NewRequestWithContext(t.Context(), method, url+q.path, strings.NewReader(q.body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept-Encoding", "identity")
	if q.offContract {
		req.Header.Set(contract.OffContractHeader, "1")
	}
	for name, value := range q.header {
		req.Header.Set(name, value)
	}
	// Redirects are answers here.
	response, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	return answer{response.StatusCode, response.Header, string(body)}
}

// call sends a call of the operator API.
func call(body string) request {
	return request{method: http.MethodPost, path: "/api/v1", body: body, header: map[string]string{
		"Content-Type": "application/json", "Accept": "application/json",
	}}
}

// off marks a request that breaks the contract on purpose.
func off(q request) request {
	q.offContract = true
	return q
}

func TestEveryPathAnswersAsTheContractSays(t *testing.T) {
	t.Parallel()
	log := filepath.Join(t.TempDir(), "master.log")
	if err := os.WriteFile(log, []byte("first line\nsecond\xff\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	url := serve(t, &fakeSource{view: sample(t)}, func(o *Options) { o.LogFile = log })
	form := map[string]string{"Content-Type": "application/x-www-form-urlencoded"}
	for name, test := range map[string]struct {
		request
		status int
		body   string // "" means any
	}{
		"health":                      {request{path: "/health"}, 200, ""},
		"health below the alias":      {request{path: "/master/health"}, 200, ""},
		"version":                     {request{path: "/version"}, 200, ""},
		"flags":                       {request{path: "/flags"}, 200, `{"flags":{"cluster":"east","port":"5050"}}`},
		"state":                       {request{path: "/state"}, 200, ""},
		"state, with a slash behind":  {off(request{path: "/master//state/"}), 200, ""},
		"state as a script":           {request{path: "/state?jsonp=cb"}, 200, ""},
		"summary":                     {request{path: "/state-summary"}, 200, ""},
		"agents":                      {request{path: "/slaves"}, 200, ""},
		"agents, whatever follows":    {off(request{path: "/slaves/S1"}), 200, ""},
		"frameworks":                  {request{path: "/frameworks?framework_id=F1"}, 200, ""},
		"tasks":                       {request{path: "/tasks?limit=1"}, 200, `{"tasks":[` + runningTask + `]}`},
		"roles":                       {request{path: "/roles"}, 200, ""},
		"weights":                     {request{path: "/weights"}, 200, `[{"weight":2.5,"role":"eng"}]`},
		"weights as a script":         {request{path: "/weights?jsonp=f.g"}, 200, `f.g([{"weight":2.5,"role":"eng"}]);`},
		"weights cannot be set":       {request{method: "PUT", path: "/weights", body: "[]", header: map[string]string{"Content-Type": "application/json"}}, 501, "PUT /weights is not served by this version"},
		"weights, another method":     {off(request{method: "DELETE", path: "/weights"}), 405, "405 Method Not Allowed. Expecting one of { 'GET', 'PUT' }, but received 'DELETE'."},
		"quota":                       {request{path: "/quota"}, 200, `{}`},
		"schedule":                    {request{path: "/maintenance/schedule"}, 200, `{}`},
		"maintenance":                 {request{path: "/maintenance/status"}, 200, `{}`},
		"metrics":                     {request{path: "/metrics"}, 200, ""},
		"metrics that do not exist":   {off(request{path: "/metrics/nope"}), 404, "404 Not Found."},
		"snapshot":                    {request{path: "/metrics/snapshot?timeout=5secs"}, 200, ""},
		"snapshot, bad time":          {request{path: "/metrics/snapshot?timeout=abc"}, 400, "Invalid timeout 'abc': Failed to convert '' to number.\n"},
		"system":                      {request{path: "/system/stats.json"}, 200, ""},
		"logging level":               {request{path: "/logging/toggle"}, 200, "0\n"},
		"logging level, no time":      {request{path: "/logging/toggle?level=1"}, 400, "Expecting 'duration=value' in query.\n"},
		"logging level, bad":          {off(request{path: "/logging/toggle?level=x&duration=1secs"}), 400, "Failed to convert 'x' to number.\n"},
		"logging level, bad time":     {request{path: "/logging/toggle?level=1&duration=x"}, 400, "Failed to convert '' to number.\n"},
		"files, browse":               {request{path: "/files/browse?path=/master/log"}, 200, `[]`},
		"files, browse nothing":       {request{path: "/files/browse?path=/etc"}, 404, ""},
		"files, browse without path":  {request{path: "/files/browse"}, 400, "Expecting 'path=value' in query.\n"},
		"files, size":                 {request{path: "/files/read?path=/master/log"}, 200, `{"offset":19,"data":""}`},
		"files, part":                 {request{path: "/files/read?path=/master/log&offset=6&length=4"}, 200, `{"offset":6,"data":"line"}`},
		"files, not text":             {request{path: "/files/read?path=/master/log&offset=11"}, 200, "{\"offset\":11,\"data\":\"second\uFFFD\\n\"}"},
		"files, behind the end":       {request{path: "/files/read?path=/master/log&offset=99"}, 200, `{"offset":99,"data":""}`},
		"files, negative offset":      {request{path: "/files/read?path=/master/log&offset=-2"}, 400, "Negative offset provided: -2.\n"},
		"files, bad length":           {off(request{path: "/files/read?path=/master/log&offset=0&length=abc"}), 400, "Failed to parse length: Failed to convert 'abc' to number.\n"},
		"files, download":             {request{path: "/files/download?path=/master/log"}, 200, "first line\nsecond\xff\n"},
		"files, download nothing":     {request{path: "/files/download?path=/nope"}, 404, "404 Not Found."},
		"files, debug":                {request{path: "/files/debug"}, 200, `{"/master/log":"` + log + `"}`},
		"registry":                    {request{path: "/registrar(1)/registry"}, 200, ""},
		"constraints":                 {request{path: "/allocator/offer_constraints_debug"}, 200, `{"frameworks":{}}`},
		"help":                        {request{path: "/help"}, 200, ""},
		"help for programs":           {request{path: "/help?format=json"}, 200, ""},
		"root":                        {request{path: "/"}, 200, ""},
		"unknown":                     {off(request{path: "/nope"}), 404, "404 Not Found."},
		"old names":                   {off(request{path: "/state.json"}), 404, "404 Not Found."},
		"teardown":                    {request{method: "POST", path: "/teardown", body: "frameworkId=F1", header: form}, 200, ""},
		"teardown of nothing":         {request{method: "POST", path: "/teardown", body: "frameworkId=F9", header: form}, 400, "No framework found with specified ID"},
		"teardown without id":         {off(request{method: "POST", path: "/teardown", body: "x=y", header: form}), 400, "Missing 'frameworkId' query parameter in the request body"},
		"teardown by GET":             {off(request{path: "/teardown"}), 405, "405 Method Not Allowed. Expecting one of { 'POST' }, but received 'GET'."},
		"reservations are for later":  {request{method: "POST", path: "/reserve", body: "slaveId=S1&resources=[]", header: form}, 501, "POST /reserve is not served by this version"},
		"any method where Mesos does": {off(request{method: "POST", path: "/flags"}), 200, `{"flags":{"cluster":"east","port":"5050"}}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := send(t, url, test.request)
			switch {
			case got.status != test.status:
				t.Errorf("got %d %q, want %d", got.status, got.body, test.status)
			case strings.HasPrefix(test.body, "{"):
				sameJSON(t, []byte(got.body), test.body)
			case test.body != "" && got.body != test.body:
				t.Errorf("got %q, want %q", got.body, test.body)
			}
		})
	}
}

func TestThePathsOfOtherProcessesAreNotBelowTheMaster(t *testing.T) {
	t.Parallel()
	router := httpx.NewRouter("/master")
	reader(&fakeSource{view: sample(t)}).Routes(router)
	for path, want := range map[string]int{
		"/version": 200, "/master/version": 404, "/master/metrics/snapshot": 404, "/master/files/debug": 404, "/master/state": 200, "/master": 404,
	} {
		w := httptest.NewRecorder()
		router.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		if w.Code != want {
			t.Errorf("%s: got %d, want %d", path, w.Code, want)
		}
	}
}

func TestTheLeaderIsFound(t *testing.T) {
	t.Parallel()
	got := send(t, serve(t, &fakeSource{view: sample(t)}, nil), request{path: "/master/redirect"})
	if got.status != http.StatusTemporaryRedirect || got.header.Get("Location") != "//master.test:5050" || got.body != "" {
		t.Errorf("got %d, Location %q, %q", got.status, got.header.Get("Location"), got.body)
	}
}

func TestLargeAnswersAreCompressedWhenAskedFor(t *testing.T) {
	t.Parallel()
	url := serve(t, &fakeSource{view: sample(t)}, nil)
	plain := send(t, url, request{path: "/frameworks"})
	zipped := send(t, url, request{path: "/frameworks", header: map[string]string{"Accept-Encoding": "gzip"}})
	if zipped.header.Get("Content-Encoding") != "gzip" {
		t.Fatal("the answer is not compressed")
	}
	unzip, err := gzip.NewReader(strings.NewReader(zipped.body))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(unzip)
	if err != nil || string(text) != plain.body {
		t.Errorf("the compressed answer differs: %v", err)
	}
}

// strict asks for credentials and lets only "root" act.
type strict struct{}

func (strict) Authenticate(r *http.Request) (*httpx.Principal, error) {
	name, _, ok := r.BasicAuth()
	if !ok {
		return nil, fault.New(fault.Unauthenticated, "who are you?")
	}
	return &httpx.Principal{Name: name}, nil
}

func (strict) Challenge(realm string) string { return `Basic realm="` + realm + `"` }

func (strict) Authorize(_ context.Context, who *httpx.Principal, _ httpx.Action, _ httpx.Object) (bool, error) {
	return who.Name == "root", nil
}

func TestCredentialsAndRulesAreAskedFor(t *testing.T) {
	t.Parallel()
	source := &fakeSource{view: sample(t)}
	url := serve(t, source, func(o *Options) { o.Authenticator, o.Authorizer = strict{}, strict{} })
	for path, realm := range map[string]string{
		"/state": "mesos-master-readonly", "/flags": "mesos-master-readonly", "/metrics/snapshot": "mesos-master-readonly",
		"/weights": "mesos-master-readwrite", "/maintenance/status": "mesos-master-readwrite",
		"/health": "", "/version": "", "/system/stats.json": "", "/": "",
	} {
		got := send(t, url, request{path: path})
		if realm == "" {
			if got.status != 200 {
				t.Errorf("%s: got %d without credentials, want 200", path, got.status)
			}
			continue
		}
		if got.status != 401 || got.header.Get("WWW-Authenticate") != `Basic realm="`+realm+`"` || got.body != "401 Unauthorized." {
			t.Errorf("%s: got %d %q %q", path, got.status, got.header.Get("WWW-Authenticate"), got.body)
		}
	}
	guest := map[string]string{"Authorization": "Basic Z3Vlc3Q6", "Content-Type": "application/json"}
	for _, q := range []request{
		{path: "/flags", header: guest},
		{path: "/files/browse?path=/master/log", header: guest},
		{path: "/logging/toggle?level=1&duration=1secs", header: guest},
		{method: "POST", path: "/api/v1", body: `{"type":"TEARDOWN","teardown":{"framework_id":{"value":"F1"}}}`, header: guest},
		{method: "POST", path: "/api/v1", body: `{"type":"GET_FLAGS"}`, header: guest},
	} {
		if got := send(t, url, q); got.status != 403 || got.body != "403 Forbidden." {
			t.Errorf("%s %s: got %d %q, want 403", q.path, q.body, got.status, got.body)
		}
	}
	if len(source.torn) > 0 {
		t.Errorf("a forbidden caller tore down %v", source.torn)
	}
}

func TestAMasterThatStopsSaysSo(t *testing.T) {
	t.Parallel()
	url := serve(t, &fakeSource{err: fault.New(fault.Unavailable, "the master is shutting down")}, nil)
	for _, q := range []request{{path: "/state"}, {path: "/roles"}, {path: "/metrics/snapshot"}, call(`{"type":"GET_STATE"}`)} {
		if got := send(t, url, q); got.status != 503 || got.body != "the master is shutting down" {
			t.Errorf("%s: got %d %q", q.path, got.status, got.body)
		}
	}
	if got := send(t, url, request{path: "/health"}); got.status != 200 {
		t.Errorf("health: got %d", got.status)
	}
}
