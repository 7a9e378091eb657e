package client

import (
	"context"
	"time"

	"github.com/meseta/meseta/gen/mesosv1"
	"github.com/meseta/meseta/gen/schedulerv1"
)

// Handler is the framework's side of a Scheduler: one method for each type of
// event. Embed BaseHandler and write those that matter.
//
// The methods are called one after another, in the order of the events, on the
// goroutine of Scheduler.Run; a method that blocks delays the events behind it
// (up to what the master is willing to keep for a slow reader). They may make
// calls of s. The context is done when Run is to end or the subscription is
// lost.
//
// An error ends Run, which returns it; ErrStop ends it without an error.
type Handler interface {
	// Subscribed starts every subscription, the first and later ones. The
	// framework id must be stored here if the framework is to survive its own
	// restart. Offers from before are void; tasks live on.
	Subscribed(ctx context.Context, s *Scheduler, e *schedulerv1.EventSubscribed) error
	// Offers must each be accepted or declined in the end, since the resources
	// are held for this framework until then.
	Offers(ctx context.Context, s *Scheduler, offers []mesosv1.Offer) error
	// InverseOffers ask to leave an agent that is due for maintenance.
	InverseOffers(ctx context.Context, s *Scheduler, offers []mesosv1.InverseOffer) error
	// Rescind takes back an offer. The framework may have accepted it meanwhile.
	Rescind(ctx context.Context, s *Scheduler, id mesosv1.OfferID) error
	// RescindInverseOffer takes back an inverse offer.
	RescindInverseOffer(ctx context.Context, s *Scheduler, id mesosv1.OfferID) error
	// Update reports the state of a task. The same update may come more than
	// once. When the method returns nil the driver acknowledges it, so what must
	// be kept has to be kept by then; after an error it stays unacknowledged and
	// will come again to the next subscription.
	Update(ctx context.Context, s *Scheduler, status *mesosv1.TaskStatus) error
	// UpdateOperationStatus reports the state of an operation, under the same
	// rules as Update.
	UpdateOperationStatus(ctx context.Context, s *Scheduler, status *mesosv1.OperationStatus) error
	// Message carries bytes from an executor. It may get lost.
	Message(ctx context.Context, s *Scheduler, m *schedulerv1.EventMessage) error
	// Failure tells of a lost agent or an ended executor. It may get lost.
	Failure(ctx context.Context, s *Scheduler, f *schedulerv1.EventFailure) error
	// Error tells that the master refuses or has ended the subscription. To
	// return nil means to subscribe again all the same.
	Error(ctx context.Context, s *Scheduler, message string) error
	// Heartbeat shows that the subscription is alive.
	Heartbeat(ctx context.Context, s *Scheduler) error
	// Disconnected tells that a subscription, or an attempt at one, has failed,
	// with the cause and the time until the next attempt. No call can be made
	// until Subscribed.
	Disconnected(ctx context.Context, s *Scheduler, cause error, retry time.Duration) error
}

// BaseHandler does the harmless thing for every event: it declines offers, ends
// Run with a SubscriptionError on an ERROR event, and ignores the rest.
type BaseHandler struct{}

var _ Handler = BaseHandler{}

// Subscribed does nothing.
func (BaseHandler) Subscribed(context.Context, *Scheduler, *schedulerv1.EventSubscribed) error {
	return nil
}

// Offers declines all of them.
func (BaseHandler) Offers(ctx context.Context, s *Scheduler, offers []mesosv1.Offer) error {
	return ignoreDisconnected(s.Decline(ctx, DefaultRefusal, offerIDs(offers)...))
}

// InverseOffers does nothing, which leaves the decision to the operator.
func (BaseHandler) InverseOffers(context.Context, *Scheduler, []mesosv1.InverseOffer) error {
	return nil
}

// Rescind does nothing.
func (BaseHandler) Rescind(context.Context, *Scheduler, mesosv1.OfferID) error { return nil }

// RescindInverseOffer does nothing.
func (BaseHandler) RescindInverseOffer(context.Context, *Scheduler, mesosv1.OfferID) error {
	return nil
}

// Update does nothing, so that the update is acknowledged.
func (BaseHandler) Update(context.Context, *Scheduler, *mesosv1.TaskStatus) error { return nil }

// UpdateOperationStatus does nothing, so that the update is acknowledged.
func (BaseHandler) UpdateOperationStatus(context.Context, *Scheduler, *mesosv1.OperationStatus) error {
	return nil
}

// Message does nothing.
func (BaseHandler) Message(context.Context, *Scheduler, *schedulerv1.EventMessage) error { return nil }

// Failure does nothing.
func (BaseHandler) Failure(context.Context, *Scheduler, *schedulerv1.EventFailure) error { return nil }

// Error ends Run with a SubscriptionError.
func (BaseHandler) Error(_ context.Context, _ *Scheduler, message string) error {
	return &SubscriptionError{Message: message}
}

// Heartbeat does nothing.
func (BaseHandler) Heartbeat(context.Context, *Scheduler) error { return nil }

// Disconnected does nothing, so that the driver subscribes again.
func (BaseHandler) Disconnected(context.Context, *Scheduler, error, time.Duration) error { return nil }
