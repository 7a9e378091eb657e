package read

import (
	"strings"
	"time"

	"github.com/meseta/meseta/gen/mesosv1"
	"github.com/meseta/meseta/internal/hoststat"
	"github.com/meseta/meseta/internal/resources"
	"github.com/meseta/meseta/master"
)

// metrics gives every metric by its Mesos name: counters as they were counted,
// gauges as they are in the view.
func (r *Reader) metrics(v *master.View, now time.Time) map[string]float64 {
	out := make(map[string]float64, 512)
	for name, n := range r.counted() {
		if r.opts.PerFramework || !strings.HasPrefix(name, frameworkPrefix) {
			out[name] = float64(n)
		}
	}
	if r.opts.Counters != nil {
		for name, value := range r.opts.Counters.Timers(now) {
			out[name] = value
		}
	}
	r.addGauges(out, v, now)
	if r.opts.PerFramework {
		for _, f := range v.Frameworks {
			addFramework(out, f)
		}
	}
	addSystem(out)
	return out
}

func (r *Reader) counted() map[string]uint64 {
	if r.opts.Counters == nil {
		return nil
	}
	return r.opts.Counters.Counters()
}

// waiting is the number of commands that wait for the actor.
func (r *Reader) waiting() int {
	if r.opts.Counters == nil {
		return 0
	}
	return r.opts.Counters.Waiting()
}

// addGauges describes the state of the master.
func (r *Reader) addGauges(out map[string]float64, v *master.View, now time.Time) {
	out["master/uptime_secs"] = now.Sub(r.source.StartTime()).Seconds()
	out["master/elected"] = 1
	out["master/outstanding_offers"] = float64(v.Offers)
	out["master/event_queue_dispatches"] = float64(r.waiting())
	for _, name := range alwaysZero {
		out[name] = 0
	}
	addAgents(out, v)
	addFrameworks(out, v)
	addTasks(out, v)
	addResources(out, v)
	addRoles(out, v)
}

// alwaysZero are gauges of things that this master does not have: queues of
// its own for kinds of messages, a registrar that stores in the background,
// operations in flight.
var alwaysZero = append([]string{
	"master/event_queue_messages", "master/event_queue_http_requests",
	"master/operator_event_stream_subscribers",
	"allocator/event_queue_dispatches", "allocator/mesos/event_queue_dispatches",
	"registrar/queued_operations", "registrar/registry_size_bytes", "registrar/state_fetch_ms", "registrar/state_store_ms",
}, operationGauges()...)

func operationGauges() []string {
	var names []string
	for _, state := range []string{"total", "pending", "recovering", "unreachable"} {
		names = append(names, "master/operations/"+state)
		for _, kind := range []string{"reserve", "unreserve", "create", "destroy", "grow_volume", "shrink_volume", "create_disk", "destroy_disk"} {
			names = append(names, "master/operations/"+kind+"/"+state)
		}
	}
	return names
}

func addAgents(out map[string]float64, v *master.View) {
	var connected, active float64
	for _, a := range v.Agents {
		if a.Connected {
			connected++
		}
		if a.Active {
			active++
		}
	}
	all := float64(len(v.Agents))
	out["master/slaves_connected"], out["master/slaves_disconnected"] = connected, all-connected
	out["master/slaves_active"], out["master/slaves_inactive"] = active, all-active
	out["master/slaves_unreachable"] = float64(len(v.Unreachable))
}

func addFrameworks(out map[string]float64, v *master.View) {
	var connected, active float64
	for _, f := range v.Frameworks {
		if f.Connected {
			connected++
		}
		if f.Active {
			active++
		}
	}
	all := float64(len(v.Frameworks))
	out["master/frameworks_connected"], out["master/frameworks_disconnected"] = connected, all-connected
	out["master/frameworks_active"], out["master/frameworks_inactive"] = active, all-active
}

// taskGauges are the states that tasks can be in, by the metric's name.
var taskGauges = map[mesosv1.TaskState]string{
	mesosv1.TaskStaging:     "master/tasks_staging",
	mesosv1.TaskStarting:    "master/tasks_starting",
	mesosv1.TaskRunning:     "master/tasks_running",
	mesosv1.TaskKilling:     "master/tasks_killing",
	mesosv1.TaskUnreachable: "master/tasks_unreachable",
}

func addTasks(out map[string]float64, v *master.View) {
	for _, name := range taskGauges {
		out[name] = 0
	}
	for _, f := range v.Frameworks {
		for _, t := range f.Tasks {
			if name := taskGauges[t.State]; name != "" {
				out[name]++
			}
		}
		out["master/tasks_unreachable"] += float64(len(f.Unreachable))
	}
}

// addResources sums up what agents have and what is used of it.
func addResources(out map[string]float64, v *master.View) {
	var total, used, revocable, revocableUsed, held resources.Quantities
	split := func(rs resources.Resources, plain, other *resources.Quantities) {
		for r := range rs.All() {
			switch {
			case r.Kind != resources.KindScalar:
			case r.Revocable():
				other.AddAmountInPlace(r.Name, r.Scalar)
			default:
				plain.AddAmountInPlace(r.Name, r.Scalar)
			}
		}
	}
	for _, a := range v.Agents {
		split(a.Total, &total, &revocable)
		for _, rs := range a.Used {
			split(rs, &used, &revocableUsed)
			held.AddResourcesInPlace(rs)
		}
		held.AddResourcesInPlace(a.Offered)
	}
	for _, name := range standardNames {
		addAmounts(out, "master/"+name, total.Get(name), used.Get(name))
		addAmounts(out, "master/"+name+"_revocable", revocable.Get(name), revocableUsed.Get(name))
	}
	for _, name := range []string{resources.CPUs, resources.Mem, resources.DiskSpace} {
		out["allocator/mesos/resources/"+name+"/total"] = total.Get(name).Float() + revocable.Get(name).Float()
		out["allocator/mesos/resources/"+name+"/offered_or_allocated"] = held.Get(name).Float()
	}
}

func addAmounts(out map[string]float64, prefix string, total, used resources.Scalar) {
	out[prefix+"_total"], out[prefix+"_used"] = total.Float(), used.Float()
	percent := 0.0
	if total > 0 {
		percent = used.Float() / total.Float()
	}
	out[prefix+"_percent"] = percent
}

// addRoles gives the share of each role with frameworks: the largest part that
// it has of any resource, divided by its weight.
func addRoles(out map[string]float64, v *master.View) {
	total := amounts{}
	for _, a := range v.Agents {
		for r := range a.Total.All() {
			if r.Kind == resources.KindScalar {
				total.add(r)
			}
		}
	}
	for _, u := range rolesOf(v, nil) {
		if len(u.frameworks) == 0 {
			continue
		}
		share := 0.0
		for name, n := range total {
			if n > 0 {
				share = max(share, (u.allocated[name]+u.offered[name])/n)
			}
		}
		out["allocator/mesos/roles/"+u.name+"/shares/dominant"] = share / weightOf(v, u.name)
	}
}

// addSystem gives load and memory of the machine. What cannot be read is left
// out of the answer, as a metric that is not ready in time would be.
func addSystem(out map[string]float64) {
	s, err := hoststat.Read()
	if err != nil {
		return
	}
	out["system/cpus_total"] = float64(s.CPUs)
	out["system/load_1min"], out["system/load_5min"], out["system/load_15min"] = s.Load1, s.Load5, s.Load15
	out["system/mem_total_bytes"], out["system/mem_free_bytes"] = float64(s.MemTotal), float64(s.MemFree)
}
