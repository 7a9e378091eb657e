package client

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/meseta/meseta/gen/mesosv1"
	"github.com/meseta/meseta/gen/schedulerv1"
	"github.com/meseta/meseta/internal/durfmt"
	"github.com/meseta/meseta/internal/pause"
)

// SchedulerOptions says what a Scheduler is to run.
type SchedulerOptions struct {
	// Masters are the addresses, "host:port" or URLs, of all masters of the
	// cluster, in any order; empty means DefaultMaster.
	Masters []string
	// Framework describes the framework. With an ID it takes over from an
	// earlier instance of itself; without, the master assigns one.
	Framework mesosv1.FrameworkInfo
	// OfferConstraints restricts the agents that are offered.
	OfferConstraints *mesosv1.OfferConstraints
	// Idle subscribes without asking for offers, until SetIdle says otherwise.
	Idle bool
	// Handler receives the events. Required.
	Handler Handler
	// ManualAcknowledge leaves the acknowledgement of updates to the Handler.
	ManualAcknowledge bool
	// LiveTasks, if set, makes the driver reconcile: after every subscription
	// and every ReconcileInterval it asks for the state of these tasks, again
	// and again until each was reported, and then for all that the master knows.
	// It is called on a goroutine of the driver.
	LiveTasks func() []schedulerv1.CallReconcileTask
	// ReconcileInterval is 15 minutes unless set.
	ReconcileInterval time.Duration
	// MissedHeartbeats is how many heartbeats may fail to come before the
	// connection is given up; 5 unless set.
	MissedHeartbeats int
	// MaxBackoff bounds the wait between attempts to subscribe; 15 seconds
	// unless set.
	MaxBackoff time.Duration
	// HTTPClient replaces the driver's own. It must have no Timeout, which would
	// cut the stream of events.
	HTTPClient *http.Client
	// Credentials authenticate the framework; nil means not to.
	Credentials *Credentials
	// Logger receives what the driver does about trouble; nil discards it.
	Logger *slog.Logger
}

const (
	defaultHeartbeat         = 15 * time.Second
	defaultMissedHeartbeats  = 5
	defaultMaxBackoff        = 15 * time.Second
	defaultReconcileInterval = 15 * time.Minute
	// firstBackoff is the longest wait after the first failure.
	firstBackoff = 200 * time.Millisecond
)

// Scheduler is the driver of one framework. Its methods may be used by any
// goroutine once Run has been called; Run itself may be called once.
//
// Run owns the subscription: it alone opens, reads and closes streams. What
// other goroutines need of it is under mu.
type Scheduler struct {
	opts SchedulerOptions
	log  *slog.Logger
	net  *transport

	started    atomic.Bool
	reconciler *reconciler

	mu sync.Mutex
	// info carries the framework id as soon as one is known.
	info mesosv1.FrameworkInfo
	// constraints are those of the latest SUBSCRIBE or UPDATE_FRAMEWORK.
	constraints *mesosv1.OfferConstraints
	// current is nil while there is no subscription.
	current *subscription
	// idle is what SetIdle wants, toldIdle what the master was told.
	idle, toldIdle bool
}

// NewScheduler makes a driver. It does nothing until Run is called.
func NewScheduler(opts SchedulerOptions) (*Scheduler, error) {
	switch {
	case opts.Handler == nil:
		return nil, errors.New("SchedulerOptions.Handler is required")
	case opts.Framework.Name == "":
		return nil, errors.New("SchedulerOptions.Framework needs a name")
	case opts.HTTPClient != nil && opts.HTTPClient.Timeout != 0:
		return nil, errors.New("SchedulerOptions.HTTPClient has a timeout, which would cut the stream of events")
	}
	if opts.MissedHeartbeats <= 0 {
		opts.MissedHeartbeats = defaultMissedHeartbeats
	}
	if opts.MaxBackoff <= 0 {
		opts.MaxBackoff = defaultMaxBackoff
	}
	if opts.ReconcileInterval <= 0 {
		opts.ReconcileInterval = defaultReconcileInterval
	}
	net, err := newTransport(opts.Masters, opts.HTTPClient, opts.Credentials)
	if err != nil {
		return nil, err
	}
	s := &Scheduler{
		opts: opts, log: opts.Logger, net: net,
		info: opts.Framework, constraints: opts.OfferConstraints, idle: opts.Idle,
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if opts.LiveTasks != nil {
		s.reconciler = newReconciler(s, opts.LiveTasks, opts.ReconcileInterval)
	}
	return s, nil
}

// FrameworkID is the id the master assigned, or that of the options; nil while
// there is none.
func (s *Scheduler) FrameworkID() *mesosv1.FrameworkID {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.info.ID
}

// Leader is the "host:port" of the master of the present subscription; empty
// while there is none.
func (s *Scheduler) Leader() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current == nil {
		return ""
	}
	return s.current.master.Host
}

// roles are those the framework subscribes to.
func (s *Scheduler) roles() []string {
	switch {
	case len(s.info.Roles) > 0:
		return s.info.Roles
	case s.info.Role != nil:
		return []string{*s.info.Role}
	}
	return []string{"*"}
}

// Run subscribes and delivers events until ctx is done, the Handler returns an
// error, or the master refuses the framework for good. It returns the cause of
// ctx, the Handler's error (nil for ErrStop), or a *StatusError. Whatever goes
// wrong with a connection it repairs by subscribing again, after a random wait
// that grows with every failure.
//
// The framework stays known to the master when Run returns, for as long as its
// failover timeout says; Teardown removes it.
func (s *Scheduler) Run(ctx context.Context) error {
	if !s.started.CompareAndSwap(false, true) {
		return errors.New("Scheduler.Run may be called once only")
	}
	defer s.net.close()
	for failures := 0; ; failures++ {
		subscribed, err := s.subscribe(ctx)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if stop, ok := errors.AsType[*handlerError](err); ok {
			if errors.Is(stop.err, ErrStop) {
				return nil
			}
			return stop.err
		}
		if refusal, ok := errors.AsType[*StatusError](err); ok && !refusal.temporary() {
			return refusal
		}
		if subscribed {
			failures = 0
		}
		wait := backoff(failures, firstBackoff, s.opts.MaxBackoff)
		s.log.Info("subscription lost", "err", err, "retry", durfmt.Format(wait.Round(time.Millisecond)))
		if err := s.opts.Handler.Disconnected(ctx, s, err, wait); err != nil {
			if errors.Is(err, ErrStop) {
				return nil
			}
			return err
		}
		if err := pause.For(ctx, wait); err != nil {
			return err
		}
	}
}

// handlerError marks an error that came from the Handler.
type handlerError struct{ err error }

func (e *handlerError) Error() string { return e.err.Error() }
func (e *handlerError) Unwrap() error { return e.err }

// setSubscription publishes a subscription, or nil, to those who make calls.
func (s *Scheduler) setSubscription(sub *subscription) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.current = sub
}

// subscribeCall is the SUBSCRIBE of the present state, and whether it asks for
// no offers.
func (s *Scheduler) subscribeCall() (schedulerv1.Call, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	call := schedulerv1.Call{
		FrameworkID: s.info.ID,
		Type:        schedulerv1.CallTypeSubscribe,
		Subscribe:   &schedulerv1.CallSubscribe{FrameworkInfo: s.info, OfferConstraints: s.constraints},
	}
	if s.idle {
		call.Subscribe.SuppressedRoles = slices.Clone(s.roles())
	}
	return call, s.idle
}
