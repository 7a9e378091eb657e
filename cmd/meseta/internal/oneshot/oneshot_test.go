package oneshot

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/meseta/meseta/client"
	"github.com/meseta/meseta/gen/agentv1"
	"github.com/meseta/meseta/gen/mesosv1"
	"github.com/meseta/meseta/gen/schedulerv1"
	"github.com/meseta/meseta/internal/recordio"
	"github.com/meseta/meseta/internal/resources"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// cluster is a master with one agent, as far as a framework can see them.
type cluster struct {
	// offers are the texts of resources that are offered, one each, at first
	// and after every REVIVE.
	offers []string
	// onLaunch writes the updates of a task.
	onLaunch func(task mesosv1.TaskInfo, update func(state mesosv1.TaskState, reason mesosv1.TaskStatusReason, message string))
	// onKill does so when the task is killed.
	onKill func(update func(state mesosv1.TaskState, reason mesosv1.TaskStatusReason, message string))
	// files are the sandbox files of every task by name.
	files map[string]string

	agent string

	mu    sync.Mutex
	out   io.Writer
	calls []schedulerv1.Call
}

func (c *cluster) start(t *testing.T) (master string) {
	t.Helper()
	agent := httptest.NewServer(http.HandlerFunc(c.serveAgent))
	srv := httptest.NewServer(http.HandlerFunc(c.serveMaster))
	t.Cleanup(func() { srv.CloseClientConnections(); srv.Close(); agent.Close() })
	c.agent = agent.URL
	return srv.URL
}

func (c *cluster) serveAgent(w http.ResponseWriter, r *http.Request) {
	var call agentv1.Call
	_ = json.NewDecoder(r.Body).Decode(&call)
	content, ok := c.files[call.ReadFile.Path[strings.LastIndex(call.ReadFile.Path, "/")+1:]]
	if !ok || !strings.HasPrefix(call.ReadFile.Path, "/frameworks/fw/executors/hello.") {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	data := content[min(int(call.ReadFile.Offset), len(content)):]
	fmt.Fprintf(w, `{"type":"READ_FILE","read_file":{"size":%d,"data":%q}}`, len(content), base64.StdEncoding.EncodeToString([]byte(data)))
}

func (c *cluster) send(e schedulerv1.Event) {
	record, _ := json.Marshal(e)
	c.mu.Lock()
	defer c.mu.Unlock()
	_, _ = c.out.Write(recordio.Frame(record))
	if f, ok := c.out.(http.Flusher); ok {
		f.Flush()
	}
}

func (c *cluster) sendOffers() {
	u, _ := url.Parse(c.agent)
	host, port, _ := net.SplitHostPort(u.Host)
	n, _ := strconv.Atoi(port)
	e := schedulerv1.Event{Type: schedulerv1.EventTypeOffers, Offers: &schedulerv1.EventOffers{}}
	for i, text := range c.offers {
		declared, err := resources.Parse(text, "*")
		if err != nil {
			panic(err)
		}
		e.Offers.Offers = append(e.Offers.Offers, mesosv1.Offer{
			ID: mesosv1.OfferID{Value: fmt.Sprintf("o%d", i)}, AgentID: mesosv1.AgentID{Value: "a"}, Hostname: "node",
			URL:            &mesosv1.URL{Scheme: "http", Address: mesosv1.Address{IP: &host, Port: int32(n)}},
			AllocationInfo: &mesosv1.ResourceAllocationInfo{Role: new("web")},
			Resources:      declared.Resources.Allocate("web").ToV1(resources.Post),
		})
	}
	c.send(e)
}

func (c *cluster) updater(id mesosv1.TaskID) func(mesosv1.TaskState, mesosv1.TaskStatusReason, string) {
	return func(state mesosv1.TaskState, reason mesosv1.TaskStatusReason, message string) {
		status := mesosv1.TaskStatus{TaskID: id, State: state, AgentID: &mesosv1.AgentID{Value: "a"}, UUID: []byte("uuid")}
		if reason != "" {
			status.Reason = &reason
		}
		if message != "" {
			status.Message = &message
		}
		c.send(schedulerv1.Event{Type: schedulerv1.EventTypeUpdate, Update: &schedulerv1.EventUpdate{Status: status}})
	}
}

func (c *cluster) serveMaster(w http.ResponseWriter, r *http.Request) {
	var call schedulerv1.Call
	_ = json.NewDecoder(r.Body).Decode(&call)
	c.mu.Lock()
	c.calls = append(c.calls, call)
	c.mu.Unlock()
	if call.Type == schedulerv1.CallTypeSubscribe {
		c.mu.Lock()
		c.out = w
		c.mu.Unlock()
		c.send(schedulerv1.Event{Type: schedulerv1.EventTypeSubscribed, Subscribed: &schedulerv1.EventSubscribed{
			FrameworkID: mesosv1.FrameworkID{Value: "fw"}, HeartbeatIntervalSeconds: new(15.0)}})
		if len(c.offers) > 0 {
			c.sendOffers()
		}
		<-r.Context().Done()
		return
	}
	w.WriteHeader(http.StatusAccepted)
	switch call.Type {
	case schedulerv1.CallTypeAccept:
		for _, task := range call.Accept.Operations[0].Launch.TaskInfos {
			go c.onLaunch(task, c.updater(task.TaskID))
		}
	case schedulerv1.CallTypeKill:
		if c.onKill != nil {
			go c.onKill(c.updater(call.Kill.TaskID))
		}
	case schedulerv1.CallTypeRevive:
		go c.sendOffers()
	}
}

// of counts the calls of one type.
func (c *cluster) of(kind schedulerv1.CallType) (out []schedulerv1.Call) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(c.calls), func(call schedulerv1.Call) bool { return call.Type != kind })
}

