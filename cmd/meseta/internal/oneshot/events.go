package oneshot

import (
	"context"
	"errors"
	"fmt"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/meseta/meseta/client"
	"github.com/meseta/meseta/cmd/meseta/internal/tail"
	"github.com/meseta/meseta/gen/mesosv1"
	"github.com/meseta/meseta/gen/schedulerv1"
	"github.com/meseta/meseta/internal/resources"
	"github.com/meseta/meseta/internal/taskstate"
)

// Subscribed tells people where the framework is known.
func (r *run) Subscribed(_ context.Context, s *client.Scheduler, e *schedulerv1.EventSubscribed) error {
	r.note("subscribed to %s as framework %s", s.Leader(), e.FrameworkID.Value)
	return nil
}

// Disconnected tells people that something takes time, and gives up where no
// master has been reached yet: then the address is most likely wrong.
func (r *run) Disconnected(_ context.Context, s *client.Scheduler, cause error, retry time.Duration) error {
	if _, unreachable := errors.AsType[*client.UnreachableError](cause); unreachable && s.FrameworkID() == nil {
		return cause
	}
	r.note("%v; trying again in %s", cause, retry.Round(100*time.Millisecond))
	return nil
}

// Offers launches what has not been launched on what fits, and declines the
// rest.
func (r *run) Offers(ctx context.Context, s *client.Scheduler, offers []mesosv1.Offer) error {
	var unused []mesosv1.OfferID
	for i := range offers {
		tasks, chosen, err := r.choose(&offers[i])
		if err != nil {
			return err
		}
		if len(chosen) == 0 {
			unused = append(unused, offers[i].ID)
			continue
		}
		if err := s.Launch(ctx, refuseRest, &offers[i], tasks...); err != nil {
			// The tasks may or may not have been launched; if not, they are
			// reported as dropped, and then launched again.
			r.note("launching on %s: %v", offers[i].Hostname, err)
		}
	}
	if err := s.Decline(ctx, refuseRest, unused...); err != nil {
		r.note("declining offers: %v", err)
	}
	r.mu.Lock()
	idle := r.allLaunched()
	r.mu.Unlock()
	return s.SetIdle(ctx, idle)
}

