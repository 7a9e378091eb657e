package bench

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/meseta/meseta/gen/mesosv1"
	"github.com/meseta/meseta/gen/schedulerv1"
	"github.com/meseta/meseta/internal/resources"
	"github.com/meseta/meseta/master"
	"github.com/meseta/meseta/master/api"
)

// BenchmarkLaunch is B2: no-op tasks on emulated agents, each launched,
// running, finished, and every update acknowledged, through the v1 HTTP API in
// JSON. MESETA_BENCH_AGENTS and MESETA_BENCH_TASKS set its size, 5,000 and
// 100,000 by default.
func BenchmarkLaunch(b *testing.B) {
	agents, tasks := size("MESETA_BENCH_AGENTS", 5000), size("MESETA_BENCH_TASKS", 100_000)
	for b.Loop() {
		launch(b, agents, tasks)
	}
}

func size(name string, standard int) int {
	if n, err := strconv.Atoi(os.Getenv(name)); err == nil {
		return n
	}
	return standard
}

// cpuSeconds is the CPU time that this process has used.
func cpuSeconds() float64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano()).Seconds()
}

func launch(b *testing.B, agentCount, taskCount int) {
	c := startMaster(b, master.Options{PingInterval: time.Minute})
	declared, err := resources.Parse("cpus:32;mem:65536;disk:100000;ports:[31000-32000]", "*")
	if err != nil {
		b.Fatal(err)
	}
	agents, err := c.emulate(agentCount, declared.Resources.ToV1(resources.Post))
	if err != nil {
		b.Fatal(err)
	}
	var ended atomic.Int64
	var running sync.WaitGroup
	for _, a := range agents {
		running.Go(func() { a.run(&ended) })
	}
	f, err := newLauncher(c, taskCount)
	if err != nil {
		b.Fatal(err)
	}
	began, cpu := time.Now(), cpuSeconds()
	if err := f.run(&ended); err != nil {
		b.Fatal(err)
	}
	took := time.Since(began)

	b.ReportMetric(float64(taskCount)/took.Seconds(), "tasks/s")
	b.ReportMetric((cpuSeconds()-cpu)/float64(taskCount)*1e6, "cpu-µs/task")
	f.report(b)
}

// launcher is a framework that fills every offer with small tasks.
type launcher struct {
	id       mesosv1.FrameworkID
	streamID string
	calls    *pipe
	next     func() ([]byte, error)

	total, launched int
	accepted        map[string]time.Time
	latency         []time.Duration
	finished        []time.Time
}

// perOffer is how many tasks go into one ACCEPT at most.
const perOffer = 100

func newLauncher(c *cluster, total int) (*launcher, error) {
	events, streamID, err := c.subscribe(&schedulerv1.CallSubscribe{FrameworkInfo: mesosv1.FrameworkInfo{
		User: "bench", Name: "bench", Roles: []string{"bench"},
		Capabilities: []mesosv1.FrameworkInfoCapability{
			{Type: new(mesosv1.FrameworkInfoCapabilityTypeMultiRole)},
			{Type: new(mesosv1.FrameworkInfoCapabilityTypeReservationRefinement)},
		},
	}})
	if err != nil {
		return nil, err
	}
	record, err := events.Next()
	if err != nil {
		return nil, err
	}
	var first schedulerv1.Event
	if err := json.Unmarshal(record, &first); err != nil || first.Subscribed == nil {
		return nil, fmt.Errorf("the first event is %s", record)
	}
	calls, err := c.pipe()
	if err != nil {
		return nil, err
	}
	return &launcher{
		id: first.Subscribed.FrameworkID, streamID: streamID, calls: calls, next: events.Next,
		total: total, accepted: make(map[string]time.Time, total),
	}, nil
}

func (f *launcher) call(call *schedulerv1.Call) error {
	call.FrameworkID = &f.id
	body, err := json.Marshal(call)
	if err != nil {
		return err
	}
	return f.calls.send(request("/api/v1/scheduler", api.StreamIDHeader, f.streamID, body))
}