// notes collects what people are told.
type notes struct {
	mu    sync.Mutex
	lines []string
	// heard, if set, is called with every line.
	heard func(string)
}

func (n *notes) add(line string) {
	n.mu.Lock()
	n.lines = append(n.lines, line)
	n.mu.Unlock()
	if n.heard != nil {
		n.heard(line)
	}
}

func (n *notes) String() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return strings.Join(n.lines, "\n")
}

func options(t *testing.T, master string, n *notes, out, err io.Writer) Options {
	t.Helper()
	declared, parseErr := resources.Parse("cpus:1;mem:32", "*")
	if parseErr != nil {
		t.Fatal(parseErr)
	}
	return Options{
		Masters: []string{master}, Name: "hello", Role: "web", User: "me", Resources: declared.Resources, Instances: 1,
		Command: mesosv1.CommandInfo{Value: new("echo hello")}, Stdout: out, Stderr: err, Note: n.add,
	}
}

type state = func(mesosv1.TaskState, mesosv1.TaskStatusReason, string)

func finishes(_ mesosv1.TaskInfo, update state) {
	update(mesosv1.TaskStarting, "", "pulling image")
	update(mesosv1.TaskRunning, "", "")
	update(mesosv1.TaskFinished, "", "Command exited with status 0")
}

func TestATaskRunsToItsEndAndItsOutputIsShown(t *testing.T) {
	t.Parallel()
	c := &cluster{offers: []string{"cpus:0.5;mem:32", "cpus:2;mem:100"}, onLaunch: finishes,
		files: map[string]string{"stdout": "hello\nworld", "stderr": "oops\n"}}
	var n notes
	var stdout, stderr strings.Builder
	got, err := Run(t.Context(), options(t, c.start(t), &n, &stdout, &stderr))
	if err != nil {
		t.Fatalf("Run: %v\n%s", err, &n)
	}
	want := []Outcome{{Task: "hello.0", State: mesosv1.TaskFinished, Code: 0, Message: "Command exited with status 0"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("outcomes differ (-want +got):\n%s", diff)
	}
	if stdout.String() != "hello\nworld" || stderr.String() != "oops\n" {
		t.Errorf("output is %q and %q", &stdout, &stderr)
	}
	for _, line := range []string{"hello.0 STARTING on node: pulling image", "hello.0 RUNNING on node", "hello.0 FINISHED: Command exited with status 0"} {
		if !strings.Contains(n.String(), line) {
			t.Errorf("people are not told %q:\n%s", line, &n)
		}
	}
	accept := c.of(schedulerv1.CallTypeAccept)[0].Accept
	task := accept.Operations[0].Launch.TaskInfos[0]
	if accept.OfferIds[0].Value != "o1" || task.AgentID.Value != "a" || *task.Resources[0].AllocationInfo.Role != "web" {
		t.Errorf("ACCEPT is %+v", accept)
	}
	if d := c.of(schedulerv1.CallTypeDecline); len(d) == 0 || d[0].Decline.OfferIds[0].Value != "o0" {
		t.Errorf("the offer that is too small was not declined: %+v", d)
	}
	if len(c.of(schedulerv1.CallTypeAcknowledge)) != 3 || len(c.of(schedulerv1.CallTypeTeardown)) != 1 || len(c.of(schedulerv1.CallTypeSuppress)) != 1 {
		t.Errorf("%d acknowledgements, %d teardowns, %d suppressions", len(c.of(schedulerv1.CallTypeAcknowledge)),
			len(c.of(schedulerv1.CallTypeTeardown)), len(c.of(schedulerv1.CallTypeSuppress)))
	}
}

func TestInstancesShareOffersAndTheirLinesAreMarked(t *testing.T) {
	t.Parallel()
	c := &cluster{offers: []string{"cpus:2;mem:64", "cpus:1;mem:500"}, onLaunch: finishes, files: map[string]string{"stdout": "a\nb"}}
	var n notes
	var stdout lockedBuilder
	opts := options(t, c.start(t), &n, &stdout, io.Discard)
	opts.Instances = 3
	got, err := Run(t.Context(), opts)
	if err != nil || len(got) != 3 {
		t.Fatalf("Run: %v, %v\n%s", got, err, &n)
	}
	lines := strings.Split(strings.TrimSpace(stdout.String()), "\n")
	slices.Sort(lines)
	if diff := cmp.Diff([]string{"[hello.0] a", "[hello.0] b", "[hello.1] a", "[hello.1] b", "[hello.2] a", "[hello.2] b"}, lines); diff != "" {
		t.Errorf("output differs (-want +got):\n%s", diff)
	}
}

type lockedBuilder struct {
	mu sync.Mutex
	b  strings.Builder
}

func (l *lockedBuilder) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuilder) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func TestTheCodeIsThatOfTheCommand(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		state   mesosv1.TaskState
		message string
		want    int
	}{
		{mesosv1.TaskFinished, "Command exited with status 0", 0},
		{mesosv1.TaskFailed, "Command exited with status 3", 3},
		{mesosv1.TaskFailed, "Container exited with status 137", 137},
		{mesosv1.TaskFailed, "Command terminated with signal Killed", 1},
		{mesosv1.TaskFailed, "Command exited with status 0", 1},
		{mesosv1.TaskFailed, "exited with status 99999999999999999999", 1},
		{mesosv1.TaskError, "Task uses more resources than available", 1},
		{mesosv1.TaskLost, "", 1},
	} {
		if got := exitCode(c.state, c.message); got != c.want {
			t.Errorf("%s %q gives %d, want %d", c.state, c.message, got, c.want)
		}
	}
}

