package read

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/meseta/meseta/internal/fault"
)

// bodies are well-formed requests for the paths that take a body.
var bodies = map[string]request{
	"/weights":              {method: "PUT", body: "[]", header: jsonType},
	"/quota":                {method: "POST", body: `{"role":"r"}`, header: jsonType},
	"/maintenance/schedule": {method: "POST", body: "{}", header: jsonType},
	"/machine/down":         {method: "POST", body: "[]", header: jsonType},
	"/machine/up":           {method: "POST", body: "[]", header: jsonType},
	"/teardown":             {method: "POST", body: "frameworkId=F1", header: formType},
	"/reserve":              {method: "POST", body: "slaveId=S1&resources=[]", header: formType},
	"/unreserve":            {method: "POST", body: "slaveId=S1&resources=[]", header: formType},
	"/create-volumes":       {method: "POST", body: "slaveId=S1&volumes=[]", header: formType},
	"/destroy-volumes":      {method: "POST", body: "slaveId=S1&volumes=[]", header: formType},
	"/api/v1":               {method: "POST", body: `{"type":"GET_STATE"}`, header: jsonType},
}

var (
	jsonType = map[string]string{"Content-Type": "application/json"}
	formType = map[string]string{"Content-Type": "application/x-www-form-urlencoded"}
)

// requests gives every request that the routes expect, the ones with a body
// included.
func requests(r *Reader) map[string]request {
	out := map[string]request{}
	for _, one := range r.routes() {
		if q, ok := bodies[one.path]; ok {
			q.path = one.path
			out[q.method+" "+one.path] = q
		}
		if one.methods == nil || one.methods[0] == http.MethodGet {
			out["GET "+one.path] = request{path: one.path}
		}
	}
	return out
}

func TestEveryPathThatNeedsCredentialsAsksForThem(t *testing.T) {
	t.Parallel()
	source := &fakeSource{view: sample(t)}
	url := serve(t, source, func(o *Options) { o.Authenticator, o.Authorizer = strict{}, strict{} })
	open := map[string]bool{}
	for _, one := range reader(source).routes() {
		open[one.path] = one.realm == ""
	}
	for name, q := range requests(reader(source)) {
		got := send(t, url, q)
		if needs := got.status == http.StatusUnauthorized; needs == open[q.path] {
			t.Errorf("%s without credentials: got %d", name, got.status)
		}
	}
}

func TestEveryPathThatShowsTheStateNeedsIt(t *testing.T) {
	t.Parallel()
	source := &fakeSource{err: fault.New(fault.Unavailable, "the master is shutting down")}
	url := serve(t, source, nil)
	for _, path := range []string{
		"/state", "/state-summary", "/slaves", "/frameworks", "/tasks", "/roles", "/weights", "/metrics/snapshot",
		"/registrar(1)/registry", "/allocator/offer_constraints_debug",
	} {
		if got := send(t, url, request{path: path}); got.status != http.StatusServiceUnavailable {
			t.Errorf("GET %s: got %d, want 503", path, got.status)
		}
	}
}

func TestWhatALaterVersionServesIsRefusedPlainly(t *testing.T) {
	t.Parallel()
	source := &fakeSource{view: sample(t)}
	url := serve(t, source, nil)
	for name, q := range requests(reader(source)) {
		switch q.path {
		case "/teardown", "/api/v1":
			continue
		}
		if q.method == "" {
			continue
		}
		if got := send(t, url, q); got.status != http.StatusNotImplemented || got.body != name+" is not served by this version" {
			t.Errorf("%s: got %d %q", name, got.status, got.body)
		}
		q.method, q.body = http.MethodPatch, ""
		if got := send(t, url, off(q)); got.status != http.StatusMethodNotAllowed || got.header.Get("Allow") == "" {
			t.Errorf("PATCH %s: got %d, Allow %q", q.path, got.status, got.header.Get("Allow"))
		}
	}
}

func TestTheLogIsReadThroughCalls(t *testing.T) {
	t.Parallel()
	log := filepath.Join(t.TempDir(), "master.log")
	if err := os.WriteFile(log, []byte("first line\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	url := serve(t, &fakeSource{view: sample(t)}, func(o *Options) { o.LogFile = log })
	for body, want := range map[string]string{
		`{"type":"LIST_FILES","list_files":{"path":"/master/log"}}`:                           `{"type":"LIST_FILES","list_files":{}}`,
		`{"type":"READ_FILE","read_file":{"path":"/master/log","offset":6,"length":4}}`:       `{"type":"READ_FILE","read_file":{"size":11,"data":"bGluZQ=="}}`,
		`{"type":"READ_FILE","read_file":{"path":"/master/log","offset":6}}`:                  `{"type":"READ_FILE","read_file":{"size":11,"data":"bGluZQo="}}`,
		`{"type":"READ_FILE","read_file":{"path":"/master/log","offset":0,"length":0}}`:       `{"type":"READ_FILE","read_file":{"size":11,"data":""}}`,
		`{"type":"READ_FILE","read_file":{"path":"/master/log","offset":999999999999999999}}`: `{"type":"READ_FILE","read_file":{"size":11,"data":""}}`,
	} {
		got := send(t, url, call(body))
		if got.status != http.StatusOK {
			t.Errorf("%s: got %d %q", body, got.status, got.body)
			continue
		}
		sameJSON(t, []byte(got.body), want)
	}
	if err := os.Remove(log); err != nil {
		t.Fatal(err)
	}
	if got := send(t, url, call(`{"type":"READ_FILE","read_file":{"path":"/master/log","offset":0}}`)); got.status != http.StatusNotFound {
		t.Errorf("a log that has vanished: got %d %q, want 404", got.status, got.body)
	}
}
