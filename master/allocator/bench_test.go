package allocator_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"syscall"
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
			var declining time.Duration
			var runs, spent []time.Duration
			for b.Loop() {
				c.now = c.now.Add(time.Second)
				start, before := time.Now(), cpuTime()
				offers := c.AllocateAll(c.now)
				runs, spent = append(runs, time.Since(start)), append(spent, cpuTime()-before)
				b.StopTimer()
				start = time.Now()
				c.declineAll(b, offers, 365*24*time.Hour)
				declining += time.Since(start)
				b.StartTimer()
			}
			report := func(d time.Duration, unit string) { b.ReportMetric(float64(d.Microseconds())/1000, unit) }
			report(added, "ms/add-all")
			report(declining/time.Duration(b.N), "ms/decline-all")
			report(runs[0], "ms/first")
			slices.Sort(runs)
			slices.Sort(spent)
			report(runs[len(runs)/2], "ms/median")
			report(spent[len(spent)/2], "cpu-ms/median")
			report(runs[len(runs)-1], "ms/worst")
		})
	}
}

// cpuTime is the processor time of the whole process, garbage collection in
// other threads included, which other load on the machine does not distort.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkAddAgents adds 10,000 agents, each with resources in use.
func BenchmarkAddAgents(b *testing.B) {
	var spent time.Duration
	for b.Loop() {
		b.StopTimer()
		c := newCluster(b, 10000, 1000, star)
		b.StartTimer()
		before := cpuTime()
		c.addAll()
		spent += cpuTime() - before
	}
	b.ReportMetric(float64(spent.Microseconds())/1000/float64(b.N), "cpu-ms/op")
}

// BenchmarkOneAgent is the allocator's part of B1: a task ends on one of
// 10,000 agents and what it used is offered again, with 1,000 frameworks.
func BenchmarkOneAgent(b *testing.B) {
	b.Run("one of 1000 frameworks active", func(b *testing.B) {
		c := newCluster(b, 10000, 1000, star)
		for i := range 999 {
			c.Suppress(frameworkID(i+1), nil)
		}
		c.addAll()
		benchmarkOneAgent(b, c)
	})
	b.Run("999 of 1000 frameworks refused", func(b *testing.B) {
		c := newCluster(b, 2000, 1000, star)
		c.addAll()
		for range 999 {
			c.now = c.now.Add(time.Second)
			c.declineAll(b, c.AllocateAll(c.now), 365*24*time.Hour)
		}
		benchmarkOneAgent(b, c)
	})
	b.Run("1000 frameworks active", func(b *testing.B) {
		c := newCluster(b, 10000, 1000, star)
		c.addAll()
		benchmarkOneAgent(b, c)
	})
}

// benchmarkOneAgent has every offer used whole; then, in turn, the task on an
// agent ends and another takes its place.
func benchmarkOneAgent(b *testing.B, c *cluster) {
	b.Helper()
	running := c.AllocateAll(c.now)
	use := func(p allocator.Proposal) {
		if err := c.TransitionToAllocated(p.Framework, p.Agent, p.Resources); err != nil {
			b.Fatal(err)
		}
	}
	for _, p := range running {
		use(p)
	}
	next := 0
	var spent []time.Duration
	b.ReportAllocs()
	for b.Loop() {
		p := &running[next%len(running)]
		next++
		start := time.Now()
		if err := c.RecoverUsed(p.Framework, p.Agent, p.Resources); err != nil {
			b.Fatal(err)
		}
		again := c.Allocate(c.now)
		spent = append(spent, time.Since(start))
		if len(again) != 1 || again[0].Agent != p.Agent {
			b.Fatalf("%d offers", len(again))
		}
		*p = again[0]
		use(*p)
	}
	slices.Sort(spent)
	b.ReportMetric(float64(spent[len(spent)*99/100].Nanoseconds())/1000, "µs/p99")
}

// BenchmarkQuota is A2: 3,000 agents and as many roles with a framework each,
// half with a guarantee of one agent and half of a tenth of one.
func BenchmarkQuota(b *testing.B) {
	role := func(i int) string { return fmt.Sprint("role-", i) }
	c := newCluster(b, 3000, 3000, role)
	for i := range 3000 {
		q := resources.Quantities{}
		for _, item := range []resources.Quantity{{Name: resources.CPUs, Amount: 8000}, {Name: resources.Mem, Amount: 2000 * 1000}} {
			if i%2 == 1 {
				item.Amount /= 10
			}
			q.AddAmountInPlace(item.Name, item.Amount)
		}
		if err := c.UpdateQuota(role(i), q, resources.Limits{}); err != nil {
			b.Fatal(err)
		}
	}
	for i := range c.agents {
		c.AddAgent(c.agents[i], nil)
	}
	b.Run("cycle", func(b *testing.B) {
		for b.Loop() {
			offers := c.AllocateAll(c.now)
			b.StopTimer()
			c.declineAll(b, offers, 0)
			b.StartTimer()
		}
	})
	b.Run("nothing to do", func(b *testing.B) {
		c.AllocateAll(c.now)
		for b.Loop() {
			c.AllocateAll(c.now)
		}
	})
}

// BenchmarkMixed is A4: 554 frameworks in a tree of roles with weights place
// 19,500 tasks on 3,000 agents, a few at a time from each offer.
func BenchmarkMixed(b *testing.B) {
	role := func(i int) string { return fmt.Sprintf("dept-%d/team-%d/app-%d/env-%d", i%5, i%17, i%41, i%2) }
	task := resources.New(
		resources.Resource{Name: resources.CPUs, Scalar: resources.Unit},
		resources.Resource{Name: resources.Mem, Scalar: 256 * resources.Unit})
	var spent time.Duration
	for b.Loop() {
		b.StopTimer()
		c := newCluster(b, 3000, 554, role)
		for i := range 5 {
			if err := c.UpdateWeight(fmt.Sprint("dept-", i), float64(i+1)); err != nil {
				b.Fatal(err)
			}
		}
		for i := range c.agents {
			c.AddAgent(c.agents[i], nil)
		}
		placed := 0
		b.StartTimer()
		start := cpuTime()
		for placed < 19500 {
			c.now = c.now.Add(time.Second)
			for _, p := range c.AllocateAll(c.now) {
				rest := p.Resources
				for k := 0; k < 4 && placed < 19500; k++ {
					use := task.Allocate(p.Role)
					if !rest.Contains(use) {
						break
					}
					if err := c.TransitionToAllocated(p.Framework, p.Agent, use); err != nil {
						b.Fatal(err)
					}
					rest = rest.Subtract(use)
					placed++
				}
				if err := c.Recover(p.Framework, p.Agent, rest, time.Second, c.now); err != nil {
					b.Fatal(err)
				}
			}
		}
		spent += cpuTime() - start
	}
	b.ReportMetric(float64(spent.Microseconds())/1000/float64(b.N), "cpu-ms/op")
}
