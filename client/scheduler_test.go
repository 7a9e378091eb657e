package client

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/meseta/meseta/gen/mesosv1"
	"github.com/meseta/meseta/gen/schedulerv1"
)

func TestAFrameworkRunsATaskToItsEndOverARealConnection(t *testing.T) {
	t.Parallel()
	launched := make(chan struct{})
	m := &fakeMaster{
		answer: func(c *schedulerv1.Call) *http.Response {
			if c.Type == schedulerv1.CallTypeAccept {
				close(launched)
			}
			return nil
		},
		onSubscribe: func(_ int, send func(schedulerv1.Event)) {
			send(subscribed())
			send(heartbeat())
			send(offer("o1", "o2"))
			<-launched
			send(update("t", mesosv1.TaskRunning, "u1"))
			send(update("t", mesosv1.TaskRunning, ""))
			send(update("t", mesosv1.TaskFinished, "u2"))
		},
	}
	var states []mesosv1.TaskState
	s := scheduler(t, &probe{
		onOffers: func(ctx context.Context, s *Scheduler, offers []mesosv1.Offer) error {
			if err := s.Launch(ctx, time.Minute, &offers[0], mesosv1.TaskInfo{Name: "t", TaskID: mesosv1.TaskID{Value: "t"}}); err != nil {
				return err
			}
			return s.Decline(ctx, 0, offers[1].ID)
		},
		onUpdate: func(status *mesosv1.TaskStatus) error {
			states = append(states, status.State)
			if status.State == mesosv1.TaskFinished {
				return ErrStop
			}
			return nil
		},
	}, SchedulerOptions{Masters: []string{serve(t, m)}})
	if err := s.Run(t.Context()); err != nil {
		t.Fatalf("Run: %v", err)
	}
	m.check(t)
	if diff := cmp.Diff([]mesosv1.TaskState{mesosv1.TaskRunning, mesosv1.TaskRunning, mesosv1.TaskFinished}, states); diff != "" {
		t.Errorf("states differ (-want +got):\n%s", diff)
	}
	accept := m.of(schedulerv1.CallTypeAccept)[0].Accept
	if accept.OfferIds[0].Value != "o1" || *accept.Filters.RefuseSeconds != 60 || accept.Operations[0].Launch.TaskInfos[0].AgentID.Value != "agent" {
		t.Errorf("ACCEPT is %+v", accept)
	}
	if d := m.of(schedulerv1.CallTypeDecline); len(d) != 1 || d[0].Decline.Filters != nil {
		t.Errorf("DECLINE calls are %+v", d)
	}
	acked := map[string]bool{}
	for _, c := range m.of(schedulerv1.CallTypeAcknowledge) {
		acked[string(c.Acknowledge.UUID)] = true
	}
	if diff := cmp.Diff(map[string]bool{"u1": true, "u2": true}, acked); diff != "" {
		t.Errorf("acknowledgements differ (-want +got):\n%s", diff)
	}
}

func TestTheLeaderIsFoundPastDeadAndFollowingMasters(t *testing.T) {
	t.Parallel()
	m := &fakeMaster{onSubscribe: func(_ int, send func(schedulerv1.Event)) { send(subscribed()) }}
	leader := strings.TrimPrefix(serve(t, m), "http://")
	follower := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", "//"+leader+r.URL.Path)
		w.WriteHeader(http.StatusTemporaryRedirect)
	}))
	electing := serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "No leader elected", http.StatusServiceUnavailable)
	}))
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	var s *Scheduler
	s = scheduler(t, &probe{onSubscribed: func(*schedulerv1.EventSubscribed) error {
		if got := s.Leader(); got != leader {
			t.Errorf("the leader is %q, want %q", got, leader)
		}
		return ErrStop
	}}, SchedulerOptions{Masters: []string{closed.Addr().String(), electing, follower}})
	if err := s.Run(t.Context()); err != nil {
		t.Fatalf("Run: %v", err)
	}
}

