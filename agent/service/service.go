// Package service puts an agent together from its settings: the actor, the
// containerizers, its API and the HTTP server. `meseta agent` and `meseta
// local` both use it.
package service

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/meseta/meseta/agent"
	"github.com/meseta/meseta/agent/api"
	"github.com/meseta/meseta/agent/containerizer/docker"
	"github.com/meseta/meseta/agent/containerizer/process"
	"github.com/meseta/meseta/agent/detect"
	"github.com/meseta/meseta/internal/config"
	"github.com/meseta/meseta/internal/daemon"
	"github.com/meseta/meseta/internal/httpx"
	"github.com/meseta/meseta/internal/lifecycle"
	"github.com/meseta/meseta/internal/resources"
	"github.com/meseta/meseta/internal/version"
)

// engineTimeout is how long the Docker engine may take to answer when the
// agent starts and finds out whether there is one.
const engineTimeout = 3 * time.Second

// Service is one agent process: everything but the signals.
type Service struct {
	endpoint config.Endpoint
	agent    *agent.Agent
	docker   *docker.Containerizer // nil without an engine
	process  *process.Containerizer
	server   *httpx.Server
}

// New builds an agent, takes its work and runtime directories, and binds its
// port. Nothing is served until its components run. ctx bounds only the
// building. Resources that New has taken are given back by Close, or by the
// components when they stop.
func New(ctx context.Context, cfg *config.Agent, env daemon.Environment) (*Service, error) {
	listener, endpoint, err := daemon.Listen(ctx, cfg.Network)
	if err != nil {
		return nil, err
	}
	s := &Service{endpoint: endpoint}
	if err := s.build(ctx, cfg, listener, env); err != nil {
		return nil, errors.Join(err, listener.Close(), s.closeContainerizers())
	}
	return s, nil
}

func (s *Service) build(ctx context.Context, cfg *config.Agent, listener net.Listener, env daemon.Environment) error {
	logger := env.Logger
	if err := s.openContainerizers(ctx, cfg, logger); err != nil {
		return err
	}
	registry := prometheus.NewRegistry()
	opts, err := s.options(cfg, logger, registry)
	if err != nil {
		return err
	}
	opts.LogFile = env.LogFile
	if s.agent, err = agent.New(opts); err != nil {
		return err
	}
	server := api.New(s.agent, api.Options{
		Flags:      cfg.Values(),
		BodyLimits: httpx.BodyLimits{MaxBytes: int64(cfg.MaxRequestSize)},
		Gatherer:   registry,
		Verbosity:  env.Verbosity,
		Logger:     logger,
	})
	s.server = daemon.NewServer(listener, server.Handler(), cfg.HTTP, logger)
	return nil
}

// openContainerizers opens those that --containerizers names. Unset means
// process, and docker when an engine answers.
func (s *Service) openContainerizers(ctx context.Context, cfg *config.Agent, logger *slog.Logger) error {
	wanted := func(name string) bool { return slices.Contains(cfg.Containerizers, name) }
	unset := len(cfg.Containerizers) == 0
	if unset || wanted("process") {
		p, err := process.New(process.Config{
			RuntimeDir:   cfg.RuntimeDir,
			NoSwitchUser: !cfg.SwitchUser,
			NoCgroups:    !usesCgroups(cfg),
			CgroupParent: cfg.CgroupsRoot,
			CPUQuota:     cfg.CgroupsEnableCFS,
			Log:          logger,
		})
		if err != nil {
			return err
		}
		s.process = p
		if missing := p.Missing(); len(missing) > 0 {
			if cfg.Cgroups == "required" {
				return fmt.Errorf("--cgroups=required, but this machine does not permit: %s", strings.Join(missing, "; "))
			}
			logger.Info("tasks run without some kinds of isolation", "missing", missing)
		}
	}
	if !unset && !wanted("docker") {
		return nil
	}
	d, err := docker.New(docker.Options{Host: dockerHost(cfg.DockerSocket), WorkDir: cfg.WorkDir, Logger: logger})
	if err != nil {
		return err
	}
	ping, cancel := context.WithTimeout(ctx, engineTimeout)
	defer cancel()
	if err := d.Ping(ping); err != nil && unset {
		logger.Info("no Docker engine answers: tasks with Docker images will be refused", "socket", cfg.DockerSocket)
		return nil
	}
	s.docker = d
	return nil
}

// usesCgroups reports whether control groups are wanted. As in Mesos, a list of
// isolators without any of cgroups/* means that they are not.
func usesCgroups(cfg *config.Agent) bool {
	named := func(isolator string) bool { return strings.HasPrefix(isolator, "cgroups/") }
	return cfg.Cgroups != "off" && (cfg.Isolation == nil || slices.ContainsFunc(cfg.Isolation, named))
}

