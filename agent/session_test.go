package agent_test

import (
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/meseta/meseta/gen/mesosv1"
	"github.com/meseta/meseta/gen/nodev1"
	"github.com/meseta/meseta/internal/recordio"
)

func TestTheLeaderIsFoundAmongSeveralMasters(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t)
		c.options.Masters = []string{"10.0.0.1:5050", "http://10.0.0.2:5050", "10.0.0.3:5050"}
		asked := map[string]int{}
		c.master.refuse = func(r *http.Request, call *nodev1.Call) *http.Response {
			c.master.mu.Lock()
			defer c.master.mu.Unlock()
			asked[r.URL.Host]++
			switch r.URL.Host {
			case "10.0.0.1:5050":
				return answer(http.StatusServiceUnavailable, "no master leads")
			case "10.0.0.2:5050", "10.0.0.3:5050":
				response := answer(http.StatusTemporaryRedirect, "")
				response.Request = r
				response.Header.Set("Location", "//10.0.0.9:5050/api/v1/node")
				return response
			}
			return nil
		}
		c.start()
		defer c.stop()
		c.running("t1")
		c.master.locked(func() {
			if asked["10.0.0.9:5050"] < 3 { // REGISTER and two REPORTs at least
				t.Errorf("asked: %v", asked)
			}
		})
		v := c.view()
		if !v.Registered || v.MasterHost != "10.0.0.9" {
			t.Errorf("registered with %q", v.MasterHost)
		}
	})
}

func TestAttemptsToRegisterAreSpacedOutUpToAMinute(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t)
		var attempts []time.Time
		c.master.refuse = func(*http.Request, *nodev1.Call) *http.Response {
			c.master.locked(func() { attempts = append(attempts, time.Now()) })
			return answer(http.StatusServiceUnavailable, "recovering")
		}
		began := time.Now()
		c.launchAgent()
		time.Sleep(20 * time.Minute)
		c.stop()
		if len(attempts) < 20 || len(attempts) > 80 {
			t.Errorf("%d attempts in twenty minutes", len(attempts))
		}
		if first := attempts[0].Sub(began); first > time.Second {
			t.Errorf("the first attempt came after %s", first)
		}
		for i := 1; i < len(attempts); i++ {
			if gap := attempts[i].Sub(attempts[i-1]); gap > time.Minute {
				t.Errorf("a gap of %s", gap)
			}
		}
	})
}

func TestPingsAreAnswered(t *testing.T) {
	inCluster(t, func(t *testing.T, c *cluster) {
		for range 3 {
			c.master.send(nodev1.Event{Type: nodev1.EventTypePing})
			synctest.Wait()
		}
		pongs := 0
		c.master.locked(func() {
			for _, call := range c.master.calls {
				if call == nodev1.CallTypePong {
					pongs++
				}
			}
		})
		if pongs != 3 {
			t.Errorf("%d answers to three pings", pongs)
		}
	})
}

func TestAMasterThatDoesNotPingIsGivenUp(t *testing.T) {
	inCluster(t, func(t *testing.T, c *cluster) {
		c.running("t1")
		for range 4 {
			time.Sleep(30 * time.Second)
			c.master.send(nodev1.Event{Type: nodev1.EventTypePing})
		}
		synctest.Wait()
		if n := c.master.sessionsNow(); n != 1 {
			t.Fatalf("%d sessions although there were pings", n)
		}
		time.Sleep(74 * time.Second)
		if c.master.sessionsNow() != 1 {
			t.Error("given up too early")
		}
		time.Sleep(3 * time.Second)
		synctest.Wait()
		if n := c.master.sessionsNow(); n != 2 {
			t.Errorf("%d sessions", n)
		}
		if tasks := c.master.lastRegister().Tasks; len(tasks) != 1 || tasks[0].State != mesosv1.TaskRunning {
			t.Errorf("registered again with %+v", tasks)
		}
	})
}

func TestUpdatesAreHeldWhileThereIsNoMasterAndSentAtOnceAfterwards(t *testing.T) {
	inCluster(t, func(t *testing.T, c *cluster) {
		c.running("t1")
		c.master.locked(func() {
			c.master.refuse = func(*http.Request, *nodev1.Call) *http.Response {
				return answer(http.StatusServiceUnavailable, "no master leads")
			}
		})
		c.master.disconnect()
		synctest.Wait()
		if c.view().Registered {
			t.Error("still registered")
		}
		c.process.finish("t1", exited(0))
		time.Sleep(time.Minute)
		c.master.locked(func() { c.master.refuse = nil })
		c.master.waitSessions(2)
		began := time.Now()
		c.master.waitState("t1", mesosv1.TaskFinished)
		if took := time.Since(began); took > time.Millisecond {
			t.Errorf("sent %s after the registration", took)
		}
	})
}

func TestASessionThatIsOverIsReplaced(t *testing.T) {
	inCluster(t, func(t *testing.T, c *cluster) {
		// The master forgets the session without closing its stream.
		c.master.locked(func() { c.master.session = "another" })
		c.run(command("t1", "sleep 100"))
		c.master.waitSessions(2)
		c.master.waitState("t1", mesosv1.TaskRunning)
	})
}

func TestARefusedRegistrationIsTriedAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t)
		refusals := 0
		c.master.refuse = func(_ *http.Request, call *nodev1.Call) *http.Response {
			if call.Type == nodev1.CallTypeRegister && refusals < 3 {
				refusals++
				response := answer(http.StatusOK, "")
				text := `{"type":"ERROR","error":{"message":"the domain is missing"}}`
				response.Body = io.NopCloser(stringReader(string(recordio.Frame([]byte(text)))))
				return response
			}
			return nil
		}
		c.start()
		defer c.stop()
		if refusals != 3 {
			t.Errorf("%d refusals", refusals)
		}
	})
}

func TestWhatHappensDuringAReportGoesTogetherIntoTheNext(t *testing.T) {
	inCluster(t, func(t *testing.T, c *cluster) {
		reports := 0
		gate := make(chan struct{})
		c.master.mu.Lock()
		c.master.acknowledge = false // so that nothing else follows
		c.master.refuse = func(_ *http.Request, call *nodev1.Call) *http.Response {
			if call.Type == nodev1.CallTypeReport {
				first := false
				c.master.locked(func() {
					reports++
					first = reports == 1
				})
				if first {
					<-gate
				}
			}
			return nil
		}
		c.master.mu.Unlock()
		c.run(command("t0", "x"))
		synctest.Wait()
		for _, id := range []string{"t1", "t2", "t3", "t4"} {
			c.run(command(id, "x"))
		}
		synctest.Wait()
		c.master.locked(func() {
			if reports != 1 {
				t.Errorf("%d reports at the same time", reports)
			}
		})
		close(gate)
		c.master.waitState("t4", mesosv1.TaskStarting)
		c.master.mu.Lock()
		defer c.master.mu.Unlock()
		if reports != 2 {
			t.Errorf("%d reports for what had come together, want 2 in all", reports)
		}
	})
}
