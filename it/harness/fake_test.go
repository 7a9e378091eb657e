package harness

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

// runFake makes the test binary behave like meseta, as far as the harness can
// tell: the master keeps a list of agents, an agent puts itself on it and
// starts one task that outlives it and does not carry its environment.
func runFake(subcommand string, args []string) error {
	flags := flag.NewFlagSet(subcommand, flag.ContinueOnError)
	ip := flags.String("ip", "", "")
	port := flags.String("port", "", "")
	hostname := flags.String("hostname", "", "")
	workDir := flags.String("work_dir", "", "")
	flags.String("registry", "", "")
	flags.String("runtime_dir", "", "")
	master := flags.String("master", "", "")
	fail := flags.Bool("fail", false, "")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *fail {
		return errors.New("told to fail")
	}
	if subcommand == "master" {
		return http.ListenAndServe(*ip+":"+*port, &fakeMaster{})
	}
	return fakeAgent(*master, *hostname, *workDir)
}

type fakeMaster struct {
	mu     sync.Mutex
	agents []*fakeRecord
}

type fakeRecord struct {
	hostname                 string
	registered, reregistered int64
}

func (m *fakeMaster) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch r.URL.Path {
	case "/health":
	case "/register":
		m.register(r.URL.Query().Get("hostname"))
	case "/api/v1":
		var list []any
		for i, a := range m.agents {
			list = append(list, map[string]any{
				"active":            true,
				"agent_info":        map[string]any{"hostname": a.hostname, "id": map[string]any{"value": fmt.Sprintf("S%d", i)}},
				"registered_time":   map[string]any{"nanoseconds": a.registered},
				"reregistered_time": map[string]any{"nanoseconds": a.reregistered},
			})
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"get_agents": map[string]any{"agents": list}})
	default:
		http.NotFound(w, r)
	}
}

func (m *fakeMaster) register(hostname string) {
	for _, a := range m.agents {
		if a.hostname == hostname {
			a.reregistered = time.Now().UnixNano()
			return
		}
	}
	m.agents = append(m.agents, &fakeRecord{hostname: hostname, registered: time.Now().UnixNano()})
}

func fakeAgent(master, hostname, workDir string) error {
	task := exec.Command("/bin/sh", "-c", "exec sleep 1000")
	task.Dir = workDir
	task.Env = []string{}
	task.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := task.Start(); err != nil {
		return err
	}
	fmt.Println("started the task of", hostname)
	response, err := http.Post("http://"+master+"/register?hostname="+hostname, "", strings.NewReader(""))
	if err != nil {
		return err
	}
	defer response.Body.Close()
	return task.Wait()
}

func fakeMain() {
	if err := runFake(os.Args[1], os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
