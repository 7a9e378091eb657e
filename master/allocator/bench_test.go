package allocator_test

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/meseta/meseta/internal/mesosid"
	"github.com/meseta/meseta/internal/resources"
	"github.com/meseta/meseta/master/allocator"
)

// cluster is a cluster of the size given, filled as in Mesos's own allocator
// benchmarks: every agent has 24 cpus, 4096 MiB of memory and of disk and 1000
// ports, of which one framework uses a part.
type cluster struct {
	*allocator.Allocator
	agents []allocator.Agent
	used   []map[mesosid.FrameworkID]resources.Resources
	now    time.Time
}

// fataler is what tests, benchmarks and properties have in common.
type fataler interface{ Fatal(...any) }

func parse(t fataler, text string) resources.Resources {
	declared, err := resources.Parse(text, "*")
	if err != nil {
		t.Fatal(err)
	}
	return declared.Resources
}

func newCluster(t testing.TB, agents, frameworks int, role func(i int) string) *cluster {
	t.Helper()
	minimum, err := resources.ParseMinAllocatable("cpus:0.01|mem:32")
	if err != nil {
		t.Fatal(err)
	}
	c := &cluster{
		Allocator: allocator.New(allocator.Options{Seed: 1, MinAllocatable: minimum, FilterGPU: true}),
		now:       time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
	}
	for i := range frameworks {
		c.AddFramework(allocator.Framework{
			ID:    frameworkID(i),
			Roles: []string{role(i)}, Capabilities: allocator.CapMultiRole | allocator.CapRefinement,
		}, true, nil)
	}
	random := rand.New(rand.NewPCG(1, 2))
	for i := range agents {
		total := parse(t, "cpus:24;mem:4096;disk:4096;ports:[31000-32000]")
		port := 31000 + random.IntN(900)
		used := parse(t, fmt.Sprintf("cpus:16;mem:2014;disk:1024;ports:[%d-%d]", port, port+random.IntN(50)))
		c.agents = append(c.agents, allocator.Agent{
			ID: mesosid.AgentID(fmt.Sprintf("7a9b3c1e-1d2f-4a5b-8c6d-000000000000-S%d", i)), Hostname: fmt.Sprint("host-", i), Total: total,
			Capabilities: allocator.AgentMultiRole | allocator.AgentHierarchicalRole | allocator.AgentReservationRefinement,
		})
		c.used = append(c.used, map[mesosid.FrameworkID]resources.Resources{
			frameworkID(i % frameworks): used.Allocate(role(i % frameworks)),
		})
	}
	return c
}

func frameworkID(i int) mesosid.FrameworkID {
	return mesosid.FrameworkID(fmt.Sprintf("7a9b3c1e-1d2f-4a5b-8c6d-000000000000-%04d", i))
}

func star(int) string { return "*" }

func (c *cluster) addAll() {
	for i := range c.agents {
		c.AddAgent(c.agents[i], c.used[i])
	}
}

func (c *cluster) declineAll(t testing.TB, offers []allocator.Proposal, refuse time.Duration) {
	for i := range offers {
		if err := c.Recover(offers[i].Framework, offers[i].Agent, offers[i].Resources, refuse, c.now); err != nil {
			t.Fatal(err)
		}
	}
}

// BenchmarkDeclineOffers is A1: all frameworks in one role decline whatever
// they are offered for good, so that each run has to find, agent by agent, one
// more framework that has not refused it yet. One iteration is one run.
func BenchmarkDeclineOffers(b *testing.B) {
	for _, size := range []struct{ agents, frameworks int }{
		{1000, 50}, {10000, 1000}, {10000, 3000}, {20000, 2000}, {50000, 6000},
	} {
		b.Run(fmt.Sprintf("%dx%d", size.agents, size.frameworks), func(b *testing.B) {
			c := newCluster(b, size.agents, size.frameworks, star)
			start := time.Now()
			c.addAll()
			added := time.Since(start)
			b.ReportAllocs()
			var declining, worst time.Duration
			for b.Loop() {
				c.now = c.now.Add(time.Second)
				start := time.Now()
				offers := c.AllocateAll(c.now)
				worst = max(worst, time.Since(start))
				b.StopTimer()
				start = time.Now()
				c.declineAll(b, offers, 365*24*time.Hour)
				declining += time.Since(start)
				b.StartTimer()
			}
			b.ReportMetric(float64(added.Microseconds())/1000, "ms/add-all")
			b.ReportMetric(float64(declining.Microseconds())/1000/float64(b.N), "ms/decline-all")
			b.ReportMetric(float64(worst.Microseconds())/1000, "ms/worst")
		})
	}
}
