package allocator_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/meseta/meseta/internal/mesosid"
	"github.com/meseta/meseta/internal/resources"
	"github.com/meseta/meseta/master/allocator"
)

// TestEveryFrameworkIsOfferedEveryAgentOnceWhenAllRefuse has enough frameworks
// that those who have not refused are looked for instead of passed.
func TestEveryFrameworkIsOfferedEveryAgentOnceWhenAllRefuse(t *testing.T) {
	t.Parallel()
	const frameworks, agents = 400, 20
	c := newCluster(t, agents, frameworks, func(i int) string { return []string{"a", "b"}[i/390] })
	c.addAll()
	type pair struct {
		framework mesosid.FrameworkID
		agent     mesosid.AgentID
	}
	seen := make(map[pair]bool)
	for round := 0; len(seen) < frameworks*agents; round++ {
		c.now = c.now.Add(time.Second)
		offers := c.AllocateAll(c.now)
		if len(offers) != agents {
			t.Fatalf("round %d: %d offers, want one for each of %d agents", round, len(offers), agents)
		}
		for _, p := range offers {
			if seen[pair{p.Framework, p.Agent}] {
				t.Fatalf("round %d: %s was offered to %s again", round, p.Agent, p.Framework)
			}
			seen[pair{p.Framework, p.Agent}] = true
		}
		c.declineAll(t, offers, 24*time.Hour)
		if round%50 == 0 {
			must(t, c.Verify())
		}
	}
	if offers := c.AllocateAll(c.now); len(offers) > 0 {
		t.Errorf("all have refused, but there are %d offers", len(offers))
	}
	if got := c.Refusals(); got != frameworks*agents {
		t.Errorf("%d refusals in force, want %d", got, frameworks*agents)
	}
	must(t, c.Verify())
	c.now = c.now.Add(24 * time.Hour)
	if offers := c.Allocate(c.now); len(offers) != agents {
		t.Errorf("%d offers after all refusals have ended", len(offers))
	}
	must(t, c.Verify())
}

// TestRefusalsThatWereDroppedAreForgotten has a framework revive for ever,
// refusing each time for long.
func TestRefusalsThatWereDroppedAreForgotten(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 1, 1, star)
	c.addAll()
	for range 20000 {
		offers := c.Allocate(c.now)
		if len(offers) != 1 {
			t.Fatalf("%d offers", len(offers))
		}
		c.declineAll(t, offers, 24*time.Hour)
		c.Revive(offers[0].Framework, nil)
	}
	if n := c.CalendarSize(); n > 5000 {
		t.Errorf("%d ends of refusals are kept, of which none is in force", n)
	}
}

// TestFrameworksOfAnyNameKeepTheirOrder adds names that leave no room between
// their neighbours, so that names are numbered anew while lists are in use.
func TestFrameworksOfAnyNameKeepTheirOrder(t *testing.T) {
	t.Parallel()
	a := allocator.New(allocator.Options{})
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	name := "b"
	for i := range 80 {
		a.AddFramework(allocator.Framework{ID: mesosid.FrameworkID(name), Roles: []string{"r", "r/" + name}}, true, nil)
		a.AddAgent(allocator.Agent{ID: mesosid.AgentID(fmt.Sprint("s", i)), Total: cpus(1)}, nil)
		a.Allocate(now)
		must(t, a.Verify())
		if i%7 == 6 {
			a.RemoveFramework(mesosid.FrameworkID(name))
			must(t, a.Verify())
		}
		name = "a" + name
	}
}

func TestWhatIsInUseIsConvertedToo(t *testing.T) {
	t.Parallel()
	a := allocator.New(allocator.Options{})
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	a.AddFramework(allocator.Framework{ID: "f", Roles: []string{"web"}}, true, nil)
	a.AddAgent(allocator.Agent{ID: "s", Total: cpus(4)}, map[mesosid.FrameworkID]resources.Resources{"f": cpus(2).Allocate("web")})
	if offers := a.Allocate(now); len(offers) != 1 {
		t.Fatalf("%d offers", len(offers))
	}
	reserve := func(n int) []allocator.Conversion {
		reserved, err := cpus(n).PushReservation(resources.Reservation{Type: resources.Dynamic, Role: "web"})
		must(t, err)
		return resources.ReserveConversions(reserved.Allocate("web"))
	}
	// First in the offer, then in offer and task together, which makes them one.
	for _, n := range []int{1, 3} {
		must(t, a.UpdateAllocation("f", "s", reserve(n)))
		must(t, a.Verify())
	}
	if err := a.UpdateAllocation("f", "s", reserve(1)); err == nil {
		t.Error("5 of 4 cpus were reserved")
	}
	must(t, a.Verify())
	total, offered, allocated := a.Totals()
	if got := fmt.Sprint(total, offered, allocated); got != "cpus:4 {} cpus:4" {
		t.Errorf("total, offered, allocated: %s", got)
	}
	if got := a.Roles()[0].Reserved.String(); got != "cpus:4" {
		t.Errorf("reserved: %s", got)
	}
}

func TestReasonsHaveTexts(t *testing.T) {
	t.Parallel()
	for r := allocator.NoReason; r <= allocator.NextRun; r++ {
		if r.String() == "" {
			t.Errorf("reason %d has no text", r)
		}
	}
	if got := (allocator.NextRun + 1).String(); got != "unknown reason" {
		t.Errorf("beyond the last: %q", got)
	}
}