// dockerHost turns the path of a socket into the address of an engine.
func dockerHost(socket string) string {
	if strings.HasPrefix(socket, "/") {
		return "unix://" + socket
	}
	return socket
}

func (s *Service) options(cfg *config.Agent, logger *slog.Logger, registry prometheus.Registerer) (agent.Options, error) {
	total, err := detect.Resources(cfg.Resources, cfg.DefaultRole, detect.Look(cfg.WorkDir))
	if err != nil {
		return agent.Options{}, fmt.Errorf("--resources: %w", err)
	}
	attributes, err := resources.ParseAttributes(cfg.Attributes)
	if err != nil {
		return agent.Options{}, fmt.Errorf("--attributes: %w", err)
	}
	domain, err := daemon.Domain(cfg.Domain)
	if err != nil {
		return agent.Options{}, err
	}
	workDir, err := filepath.Abs(cfg.WorkDir)
	if err != nil {
		return agent.Options{}, fmt.Errorf("--work_dir: %w", err)
	}
	opts := agent.Options{
		WorkDir:                           workDir,
		Masters:                           cfg.Masters,
		Hostname:                          s.endpoint.Hostname,
		IP:                                s.endpoint.IP.String(),
		Port:                              s.endpoint.Port,
		Resources:                         total.ToV1(resources.Post),
		Attributes:                        attributes.ToV1(),
		Domain:                            domain,
		Version:                           version.Mesos,
		SwitchUser:                        cfg.SwitchUser,
		SandboxDirectory:                  cfg.SandboxDirectory,
		DockerStopTimeout:                 cfg.DockerStopTimeout,
		ExecutorEnvironment:               cfg.ExecutorEnvironment,
		RegistrationBackoffFactor:         cfg.RegistrationBackoffFactor,
		ExecutorShutdownGracePeriod:       cfg.ExecutorShutdownGracePeriod,
		RecoveryTimeout:                   cfg.RecoveryTimeout,
		GCDelay:                           cfg.GCDelay,
		DiskWatchInterval:                 cfg.DiskWatchInterval,
		GCDiskHeadroom:                    cfg.GCDiskHeadroom,
		MaxCompletedExecutorsPerFramework: cfg.MaxCompletedExecutorsPerFramework,
		ReconfigurationPolicy:             agent.Reconfiguration(cfg.ReconfigurationPolicy),
		Cleanup:                           cfg.Recover == "cleanup",
		Lenient:                           !cfg.Strict,
		Logger:                            logger,
		Registerer:                        registry,
	}
	// A nil pointer must not become an interface that is not nil.
	if s.docker != nil {
		opts.Containerizers.Docker = s.docker
	}
	if s.process != nil {
		opts.Containerizers.Process = s.process
		opts.CPULimits = s.process.LimitsCPU()
		opts.MemoryLimits = s.process.LimitsMemory()
	}
	return opts, nil
}

// Address is where the agent listens, with the real port.
func (s *Service) Address() netip.AddrPort {
	return s.server.Addr().(*net.TCPAddr).AddrPort()
}

// Endpoint is what others are told to connect to.
func (s *Service) Endpoint() config.Endpoint { return s.endpoint }

// ErrUnregistered is with what the components end after Unregister.
var ErrUnregistered = errors.New("the agent has left the cluster")

// Unregister makes the agent leave for good: its tasks are killed, the master
// is told, and the agent's component ends.
func (s *Service) Unregister() { s.agent.Unregister() }

// Components are the parts of the agent in the order in which they start. When
// they stop, tasks go on; an agent that starts again takes them over.
func (s *Service) Components() []lifecycle.Component {
	components := []lifecycle.Component{
		{Name: "containerizers", Stop: func(context.Context) error { return s.closeContainerizers() }},
	}
	if s.docker != nil {
		components = append(components, lifecycle.Component{Name: "docker events", Run: s.docker.Run})
	}
	return append(components,
		lifecycle.Component{Name: "agent", Run: s.run},
		lifecycle.Component{Name: "agent server", Run: s.server.Run, Stop: s.server.Stop},
	)
}

// run is the life of the agent's actor. Its end before that of ctx must have a
// reason, so that whoever runs the components can tell it from a failure.
func (s *Service) run(ctx context.Context) error {
	err := s.agent.Run(ctx)
	if err == nil && ctx.Err() == nil {
		return ErrUnregistered
	}
	return err
}

func (s *Service) closeContainerizers() error {
	if s.process == nil {
		return nil
	}
	return s.process.Close()
}
