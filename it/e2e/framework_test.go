package e2e

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// object is a JSON object.
type object = map[string]any

func value(text string) object { return object{"value": text} }

// id is an identifier as the API writes it.
type id struct {
	Value string `json:"value"`
}

// offer is as much of an offer as tests look at.
type offer struct {
	ID       id     `json:"id"`
	AgentID  id     `json:"agent_id"`
	Hostname string `json:"hostname"`

	Resources []struct {
		Name   string `json:"name"`
		Scalar struct {
			Value float64 `json:"value"`
		} `json:"scalar"`
	} `json:"resources"`
}

// What a task of a test needs.
const (
	taskCPUs = 0.1
	taskMem  = 32
)

// room is the number of such tasks that fit into an offer.
func (o offer) room() int {
	var cpus, mem float64
	for _, r := range o.Resources {
		switch r.Name {
		case "cpus":
			cpus += r.Scalar.Value
		case "mem":
			mem += r.Scalar.Value
		}
	}
	return int(min(math.Round(cpus/taskCPUs), mem/taskMem))
}

// status is as much of a status update as tests look at.
type status struct {
	TaskID  id     `json:"task_id"`
	AgentID id     `json:"agent_id"`
	State   string `json:"state"`
	Source  string `json:"source"`
	Reason  string `json:"reason"`
	Message string `json:"message"`
	UUID    string `json:"uuid"`
}

// terminal tells that nothing may follow the state.
func (s status) terminal() bool {
	switch s.State {
	case "TASK_STAGING", "TASK_STARTING", "TASK_RUNNING", "TASK_KILLING", "TASK_UNREACHABLE":
		return false
	}
	return true
}

// event is as much of an event as tests look at.
type event struct {
	Type       string `json:"type"`
	Subscribed struct {
		FrameworkID id `json:"framework_id"`
	} `json:"subscribed"`
	Offers struct {
		Offers []offer `json:"offers"`
	} `json:"offers"`
	Rescind struct {
		OfferID id `json:"offer_id"`
	} `json:"rescind"`
	Update struct {
		Status status `json:"status"`
	} `json:"update"`
	Error struct {
		Message string `json:"message"`
	} `json:"error"`
}

// framework is a scheduler that speaks to a master with nothing but HTTP. A
// goroutine reads its stream; updates are acknowledged by it as they come,
// unless they are held back. It is safe for concurrent use.
type framework struct {
	t      *testing.T
	url    string
	stream string
	body   io.Closer
	done   chan struct{}

	mu      sync.Mutex
	id      string
	offers  []offer
	updates []status
	// held are updates whose acknowledgement waits; nil while none is to wait.
	held    *[]status
	end     error         // why the stream has ended
	changed chan struct{} // closed and replaced with every change
}

// subscribe starts a framework of the given master whose tasks outlive their
// agents. Members of extra replace those of its FrameworkInfo.
func (c *cluster) subscribe(extra object) *framework {
	c.t.Helper()
	return subscribe(c.t, c.master.URL(), extra)
}

func subscribe(t *testing.T, master string, extra object) *framework {
	t.Helper()
	info := object{
		"user": "root", "name": t.Name(), "roles": []string{"*"}, "checkpoint": true, "failover_timeout": 600,
		"capabilities": []object{
			{"type": "MULTI_ROLE"}, {"type": "RESERVATION_REFINEMENT"},
			{"type": "PARTITION_AWARE"}, {"type": "TASK_KILLING_STATE"},
		},
	}
	for name, v := range extra {
		info[name] = v
	}
	call := object{"type": "SUBSCRIBE", "subscribe": object{"framework_info": info}}
	if id, ok := info["id"]; ok {
		call["framework_id"] = id
	}
	f := &framework{t: t, url: master + "/api/v1/scheduler", done: make(chan struct{}), changed: make(chan struct{})}
	response, err := f.post(t.Context(), call)
	if err != nil {
		t.Fatal(err)
	}
	f.stream, f.body = response.Header.Get("Mesos-Stream-Id"), response.Body
	go f.read(bufio.NewReader(response.Body))
	t.Cleanup(f.close)
	f.await("the framework is subscribed", func() bool { return f.id != "" })
	return f
}