// choose marks as many waiting tasks as fit into an offer as launched.
func (r *run) choose(offer *mesosv1.Offer) (infos []mesosv1.TaskInfo, chosen []*task, err error) {
	free, err := resources.FromV1(offer.Resources)
	if err != nil {
		return nil, nil, fmt.Errorf("offer %s: %w", offer.ID.Value, err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seen.offer(free)
	if r.interrupted {
		return nil, nil, nil
	}
	wanted := r.opts.Resources
	if offer.AllocationInfo != nil && offer.AllocationInfo.Role != nil {
		wanted = wanted.Allocate(*offer.AllocationInfo.Role)
	}
	for _, t := range r.order {
		if t.launched {
			continue
		}
		share, ok := free.Find(wanted)
		if !ok {
			break
		}
		free = free.Subtract(share)
		t.launched, t.agent, t.host, t.address = true, &offer.AgentID, offer.Hostname, address(offer)
		chosen = append(chosen, t)
		command := r.opts.Command
		infos = append(infos, mesosv1.TaskInfo{
			Name: t.name, TaskID: mesosv1.TaskID{Value: t.id},
			Resources: share.ToV1(resources.Post), Command: &command, Container: r.opts.Container,
		})
	}
	return infos, chosen, nil
}

// address is where the agent of an offer serves its API.
func address(offer *mesosv1.Offer) string {
	if offer.URL == nil {
		return net.JoinHostPort(offer.Hostname, "5051")
	}
	host := offer.Hostname
	if ip := offer.URL.Address.IP; ip != nil {
		host = *ip
	}
	return net.JoinHostPort(host, strconv.Itoa(int(offer.URL.Address.Port)))
}

func (r *run) allLaunched() bool {
	return !slices.ContainsFunc(r.order, func(t *task) bool { return !t.launched })
}

// Update follows a task through its states.
func (r *run) Update(ctx context.Context, s *client.Scheduler, status *mesosv1.TaskStatus) error {
	if !r.apply(s, status) {
		return nil
	}
	if client.NeedsAcknowledgement(status) {
		if err := s.Acknowledge(ctx, status); err != nil {
			return nil // it comes again
		}
	}
	r.mu.Lock()
	idle := r.allLaunched()
	done := !slices.ContainsFunc(r.order, func(t *task) bool { return t.outcome == nil && (t.launched || !r.interrupted) })
	r.mu.Unlock()
	if !done {
		return s.SetIdle(ctx, idle)
	}
	// The sandboxes are certain to be readable only while the framework exists.
	r.drain(ctx)
	if err := s.Teardown(ctx); err != nil {
		r.note("removing the framework: %v", err)
	}
	return client.ErrStop
}

// apply changes the state of a task and returns false for tasks of others.
func (r *run) apply(s *client.Scheduler, status *mesosv1.TaskStatus) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	t := r.tasks[status.TaskID.Value]
	if t == nil {
		return false
	}
	if t.outcome != nil {
		return true
	}
	message := ""
	if status.Message != nil {
		message = *status.Message
	}
	if t.state != status.State || message != "" {
		r.note("%s", line(t, status.State, message))
	}
	t.state = status.State
	if neverStarted(status) {
		t.launched = false
		return true
	}
	if !t.following && (taskstate.Terminal(status.State) || status.State == mesosv1.TaskRunning) {
		t.following = true
		r.follow(s, t)
	}
	if taskstate.Terminal(status.State) {
		t.outcome = &Outcome{Task: t.name, State: status.State, Code: exitCode(status.State, message), Message: message}
		close(t.ended)
	}
	return true
}

func line(t *task, state mesosv1.TaskState, message string) string {
	text := t.name + " " + strings.TrimPrefix(string(state), "TASK_")
	if t.host != "" && !taskstate.Terminal(state) {
		text += " on " + t.host
	}
	if message != "" {
		text += ": " + message
	}
	return text
}

// neverStarted tells that a launch did not reach the agent, so that it is safe
// to launch the task again under the same id.
func neverStarted(status *mesosv1.TaskStatus) bool {
	return status.State == mesosv1.TaskDropped &&
		status.Reason != nil && *status.Reason == mesosv1.ReasonInvalidOffers
}

var exitStatus = regexp.MustCompile(`exited with status (\d+)`)

// exitCode is the code of a command as far as the end of its task tells it.
func exitCode(state mesosv1.TaskState, message string) int {
	if state == mesosv1.TaskFinished {
		return 0
	}
	if m := exitStatus.FindStringSubmatch(message); m != nil {
		if code, err := strconv.Atoi(m[1]); err == nil && code > 0 && code < 256 {
			return code
		}
	}
	return 1
}

// follow copies the output of a task while it runs.
func (r *run) follow(s *client.Scheduler, t *task) {
	framework := s.FrameworkID()
	if framework == nil || t.address == "" {
		return
	}
	agent, err := client.NewAgent(client.AgentOptions{Address: t.address, HTTPClient: r.opts.HTTPClient})
	if err != nil {
		r.note("%s: %v", t.name, err)
		return
	}
	sandbox := client.Sandbox(*framework, mesosv1.ExecutorID{Value: t.id})
	prefix := ""
	if len(r.order) > 1 {
		prefix = "[" + t.name + "] "
	}
	var streams []func()
	for _, f := range []struct {
		name string
		to   *lineWriter
	}{{"stdout", newLineWriter(r.opts.Stdout, prefix)}, {"stderr", newLineWriter(r.opts.Stderr, prefix)}} {
		streams = append(streams, func() {
			limited, cancel := context.WithCancel(r.life)
			defer cancel()
			stop := afterClose(t.ended, drainPatience, cancel)
			defer stop()
			err := tail.Copy(limited, tail.Options{From: agent, File: sandbox + "/" + f.name, To: f.to, Ended: t.ended})
			f.to.flush()
			if err != nil && !errors.Is(err, tail.ErrNoFile) {
				r.note("%s: %s cannot be shown: %v", t.name, f.name, err)
			}
		})
	}
	r.output.Go(func() {
		defer agent.Close()
		done := make(chan struct{})
		go func() { streams[1](); close(done) }()
		streams[0]()
		<-done
	})
}

// afterClose calls f some time after c was closed, unless stopped before.
func afterClose(c <-chan struct{}, d time.Duration, f func()) (stop func()) {
	quit := make(chan struct{})
	go func() {
		select {
		case <-quit:
			return
		case <-c:
		}
		t := time.NewTimer(d)
		defer t.Stop()
		select {
		case <-quit:
		case <-t.C:
			f()
		}
	}()
	return func() { close(quit) }
}

// drain waits until the output of the ended tasks was shown, or ctx is done.
func (r *run) drain(ctx context.Context) {
	done := make(chan struct{})
	go func() { r.output.Wait(); close(done) }()
	select {
	case <-done:
	case <-ctx.Done():
	}
}