func TestALaunchThatDidNotArriveIsRepeated(t *testing.T) {
	t.Parallel()
	var once sync.Once
	c := &cluster{offers: []string{"cpus:1;mem:32"}}
	c.onLaunch = func(task mesosv1.TaskInfo, update state) {
		again := true
		once.Do(func() { again = false })
		if !again {
			update(mesosv1.TaskDropped, mesosv1.ReasonInvalidOffers, "Offer o0 is no longer valid")
			return
		}
		finishes(task, update)
	}
	var n notes
	got, err := Run(t.Context(), options(t, c.start(t), &n, io.Discard, io.Discard))
	if err != nil || len(got) != 1 || got[0].State != mesosv1.TaskFinished {
		t.Errorf("Run: %v, %v\n%s", got, err, &n)
	}
	if n := len(c.of(schedulerv1.CallTypeAccept)); n != 2 {
		t.Errorf("%d launches, want 2", n)
	}
}

func TestAnInterruptionKillsTheTasksAndRemovesTheFramework(t *testing.T) {
	t.Parallel()
	c := &cluster{offers: []string{"cpus:1;mem:32"},
		onLaunch: func(_ mesosv1.TaskInfo, update state) { update(mesosv1.TaskRunning, "", "") },
		onKill: func(update state) {
			update(mesosv1.TaskKilling, "", "")
			update(mesosv1.TaskKilled, "", "Command terminated with signal Terminated")
		},
	}
	ctx, cancel := context.WithCancel(t.Context())
	n := notes{heard: func(line string) {
		if strings.Contains(line, "RUNNING") {
			cancel()
		}
	}}
	got, err := Run(ctx, options(t, c.start(t), &n, io.Discard, io.Discard))
	if !errors.Is(err, ErrInterrupted) || len(got) != 1 || got[0].State != mesosv1.TaskKilled {
		t.Errorf("Run: %v, %v\n%s", got, err, &n)
	}
	if len(c.of(schedulerv1.CallTypeTeardown)) != 1 {
		t.Errorf("the framework was not removed once")
	}
}

func TestAnInterruptionBeforeTheLaunchRemovesTheFramework(t *testing.T) {
	t.Parallel()
	c := &cluster{}
	ctx, cancel := context.WithCancel(t.Context())
	n := notes{heard: func(line string) {
		if strings.HasPrefix(line, "subscribed") {
			cancel()
		}
	}}
	got, err := Run(ctx, options(t, c.start(t), &n, io.Discard, io.Discard))
	if !errors.Is(err, ErrInterrupted) || len(got) != 0 || len(c.of(schedulerv1.CallTypeTeardown)) != 1 {
		t.Errorf("Run: %v, %v", got, err)
	}
}

func TestNoMasterIsAnErrorAtOnce(t *testing.T) {
	t.Parallel()
	var n notes
	_, err := Run(t.Context(), options(t, "127.0.0.1:1", &n, io.Discard, io.Discard))
	if _, ok := errors.AsType[*client.UnreachableError](err); !ok {
		t.Errorf("Run: %v", err)
	}
}

func TestPeopleAreToldWhyNothingStarts(t *testing.T) {
	t.Parallel()
	declared, err := resources.Parse("cpus:4;mem:32", "*")
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		for want, offered := range map[string][]string{
			"1 waiting: the master has offered nothing yet":                          nil,
			"1 waiting for cpus:4; mem:32: the largest of 2 offers so far is cpus:2": {"cpus:1;mem:8", "cpus:2;mem:16"},
		} {
			var n notes
			r := &run{opts: Options{Resources: declared.Resources, Note: n.add}, order: []*task{{}}}
			for _, text := range offered {
				free, err := resources.Parse(text, "*")
				if err != nil {
					t.Fatal(err)
				}
				r.seen.offer(free.Resources)
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			r.complain(ctx)
			cancel()
			if !strings.HasPrefix(n.String(), want) {
				t.Errorf("people are told %q, want %q", &n, want)
			}
		}
	})
}
