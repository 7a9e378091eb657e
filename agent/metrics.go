package agent

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/meseta/meseta/agent/gc"
	"github.com/meseta/meseta/gen/mesosv1"
	"github.com/meseta/meseta/internal/resources"
)

// Metric is one number that the agent tells about itself.
type Metric struct {
	// Name is that of Mesos: "slave/tasks_running".
	Name string
	// Prometheus is the name in the Prometheus form, without its prefix.
	Prometheus string
	// Help says what the number is.
	Help string
	// Counter says that the number only grows.
	Counter bool
	Value   float64
}

// Metrics are the agent's numbers at the moment of the view, in a fixed order.
func (a *Agent) Metrics(v *View) []Metric {
	m := &metricList{}
	m.gauge("slave/uptime_secs", "uptime_seconds", "Seconds since the start.", time.Since(v.Started).Seconds())
	m.gauge("slave/registered", "registered", "Whether a session with a master exists.", boolean(v.Registered))
	m.gauge("slave/recovery_time_secs", "recovery_seconds", "How long the recovery took.", v.Counters.RecoverySeconds)
	m.counter("slave/recovery_errors", "recovery_errors_total", "Errors of the recovery.", 0)
	m.counter("slave/container_launch_errors", "container_launch_errors_total", "Containers that could not be launched.", float64(v.Counters.ContainerLaunchErrors))
	m.gauge("slave/frameworks_active", "frameworks_active", "Frameworks with executors or updates.", float64(len(v.Frameworks)))
	m.executors(v)
	m.tasks(v)
	m.counter("slave/valid_status_updates", "valid_status_updates_total", "Status updates taken by the master.", float64(v.Counters.ValidStatusUpdates))
	m.counter("slave/invalid_status_updates", "invalid_status_updates_total", "Status updates refused.", 0)
	m.counter("slave/valid_framework_messages", "valid_framework_messages_total", "Messages delivered to executors.", 0)
	m.counter("slave/invalid_framework_messages", "invalid_framework_messages_total", "Messages dropped.", float64(v.Counters.InvalidFrameworkMessages))
	m.resources(v)
	m.collector(a.gc.Statistics())
	return m.list
}

type metricList struct{ list []Metric }

func (m *metricList) gauge(name, prometheus, help string, value float64) {
	m.list = append(m.list, Metric{name, prometheus, help, false, value})
}

func (m *metricList) counter(name, prometheus, help string, value float64) {
	m.list = append(m.list, Metric{name, prometheus, help, true, value})
}

func (m *metricList) executors(v *View) {
	var registering, running, terminating float64
	for _, f := range v.Frameworks {
		for _, e := range f.Executors {
			switch {
			case !e.Live || len(e.Terminated) > 0:
				terminating++
			case len(e.Queued) > 0:
				registering++
			default:
				running++
			}
		}
	}
	m.gauge("slave/executors_registering", "executors_registering", "Executors that wait for their container.", registering)
	m.gauge("slave/executors_running", "executors_running", "Executors that run.", running)
	m.gauge("slave/executors_terminating", "executors_terminating", "Executors that have ended and are being cleaned up.", terminating)
	m.counter("slave/executors_terminated", "executors_terminated_total", "Executors whose container is gone.", float64(v.Counters.ExecutorsTerminated))
	m.counter("slave/executors_preempted", "executors_preempted_total", "Executors that were preempted.", 0)
}

func (m *metricList) tasks(v *View) {
	active := map[mesosv1.TaskState]float64{}
	for _, f := range v.Frameworks {
		for _, e := range f.Executors {
			for _, list := range [][]*mesosv1.Task{e.Queued, e.Launched} {
				for _, t := range list {
					active[t.State]++
				}
			}
		}
	}
	for _, s := range []struct {
		state mesosv1.TaskState
		name  string
	}{
		{mesosv1.TaskStaging, "tasks_staging"},
		{mesosv1.TaskStarting, "tasks_starting"},
		{mesosv1.TaskRunning, "tasks_running"},
		{mesosv1.TaskKilling, "tasks_killing"},
	} {
		m.gauge("slave/"+s.name, s.name, "Tasks in "+string(s.state)+".", active[s.state])
	}
	for _, s := range []struct {
		state mesosv1.TaskState
		name  string
	}{
		{mesosv1.TaskFinished, "tasks_finished"},
		{mesosv1.TaskFailed, "tasks_failed"},
		{mesosv1.TaskKilled, "tasks_killed"},
		{mesosv1.TaskLost, "tasks_lost"},
		{mesosv1.TaskGone, "tasks_gone"},
	} {
		m.counter("slave/"+s.name, s.name+"_total", "Tasks that ended in "+string(s.state)+".", float64(v.Counters.Terminal[s.state]))
	}
}

// resources tells totals and what tasks and executors use of them. Revocable
// resources are counted apart.
func (m *metricList) resources(v *View) {
	total, used := v.Totals()
	parts := []struct {
		infix       string
		total, used resources.Resources
	}{
		{"", total.NonRevocable(), used.NonRevocable()},
		{"_revocable", total.Revocable(), used.Revocable()},
	}
	for _, name := range []string{"cpus", "gpus", "mem", "disk"} {
		for _, part := range parts {
			t, u := part.total.Amount(name).Float(), part.used.Amount(name).Float()
			percent := 0.0
			if t > 0 {
				percent = u / t
			}
			key := name + part.infix
			m.gauge("slave/"+key+"_total", key+"_total_amount", "The agent's "+key+".", t)
			m.gauge("slave/"+key+"_used", key+"_used", "The part in use of the agent's "+key+".", u)
			m.gauge("slave/"+key+"_percent", key+"_used_ratio", "The fraction in use of the agent's "+key+".", percent)
		}
	}
}

func (m *metricList) collector(s gc.Statistics) {
	m.counter("gc/path_removals_succeeded", "sandboxes_removed_total", "Old sandboxes that were removed.", float64(s.Succeeded))
	m.counter("gc/path_removals_failed", "sandbox_removals_failed_total", "Old sandboxes that could not be removed.", float64(s.Failed))
	m.gauge("gc/path_removals_pending", "sandboxes_kept", "Old sandboxes that have not been removed yet.", float64(s.Pending))
	m.gauge("slave/executor_directory_max_allowed_age_secs", "sandbox_max_age_seconds", "The age above which old sandboxes are removed.", s.MaxAge.Seconds())
}

func boolean(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// collector gives the metrics to Prometheus.
type collector struct{ agent *Agent }

// collectTimeout bounds how long a scrape waits for the actor.
const collectTimeout = time.Second

// prometheusPrefix starts the names in the Prometheus form.
const prometheusPrefix = "mesos_agent_"

// Describe tells nothing, which makes the collector an unchecked one: before
// the recovery it has no metrics.
func (c *collector) Describe(chan<- *prometheus.Desc) {}

func (c *collector) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), collectTimeout)
	defer cancel()
	view, err := c.agent.View(ctx)
	if err != nil {
		return
	}
	for _, m := range c.agent.Metrics(view) {
		kind := prometheus.GaugeValue
		if m.Counter {
			kind = prometheus.CounterValue
		}
		desc := prometheus.NewDesc(prometheusPrefix+m.Prometheus, m.Help, nil, nil)
		out <- prometheus.MustNewConstMetric(desc, kind, m.Value)
	}
}
