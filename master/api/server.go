// Package api serves the master over HTTP. It is the only place that sees
// both the wire and the actor.
package api

import (
	"log/slog"
	"net/http"

	"github.com/meseta/meseta/gen/nodev1"
	"github.com/meseta/meseta/gen/schedulerv1"
	"github.com/meseta/meseta/internal/httpx"
	"github.com/meseta/meseta/internal/mesosjson"
	"github.com/meseta/meseta/internal/stream"
	"github.com/meseta/meseta/master"
)

// Options configure the API of a master. The zero value of a field means the
// default that its comment names.
type Options struct {
	// MaxBody bounds the body of a scheduler's call, 16 MiB by default;
	// MaxNodeBody that of an agent's, which may list all of its tasks, 64 MiB.
	MaxBody     int64
	MaxNodeBody int64
	// Authenticator gives the principal of a request; nil lets everybody in
	// without one.
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

	schedulerStreams, nodeStreams *stream.Counters
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
	return &Server{
		master:           m,
		opts:             opts,
		log:              opts.Logger,
		schedulerCalls:   mesosjson.NewDecoder[schedulerv1.Call](mesosjson.Limits{}),
		nodeCalls:        mesosjson.NewDecoder[nodev1.Call](mesosjson.Limits{Elements: 4_000_000}),
		schedulerStreams: new(stream.Counters),
		nodeStreams:      new(stream.Counters),
	}
}

// Handlers are the routes by their paths.
func (s *Server) Handlers() map[string]http.Handler {
	return map[string]http.Handler{
		"/api/v1/scheduler": http.HandlerFunc(s.scheduler),
		"/api/v1/node":      http.HandlerFunc(s.node),
	}
}

// authenticate gives the principal of a request, nil without authentication.
func (s *Server) authenticate(r *http.Request) (*string, error) {
	if s.opts.Authenticator == nil {
		return nil, nil
	}
	return s.opts.Authenticator.Authenticate(r)
}
