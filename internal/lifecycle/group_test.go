package lifecycle

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// record notes what happened, in order.
type record struct {
	mu     sync.Mutex
	events []string
}

func (r *record) add(event string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, event)
}

// component reports all it goes through. Its Run ends with its context, or
// when fail is closed.
func (r *record) component(name string, startErr error, fail <-chan error) Component {
	return Component{
		Name:  name,
		Start: func(context.Context) error { r.add("start " + name); return startErr },
		Run: func(ctx context.Context) error {
			select {
			case <-ctx.Done():
				r.add("end " + name)
				return ctx.Err()
			case err := <-fail:
				r.add("fail " + name)
				return err
			}
		},
		Stop: func(context.Context) error { r.add("stop " + name); return nil },
	}
}

func newGroup(components ...Component) *Group {
	g := &Group{Logger: slog.New(slog.DiscardHandler)}
	g.Add(components...)
	return g
}

var (
	inOrder   = []string{"start a", "start b", "start c"}
	inReverse = []string{"stop c", "end c", "stop b", "end b", "stop a", "end a"}
)

func TestComponentsStartInOrderAndStopInReverse(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var r record
		ctx, cancel := context.WithCancel(t.Context())
		g := newGroup(r.component("a", nil, nil), r.component("b", nil, nil), r.component("c", nil, nil))
		time.AfterFunc(time.Hour, cancel)
		if err := g.Run(ctx); err != nil {
			t.Errorf("an orderly end is an error: %v", err)
		}
		if diff := cmp.Diff(append(inOrder, inReverse...), r.events); diff != "" {
			t.Error(diff)
		}
	})
}

func TestAFailingStartStopsWhatWasStarted(t *testing.T) {
	t.Parallel()
	var r record
	broken := errors.New("port taken")
	err := newGroup(r.component("a", nil, nil), r.component("b", broken, nil), r.component("c", nil, nil)).Run(t.Context())
	if !errors.Is(err, broken) || !strings.HasPrefix(err.Error(), "b: ") {
		t.Errorf("got %v, want the failure of b", err)
	}
	if diff := cmp.Diff([]string{"start a", "start b", "stop a", "end a"}, r.events); diff != "" {
		t.Error(diff)
	}
}

func TestAComponentThatEndsStopsTheOthers(t *testing.T) {
	t.Parallel()
	for name, failure := range map[string]error{"with an error": errors.New("lost the term"), "without one": nil} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var r record
			fail := make(chan error, 1)
			g := newGroup(r.component("a", nil, nil), r.component("b", nil, fail))
			fail <- failure
			err := g.Run(t.Context())
			switch {
			case err == nil:
				t.Error("nothing is reported")
			case failure != nil && !errors.Is(err, failure):
				t.Errorf("got %v, want %v", err, failure)
			case strings.Count(err.Error(), "b: ") != 1:
				t.Errorf("%q does not name the component once", err)
			}
			if !cmp.Equal(r.events[len(r.events)-3:], []string{"stop b", "stop a", "end a"}) {
				t.Errorf("the order was %v", r.events)
			}
		})
	}
}

func TestAComponentThatDoesNotStopIsLeftBehind(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		g := newGroup(Component{Name: "stuck", Run: func(context.Context) error { <-release; return nil }})
		g.StopTimeout = 10 * time.Second
		ctx, cancel := context.WithCancel(t.Context())
		began := time.Now()
		time.AfterFunc(time.Second, cancel)
		err := g.Run(ctx)
		if err == nil || !strings.Contains(err.Error(), "stuck: still running") {
			t.Errorf("got %v, want the name of the stuck component", err)
		}
		if took := time.Since(began); took != 11*time.Second {
			t.Errorf("stopping took %s, want the timeout after the first second", took)
		}
		close(release)
	})
}

func TestErrorsOfStoppingAreReported(t *testing.T) {
	t.Parallel()
	busy := errors.New("requests are still running")
	ctx, cancel := context.WithCancel(t.Context())
	err := newGroup(Component{
		Name:  "http",
		Start: func(context.Context) error { cancel(); return nil },
		Stop:  func(context.Context) error { return busy },
	}).Run(ctx)
	if !errors.Is(err, busy) {
		t.Errorf("got %v", err)
	}
}

func TestTheSecondSignalExitsAtOnce(t *testing.T) { // not parallel: signals reach the whole process
	exits := make(chan int, 1)
	ctx, stop := withSignals(t.Context(), func(code int) { exits <- code }, syscall.SIGUSR1)
	defer stop()
	kill := func() {
		if err := syscall.Kill(syscall.Getpid(), syscall.SIGUSR1); err != nil {
			t.Fatal(err)
		}
	}
	kill()
	<-ctx.Done()
	if cause := context.Cause(ctx); !strings.Contains(cause.Error(), "user defined signal 1") {
		t.Errorf("the cause is %v", cause)
	}
	select {
	case code := <-exits:
		t.Fatalf("the first signal exits with %d", code)
	default:
	}
	kill()
	if code := <-exits; code != 128+int(syscall.SIGUSR1) {
		t.Errorf("exits with %d", code)
	}
}
