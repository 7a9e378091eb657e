package main

import (
	"errors"
	"fmt"
	"os/user"
	"slices"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"github.com/meseta/meseta/cmd/meseta/internal/oneshot"
	"github.com/meseta/meseta/gen/mesosv1"
	"github.com/meseta/meseta/internal/resources"
)

// runFlags are those of the command.
type runFlags struct {
	master    *string
	command   string
	image     string
	shell     bool
	noShell   bool
	resources string
	instances int
	name      string
	env       []string
	role      string
	user      string
	quiet     bool
	forcePull bool
}

func (a *app) runCommand() *cobra.Command {
	var f runFlags
	cmd := &cobra.Command{
		Use:     "run --command=COMMAND | --docker_image=IMAGE [-- ARGUMENT...]",
		Short:   "Run a command on a cluster and see what it prints",
		GroupID: "start",
		Long: `Run a command, or a Docker image, as one or more tasks: wait for resources, launch
them, show their states and what they print, and exit with the code of the
command. Ctrl-C kills the tasks.`,
		Example: `  # A shell command:
  ` + a.name + ` run --command='echo hello; uname -a'

  # A program with its arguments, without a shell:
  ` + a.name + ` run --no-shell --command=/bin/ls -- -l /

  # A Docker image, with its own entry point, three times:
  ` + a.name + ` run --docker_image=hello-world --instances=3

  # With more to work with:
  ` + a.name + ` run --command='make -j4' --resources='cpus:4;mem:2048' --env=CC=clang`,
		RunE: func(cmd *cobra.Command, args []string) error { return a.runTasks(cmd, &f, args) },
	}
	flags := cmd.Flags()
	f.master = a.masterFlag(flags)
	flags.StringVar(&f.command, "command", "", "what to run")
	flags.StringVar(&f.image, "docker_image", "", "Docker image to run it in")
	flags.BoolVar(&f.forcePull, "force_pull_image", false, "pull the image even if the agent has it")
	flags.BoolVar(&f.shell, "shell", true, "run the command by /bin/sh")
	flags.BoolVar(&f.noShell, "no_shell", false, "run the command as a program, with the arguments after --")
	flags.StringVar(&f.resources, "resources", "cpus:0.1;mem:32", "resources of each task")
	flags.IntVar(&f.instances, "instances", 1, "number of tasks")
	flags.StringVar(&f.name, "name", "run", "name of the framework and of its tasks")
	flags.StringArrayVar(&f.env, "env", nil, "variable NAME=VALUE for the tasks; may be repeated")
	flags.StringVar(&f.role, "role", "*", "role whose resources to use")
	flags.StringVar(&f.user, "user", "", "user to run as on the agents (default: yourself)")
	flags.BoolVarP(&f.quiet, "quiet", "q", false, "show what the tasks print only")
	return cmd
}

// runTasks runs the tasks and turns their end into an exit code.
func (a *app) runTasks(cmd *cobra.Command, f *runFlags, args []string) error {
	options, err := f.options(args)
	if err != nil {
		return &usageError{cmd.CommandPath(), err}
	}
	options.Stdout, options.Stderr = a.out, a.err
	if !f.quiet {
		options.Note = a.noter()
	}
	outcomes, err := oneshot.Run(cmd.Context(), *options)
	if err != nil {
		return err
	}
	for _, o := range outcomes {
		if o.Code == 0 {
			continue
		}
		if f.quiet {
			fmt.Fprintf(a.err, "%s: %s: %s\n", o.Task, o.State, o.Message)
		}
		return codeError(o.Code)
	}
	return nil
}

// noter prints news apart from the output of tasks: dimmed on a terminal.
func (a *app) noter() func(string) {
	before, after := "", ""
	if a.colour() {
		before, after = "\x1b[2m", "\x1b[0m"
	}
	var mu sync.Mutex
	return func(line string) {
		mu.Lock()
		defer mu.Unlock()
		fmt.Fprintf(a.err, "%s» %s%s\n", before, line, after)
	}
}

// options turns the flags into what to run.
func (f *runFlags) options(args []string) (*oneshot.Options, error) {
	shell := f.shell && !f.noShell
	var errs []error
	if f.command == "" && f.image == "" {
		errs = append(errs, errors.New("nothing to run: give --command, --docker_image or both"))
	}
	if len(args) > 0 && shell && f.command != "" {
		errs = append(errs, errors.New("arguments after -- need --no-shell: with a shell, write them into --command"))
	}
	if f.instances < 1 {
		errs = append(errs, fmt.Errorf("--instances: %d is too few", f.instances))
	}
	wanted, err := resources.Parse(f.resources, "*")
	if err != nil {
		errs = append(errs, fmt.Errorf("--resources: %w", err))
	}
	command := mesosv1.CommandInfo{Shell: new(shell && f.command != ""), Arguments: args}
	if f.command != "" {
		command.Value = &f.command
		if !shell && f.image == "" {
			// The first argument of a process is the name the program sees. A
			// container's command line is the command with the arguments.
			command.Arguments = slices.Concat([]string{f.command}, args)
		}
	}
	if command.Environment, err = environment(f.env); err != nil {
		errs = append(errs, err)
	}
	name := f.user
	if name == "" {
		me, err := user.Current()
		if err != nil {
			errs = append(errs, fmt.Errorf("--user: your name cannot be found (%w): give one", err))
		} else {
			name = me.Username
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	o := &oneshot.Options{
		Masters: masters(*f.master), Name: f.name, Role: f.role, User: name,
		Command: command, Resources: wanted.Resources, Instances: f.instances,
	}
	if f.image != "" {
		o.Container = &mesosv1.ContainerInfo{
			Type:   mesosv1.ContainerInfoTypeDocker,
			Docker: &mesosv1.ContainerInfoDockerInfo{Image: f.image},
		}
		if f.forcePull {
			o.Container.Docker.ForcePullImage = new(true)
		}
	}
	return o, nil
}

// environment reads NAME=VALUE texts.
func environment(entries []string) (*mesosv1.Environment, error) {
	if len(entries) == 0 {
		return nil, nil
	}
	env := &mesosv1.Environment{}
	for _, e := range entries {
		name, value, ok := strings.Cut(e, "=")
		if !ok || name == "" {
			return nil, fmt.Errorf("--env: %q is not NAME=VALUE", e)
		}
		env.Variables = append(env.Variables, mesosv1.EnvironmentVariable{Name: name, Value: &value})
	}
	return env, nil
}