// post makes a call and leaves the answer, which is a success, to the caller.
func (f *framework) post(ctx context.Context, call object) (*http.Response, error) {
	body, err := json.Marshal(call)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, f.url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/json")
	if f.stream != "" {
		request.Header.Set("Mesos-Stream-Id", f.stream)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	if response.StatusCode >= 300 {
		defer response.Body.Close()
		text, _ := io.ReadAll(response.Body)
		return nil, fmt.Errorf("%s: %s: %s", call["type"], response.Status, text)
	}
	return response, nil
}

// call makes a call in the name of the framework. The member of the call is
// named after its type.
func (f *framework) call(kind string, member object) error {
	f.mu.Lock()
	call := object{"type": kind, "framework_id": value(f.id)}
	f.mu.Unlock()
	if member != nil {
		call[strings.ToLower(kind)] = member
	}
	response, err := f.post(f.t.Context(), call)
	if err != nil {
		return err
	}
	return response.Body.Close()
}

func (f *framework) mustCall(kind string, member object) {
	f.t.Helper()
	if err := f.call(kind, member); err != nil {
		f.t.Fatal(err)
	}
}

// read takes events until the stream ends.
func (f *framework) read(in *bufio.Reader) {
	defer close(f.done)
	for {
		e, err := next(in)
		if err == nil && e.Type == "ERROR" {
			err = errors.New(e.Error.Message)
		}
		f.mu.Lock()
		f.take(e, err)
		close(f.changed)
		f.changed = make(chan struct{})
		acknowledge := err == nil && e.Type == "UPDATE" && e.Update.Status.UUID != "" && f.held == nil
		f.mu.Unlock()
		if err != nil {
			return
		}
		if acknowledge {
			_ = f.acknowledge(e.Update.Status) // one that is lost is asked for again
		}
	}
}

// next reads one RecordIO record.
func next(in *bufio.Reader) (e event, err error) {
	line, err := in.ReadString('\n')
	if err != nil {
		return e, err
	}
	size, err := strconv.Atoi(strings.TrimSuffix(line, "\n"))
	if err != nil {
		return e, fmt.Errorf("the length of a record: %w", err)
	}
	record := make([]byte, size)
	if _, err := io.ReadFull(in, record); err != nil {
		return e, err
	}
	return e, json.Unmarshal(record, &e)
}

// take enters an event. The mutex is held.
func (f *framework) take(e event, err error) {
	if err != nil {
		f.end = err
		return
	}
	switch e.Type {
	case "SUBSCRIBED":
		f.id = e.Subscribed.FrameworkID.Value
	case "OFFERS":
		f.offers = append(f.offers, e.Offers.Offers...)
	case "RESCIND":
		for i, o := range f.offers {
			if o.ID == e.Rescind.OfferID {
				f.offers = append(f.offers[:i:i], f.offers[i+1:]...)
				break
			}
		}
	case "UPDATE":
		f.updates = append(f.updates, e.Update.Status)
		if f.held != nil && e.Update.Status.UUID != "" {
			*f.held = append(*f.held, e.Update.Status)
		}
	}
}

func (f *framework) acknowledge(s status) error {
	return f.call("ACKNOWLEDGE", object{"agent_id": s.AgentID, "task_id": s.TaskID, "uuid": s.UUID})
}

// hold stops acknowledging. release acknowledges what has waited, which may
// include repetitions, and goes on as before.
func (f *framework) hold() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.held = new([]status)
}

func (f *framework) release() {
	f.t.Helper()
	f.mu.Lock()
	held := *f.held
	f.held = nil
	f.mu.Unlock()
	for _, s := range held {
		if err := f.acknowledge(s); err != nil {
			f.t.Fatal(err)
		}
	}
}

// await waits until ready, which is called with the mutex held.
func (f *framework) await(what string, ready func() bool) {
	f.t.Helper()
	ctx := within(f.t)
	for {
		f.mu.Lock()
		ok, changed, end := ready(), f.changed, f.end
		f.mu.Unlock()
		switch {
		case ok:
			return
		case end != nil:
			f.t.Fatalf("%s: the stream has ended: %v", what, end)
		}
		select {
		case <-changed:
		case <-ctx.Done():
			f.t.Fatalf("%s: not within %s; updates so far: %+v", what, patience, f.history(""))
		}
	}
}

// manyTasks is the room in an offer that tests wait for: what a task has given
// back may be offered by itself.
const manyTasks = 16