// run launches until every task has ended and been acknowledged.
func (f *launcher) run(ended *atomic.Int64) error {
	done := 0
	for done < f.total {
		record, err := f.next()
		if err != nil {
			return err
		}
		var e schedulerv1.Event
		if err := json.Unmarshal(record, &e); err != nil {
			return err
		}
		switch e.Type {
		case schedulerv1.EventTypeOffers:
			for i := range e.Offers.Offers {
				if err := f.take(&e.Offers.Offers[i]); err != nil {
					return err
				}
			}
		case schedulerv1.EventTypeUpdate:
			ended, err := f.updated(&e.Update.Status)
			if err != nil {
				return err
			}
			if ended {
				done++
			}
		case schedulerv1.EventTypeError:
			return fmt.Errorf("the master says %s", e.Error.Message)
		}
	}
	for ended.Load() < int64(f.total) {
		time.Sleep(time.Millisecond) // the last acknowledgements are on their way
	}
	return nil
}

func (f *launcher) take(o *mesosv1.Offer) error {
	n := min(perOffer, f.total-f.launched)
	if n == 0 {
		return f.decline(o)
	}
	tasks := make([]mesosv1.TaskInfo, n)
	now := time.Now()
	for i := range tasks {
		id := strconv.Itoa(f.launched)
		f.launched++
		f.accepted[id] = now
		tasks[i] = mesosv1.TaskInfo{
			Name: "noop", TaskID: mesosv1.TaskID{Value: id}, AgentID: o.AgentID,
			Command: &mesosv1.CommandInfo{Value: new("true")},
			Resources: []mesosv1.Resource{
				{Name: "cpus", Type: mesosv1.ValueTypeScalar, Scalar: &mesosv1.ValueScalar{Value: 0.1}},
				{Name: "mem", Type: mesosv1.ValueTypeScalar, Scalar: &mesosv1.ValueScalar{Value: 32}},
			},
		}
	}
	return f.call(&schedulerv1.Call{Type: schedulerv1.CallTypeAccept, Accept: &schedulerv1.CallAccept{
		OfferIds: []mesosv1.OfferID{o.ID},
		Filters:  &mesosv1.Filters{RefuseSeconds: new(0.0)},
		Operations: []mesosv1.OfferOperation{{
			Type: new(mesosv1.OfferOperationTypeLaunch), Launch: &mesosv1.OfferOperationLaunch{TaskInfos: tasks},
		}},
	}})
}

// updated acknowledges an update and reports whether the task has ended.
func (f *launcher) updated(s *mesosv1.TaskStatus) (bool, error) {
	switch s.State {
	case mesosv1.TaskRunning:
		f.latency = append(f.latency, time.Since(f.accepted[s.TaskID.Value]))
	case mesosv1.TaskFinished:
		f.finished = append(f.finished, time.Now())
	default:
		return false, fmt.Errorf("task %s is in state %s: %s", s.TaskID.Value, s.State, *s.Message)
	}
	err := f.call(&schedulerv1.Call{Type: schedulerv1.CallTypeAcknowledge, Acknowledge: &schedulerv1.CallAcknowledge{
		AgentID: *s.AgentID, TaskID: s.TaskID, UUID: s.UUID,
	}})
	return s.State == mesosv1.TaskFinished, err
}

// report gives the latency from ACCEPT to RUNNING and the rates at the
// beginning and at the end.
func (f *launcher) report(b *testing.B) {
	slices.Sort(f.latency)
	b.ReportMetric(float64(f.latency[len(f.latency)/2].Microseconds())/1000, "p50-ms")
	b.ReportMetric(float64(f.latency[len(f.latency)*99/100].Microseconds())/1000, "p99-ms")
	tenth := len(f.finished) / 10
	if tenth < 2 {
		return
	}
	rate := func(part []time.Time) float64 { return float64(len(part)) / part[len(part)-1].Sub(part[0]).Seconds() }
	b.ReportMetric(rate(f.finished[:tenth]), "first-tasks/s")
	b.ReportMetric(rate(f.finished[len(f.finished)-tenth:]), "last-tasks/s")
}
