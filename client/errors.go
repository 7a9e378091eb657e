package client

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

var (
	// ErrStop, returned by a method of Handler, ends Scheduler.Run without an
	// error.
	ErrStop = errors.New("stop")
	// ErrNotSubscribed is returned by calls while there is no subscription. The
	// driver is about to subscribe again; what the call wanted should be decided
	// anew after that.
	ErrNotSubscribed = errors.New("the framework is not subscribed at the moment")
	// ErrHeartbeatLost is the cause of a disconnection after too long a silence.
	ErrHeartbeatLost = errors.New("the master sent nothing for too long")
)

// StatusError is an answer with a status that means refusal.
type StatusError struct {
	// Call is the type of the call, such as ACCEPT.
	Call string
	// Code is the HTTP status.
	Code int
	// Message is the sentence the server gave; it may be empty.
	Message string
}

func (e *StatusError) Error() string {
	reason := e.Message
	if reason == "" {
		reason = http.StatusText(e.Code)
	}
	return fmt.Sprintf("%s refused with status %d: %s", e.Call, e.Code, reason)
}

// temporary tells that the same call may succeed later or elsewhere.
func (e *StatusError) temporary() bool {
	return e.Code >= 500 && e.Code != http.StatusNotImplemented || e.Code == http.StatusTooManyRequests
}

// SubscriptionError is an ERROR event: the master refuses or has ended the
// subscription, and to repeat it unchanged would be wrong. Typical messages say
// that the framework has been removed, or that another instance of it took over.
type SubscriptionError struct{ Message string }

func (e *SubscriptionError) Error() string { return "the master ended the subscription: " + e.Message }

// UnreachableError means that none of the masters could be reached.
type UnreachableError struct {
	// Masters are the addresses that were tried.
	Masters []string
	// Cause joins what happened with each.
	Cause error
}

func (e *UnreachableError) Error() string {
	return fmt.Sprintf("no master answers at %s: %v", strings.Join(e.Masters, ", "), e.Cause)
}

func (e *UnreachableError) Unwrap() error { return e.Cause }

// errorBodyLimit bounds what is read of an error's text.
const errorBodyLimit = 16 << 10

// statusError reads the text of a refusal. It closes the body.
func statusError(call string, resp *http.Response) *StatusError {
	defer resp.Body.Close()
	// What could be read of the text is as good as it gets.
	text, _ := io.ReadAll(io.LimitReader(resp.Body, errorBodyLimit))
	return &StatusError{Call: call, Code: resp.StatusCode, Message: strings.TrimSpace(string(text))}
}
