// Package fault gives errors a kind, a message for the user and a cause for
// the operator.
//
// The kind decides what callers do with the error, in particular which HTTP
// status it becomes; httpx does that in one place. The message names the
// object, says what is wrong and what to do, in lower case and without a
// "failed to" chain, except where it is a sentence of the Mesos API. The cause
// is for logs and errors.Is only: it never reaches the user.
package fault

import (
	"context"
	"errors"
)

// Kind says what sort of failure an error is.
type Kind int

const (
	// Internal is a broken promise of ours. Errors without a kind are Internal.
	Internal Kind = iota
	// Invalid means that the request can never succeed as it is.
	Invalid
	// NotFound means that an object named by the request does not exist.
	NotFound
	// Conflict means that the present state of an object forbids the request.
	Conflict
	// Unauthenticated means that it is not known who asks.
	Unauthenticated
	// Forbidden means that the one who asks may not do it.
	Forbidden
	// Unavailable means that it may succeed later: no leader, a database that
	// does not answer, a server that is stopping.
	Unavailable
	// TooSlow means that the caller did not send or read fast enough.
	TooSlow
	// TooLarge means that the request exceeds a size limit.
	TooLarge
	// Fenced means that another leader has taken over; nothing was written.
	Fenced
	// Unimplemented means that this build does not do what the API describes.
	Unimplemented
	// UnsupportedMedia means that the request is in a format that is not read.
	UnsupportedMedia
)

var names = [...]string{
	"internal", "invalid", "not found", "conflict", "unauthenticated", "forbidden",
	"unavailable", "too slow", "too large", "fenced", "unimplemented",
	"unsupported media",
}

// String is the kind in words, for logs and metrics.
func (k Kind) String() string {
	if k < 0 || int(k) >= len(names) {
		return "unknown"
	}
	return names[k]
}

// Error is an error with a kind. It is immutable.
type Error struct {
	kind    Kind
	message string
	cause   error
}

// New makes an error that has no deeper cause.
func New(kind Kind, message string) *Error { return &Error{kind: kind, message: message} }

// Wrap makes an error whose cause is kept for operators and errors.Is. The
// message stands alone: it repeats of the cause what the user should know.
func Wrap(kind Kind, message string, cause error) *Error {
	return &Error{kind: kind, message: message, cause: cause}
}

// Error is the message for the user, without the cause.
func (e *Error) Error() string { return e.message }

// Kind is the kind of the error.
func (e *Error) Kind() Kind { return e.kind }

// Unwrap gives the cause to errors.Is and errors.As.
func (e *Error) Unwrap() error { return e.cause }

// KindOf is the kind of the outermost Error in err's chain. The errors of a
// cancelled or overdue context are Unavailable: something of ours did not
// answer in time. Others are Internal. The kind of nil is not defined.
func KindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.kind
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return Unavailable
	}
	return Internal
}

// Is reports whether err is of the kind.
func Is(err error, kind Kind) bool { return err != nil && KindOf(err) == kind }

// Message is what the user may know of err. What an error without a kind says
// is not for users.
func Message(err error) string {
	e, ok := errors.AsType[*Error](err)
	switch {
	case !ok && KindOf(err) == Internal:
		return "internal error; the server's log has the details"
	case !ok:
		return KindOf(err).String()
	case error(e) == err:
		return e.message
	default:
		// Somebody wrapped it with %w and added words on purpose.
		return err.Error()
	}
}

// Detail is the whole story of err, for the log.
func Detail(err error) string {
	e, ok := errors.AsType[*Error](err)
	if !ok || e.cause == nil {
		return err.Error()
	}
	return err.Error() + ": " + Detail(e.cause)
}
