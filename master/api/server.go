// Package api serves the master over HTTP. It is the only place that sees
// both the wire and the actor.
package api

import (
	"log/slog"
	"net/http"
	"time"

	"github.com/meseta/meseta/gen/nodev1"
	"github.com/meseta/meseta/gen/schedulerv1"
	"github.com/meseta/meseta/internal/httpx"
	"github.com/meseta/meseta/internal/mesosjson"
	"github.com/meseta/meseta/master"
)

// Options configure the API of a master. The zero value of a field means the
// default that its comment names.
type Options struct {
	// MaxBody bounds the body of a scheduler's call, 16 MiB by default;
	// MaxNodeBody that of an agent's, which may list all of its tasks, 64 MiB.
	MaxBody     int64
	MaxNodeBody int64
	// StreamBytes is how much may wait for one subscriber, WriteTimeout how
	// long one write to it may take; package stream's defaults by default.
	StreamBytes  int
	WriteTimeout time.Duration
	// Authenticator gives the principal of a request; by default everybody
	// is let in without one.
	Authenticator httpx.Authenticator
	// Logger receives what operators should know; discarded by default.
	Logger *slog.Logger
}

// Server serves the scheduler and the node API.
type Server struct {
	master *master.Master
	opts   Options
	log    *slog.Logger

	schedulerCalls *mesosjson.Decoder[schedulerv1.Call]
	nodeCalls      *mesosjson.Decoder[nodev1.Call]
}

// New makes the API of a master.
func New(m *master.Master, opts Options) *Server {
	if opts.MaxBody == 0 {
		opts.MaxBody = 16 << 20
	}
	if opts.MaxNodeBody == 0 {
		opts.MaxNodeBody = 64 << 20
	}
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	if opts.Authenticator == nil {
		opts.Authenticator = httpx.NoAuthentication{}
	}
	return &Server{
		master:         m,
		opts:           opts,
		log:            opts.Logger,
		schedulerCalls: mesosjson.NewDecoder[schedulerv1.Call](mesosjson.Limits{}),
		nodeCalls:      mesosjson.NewDecoder[nodev1.Call](mesosjson.Limits{Elements: 4_000_000}),
	}
}

// Routes registers the handlers of this API. A method that a handler does not
// serve is refused before anything else is looked at.
func (s *Server) Routes(router *httpx.Router) {
	post := func(realm string, h http.HandlerFunc) http.Handler {
		return httpx.Authenticated(s.opts.Authenticator, realm, httpx.Methods(h, http.MethodPost))
	}
	router.Handle("/api/v1/scheduler", post("mesos-master-scheduler", s.scheduler))
	router.Handle("/api/v1/node", post("meseta-master-node", s.node))
	router.Handle("/explain", httpx.Authenticated(s.opts.Authenticator, "mesos-master-readonly",
		httpx.Methods(http.HandlerFunc(s.explain), http.MethodGet)))
}
