package compat

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// event compares the next event of a type, or several neighbouring ones.
func (r *Replayer) event(ctx context.Context, i int) (int, error) {
	s := &r.transcript.Steps[i]
	st, err := r.stream(s)
	if err != nil {
		return 0, err
	}
	if list, inner := offerList(s.eventType()); list != "" {
		return r.offers(ctx, i, st, list, inner)
	}
	if r.transcript.Format == Operator {
		return r.group(ctx, i, st)
	}
	return 1, r.single(ctx, i, st)
}

func (r *Replayer) stream(s *Step) (*stream, error) {
	st := r.streams[s.Stream]
	if st == nil {
		return nil, fmt.Errorf("there is no stream %q", s.Stream)
	}
	return st, nil
}

// offerList names the members that hold the offers of an event type whose
// grouping into events is free.
func offerList(eventType string) (list, inner string) {
	switch eventType {
	case "OFFERS":
		return "offers", "offers"
	case "INVERSE_OFFERS":
		return "inverse_offers", "inverse_offers"
	default:
		return "", ""
	}
}

// neighbours counts the event steps from i on that have the same stream and
// type.
func (r *Replayer) neighbours(i int) int {
	first := &r.transcript.Steps[i]
	n := 1
	for _, s := range r.transcript.Steps[i+1:] {
		if s.Do != "event" || s.Stream != first.Stream || s.eventType() != first.eventType() {
			break
		}
		n++
	}
	return n
}

// patience is how long to wait for the events of n steps from i on.
func (r *Replayer) patience(i, n int) time.Duration {
	if r.transcript.Format == Operator {
		switch r.transcript.Steps[i].eventType() {
		case "UPDATE", "TASK_UPDATED":
			return updatePatience
		default:
			return recordPatience
		}
	}
	total := eventPatience
	for _, s := range r.transcript.Steps[i : i+n] {
		if s.ObservedAfterMS != nil {
			total += time.Duration(*s.ObservedAfterMS * float64(time.Millisecond))
		}
	}
	return total
}

// take waits for events and explains what is there instead if they do not
// come.
func (r *Replayer) take(ctx context.Context, st *stream, patience time.Duration, choose func([]*event) []*event) ([]*event, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	events, err := st.await(ctx, choose)
	if err == nil {
		for _, e := range events {
			r.trace("  arrived at %.3fs: %s", e.Arrived.Sub(r.started).Seconds(), shorten(e.Value, maxShownWhole))
		}
		return events, nil
	}
	if errors.Is(err, context.DeadlineExceeded) {
		err = fmt.Errorf("it did not come within %v", patience.Round(time.Second))
	}
	return nil, fmt.Errorf("%w; %s", err, st.summary())
}

// single compares the oldest event that a step of the scheduler format means.
func (r *Replayer) single(ctx context.Context, i int, st *stream) error {
	s := &r.transcript.Steps[i]
	expected, err := decode(s.Event)
	if err != nil {
		return err
	}
	deadline := time.Now().Add(r.patience(i, 1))
	for {
		events, err := r.take(ctx, st, time.Until(deadline), r.chooser(s, expected))
		if err != nil {
			return err
		}
		e := events[0]
		uuid := textOf(dig(e.Value, "update", "status", "uuid"))
		resent := r.knownUUID(expected)
		m := newMatcher(r.bindings, r.rules("", s.Unordered))
		if m.match(expected, e.Value) {
			r.checkDelay(i, e, resent)
			r.moment = e.Arrived
			if uuid != "" {
				r.delivered[uuid] = true
			}
			return nil
		}
		if r.delivered[uuid] && uuid != "" {
			// An update that was matched before came once more.
			continue
		}
		r.moment = e.Arrived
		r.fail(i, m.explain(expected, e.Value))
		return nil
	}
}

// chooser picks the oldest event of the type; for updates the oldest one of
// the same task or operation, for rescinded offers any that matches.
func (r *Replayer) chooser(s *Step, expected any) func([]*event) []*event {
	wanted := s.eventType()
	key := func(value any) any { return nil }
	switch wanted {
	case "UPDATE":
		key = func(value any) any { return dig(value, "update", "status", "task_id", "value") }
	case "UPDATE_OPERATION_STATUS":
		key = func(value any) any { return dig(value, "update_operation_status", "status", "operation_id", "value") }
	}
	same := func(e *event) bool { return key(e.Value) == key(r.bindings.show(expected)) }
	if wanted == "RESCIND" || wanted == "RESCIND_INVERSE_OFFER" {
		m := newMatcher(r.bindings, r.rules("", s.Unordered))
		same = func(e *event) bool { return m.equal(nil, expected, e.Value) }
	}
	return func(waiting []*event) []*event {
		for _, e := range waiting {
			if e.Type == wanted && same(e) {
				return []*event{e}
			}
		}
		return nil
	}
}

