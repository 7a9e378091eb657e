package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/meseta/meseta/gen/mesosv1"
	"github.com/meseta/meseta/gen/schedulerv1"
	"github.com/meseta/meseta/internal/mesosjson"
	"github.com/meseta/meseta/internal/recordio"
)

// schedulerPath is the endpoint of all calls of a framework.
const schedulerPath = "/api/v1/scheduler"

// streamHeader names the subscription that a call belongs to.
const streamHeader = "Mesos-Stream-Id"

// ackWorkers is how many acknowledgements may be under way at a time. Several,
// because each is a round trip to the master.
const ackWorkers = 4

// subscription is one stream of events. It is immutable.
type subscription struct {
	master *url.URL
	stream string
}

// subscribe opens one stream and delivers its events until it ends. It returns
// why it ended, never nil, and whether it had begun. All goroutines it starts
// have ended when it returns.
func (s *Scheduler) subscribe(parent context.Context) (subscribed bool, err error) {
	ctx, cancel := context.WithCancelCause(parent)
	defer cancel(nil)
	call, idle := s.subscribeCall()
	body, err := mesosjson.Marshal(call)
	if err != nil {
		return false, &handlerError{fmt.Errorf("FrameworkInfo: %w", err)}
	}
	// Only waiting for the master counts: the clock stands still while the
	// Handler works.
	watchdog := time.AfterFunc(callTimeout, func() { cancel(ErrHeartbeatLost) })
	defer watchdog.Stop()
	resp, master, err := s.net.send(ctx, "SUBSCRIBE", schedulerPath, body)
	if err != nil {
		return false, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return false, statusError("SUBSCRIBE", resp)
	}

	d := &delivery{
		s:   s,
		sub: &subscription{master: master, stream: resp.Header.Get(streamHeader)},
		// A full queue holds up the stream, which the master notices.
		acks: make(chan schedulerv1.Call, 1024),
	}
	d.silence = time.Duration(s.opts.MissedHeartbeats) * defaultHeartbeat
	d.sentIdle = idle
	for range ackWorkers {
		d.workers.Go(func() { d.acknowledge(ctx) })
	}
	err = d.run(ctx, resp.Body, watchdog)
	s.setSubscription(nil)
	if handled, ok := errors.AsType[*handlerError](err); !ok || !errors.Is(handled.err, ErrStop) {
		// Only an orderly end is worth waiting for acknowledgements.
		cancel(err)
	}
	close(d.acks)
	d.workers.Wait()
	cancel(err)
	d.helpers.Wait()
	return d.subscribed, err
}

// delivery takes the events of one stream to the Handler. It is owned by the
// goroutine of run, except for the channel and the groups.
type delivery struct {
	s   *Scheduler
	sub *subscription
	// silence is how long the master may send nothing.
	silence    time.Duration
	sentIdle   bool
	subscribed bool

	acks    chan schedulerv1.Call
	workers sync.WaitGroup
	helpers sync.WaitGroup
}

func (d *delivery) run(ctx context.Context, stream io.Reader, watchdog *time.Timer) error {
	records := recordio.NewReader(stream, 0)
	for {
		watchdog.Reset(d.silence)
		record, err := records.Next()
		watchdog.Stop()
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if errors.Is(err, io.EOF) {
			return fmt.Errorf("the master %s closed the stream: %w", d.sub.master.Host, io.ErrUnexpectedEOF)
		}
		if err != nil {
			return fmt.Errorf("stream from the master %s: %w", d.sub.master.Host, err)
		}
		var event schedulerv1.Event
		if err := json.Unmarshal(record, &event); err != nil {
			return fmt.Errorf("event from the master %s: %w", d.sub.master.Host, err)
		}
		if err := d.deliver(ctx, &event); err != nil {
			return err
		}
	}
}

// errEnded is the cause when the master has ended the subscription by an ERROR
// event and the Handler wants to go on.
var errEnded = errors.New("the master ended the subscription")

