package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/meseta/meseta/agent/detect"
	agentservice "github.com/meseta/meseta/agent/service"
	"github.com/meseta/meseta/client"
	"github.com/meseta/meseta/cmd/meseta/internal/local"
	"github.com/meseta/meseta/internal/config"
	"github.com/meseta/meseta/internal/daemon"
	"github.com/meseta/meseta/internal/lifecycle"
	"github.com/meseta/meseta/internal/verbosity"
	masterservice "github.com/meseta/meseta/master/service"
)

// registrationPatience is how long the agents of a local cluster may take to
// register before people are told what to look at.
const registrationPatience = 20 * time.Second

// localFlags are those of the command.
type localFlags struct {
	local.Options
	ip      string
	verbose bool
}

func (a *app) localCommand() *cobra.Command {
	var f localFlags
	cmd := &cobra.Command{
		Use:     "local",
		Short:   "Run a whole cluster on this machine",
		GroupID: "start",
		Long: `Run a master and agents in one process, as root or as any user, until Ctrl-C.
Tasks with Docker images run where a Docker engine answers. Agents keep their
tasks and sandboxes in --work_dir: tasks go on when the cluster stops, and the
next start takes them over.`,
		Example: `  ` + a.name + ` local
  ` + a.name + ` local --agents=3 --resources='cpus:2;mem:1024'`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.runLocal(cmd, &f) },
	}
	flags := cmd.Flags()
	flags.IntVar(&f.Agents, "agents", 1, "number of agents")
	flags.IntVar(&f.MasterPort, "master_port", 5050, "port of the master")
	flags.IntVar(&f.AgentPort, "agent_port", 5051, "port of the first agent; the others count up")
	flags.StringVar(&f.ip, "ip", "127.0.0.1", "IP address of all services")
	flags.StringVar(&f.WorkDir, "work_dir", local.DefaultWorkDir(os.Geteuid(), a.getenv), "directory for everything the cluster keeps")
	flags.StringVar(&f.Resources, "resources", "", "resources of each agent, such as cpus:2;mem:1024 (default: an equal share of the machine)")
	flags.StringVar(&f.Attributes, "attributes", "", "attributes of each agent, such as rack:r1")
	flags.StringVar(&f.Containerizers, "containerizers", "", "process, docker or both (default: process, and docker where an engine answers)")
	flags.StringVar(&f.DockerSocket, "docker_socket", "", "socket of the Docker engine (default: /var/run/docker.sock)")
	flags.BoolVar(&f.verbose, "verbose", false, "show the whole log instead of warnings only")
	return cmd
}

// runLocal is the life of a local cluster.
func (a *app) runLocal(cmd *cobra.Command, f *localFlags) error {
	plan, err := a.plan(f)
	if err != nil {
		return &usageError{cmd.CommandPath(), err}
	}
	logPath := filepath.Join(f.WorkDir, "meseta.log")
	file, err := appendTo(logPath)
	if err != nil {
		return fmt.Errorf("--work_dir: %w", err)
	}
	defer file.Close()
	shown := slog.LevelWarn
	if f.verbose {
		shown = slog.LevelInfo
	}
	level := new(slog.LevelVar)
	logger := slog.New(slog.NewMultiHandler(
		slog.NewTextHandler(file, &slog.HandlerOptions{Level: level}),
		slog.NewTextHandler(a.err, &slog.HandlerOptions{Level: shown}),
	))
	components, err := buildCluster(cmd.Context(), plan, &serviceLog{logger: logger, verbosity: verbosity.New(level)}, logPath)
	if err != nil {
		return explainTaken(err, a.name)
	}
	ready := lifecycle.Component{Name: "announcement", Run: func(ctx context.Context) error {
		a.announce(ctx, plan, f.WorkDir, logPath)
		<-ctx.Done()
		return nil
	}}
	if err := serve(cmd.Context(), logger, append(components, ready)); err != nil {
		return err
	}
	fmt.Fprintf(a.err, "Stopped. `%s local` goes on from %s.\n", a.name, f.WorkDir)
	return nil
}

