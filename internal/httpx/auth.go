package httpx

import (
	"context"
	"net/http"

	"github.com/meseta/meseta/internal/fault"
)

// Principal is who makes a request. A nil *Principal means that nobody was
// asked, because authentication is off.
type Principal struct {
	// Name is the principal's value. Some authenticators only give claims.
	Name   string
	Claims map[string]string
}

// Authenticator finds out who makes a request.
type Authenticator interface {
	// Authenticate returns the principal of the request, or nil if
	// authentication is off. An error of kind Unauthenticated asks for
	// (other) credentials, one of kind Forbidden refuses the request, one of
	// another kind means that it could not be found out. It may block within
	// the request's context.
	Authenticate(r *http.Request) (*Principal, error)
	// Challenge is the WWW-Authenticate header for a realm.
	Challenge(realm string) string
}

// Action is something an Authorizer is asked about, in the names of Mesos's
// access rules, such as "register_frameworks".
type Action string

// Object is what an action is done to.
type Object struct {
	// Value names it where one word is enough: a role, a path, a user.
	Value string
	// Message is the API message that describes it where rules look inside,
	// such as a FrameworkInfo.
	Message any
}

// Authorizer decides what a principal may do. It may block within ctx; an
// error means that there is no decision, and the request must be refused.
type Authorizer interface {
	Authorize(ctx context.Context, who *Principal, action Action, object Object) (bool, error)
}

// NoAuthentication lets everybody in without a name. It is the state of a
// server that was told so explicitly. Credentials that are sent all the same
// are ignored.
type NoAuthentication struct{}

var _ Authenticator = NoAuthentication{}

// Authenticate always returns nil.
func (NoAuthentication) Authenticate(*http.Request) (*Principal, error) { return nil, nil }

// Challenge is never used.
func (NoAuthentication) Challenge(string) string { return "" }

// AllowAll lets everybody do everything. It is the state of a server without
// access rules.
type AllowAll struct{}

var _ Authorizer = AllowAll{}

// Authorize always allows.
func (AllowAll) Authorize(context.Context, *Principal, Action, Object) (bool, error) {
	return true, nil
}

type principalKey struct{}

// WithPrincipal stores who makes a request.
func WithPrincipal(ctx context.Context, p *Principal) context.Context {
	return context.WithValue(ctx, principalKey{}, p)
}

// PrincipalFrom is who makes a request, nil if authentication is off.
func PrincipalFrom(ctx context.Context) *Principal {
	p, _ := ctx.Value(principalKey{}).(*Principal)
	return p
}

// Authenticated lets a request through to next with its principal in the
// context. The realm is told to clients that must send credentials. A
// principal that consists of claims only is refused, as in Mesos.
func Authenticated(a Authenticator, realm string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		who, err := a.Authenticate(r)
		switch {
		case fault.Is(err, fault.Unauthenticated):
			w.Header().Set("WWW-Authenticate", a.Challenge(realm))
			WriteStatus(w, http.StatusUnauthorized)
		case fault.Is(err, fault.Forbidden):
			WriteStatus(w, http.StatusForbidden)
		case err != nil:
			WriteStatus(w, http.StatusServiceUnavailable)
		case who == nil:
			next.ServeHTTP(w, r)
		case who.Name == "":
			WriteText(w, http.StatusForbidden, "The request's authenticated principal contains claims, but no value string. "+
				"The master currently requires that principals have a value")
		default:
			next.ServeHTTP(w, r.WithContext(WithPrincipal(r.Context(), who)))
		}
	})
}
