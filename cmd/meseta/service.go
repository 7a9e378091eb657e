package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	agentservice "github.com/meseta/meseta/agent/service"
	"github.com/meseta/meseta/internal/config"
	"github.com/meseta/meseta/internal/daemon"
	"github.com/meseta/meseta/internal/lifecycle"
	"github.com/meseta/meseta/internal/version"
	masterservice "github.com/meseta/meseta/master/service"
)

func (a *app) masterCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "master",
		Short:   "Run a master",
		GroupID: "serve",
		Long:    "Run a master: it keeps the agents and frameworks of a cluster and offers the\nresources of the former to the latter.",
		Example: "  " + a.name + " master --work_dir=/var/lib/meseta/master",
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.runMaster(cmd, args)
		},
	}
	configured(cmd, config.MasterHelp, config.MasterFlagNames)
	return cmd
}

// agentCommand is both the service and the noun: with flags alone it runs an
// agent, with a verb it shows those of a cluster.
func (a *app) agentCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "agent",
		Short:   "Run an agent, or list the agents of a cluster",
		GroupID: "serve",
		Long:    "Run an agent: it offers the resources of a machine to the masters and runs tasks.\nWith a subcommand, show the agents of a cluster instead.",
		Example: "  " + a.name + " agent --master=127.0.0.1:5050 --work_dir=/var/lib/meseta/agent\n  " + a.name + " agent list",
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
				return noArguments(cmd, args)
			}
			return a.runAgent(cmd, args)
		},
	}
	configured(cmd, config.AgentHelp, config.AgentFlagNames)
	cmd.AddCommand(a.agentListCommand())
	return cmd
}

// configured makes package config, instead of cobra, read the flags of cmd.
func configured(cmd *cobra.Command, help func(io.Writer) error, names func() []string) {
	cmd.DisableFlagParsing = true
	cmd.ValidArgsFunction = func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		var out []string
		for _, n := range names() {
			out = append(out, "--"+n+"=")
		}
		return out, cobra.ShellCompDirectiveNoSpace
	}
	inherited := cmd.HelpFunc()
	cmd.SetHelpFunc(func(c *cobra.Command, args []string) {
		if c != cmd {
			inherited(c, args)
			return
		}
		w := c.OutOrStdout()
		fmt.Fprintf(w, "%s\n\nUsage:\n  %s [flags]\n", c.Long, c.CommandPath())
		for _, sub := range c.Commands() {
			if sub.IsAvailableCommand() {
				fmt.Fprintf(w, "  %s\n", sub.UseLine())
			}
		}
		fmt.Fprintf(w, "\nExamples:\n%s\n\n", c.Example)
		// An output that cannot be written to cannot be told about either.
		_ = help(w)
	})
}

// settings is what the life of a service takes from its settings, whichever
// service it is.
type settings interface {
	// Asked tells what was asked for instead of the service.
	Asked() (help, version bool)
	Log() *config.Logging
	LogValue() slog.Value
	Notices() []config.Notice
}

// runService is the life of a service process: run is called with the
// environment of the service, unless loading its settings gave an error or
// something else was asked for.
func (a *app) runService(cmd *cobra.Command, name string, cfg settings, loading error, run func(daemon.Environment) error) error {
	if loading != nil {
		return &usageError{cmd.CommandPath(), loading}
	}
	switch helpWanted, versionWanted := cfg.Asked(); {
	case helpWanted:
		return cmd.Help()
	case versionWanted:
		return a.printVersion()
	}
	log, err := a.openLog(cfg.Log(), name)
	if err != nil {
		return err
	}
	defer log.close()
	introduce(cmd.Context(), log.logger, name, cfg.LogValue(), cfg.Notices())
	return run(daemon.Environment{Logger: log.logger, Verbosity: log.verbosity, LogFile: cfg.Log().File(name)})
}

// runMaster is the life of a master process.
func (a *app) runMaster(cmd *cobra.Command, args []string) error {
	cfg, err := config.LoadMaster(config.Source{Args: args, Env: a.env})
	return a.runService(cmd, "master", cfg, err, func(env daemon.Environment) error {
		s, err := masterservice.New(cmd.Context(), cfg, env)
		if err != nil {
			return logged(env.Logger, err)
		}
		env.Logger.Info("listening", "address", s.Address(), "advertised", s.Endpoint().Address())
		return serve(cmd.Context(), env.Logger, s.Components())
	})
}

// runAgent is the life of an agent process.
func (a *app) runAgent(cmd *cobra.Command, args []string) error {
	cfg, err := config.LoadAgent(config.Source{Args: args, Env: a.env})
	return a.runService(cmd, "agent", cfg, err, func(env daemon.Environment) error {
		s, err := agentservice.New(cmd.Context(), cfg, env)
		if err != nil {
			return logged(env.Logger, err)
		}
		env.Logger.Info("listening", "address", s.Address(), "advertised", s.Endpoint().Address())
		defer leaveOnSignal(s, env.Logger)()
		err = serve(cmd.Context(), env.Logger, s.Components())
		if errors.Is(err, agentservice.ErrUnregistered) {
			return nil
		}
		return err
	})
}

// leaveOnSignal makes SIGUSR1 take the agent out of the cluster until stop is
// called. As in Mesos, it then leaves for good instead of coming back later:
// its tasks are killed and the master is told.
func leaveOnSignal(s *agentservice.Service, logger *slog.Logger) (stop func()) {
	leave := make(chan os.Signal, 1)
	signal.Notify(leave, syscall.SIGUSR1)
	ended := make(chan struct{})
	go func() {
		select {
		case <-leave:
			logger.Info("leaving the cluster", "cause", "SIGUSR1")
			s.Unregister()
		case <-ended:
		}
	}()
	return func() {
		signal.Stop(leave)
		close(ended)
	}
}

// serve runs components until ctx is done.
func serve(ctx context.Context, logger *slog.Logger, components []lifecycle.Component) error {
	g := &lifecycle.Group{Logger: logger}
	g.Add(components...)
	err := g.Run(ctx)
	if err != nil {
		return logged(logger, err)
	}
	logger.Info("stopped", "cause", context.Cause(ctx))
	return nil
}

// logged puts an error where the operator of a service looks for it.
func logged(logger *slog.Logger, err error) error {
	logger.Error("giving up", "err", err)
	return err
}

// introduce logs once what a service is and was told.
func introduce(ctx context.Context, logger *slog.Logger, service string, flags slog.Value, notices []config.Notice) {
	b := version.Current()
	logger.LogAttrs(ctx, slog.LevelInfo, "starting "+service, slog.String("version", version.Meseta),
		slog.String("revision", b.Revision), slog.Any("flags", flags))
	for _, n := range notices {
		logger.Warn("a flag is accepted for compatibility and has no effect", "flag", n.Name, "because", n.Reason)
	}
}