func TestSilenceEndsASubscriptionAndTheNextKeepsTheFrameworkID(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		m := &fakeMaster{onSubscribe: func(_ int, send func(schedulerv1.Event)) {
			send(subscribed())
			time.Sleep(15 * time.Second)
			send(heartbeat())
		}}
		var causes []error
		var lost []time.Duration
		s := scheduler(t, &probe{
			onSubscribed: func(*schedulerv1.EventSubscribed) error {
				if len(causes) == 2 {
					return ErrStop
				}
				return nil
			},
			onDisconnected: func(cause error, _ time.Duration) error {
				causes = append(causes, cause)
				lost = append(lost, time.Since(start))
				return nil
			},
		}, virtual(t, m))
		if err := s.Run(t.Context()); err != nil {
			t.Fatalf("Run: %v", err)
		}
		m.check(t)
		if len(causes) != 2 || !errors.Is(causes[0], ErrHeartbeatLost) || lost[0] != 90*time.Second {
			t.Errorf("lost after %v because of %v, want after 90 s because of silence", lost, causes)
		}
		calls := m.of(schedulerv1.CallTypeSubscribe)
		if calls[0].FrameworkID != nil {
			t.Errorf("the first subscription has the id %v", calls[0].FrameworkID)
		}
		for _, c := range calls[1:] {
			if c.FrameworkID == nil || c.FrameworkID.Value != fakeFramework || *c.Subscribe.FrameworkInfo.ID != *c.FrameworkID {
				t.Errorf("a later subscription is %+v, want the same framework id in both places", c)
			}
		}
	})
}

func TestTimeSpentInTheHandlerIsNotSilence(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := &fakeMaster{onSubscribe: func(_ int, send func(schedulerv1.Event)) {
			send(subscribed())
			send(offer("o"))
			send(heartbeat())
		}}
		s := scheduler(t, &probe{
			onOffers:       func(context.Context, *Scheduler, []mesosv1.Offer) error { time.Sleep(time.Hour); return nil },
			onHeartbeat:    func() error { return ErrStop },
			onDisconnected: func(cause error, _ time.Duration) error { return cause },
		}, virtual(t, m))
		if err := s.Run(t.Context()); err != nil {
			t.Fatalf("Run: %v", err)
		}
	})
}

func TestAttemptsSlowDownAndGoOn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := &fakeMaster{answer: func(*schedulerv1.Call) *http.Response {
			return respond(http.StatusServiceUnavailable, "No leader elected")
		}}
		var waits []time.Duration
		s := scheduler(t, &probe{onDisconnected: func(cause error, retry time.Duration) error {
			if refusal, ok := errors.AsType[*StatusError](cause); !ok || refusal.Message != "No leader elected" {
				t.Errorf("the cause is %v", cause)
			}
			if waits = append(waits, retry); len(waits) == 12 {
				return ErrStop
			}
			return nil
		}}, virtual(t, m))
		if err := s.Run(t.Context()); err != nil {
			t.Fatalf("Run: %v", err)
		}
		for i, w := range waits {
			most := min(200*time.Millisecond<<i, 15*time.Second)
			if w < most/2 || w > most {
				t.Errorf("wait %d is %v, want %v to %v", i, w, most/2, most)
			}
		}
	})
}

func TestARefusalThatCannotChangeEndsRun(t *testing.T) {
	t.Parallel()
	for _, code := range []int{400, 401, 403, 404, 406, 415, 501} {
		m := &fakeMaster{answer: func(*schedulerv1.Call) *http.Response { return respond(code, "because.\n") }}
		err := scheduler(t, &probe{}, virtual(t, m)).Run(t.Context())
		if refusal, ok := errors.AsType[*StatusError](err); !ok || refusal.Code != code || refusal.Message != "because." {
			t.Errorf("status %d: Run returned %v", code, err)
		}
	}
}

