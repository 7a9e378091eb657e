package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/meseta/meseta/gen/operatorv1"
)

// TestMain lets scripts run this program under its name.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"meseta": main})
}

// TestCommandLine runs the scripts. In them, $MASTER is a master with one agent
// and a few tasks, as far as the client can see, and $NOBODY an address where
// nothing answers.
func TestCommandLine(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Setup: func(env *testscript.Env) error {
			agent := httptest.NewServer(http.HandlerFunc(serveAgent))
			master := httptest.NewServer(fakeMaster(strings.TrimPrefix(agent.URL, "http://")))
			env.Defer(func() { master.Close(); agent.Close() })
			env.Setenv("MASTER", strings.TrimPrefix(master.URL, "http://"))
			env.Setenv("NOBODY", "127.0.0.1:1")
			env.Setenv("HOME", env.WorkDir)
			env.Setenv("GOCOVERDIR", os.Getenv("GOCOVERDIR"))
			return nil
		},
	})
}

// fakeMaster answers the operator API.
func fakeMaster(agent string) http.Handler {
	task := func(id, state string) string {
		return fmt.Sprintf(`{"name":"n","task_id":{"value":%q},"framework_id":{"value":"F0"},"agent_id":{"value":"S0"},"state":%q}`, id, state)
	}
	answers := map[operatorv1.CallType]string{
		"GET_AGENTS":     fmt.Sprintf(`"get_agents":{"agents":[{"agent_info":{"id":{"value":"S0"},"hostname":"node"},"active":true,"version":"1.12.0","pid":"slave(1)@%s"}]}`, agent),
		"GET_FRAMEWORKS": `"get_frameworks":{"completed_frameworks":[{"framework_info":{"id":{"value":"F0"},"name":"n","user":"u"},"active":false,"connected":false,"recovered":false}]}`,
		"GET_TASKS": fmt.Sprintf(`"get_tasks":{"tasks":[%s],"completed_tasks":[%s,%s]}`,
			task("web.1", "TASK_RUNNING"), task("job.a1", "TASK_FINISHED"), task("job.a2", "TASK_FAILED")),
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var call operatorv1.Call
		if err := json.NewDecoder(r.Body).Decode(&call); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		answer, ok := answers[call.Type]
		if !ok {
			http.Error(w, "Not allowed to "+string(call.Type), http.StatusForbidden)
			return
		}
		fmt.Fprintf(w, `{"type":%q,%s}`, call.Type, answer)
	})
}

// serveAgent has the output of one task.
func serveAgent(w http.ResponseWriter, r *http.Request) {
	var call struct {
		ReadFile struct {
			Path   string `json:"path"`
			Offset int    `json:"offset"`
		} `json:"read_file"`
	}
	_ = json.NewDecoder(r.Body).Decode(&call) // a bad call has no path
	if call.ReadFile.Path != "/frameworks/F0/executors/job.a1/runs/latest/stdout" {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	data := []byte("hello\n")[min(call.ReadFile.Offset, 6):]
	_ = json.NewEncoder(w).Encode(map[string]any{"type": "READ_FILE", "read_file": map[string]any{"size": 6, "data": data}})
}
