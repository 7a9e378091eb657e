// Package api serves one agent over HTTP: the v1 operator API, the older read
// endpoints, and the files in sandboxes. Everything is answered from immutable
// views of the agent.
package api

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/meseta/meseta/agent"
	"github.com/meseta/meseta/agent/sandbox"
	"github.com/meseta/meseta/gen/agentv1"
	"github.com/meseta/meseta/gen/mesosv1"
	"github.com/meseta/meseta/internal/config"
	"github.com/meseta/meseta/internal/fault"
	"github.com/meseta/meseta/internal/httpx"
	"github.com/meseta/meseta/internal/mesosid"
	"github.com/meseta/meseta/internal/mesosjson"
	"github.com/meseta/meseta/internal/verbosity"
	"github.com/meseta/meseta/internal/version"
)

// Source is the agent that is asked.
type Source interface {
	// View returns the present state, or agent.ErrRecovering.
	View(ctx context.Context) (*agent.View, error)
	// Metrics are the agent's numbers at the moment of a view.
	Metrics(*agent.View) []agent.Metric
	// Statistics measures a container. It may block until ctx ends.
	Statistics(ctx context.Context, containerizer string, id mesosid.ContainerID) (mesosv1.ResourceStatistics, error)
	// Files are those of sandboxes.
	Files() *sandbox.Files
}

var _ Source = (*agent.Agent)(nil)

// Options configure the API of an agent. The zero value of a field means the
// default that its comment names.
type Options struct {
	// Flags are those of the process, secrets hidden; none by default.
	Flags []config.Flag
	// Gatherer has what /metrics shows; nothing by default.
	Gatherer prometheus.Gatherer
	// Verbosity is how much is logged; a fixed level by default.
	Verbosity *verbosity.Level
	// Authenticator says who asks; everybody is let in by default.
	Authenticator httpx.Authenticator
	// BodyLimits bound the bodies of requests.
	BodyLimits httpx.BodyLimits
	// Logger takes our own errors; they are discarded by default.
	Logger *slog.Logger
}

// Realms of authentication.
const (
	readOnly  = "mesos-agent-readonly"
	readWrite = "mesos-agent-readwrite"
	executors = "mesos-agent-executor"
)

// Server answers for one agent. It is safe for concurrent use.
type Server struct {
	source Source
	opts   Options
	log    *slog.Logger
	calls  *mesosjson.Decoder[agentv1.Call]
	build  build
}

// New makes a server. It holds no resources that would have to be released.
func New(source Source, opts Options) *Server {
	if opts.Gatherer == nil {
		opts.Gatherer = prometheus.Gatherers{}
	}
	if opts.Verbosity == nil {
		opts.Verbosity = verbosity.New(new(slog.LevelVar))
	}
	if opts.Authenticator == nil {
		opts.Authenticator = httpx.NoAuthentication{}
	}
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	return &Server{
		source: source,
		opts:   opts,
		log:    opts.Logger,
		calls:  mesosjson.NewDecoder[agentv1.Call](mesosjson.Limits{}),
		build:  describeBuild(version.Current()),
	}
}

// Alias is the name under which every route exists once more, as
// "/slave(1)/state" is "/state".
const Alias = "slave(1)"

// Handler is a router with all routes of the agent.
func (s *Server) Handler() http.Handler {
	router := httpx.NewRouter(Alias)
	s.Routes(router)
	return router
}

// Routes registers the routes of the agent.
func (s *Server) Routes(router *httpx.Router) {
	guarded := func(realm string, h http.Handler) http.Handler {
		return httpx.Authenticated(s.opts.Authenticator, realm, h)
	}
	router.Handle("/api/v1", guarded(readWrite, httpx.Methods(http.HandlerFunc(s.call), http.MethodPost)))
	router.Handle("/api/v1/executor", guarded(executors, httpx.Methods(http.HandlerFunc(s.executor), http.MethodPost)))
	router.Handle("/health", http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	router.HandleOnly("/version", s.read(s.version))
	router.Handle("/flags", guarded(readOnly, s.read(s.flags)))
	router.Handle("/state", guarded(readOnly, s.read(s.state)))
	router.Handle("/containers", guarded(readOnly, s.read(s.containers)))
	router.HandleOnly("/monitor/statistics", guarded(readOnly, s.read(s.statistics)))
	router.HandleOnly("/metrics/snapshot", guarded(readOnly, s.read(s.snapshot)))
	router.HandleOnly("/metrics", guarded(readOnly, promhttp.HandlerFor(s.opts.Gatherer, promhttp.HandlerOpts{})))
	router.HandleOnly("/system/stats.json", s.read(s.machine))
	router.HandleOnly("/files/browse", guarded(readOnly, s.read(s.browse)))
	router.HandleOnly("/files/read", guarded(readOnly, s.read(s.readFile)))
	router.HandleOnly("/files/download", guarded(readOnly, http.HandlerFunc(s.download)))
	router.HandleOnly("/files/debug", guarded(readOnly, s.read(s.debugFiles)))
}

// executor is where executors connect. There are none yet: the agent refuses
// their tasks.
func (s *Server) executor(w http.ResponseWriter, r *http.Request) {
	httpx.WriteText(w, http.StatusNotImplemented, "This agent does not support executors yet")
}

// read answers with what produce returns as JSON, or with its error.
func (s *Server) read(produce func(*http.Request) (any, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer, err := produce(r)
		if err == nil {
			err = httpx.WriteJSONP(w, r, answer)
		}
		if err != nil {
			s.fail(w, r, err)
		}
	})
}

func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	if text, ok := errors.AsType[*refusal](err); ok {
		httpx.WriteText(w, text.status, text.text)
		return
	}
	httpx.WriteError(r.Context(), w, s.log, err)
}

// refusal is an answer with exactly this status and text.
type refusal struct {
	status int
	text   string
}

func (r *refusal) Error() string { return r.text }

// viewTimeout bounds how long a reader waits for the agent.
const viewTimeout = 10 * time.Second

// view returns the present state of the agent, or why there is none.
func (s *Server) view(r *http.Request) (*agent.View, error) {
	ctx, cancel := context.WithTimeout(r.Context(), viewTimeout)
	defer cancel()
	v, err := s.source.View(ctx)
	switch {
	case errors.Is(err, agent.ErrRecovering):
		return nil, fault.New(fault.Unavailable, "Agent has not finished recovery")
	case errors.Is(err, agent.ErrStopped):
		return nil, fault.New(fault.Unavailable, "the agent is stopping")
	}
	return v, err
}