func TestAnErrorEventEndsRunUnlessTheHandlerGoesOn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := &fakeMaster{onSubscribe: func(_ int, send func(schedulerv1.Event)) {
			send(subscribed())
			send(schedulerv1.Event{Type: schedulerv1.EventTypeError, Error: &schedulerv1.EventError{Message: "Framework failed over"}})
		}}
		err := scheduler(t, &probe{}, virtual(t, m)).Run(t.Context())
		if e, ok := errors.AsType[*SubscriptionError](err); !ok || e.Message != "Framework failed over" {
			t.Errorf("Run returned %v", err)
		}
		seen := 0
		err = scheduler(t, &probe{onError: func(string) error {
			if seen++; seen == 3 {
				return ErrStop
			}
			return nil
		}}, virtual(t, m)).Run(t.Context())
		if err != nil || seen != 3 {
			t.Errorf("Run returned %v after %d errors", err, seen)
		}
	})
}

func TestAnUpdateIsAcknowledgedOnlyWhenTheHandlerHasTakenIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := &fakeMaster{onSubscribe: func(_ int, send func(schedulerv1.Event)) {
			send(subscribed())
			send(update("t", mesosv1.TaskRunning, "u1"))
		}}
		broken := errors.New("disk full")
		err := scheduler(t, &probe{onUpdate: func(*mesosv1.TaskStatus) error { return broken }}, virtual(t, m)).Run(t.Context())
		if !errors.Is(err, broken) {
			t.Errorf("Run returned %v, want the handler's error", err)
		}
		if acks := m.of(schedulerv1.CallTypeAcknowledge); len(acks) != 0 {
			t.Errorf("the update was acknowledged: %+v", acks)
		}
	})
}

func TestABrokenStreamLeadsToANewOne(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := &fakeMaster{}
		m.onSubscribe = func(n int, send func(schedulerv1.Event)) {
			m.mu.Lock()
			out := m.streams[n]
			m.mu.Unlock()
			switch n {
			case 0:
				_, _ = out.Write([]byte("garbage"))
			case 1:
				_, _ = out.Write([]byte("3\n{]}"))
			case 2:
				_, _ = out.Write([]byte("100\n{"))
				out.Close()
			case 3:
				send(subscribed())
				out.Close()
			case 4:
				// Events that this version does not know are no trouble.
				send(schedulerv1.Event{Type: "NEWS"})
				send(schedulerv1.Event{Type: schedulerv1.EventTypeOffers})
				send(subscribed())
				send(heartbeat())
			}
		}
		lost := 0
		err := scheduler(t, &probe{
			onHeartbeat:    func() error { return ErrStop },
			onDisconnected: func(error, time.Duration) error { lost++; return nil },
		}, virtual(t, m)).Run(t.Context())
		if err != nil || lost != 4 {
			t.Errorf("Run returned %v after %d disconnections, want 4", err, lost)
		}
	})
}

func TestIdleFrameworksAreToldOfOnceAndTheirOffersDeclined(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := &fakeMaster{}
		m.onSubscribe = func(n int, send func(schedulerv1.Event)) {
			send(subscribed())
			if n == 0 {
				send(offer("unwanted"))
			}
		}
		opts := virtual(t, m)
		opts.Idle = true
		s := scheduler(t, &probe{}, opts)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- s.Run(ctx) }()
		synctest.Wait()
		for _, idle := range []bool{true, false, false, true, true} {
			if err := s.SetIdle(ctx, idle); err != nil {
				t.Fatalf("SetIdle: %v", err)
			}
		}
		m.end()
		time.Sleep(time.Second)
		want := []schedulerv1.CallType{"SUBSCRIBE", "DECLINE", "REVIVE", "SUPPRESS", "SUBSCRIBE"}
		if diff := cmp.Diff(want, m.types()); diff != "" {
			t.Errorf("calls differ (-want +got):\n%s", diff)
		}
		for _, c := range m.of(schedulerv1.CallTypeSubscribe) {
			if diff := cmp.Diff([]string{"a", "b"}, c.Subscribe.SuppressedRoles); diff != "" {
				t.Errorf("suppressed roles differ (-want +got):\n%s", diff)
			}
		}
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("Run returned %v, want the cause of the context", err)
		}
		m.check(t)
	})
}