// knownUUID reports whether the expected update is one that was seen before.
func (r *Replayer) knownUUID(expected any) bool {
	s, ok := alone(textOf(dig(expected, "update", "status", "uuid")))
	if !ok {
		return false
	}
	_, bound := r.bindings.Value(s.name)
	return bound
}

// Delays below this are those of an unoptimised server, not of a rule.
const shortestDelay = 1500 * time.Millisecond

// checkDelay reports an event that came much earlier than recorded, where the
// recorded time follows from a rule: filters, retries, grace periods, timeouts,
// the run time of a task.
func (r *Replayer) checkDelay(i int, e *event, resent bool) {
	s := &r.transcript.Steps[i]
	if s.ObservedAfterMS == nil || !delayed(s.eventType(), e.Value, resent) {
		return
	}
	recorded := time.Duration(*s.ObservedAfterMS * float64(time.Millisecond))
	excused := slices.ContainsFunc(r.early, func(d EarlyDifference) bool {
		return d.Transcript == r.transcript.Key() && d.Step == i+1
	})
	if recorded < shortestDelay || excused {
		return
	}
	// A filter of one second ends at an allocation, which may be at once or a
	// second later; hence less than half.
	if passed := e.Arrived.Sub(r.moment); passed < recorded*45/100 {
		r.fail(i, fmt.Sprintf("it came %v after the moment before, much earlier than the recorded %v",
			passed.Round(time.Millisecond), recorded))
	}
}

// delayed tells the events that a rule holds back.
func delayed(eventType string, value any, resent bool) bool {
	switch eventType {
	case "OFFERS", "INVERSE_OFFERS", "RESCIND", heartbeat:
		return true
	case "UPDATE":
		if resent {
			return true
		}
		reason := textOf(dig(value, "update", "status", "reason"))
		if reason == "REASON_RECONCILIATION" {
			return false
		}
		return stateRank(textOf(dig(value, "update", "status", "state"))) >= 4 ||
			reason == "REASON_TASK_CHECK_STATUS_UPDATED" || reason == "REASON_TASK_HEALTH_CHECK_STATUS_UPDATED"
	default:
		return false
	}
}

// group compares neighbouring events of one type in any order.
func (r *Replayer) group(ctx context.Context, i int, st *stream) (int, error) {
	n := r.neighbours(i)
	wanted := r.transcript.Steps[i].eventType()
	var expected []any
	for _, s := range r.transcript.Steps[i : i+n] {
		value, err := decode(s.Event)
		if err != nil {
			return 0, err
		}
		expected = append(expected, value)
	}
	events, err := r.take(ctx, st, r.patience(i, n), func(waiting []*event) []*event {
		var picked []*event
		for _, e := range waiting {
			if e.Type == wanted && len(picked) < n {
				picked = append(picked, e)
			}
		}
		if len(picked) < n {
			return nil
		}
		return picked
	})
	if err != nil {
		return 0, err
	}
	var actual []any
	for _, e := range events {
		actual = append(actual, e.Value)
	}
	m := newMatcher(r.bindings, r.rules("", nil))
	switch {
	case n == 1 && !m.match(expected[0], actual[0]):
		r.fail(i, m.explain(expected[0], actual[0]))
	case n > 1 && !m.match(expected, actual):
		r.fail(i, fmt.Sprintf("%d events in any order: %s", n, m.explain(expected, actual)))
	}
	r.moment = events[n-1].Arrived
	return n, nil
}

// offers compares the offers of neighbouring events as one collection: how an
// implementation groups them into events is free.
func (r *Replayer) offers(ctx context.Context, i int, st *stream, list, inner string) (int, error) {
	n := r.neighbours(i)
	wanted := r.transcript.Steps[i].eventType()
	var expected []any
	unordered := []string{list + "." + inner}
	for _, s := range r.transcript.Steps[i : i+n] {
		value, err := decode(s.Event)
		if err != nil {
			return 0, err
		}
		offers, _ := dig(value, list, inner).([]any)
		expected = append(expected, offers...)
		unordered = append(unordered, s.Unordered...)
	}
	collect := func(events []*event) []any {
		var offers []any
		for _, e := range events {
			part, _ := dig(e.Value, list, inner).([]any)
			offers = append(offers, part...)
		}
		return offers
	}
	events, err := r.take(ctx, st, r.patience(i, n), func(waiting []*event) []*event {
		var picked []*event
		for _, e := range waiting {
			if e.Type != wanted {
				continue
			}
			if picked = append(picked, e); len(collect(picked)) >= len(expected) {
				return picked
			}
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	whole := func(offers []any) any {
		return map[string]any{"type": wanted, list: map[string]any{inner: offers}}
	}
	m := newMatcher(r.bindings, r.rules("", unordered))
	if theirs, ours := whole(expected), whole(collect(events)); m.match(theirs, ours) {
		if n == 1 {
			r.checkDelay(i, events[0], false)
		}
	} else {
		r.fail(i, m.explain(theirs, ours))
	}
	r.moment = events[len(events)-1].Arrived
	return n, nil
}