// deliver calls the Handler for one event. Members that an event of its type
// should have and lacks make it be ignored, like events of unknown types.
func (d *delivery) deliver(ctx context.Context, e *schedulerv1.Event) error {
	s, h := d.s, d.s.opts.Handler
	var err error
	switch {
	case e.Type == schedulerv1.EventTypeSubscribed && e.Subscribed != nil:
		return d.begin(ctx, e.Subscribed)
	case e.Type == schedulerv1.EventTypeOffers && e.Offers != nil:
		return d.offers(ctx, e.Offers.Offers)
	case e.Type == schedulerv1.EventTypeUpdate && e.Update != nil:
		return d.update(ctx, &e.Update.Status)
	case e.Type == schedulerv1.EventTypeUpdateOperationStatus && e.UpdateOperationStatus != nil:
		return d.updateOperation(ctx, &e.UpdateOperationStatus.Status)
	case e.Type == schedulerv1.EventTypeError && e.Error != nil:
		if err = h.Error(ctx, s, e.Error.Message); err == nil {
			return fmt.Errorf("%w: %s", errEnded, e.Error.Message)
		}
	case e.Type == schedulerv1.EventTypeInverseOffers && e.InverseOffers != nil:
		err = h.InverseOffers(ctx, s, e.InverseOffers.InverseOffers)
	case e.Type == schedulerv1.EventTypeRescind && e.Rescind != nil:
		err = h.Rescind(ctx, s, e.Rescind.OfferID)
	case e.Type == schedulerv1.EventTypeRescindInverseOffer && e.RescindInverseOffer != nil:
		err = h.RescindInverseOffer(ctx, s, e.RescindInverseOffer.InverseOfferID)
	case e.Type == schedulerv1.EventTypeMessage && e.Message != nil:
		err = h.Message(ctx, s, e.Message)
	case e.Type == schedulerv1.EventTypeFailure && e.Failure != nil:
		err = h.Failure(ctx, s, e.Failure)
	case e.Type == schedulerv1.EventTypeHeartbeat:
		err = h.Heartbeat(ctx, s)
	}
	return fromHandler(err)
}

// fromHandler marks an error of the Handler, unless it only says that the
// subscription was lost while it worked: that shows in the stream as well.
func fromHandler(err error) error {
	if err == nil || errors.Is(err, ErrNotSubscribed) {
		return nil
	}
	return &handlerError{err}
}

// begin handles SUBSCRIBED.
func (d *delivery) begin(ctx context.Context, e *schedulerv1.EventSubscribed) error {
	s := d.s
	if e.HeartbeatIntervalSeconds != nil && *e.HeartbeatIntervalSeconds > 0 {
		d.silence = time.Duration(float64(s.opts.MissedHeartbeats) * *e.HeartbeatIntervalSeconds * float64(time.Second))
	}
	d.subscribed = true
	s.mu.Lock()
	s.info.ID = &e.FrameworkID
	s.current = d.sub
	s.toldIdle = d.sentIdle
	idle := s.idle
	s.mu.Unlock()
	s.log.Info("subscribed", "framework", e.FrameworkID.Value, "master", d.sub.master.Host)
	if err := fromHandler(s.opts.Handler.Subscribed(ctx, s, e)); err != nil {
		return err
	}
	if idle != d.sentIdle {
		// SetIdle was called between SUBSCRIBE and its answer. If this fails, the
		// next SetIdle tries again.
		if err := s.SetIdle(ctx, idle); err != nil {
			s.log.Warn("the master could not be told about the wish for offers", "err", err)
		}
	}
	if s.reconciler != nil {
		d.helpers.Go(func() { s.reconciler.run(ctx) })
	}
	return nil
}

// offers keeps those away from the Handler that came although it is idle: they
// crossed the call that says so.
func (d *delivery) offers(ctx context.Context, offers []mesosv1.Offer) error {
	s := d.s
	s.mu.Lock()
	idle := s.idle
	s.mu.Unlock()
	if !idle {
		return fromHandler(s.opts.Handler.Offers(ctx, s, offers))
	}
	if err := s.Decline(ctx, DefaultRefusal, offerIDs(offers)...); err != nil {
		s.log.Warn("unwanted offers could not be declined", "err", err)
	}
	return nil
}

func (d *delivery) update(ctx context.Context, status *mesosv1.TaskStatus) error {
	if d.s.reconciler != nil {
		d.s.reconciler.observe(status.TaskID)
	}
	err := d.s.opts.Handler.Update(ctx, d.s, status)
	if acknowledges(err) && !d.s.opts.ManualAcknowledge && NeedsAcknowledgement(status) {
		d.enqueue(ctx, acknowledgeCall(status))
	}
	return fromHandler(err)
}

func (d *delivery) updateOperation(ctx context.Context, status *mesosv1.OperationStatus) error {
	err := d.s.opts.Handler.UpdateOperationStatus(ctx, d.s, status)
	if acknowledges(err) && !d.s.opts.ManualAcknowledge && status.UUID != nil && status.OperationID != nil {
		d.enqueue(ctx, acknowledgeOperationCall(status))
	}
	return fromHandler(err)
}

// acknowledges tells whether the Handler has taken an update: it has when it
// only wants to stop.
func acknowledges(err error) bool { return err == nil || errors.Is(err, ErrStop) }

func (d *delivery) enqueue(ctx context.Context, call schedulerv1.Call) {
	select {
	case d.acks <- call:
	case <-ctx.Done():
	}
}

// acknowledge sends what is enqueued until the channel is closed. What cannot
// be sent is dropped: the agent repeats the update.
func (d *delivery) acknowledge(ctx context.Context) {
	for call := range d.acks {
		if ctx.Err() != nil {
			continue
		}
		if err := d.s.callOn(ctx, d.sub, call); err != nil {
			d.s.log.Debug("acknowledgement lost", "err", err)
		}
	}
}
