// Package service puts a master together from its settings: the actor, its
// APIs and the HTTP server. `meseta master` and `meseta local` both use it.
package service

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/time/rate"

	"github.com/meseta/meseta/internal/config"
	"github.com/meseta/meseta/internal/daemon"
	"github.com/meseta/meseta/internal/httpx"
	"github.com/meseta/meseta/internal/lifecycle"
	"github.com/meseta/meseta/internal/resources"
	"github.com/meseta/meseta/internal/version"
	"github.com/meseta/meseta/master"
	"github.com/meseta/meseta/master/api"
	"github.com/meseta/meseta/master/read"
)

// Service is one master process: everything but the signals.
type Service struct {
	endpoint config.Endpoint
	master   *master.Master
	server   *httpx.Server
	// whitelist is the file of --whitelist, empty for none.
	whitelist string
	log       *slog.Logger
}

// New builds a master and binds its port, so that the address is known and
// clients may already connect. Nothing is served until its components run.
// ctx bounds only the building.
func New(ctx context.Context, cfg *config.Master, env daemon.Environment) (*Service, error) {
	listener, endpoint, err := daemon.Listen(ctx, cfg.Network)
	if err != nil {
		return nil, err
	}
	s, err := build(cfg, endpoint, listener, env)
	if err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	return s, nil
}

func build(cfg *config.Master, endpoint config.Endpoint, listener net.Listener, env daemon.Environment) (*Service, error) {
	logger := env.Logger
	registry := prometheus.NewRegistry()
	opts, err := masterOptions(cfg, endpoint, logger, registry)
	if err != nil {
		return nil, err
	}
	if cfg.Registry.Kind != config.RegistryMemory {
		logger.Warn("the registry is kept in memory only in this version: what the master knows ends with it", "registry", cfg.Registry.Kind)
	}
	m := master.New(opts)
	router := httpx.NewRouter("/master")
	api.New(m, api.Options{
		MaxBody:      int64(cfg.MaxRequestSize),
		StreamBytes:  int(cfg.StreamQueue),
		WriteTimeout: cfg.StreamWriteTimeout,
		Logger:       logger,
	}).Routes(router)
	read.New(m, read.Options{
		Flags:        cfg.Values(),
		Counters:     opts.Metrics,
		Gatherer:     registry,
		Roles:        cfg.Roles,
		PerFramework: cfg.PublishPerFrameworkMetrics,
		LogFile:      env.LogFile,
		Verbosity:    env.Verbosity,
		BodyLimits:   httpx.BodyLimits{MaxBytes: int64(cfg.MaxRequestSize)},
		Logger:       logger,
	}).Routes(router)
	server := daemon.NewServer(listener, router, cfg.HTTP, logger)
	return &Service{endpoint: endpoint, master: m, server: server, whitelist: cfg.Whitelist, log: logger}, nil
}

func masterOptions(cfg *config.Master, endpoint config.Endpoint, logger *slog.Logger, registry prometheus.Registerer) (master.Options, error) {
	allocatable, err := resources.ParseMinAllocatable(cfg.MinAllocatableResources)
	if err != nil {
		return master.Options{}, fmt.Errorf("--min_allocatable_resources: %w", err)
	}
	domain, err := daemon.Domain(cfg.Domain)
	if err != nil {
		return master.Options{}, err
	}
	return master.Options{
		Hostname:               endpoint.Hostname,
		IP:                     endpoint.IP,
		Port:                   uint16(endpoint.Port),
		Version:                version.Mesos,
		Domain:                 domain,
		AllocationInterval:     cfg.AllocationInterval,
		OfferTimeout:           cfg.OfferTimeout,
		MinAllocatable:         allocatable,
		FilterGPU:              cfg.FilterGPUResources,
		FairSharingExcluded:    cfg.FairSharingExcludedResourceNames,
		RandomSorter:           cfg.RoleSorter == "random",
		Roles:                  cfg.Roles,
		Weights:                cfg.Weights,
		RequireAgentDomain:     cfg.RequireAgentDomain,
		RemovalRate:            removalRate(cfg.AgentRemovalRateLimit),
		RefuseRoot:             !cfg.RootSubmissions,
		MaxRegexProgram:        cfg.OfferConstraintsRE2MaxProgramSize,
		PingInterval:           cfg.AgentPingTimeout,
		MaxMissedPings:         cfg.MaxAgentPingTimeouts,
		ReregisterTimeout:      cfg.AgentReregisterTimeout,
		MaxCompletedFrameworks: cfg.MaxCompletedFrameworks,
		MaxCompletedTasks:      cfg.MaxCompletedTasksPerFramework,
		MaxUnreachableTasks:    cfg.MaxUnreachableTasksPerFramework,
		Logger:                 logger,
		Metrics:                master.NewMetrics(registry),
	}, nil
}

func removalRate(r *config.Rate) *rate.Limiter {
	if r == nil {
		return nil
	}
	return rate.NewLimiter(rate.Every(r.Per/time.Duration(r.Count)), r.Count)
}

// Address is where the master listens, with the real port.
func (s *Service) Address() netip.AddrPort {
	return s.server.Addr().(*net.TCPAddr).AddrPort()
}

// Endpoint is what others are told to connect to.
func (s *Service) Endpoint() config.Endpoint { return s.endpoint }

// Components are the parts of the master in the order in which they start.
// When they stop, streams end first, then the server finishes its requests,
// and the actor is the last.
func (s *Service) Components() []lifecycle.Component {
	components := []lifecycle.Component{{Name: "master", Run: s.master.Run}}
	if s.whitelist != "" {
		components = append(components, lifecycle.Component{Name: "whitelist", Run: s.watchWhitelist})
	}
	return append(components,
		lifecycle.Component{Name: "master server", Run: s.server.Run, Stop: s.server.Stop},
		lifecycle.Component{Name: "master streams", Stop: s.master.CloseStreams},
	)
}
