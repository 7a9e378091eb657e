package bench

import (
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/meseta/meseta/gen/mesosv1"
	"github.com/meseta/meseta/gen/schedulerv1"
	"github.com/meseta/meseta/internal/resources"
	"github.com/meseta/meseta/master"
)

// BenchmarkOfferLatency is B1: how long after the terminal status of a task its
// agent is offered again, in a cluster of 10,000 agents and 1,000 frameworks of
// which one takes offers. MESETA_BENCH_AGENTS and MESETA_BENCH_FRAMEWORKS set
// the size.
func BenchmarkOfferLatency(b *testing.B) {
	agents, frameworks := size("MESETA_BENCH_AGENTS", 10_000), size("MESETA_BENCH_FRAMEWORKS", 1000)
	for b.Loop() {
		offerLatency(b, agents, frameworks)
	}
}

// rounds is how many tasks are run one after another.
const rounds = 1000

func offerLatency(b *testing.B, agentCount, frameworkCount int) {
	c := startMaster(b, master.Options{PingInterval: time.Minute})
	declared, err := resources.Parse("cpus:4;mem:4096;disk:10000;ports:[31000-32000]", "*")
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
	for i := range frameworkCount - 1 {
		events, _, err := c.subscribe(&schedulerv1.CallSubscribe{
			FrameworkInfo: mesosv1.FrameworkInfo{
				User: "bench", Name: fmt.Sprintf("idle %d", i), Roles: []string{"bench"},
				Capabilities: []mesosv1.FrameworkInfoCapability{{Type: new(mesosv1.FrameworkInfoCapabilityTypeMultiRole)}},
			},
			SuppressedRoles: []string{"bench"},
		})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := events.Next(); err != nil {
			b.Fatal(err)
		}
	}
	f, err := newLauncher(c, rounds)
	if err != nil {
		b.Fatal(err)
	}
	latency, err := f.oneByOne(agentCount)
	if err != nil {
		b.Fatal(err)
	}
	slices.Sort(latency)
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	b.ReportMetric(ms(latency[len(latency)/2]), "p50-ms")
	b.ReportMetric(ms(latency[len(latency)*99/100]), "p99-ms")
	b.ReportMetric(ms(latency[len(latency)-1]), "max-ms")
}

// oneByOne declines everything but one offer, then runs tasks that fill the
// agent of that offer, each when its agent is offered again. The clock starts
// when the framework reads TASK_FINISHED, which the master forwards before it
// allocates, and ends when it has read the offer.
func (f *launcher) oneByOne(agentCount int) ([]time.Duration, error) {
	var latency []time.Duration
	var finished time.Time
	seen := 0
	for len(latency) < rounds {
		record, err := f.next()
		if err != nil {
			return nil, err
		}
		now := time.Now()
		var e schedulerv1.Event
		if err := json.Unmarshal(record, &e); err != nil {
			return nil, err
		}
		switch e.Type {
		case schedulerv1.EventTypeUpdate:
			if e.Update.Status.State == mesosv1.TaskFinished {
				finished = now
			}
			if _, err := f.updated(&e.Update.Status); err != nil {
				return nil, err
			}
		case schedulerv1.EventTypeOffers:
			for i := range e.Offers.Offers {
				seen++
				o := &e.Offers.Offers[i]
				if seen < agentCount {
					if err := f.decline(o); err != nil {
						return nil, err
					}
					continue
				}
				if !finished.IsZero() {
					latency = append(latency, now.Sub(finished))
				}
				if err := f.fill(o); err != nil {
					return nil, err
				}
			}
		}
	}
	return latency, nil
}

func (f *launcher) decline(o *mesosv1.Offer) error {
	return f.call(&schedulerv1.Call{Type: schedulerv1.CallTypeDecline, Decline: &schedulerv1.CallDecline{
		OfferIds: []mesosv1.OfferID{o.ID}, Filters: &mesosv1.Filters{RefuseSeconds: new(3600.0)},
	}})
}

// fill runs one task that takes everything of an offer.
func (f *launcher) fill(o *mesosv1.Offer) error {
	id := fmt.Sprint(f.launched)
	f.launched++
	f.accepted[id] = time.Now()
	return f.call(&schedulerv1.Call{Type: schedulerv1.CallTypeAccept, Accept: &schedulerv1.CallAccept{
		OfferIds: []mesosv1.OfferID{o.ID},
		Operations: []mesosv1.OfferOperation{{
			Type: new(mesosv1.OfferOperationTypeLaunch),
			Launch: &mesosv1.OfferOperationLaunch{TaskInfos: []mesosv1.TaskInfo{{
				Name: "fill", TaskID: mesosv1.TaskID{Value: id}, AgentID: o.AgentID, Resources: o.Resources,
				Command: &mesosv1.CommandInfo{Value: new("true")},
			}}},
		}},
	}})
}
