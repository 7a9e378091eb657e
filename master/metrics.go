package master

import (
	"maps"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/meseta/meseta/gen/mesosv1"
	"github.com/meseta/meseta/gen/schedulerv1"
	"github.com/meseta/meseta/internal/taskstate"
)

// Metrics counts what a master does, under the names that Mesos gives to
// /metrics/snapshot. Gauges of the present state are not kept here: they are
// read off a [View].
//
// The actor is the only writer; readers may come at any time.
type Metrics struct {
	mu       sync.RWMutex
	counters map[string]*atomic.Uint64

	allocationRun, allocationLatency timer

	queue atomic.Int64

	turnSeconds       prometheus.Histogram
	allocationSeconds prometheus.Histogram
}

// Names of counters that exist from the start.
var baseCounters = []string{
	"master/slave_registrations", "master/slave_reregistrations", "master/slave_removals",
	"master/slave_removals/reason_unhealthy", "master/slave_removals/reason_unregistered", "master/slave_removals/reason_registered",
	"master/slave_shutdowns_scheduled", "master/slave_shutdowns_completed", "master/slave_shutdowns_canceled",
	"master/slave_unreachable_scheduled", "master/slave_unreachable_completed", "master/slave_unreachable_canceled",
	"master/recovery_slave_removals",
	"master/tasks_finished", "master/tasks_failed", "master/tasks_killed", "master/tasks_lost", "master/tasks_error",
	"master/tasks_dropped", "master/tasks_gone", "master/tasks_gone_by_operator",
	"master/valid_status_updates", "master/invalid_status_updates",
	"master/valid_status_update_acknowledgements", "master/invalid_status_update_acknowledgements",
	"master/valid_framework_to_executor_messages", "master/invalid_framework_to_executor_messages",
	"master/valid_executor_to_framework_messages", "master/invalid_executor_to_framework_messages",
	"allocator/mesos/allocation_runs",
}

// NewMetrics makes the metrics of one master and registers those that are not
// counters with registry, which may be nil.
func NewMetrics(registry prometheus.Registerer) *Metrics {
	m := &Metrics{
		counters: make(map[string]*atomic.Uint64, len(baseCounters)),
		turnSeconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "mesos_master_turn_seconds",
			Help:    "How long one turn of the master's actor took.",
			Buckets: prometheus.ExponentialBuckets(1e-6, 4, 12),
		}),
		allocationSeconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "mesos_master_allocation_seconds",
			Help:    "How long one allocation took.",
			Buckets: prometheus.ExponentialBuckets(1e-6, 4, 13),
		}),
	}
	for _, name := range slices.Concat(baseCounters, messageCounters, operationCounters()) {
		m.counters[name] = new(atomic.Uint64)
	}
	if registry != nil {
		waiting := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "mesos_master_mailbox_commands",
			Help: "Commands that wait for the master's actor.",
		}, func() float64 { return float64(m.Waiting()) })
		registry.MustRegister(m.turnSeconds, m.allocationSeconds, waiting, m)
	}
	return m
}

// Counters reads every counter by its Mesos name.
func (m *Metrics) Counters() map[string]uint64 {
	m.mu.RLock()
	defer m.mu.RUnlock()
	out := make(map[string]uint64, len(m.counters))
	for name, c := range m.counters {
		out[name] = c.Load()
	}
	return out
}

// Timers reads every timer by its Mesos name, in milliseconds.
func (m *Metrics) Timers(now time.Time) map[string]float64 {
	out := map[string]float64{}
	m.allocationRun.describe(out, "allocator/mesos/allocation_run_ms", now)
	m.allocationLatency.describe(out, "allocator/mesos/allocation_run_latency_ms", now)
	return out
}

// Waiting is the number of commands that wait for the actor.
func (m *Metrics) Waiting() int { return int(m.queue.Load()) }

// Describe makes the counters an unchecked Prometheus collector, since their
// names come and go with frameworks and causes.
func (m *Metrics) Describe(chan<- *prometheus.Desc) {}

// Collect gives the counters to Prometheus, those of single frameworks left
// out so that the number of series stays bounded.
func (m *Metrics) Collect(out chan<- prometheus.Metric) {
	for name, value := range maps.All(m.Counters()) {
		if strings.HasPrefix(name, "master/frameworks/") {
			continue
		}
		desc := prometheus.NewDesc("mesos_"+strings.ReplaceAll(name, "/", "_")+"_total", "Mesos counter "+name+".", nil, nil)
		out <- prometheus.MustNewConstMetric(desc, prometheus.CounterValue, float64(value))
	}
}