func (a *app) plan(f *localFlags) (*local.Plan, error) {
	ip, err := netip.ParseAddr(f.ip)
	if err != nil || ip.IsUnspecified() {
		return nil, fmt.Errorf("--ip: %q is not the address of one interface", f.ip)
	}
	f.IP = ip
	if f.WorkDir, err = filepath.Abs(f.WorkDir); err != nil {
		return nil, fmt.Errorf("--work_dir: %w", err)
	}
	f.Machine = detect.Look(f.WorkDir)
	return local.New(f.Options)
}

// buildCluster builds the services with the constructors that their own
// commands use. They talk to each other over HTTP only.
func buildCluster(ctx context.Context, plan *local.Plan, log *serviceLog, logPath string) ([]lifecycle.Component, error) {
	masterConfig, err := config.LoadMaster(config.Source{Args: plan.Master})
	if err != nil {
		return nil, err
	}
	m, err := masterservice.New(ctx, masterConfig, daemon.Environment{
		Logger: log.logger.With("service", "master"), Verbosity: log.verbosity, LogFile: logPath,
	})
	if err != nil {
		return nil, err
	}
	components := m.Components()
	for i, args := range plan.Agents {
		agentConfig, err := config.LoadAgent(config.Source{Args: args})
		if err != nil {
			return nil, err
		}
		name := fmt.Sprintf("agent-%d", i)
		s, err := agentservice.New(ctx, agentConfig, daemon.Environment{
			Logger: log.logger.With("service", name), Verbosity: log.verbosity, LogFile: logPath,
		})
		if err != nil {
			return nil, err
		}
		for _, c := range s.Components() {
			c.Name = name + ": " + c.Name
			components = append(components, c)
		}
	}
	return components, nil
}

// explainTaken adds what to do when another program has a port.
func explainTaken(err error, name string) error {
	if strings.Contains(err.Error(), "address already in use") {
		return fmt.Errorf("%w\nIs a cluster running already? Then use it, or choose other ports: %s local --master_port=6050 --agent_port=6051", err, name)
	}
	return err
}

// announce waits for the agents and tells people what they have now.
func (a *app) announce(ctx context.Context, plan *local.Plan, workDir, logPath string) {
	operator, err := client.NewOperator(client.OperatorOptions{Masters: []string{plan.MasterAddress}})
	if err != nil {
		return
	}
	defer operator.Close()
	if err := awaitAgents(ctx, operator, len(plan.Agents)); err != nil {
		if ctx.Err() == nil {
			fmt.Fprintf(a.err, "The agents have not registered yet (%v). The log is in %s.\n", err, logPath)
		}
		return
	}
	option := ""
	if plan.MasterAddress != client.DefaultMaster {
		option = " --master=" + plan.MasterAddress
	}
	agents := "1 agent"
	if n := len(plan.Agents); n > 1 {
		agents = fmt.Sprintf("%d agents", n)
	}
	fmt.Fprintf(a.out, `Meseta is up: a master and %s.

  Master:    http://%s
  Kept in:   %s
  Log:       %s

Try it:      %s run%s --command='echo hello'
Look at it:  %s agent list%s
Stop it:     Ctrl-C
`, agents, plan.MasterAddress, workDir, logPath, a.name, option, a.name, option)
}

// awaitAgents returns nil when n agents are active.
func awaitAgents(ctx context.Context, operator *client.Operator, n int) error {
	deadline := time.Now().Add(registrationPatience)
	for {
		agents, err := operator.Agents(ctx)
		if err == nil {
			active := 0
			for i := range agents.Agents {
				if agents.Agents[i].Active {
					active++
				}
			}
			if active >= n {
				return nil
			}
			err = fmt.Errorf("%d of %d are active", active, n)
		}
		if time.Now().After(deadline) {
			return err
		}
		select {
		case <-ctx.Done():
			return errors.Join(err, ctx.Err())
		case <-time.After(100 * time.Millisecond):
		}
	}
}
