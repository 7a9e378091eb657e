package e2e

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/meseta/meseta/it/engine"
	"github.com/meseta/meseta/it/harness"
)

// storm is an agent that is killed again and again while tasks start, run and
// end on it.
type storm struct {
	// tasks run to their end, and killed ones until they are killed.
	tasks, killed int
	// crashes is how often the agent is killed, and longest the time that a
	// task takes at most.
	crashes int
	longest time.Duration
	// extra are members of each task.
	extra object
}

// seed is what a test that chooses at random begins with.
func seed(t *testing.T) *rand.Rand {
	t.Helper()
	n := rand.Uint64()
	if text := os.Getenv("MESETA_SEED"); text != "" {
		var err error
		if n, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatalf("MESETA_SEED: %v", err)
		}
	}
	t.Logf("MESETA_SEED=%d chooses the same again", n)
	return rand.New(rand.NewPCG(n, 0))
}

func TestAnAgentThatIsKilledAtRandomMomentsLosesAndRepeatsNothing(t *testing.T) {
	t.Parallel()
	t.Run("with processes", func(t *testing.T) {
		t.Parallel()
		c := newCluster(t)
		storm{tasks: 50, killed: 6, crashes: 16, longest: 1500 * time.Millisecond}.rages(c, c.startAgent())
	})
	t.Run("with containers", func(t *testing.T) {
		t.Parallel()
		e := engine.Shared(t)
		c := newCluster(t)
		storm{
			tasks: 14, killed: 3, crashes: 8, longest: 2 * time.Second, extra: image(e.BusyboxImage(t)),
		}.rages(c, c.startDockerAgent(e))
		c.noContainer(e)
	})
}

// plan is how a task is meant to end.
type plan struct {
	name string
	code int
	// killed tasks run until the scheduler kills them.
	killed bool
	task   object
}

// plans makes up the tasks.
func (s storm) plans(random *rand.Rand) []plan {
	var all []plan
	for i := range s.tasks {
		p := plan{name: fmt.Sprintf("ends-%d", i), code: random.IntN(2) * random.IntN(200)}
		length := time.Duration(random.Int64N(int64(s.longest)))
		p.task = shell(p.name, fmt.Sprintf(`echo started >>"$MESOS_SANDBOX/starts"; sleep %.3f; exit %d`, length.Seconds(), p.code), s.extra)
		all = append(all, p)
	}
	for i := range s.killed {
		p := plan{name: fmt.Sprintf("killed-%d", i), killed: true}
		p.task = shell(p.name, `echo started >>"$MESOS_SANDBOX/starts"; exec sleep 1000`, s.extra)
		all = append(all, p)
	}
	random.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all
}

func (s storm) rages(c *cluster, a *harness.Agent) {
	t := c.t
	t.Helper()
	random := seed(t)
	plans := s.plans(random)
	f := c.subscribe(nil)

	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var launching sync.WaitGroup
	pace := rand.New(rand.NewPCG(random.Uint64(), 0))
	launching.Go(func() {
		if err := f.launchBitByBit(ctx, pace, plans); err != nil {
			t.Errorf("launching: %v", err)
		}
	})
	for range s.crashes {
		// The length of the waits is the fault that is injected.
		time.Sleep(time.Duration(random.Int64N(int64(400 * time.Millisecond))))
		// The master answers for a task that it does not know (yet, or any more).
		if p := plans[random.IntN(len(plans))]; p.killed && len(f.history(p.name)) > 0 && !f.ended(p.name) {
			f.mustCall("KILL", object{"task_id": value(p.name)})
		}
		if random.IntN(3) == 0 {
			c.signal(a, "STOP")
			time.Sleep(time.Duration(random.Int64N(int64(300 * time.Millisecond))))
			if random.IntN(2) == 0 {
				c.signal(a, "CONT")
				continue
			}
		}
		c.crash(a)
		time.Sleep(time.Duration(random.Int64N(int64(200 * time.Millisecond))))
		if err := a.Start(within(t)); err != nil {
			t.Fatal(err)
		}
	}
	c.registered(a)
	launching.Wait()
	for _, p := range plans {
		if p.killed && !f.ended(p.name) {
			// One that was sent while the agent was being killed may be lost.
			f.mustCall("KILL", object{"task_id": value(p.name)})
		}
		f.awaitEnd(p.name)
	}
	dropped := 0
	for _, p := range plans {
		if p.verify(t, f, starts(t, a.WorkDir, p.name)) {
			dropped++
		}
	}
	t.Logf("%d of %d launches met a dead agent and were dropped", dropped, len(plans))
	if dropped > len(plans)*3/4 {
		t.Error("too few tasks were started for this test to mean anything")
	}
	f.teardown()
}

// launchBitByBit launches a few tasks on each offer, with pauses.
func (f *framework) launchBitByBit(ctx context.Context, random *rand.Rand, plans []plan) error {
	for len(plans) > 0 {
		f.mu.Lock()
		offers, changed := f.offers, f.changed
		f.offers = nil
		f.mu.Unlock()
		if len(offers) == 0 {
			select {
			case <-changed:
				continue
			case <-ctx.Done():
				return errors.New("the test ended first")
			}
		}
		for _, o := range offers {
			n := min(1+random.IntN(4), len(plans), o.room())
			var tasks []object
			for _, p := range plans[:n] {
				tasks = append(tasks, p.task)
			}
			if err := f.call("ACCEPT", accept(o, tasks)); err != nil {
				return err
			}
			plans = plans[n:]
			if len(plans) == 0 {
				return nil
			}
			time.Sleep(time.Duration(random.Int64N(int64(200 * time.Millisecond))))
		}
	}
	return nil
}

func (f *framework) ended(task string) bool {
	return slices.ContainsFunc(f.history(task), status.terminal)
}

// verify checks what a task has reported against its plan and the number of its
// starts. It returns true for one whose launch met no agent.
func (p plan) verify(t *testing.T, f *framework, starts int) (dropped bool) {
	t.Helper()
	updates, err := distinct(f.history(p.name))
	if err != nil {
		t.Errorf("%s: %v", p.name, err)
		return false
	}
	var states []string
	for _, s := range updates {
		states = append(states, strings.TrimPrefix(s.State, "TASK_"))
	}
	// TASK_STARTING also tells of progress, such as that an agent has begun
	// again what its crash has interrupted.
	states = slices.CompactFunc(states, func(a, b string) bool { return a == b && a == "STARTING" })
	got, last := strings.Join(states, " "), updates[len(updates)-1]
	complain := func(want string) {
		t.Errorf("%s: got the states %s (%s, reason %s) and %d starts, want %s", p.name, got, last.Message, last.Reason, starts, want)
	}
	if last.State == "TASK_DROPPED" || last.State == "TASK_LOST" {
		if len(updates) != 1 || starts != 0 {
			complain("that alone, for a task that never started")
		}
		return true
	}
	if p.killed {
		sensible := []string{
			"STARTING KILLED", "STARTING RUNNING KILLED", "STARTING KILLING KILLED", "STARTING RUNNING KILLING KILLED", "KILLED",
		}
		if !slices.Contains(sensible, got) || starts > 1 {
			complain("an orderly kill")
		}
		return false
	}
	end := "FINISHED"
	if p.code != 0 {
		end = "FAILED"
	}
	if got != "STARTING RUNNING "+end || starts != 1 || !strings.Contains(last.Message, fmt.Sprintf("exited with status %d", p.code)) {
		complain(fmt.Sprintf("STARTING RUNNING %s with status %d and one start", end, p.code))
	}
	return false
}