func (m *Metrics) counter(name string) *atomic.Uint64 {
	m.mu.RLock()
	c := m.counters[name]
	m.mu.RUnlock()
	if c != nil {
		return c
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if c = m.counters[name]; c == nil {
		c = new(atomic.Uint64)
		m.counters[name] = c
	}
	return c
}

func (m *Metrics) inc(name string) { m.counter(name).Add(1) }

func (m *Metrics) turn(took time.Duration, waiting int) {
	m.queue.Store(int64(waiting))
	m.turnSeconds.Observe(took.Seconds())
}

// allocationStarts notes how long the allocation that starts now was waited
// for.
func (m *Metrics) allocationStarts(now time.Time, waited time.Duration) {
	m.allocationLatency.observe(now, waited)
}

func (m *Metrics) allocated(took time.Duration) {
	m.allocationSeconds.Observe(took.Seconds())
	m.allocationRun.observe(time.Now(), took)
	m.inc("allocator/mesos/allocation_runs")
}

// frameworkCounters caches the counters of one framework.
type frameworkCounters struct {
	prefix string
	byName map[string]*atomic.Uint64
}

func (m *Metrics) of(f *framework, name string) *atomic.Uint64 {
	if f.counted.byName == nil {
		f.counted = frameworkCounters{
			prefix: "master/frameworks/" + url.PathEscape(f.info.Name) + "/" + string(f.id) + "/",
			byName: map[string]*atomic.Uint64{},
		}
	}
	c := f.counted.byName[name]
	if c == nil {
		c = m.counter(f.counted.prefix + name)
		f.counted.byName[name] = c
	}
	return c
}

func (m *Metrics) frameworkAdded(f *framework) {
	m.inc("master/messages_register_framework")
	m.of(f, "calls")
}

// frameworkRemoved forgets the counters of a framework.
func (m *Metrics) frameworkRemoved(f *framework) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for name := range f.counted.byName {
		delete(m.counters, f.counted.prefix+name)
	}
}

func (m *Metrics) call(f *framework, t schedulerv1.CallType) {
	if name := callMessages[t]; name != "" {
		m.inc(name)
	}
	m.of(f, "calls").Add(1)
	m.of(f, "calls/"+strings.ToLower(string(t))).Add(1)
}

func (m *Metrics) event(f *framework, t schedulerv1.EventType) {
	m.of(f, "events").Add(1)
	m.of(f, "events/"+strings.ToLower(string(t))).Add(1)
}

func (m *Metrics) offersSent(f *framework, n int)      { m.of(f, "offers/sent").Add(uint64(n)) }
func (m *Metrics) offersAccepted(f *framework, n int)  { m.of(f, "offers/accepted").Add(uint64(n)) }
func (m *Metrics) offersDeclined(f *framework, n int)  { m.of(f, "offers/declined").Add(uint64(n)) }
func (m *Metrics) offersRescinded(f *framework, n int) { m.of(f, "offers/rescinded").Add(uint64(n)) }

// taskMoved counts a task that has reached an end, by state and by cause.
func (m *Metrics) taskMoved(f *framework, before, now mesosv1.TaskState, status mesosv1.TaskStatus) {
	if taskstate.Terminal(before) || !taskstate.Terminal(now) {
		return
	}
	m.ended(f, now, status)
}

// taskRefused counts a task that never became one.
func (m *Metrics) taskRefused(f *framework, status mesosv1.TaskStatus) {
	m.ended(f, status.State, status)
}

func (m *Metrics) ended(f *framework, state mesosv1.TaskState, status mesosv1.TaskStatus) {
	name := strings.ToLower(string(state))
	m.inc("master/tasks_" + strings.TrimPrefix(name, "task_"))
	m.of(f, "tasks/terminal/"+name).Add(1)
	if status.Source == nil || status.Reason == nil {
		return
	}
	// The names are those of the older API, which says slave.
	cause := strings.ToLower(string(*status.Source) + "/" + string(*status.Reason))
	m.inc("master/" + name + "/" + strings.ReplaceAll(cause, "agent", "slave"))
}

func (m *Metrics) validUpdate() {
	m.inc("master/messages_status_update")
	m.inc("master/valid_status_updates")
}

func (m *Metrics) invalidUpdate() {
	m.inc("master/messages_status_update")
	m.inc("master/invalid_status_updates")
}

func (m *Metrics) validAcknowledgement()   { m.inc("master/valid_status_update_acknowledgements") }
func (m *Metrics) invalidAcknowledgement() { m.inc("master/invalid_status_update_acknowledgements") }
func (m *Metrics) validMessage()           { m.inc("master/valid_framework_to_executor_messages") }
func (m *Metrics) invalidMessage()         { m.inc("master/invalid_framework_to_executor_messages") }

func (m *Metrics) agentRegistered() {
	m.inc("master/messages_register_slave")
	m.inc("master/slave_registrations")
}

func (m *Metrics) agentReregistered() {
	m.inc("master/messages_reregister_slave")
	m.inc("master/slave_reregistrations")
}

func (m *Metrics) agentUnreachable() {
	m.inc("master/slave_unreachable_scheduled")
	m.inc("master/slave_unreachable_completed")
	m.inc("master/slave_removals")
	m.inc("master/slave_removals/reason_unhealthy")
}

func (m *Metrics) agentRemoved() {
	m.inc("master/slave_removals")
	m.inc("master/slave_removals/reason_unregistered")
}