func TestReconciliationAsksUntilEachTaskWasReportedAndThenForAll(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := &fakeMaster{onSubscribe: func(_ int, send func(schedulerv1.Event)) {
			send(subscribed())
			time.Sleep(time.Second)
			send(update("t1", mesosv1.TaskRunning, ""))
			for range 3 {
				time.Sleep(15 * time.Second)
				send(heartbeat())
			}
			send(update("t2", mesosv1.TaskLost, ""))
			for {
				time.Sleep(15 * time.Second)
				send(heartbeat())
			}
		}}
		opts := virtual(t, m)
		opts.LiveTasks = func() []schedulerv1.CallReconcileTask {
			return []schedulerv1.CallReconcileTask{{TaskID: mesosv1.TaskID{Value: "t1"}}, {TaskID: mesosv1.TaskID{Value: "t2"}}}
		}
		s := scheduler(t, &probe{}, opts)
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
		defer cancel()
		if err := s.Run(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Run returned %v", err)
		}
		m.check(t)
		calls := m.of(schedulerv1.CallTypeReconcile)
		if len(calls) < 4 {
			t.Fatalf("only %d RECONCILE calls", len(calls))
		}
		if n := len(calls[0].Reconcile.Tasks); n != 2 {
			t.Errorf("the first question is about %d tasks, want 2", n)
		}
		for _, c := range calls[1 : len(calls)-1] {
			if len(c.Reconcile.Tasks) != 1 || c.Reconcile.Tasks[0].TaskID.Value != "t2" {
				t.Errorf("a later question is about %+v, want t2 alone", c.Reconcile.Tasks)
			}
		}
		if last := calls[len(calls)-1].Reconcile.Tasks; len(last) != 0 {
			t.Errorf("the last question is about %+v, want all", last)
		}
	})
}

func TestCallsWithoutASubscriptionSaySo(t *testing.T) {
	t.Parallel()
	s := scheduler(t, &probe{}, SchedulerOptions{})
	if err := s.Revive(t.Context()); !errors.Is(err, ErrNotSubscribed) {
		t.Errorf("REVIVE returned %v", err)
	}
	if err := s.SetIdle(t.Context(), true); err != nil {
		t.Errorf("SetIdle returned %v, want that it waits for the subscription", err)
	}
}

func TestOptionsAreChecked(t *testing.T) {
	t.Parallel()
	info := mesosv1.FrameworkInfo{Name: "x"}
	for name, opts := range map[string]SchedulerOptions{
		"no handler":    {Framework: info},
		"no name":       {Handler: BaseHandler{}},
		"bad address":   {Framework: info, Handler: BaseHandler{}, Masters: []string{"zk://a/mesos"}},
		"client cuts":   {Framework: info, Handler: BaseHandler{}, HTTPClient: &http.Client{Timeout: time.Second}},
		"path in it":    {Framework: info, Handler: BaseHandler{}, Masters: []string{"http://a/b"}},
		"empty address": {Framework: info, Handler: BaseHandler{}, Masters: []string{""}},
	} {
		if _, err := NewScheduler(opts); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	m := &fakeMaster{answer: func(*schedulerv1.Call) *http.Response { return respond(400, "") }}
	s := scheduler(t, &probe{}, virtual(t, m))
	_ = s.Run(t.Context())
	if err := s.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "once") {
		t.Errorf("a second Run returned %v", err)
	}
}

func TestCredentialsAreSent(t *testing.T) {
	t.Parallel()
	got := make(chan string, 1)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, secret, _ := r.BasicAuth()
		got <- user + ":" + secret
		w.WriteHeader(http.StatusUnauthorized)
	}))
	defer srv.Close()
	s := scheduler(t, &probe{}, SchedulerOptions{Masters: []string{srv.URL}, Credentials: &Credentials{"p", "s"}})
	if err := s.Run(t.Context()); err == nil {
		t.Error("a 401 was no error")
	}
	if g := <-got; g != "p:s" {
		t.Errorf("credentials are %q", g)
	}
}