// takeOffer waits for an offer with room for several tasks of the agent with
// the hostname, or of any agent if it is empty.
func (f *framework) takeOffer(hostname string) (taken offer) {
	f.t.Helper()
	f.await("an offer comes", func() bool {
		for i, o := range f.offers {
			if (hostname == "" || o.Hostname == hostname) && o.room() >= manyTasks {
				taken = o
				f.offers = append(f.offers[:i:i], f.offers[i+1:]...)
				return true
			}
		}
		return false
	})
	return taken
}

// launch launches tasks on an offer and leaves the rest of it to be offered
// again.
func (f *framework) launch(on offer, tasks ...object) {
	f.t.Helper()
	f.mustCall("ACCEPT", accept(on, tasks))
}

func accept(on offer, tasks []object) object {
	for _, t := range tasks {
		t["agent_id"] = on.AgentID
	}
	return object{
		"offer_ids":  []id{on.ID},
		"operations": []object{{"type": "LAUNCH", "launch": object{"task_infos": tasks}}},
		"filters":    object{"refuse_seconds": 0},
	}
}

// shell is a task that runs a shell command. Members of extra replace its own.
func shell(name, command string, extra object) object {
	task := object{
		"name": name, "task_id": value(name),
		"command": object{"value": command},
		"resources": []object{
			{"name": "cpus", "type": "SCALAR", "scalar": object{"value": taskCPUs}},
			{"name": "mem", "type": "SCALAR", "scalar": object{"value": taskMem}},
		},
	}
	for member, v := range extra {
		task[member] = v
	}
	return task
}

// image makes a task run in a Docker image.
func image(name string) object {
	return object{"container": object{"type": "DOCKER", "docker": object{"image": name, "network": "NONE"}}}
}

// awaitState waits until the task has reported the state and returns the
// update.
func (f *framework) awaitState(task, state string) (found status) {
	f.t.Helper()
	f.await(task+" reports "+state, func() bool {
		for _, s := range f.updates {
			if s.TaskID.Value != task {
				continue
			}
			if s.State == state {
				found = s
				return true
			}
			if s.terminal() {
				f.t.Fatalf("%s: got %s (%s), want %s", task, s.State, s.Message, state)
			}
		}
		return false
	})
	return found
}

// awaitEnd waits for the terminal update of a task.
func (f *framework) awaitEnd(task string) (last status) {
	f.t.Helper()
	f.await(task+" ends", func() bool {
		for _, s := range f.updates {
			if s.TaskID.Value == task && s.terminal() {
				last = s
				return true
			}
		}
		return false
	})
	return last
}

// history is what a task, or every task if it is empty, has reported so far.
func (f *framework) history(task string) (all []status) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, s := range f.updates {
		if task == "" || s.TaskID.Value == task {
			all = append(all, s)
		}
	}
	return all
}

// states names the states of a task in their order, each update once.
func (f *framework) states(task string) (names []string) {
	f.t.Helper()
	updates, err := distinct(f.history(task))
	if err != nil {
		f.t.Errorf("%s: %v", task, err)
	}
	for _, s := range updates {
		names = append(names, strings.TrimPrefix(s.State, "TASK_"))
	}
	return names
}

// distinct leaves the repetitions out of what a task has reported. An update
// may be repeated only until the next one, since each waits for the
// acknowledgement of the one before. It returns an error where that, or the end
// with the terminal update, does not hold.
func distinct(history []status) (updates []status, err error) {
	for _, s := range history {
		n := len(updates)
		switch {
		case n > 0 && s.UUID != "" && s.UUID == updates[n-1].UUID:
			continue
		case n > 0 && updates[n-1].terminal():
			return updates, fmt.Errorf("%s (%s) came after %s (%s)", s.State, s.Message, updates[n-1].State, updates[n-1].Message)
		}
		for _, earlier := range updates {
			if s.UUID != "" && s.UUID == earlier.UUID {
				return updates, fmt.Errorf("%s was repeated after %s", s.State, updates[n-1].State)
			}
		}
		updates = append(updates, s)
	}
	return updates, nil
}

// teardown removes the framework from the master, which kills its tasks.
func (f *framework) teardown() {
	f.t.Helper()
	f.mustCall("TEARDOWN", nil)
	select {
	case <-f.done:
	case <-within(f.t).Done():
		f.t.Fatal("the stream stays open after TEARDOWN")
	}
}

// close ends the subscription from the side of the framework.
func (f *framework) close() {
	_ = f.body.Close() // it may have ended
	<-f.done
}
