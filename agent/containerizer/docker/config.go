package docker

import (
	"fmt"
	"maps"
	"strings"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"

	"github.com/meseta/meseta/agent/containerizer"
	"github.com/meseta/meseta/gen/mesosv1"
)

// sandboxMount is where the sandbox appears inside every container.
const sandboxMount = "/mnt/mesos/sandbox"

// config is the container as the engine will be asked for it, while it is
// put together. build is the only maker.
type config struct {
	container *container.Config
	host      *container.HostConfig
	network   *network.NetworkingConfig
	// sources are host directories that must exist before the container
	// starts and are made if they do not.
	sources []string
	// endpoint holds what is set for the container's one network.
	endpoint network.EndpointSettings
	// ownLog says that the task chose a log driver of its own.
	ownLog bool
}

// build translates a spec. It is pure: the same spec gives the same config,
// and everything that cannot be given is refused here, with ErrUnsupported.
func build(spec containerizer.Spec) (*config, error) {
	info := spec.Container
	if info == nil || info.Type != mesosv1.ContainerInfoTypeDocker || info.Docker == nil {
		return nil, unsupported("container %s names no Docker image", spec.ID)
	}
	if strings.TrimSpace(info.Docker.Image) == "" {
		return nil, unsupported("container %s names an empty Docker image", spec.ID)
	}
	c := &config{
		container: &container.Config{Image: info.Docker.Image, Labels: map[string]string{}},
		host:      &container.HostConfig{Privileged: deref(info.Docker.Privileged), LogConfig: exactLog()},
	}
	setCommand(c.container, spec.Command)
	setLimits(&c.host.Resources, spec.Limits)
	if err := setEnvironment(c.container, spec); err != nil {
		return nil, err
	}
	for _, step := range []func(*config, containerizer.Spec) error{setNetwork, setVolumes, setLinux, setParameters} {
		if err := step(c, spec); err != nil {
			return nil, err
		}
	}
	c.finishNetwork()
	return c, nil
}

// exactLog is the engine's log that gives back every byte as it was written,
// and never throws any away: the sandbox files are made from it. The driver
// insists on a size and a number of files.
func exactLog() container.LogConfig {
	return container.LogConfig{Type: "local", Config: map[string]string{
		"max-size": "1024t", "max-file": "1", "compress": "false",
	}}
}

// setCommand follows Docker's manner, which is also that of Mesos:
//
//	shell, with a value      /bin/sh -c value, instead of the image's entry point
//	no shell, with a value   value and arguments go to the image's entry point
//	no shell, no value       arguments, if any, go to the image's entry point
//
// A shell without anything to run means the image's own command: the flag is
// on by default in the v1 API.
func setCommand(cfg *container.Config, command mesosv1.CommandInfo) {
	value := deref(command.Value)
	shell := command.Shell == nil || *command.Shell
	switch {
	case shell && value != "":
		cfg.Entrypoint = []string{"/bin/sh"}
		cfg.Cmd = []string{"-c", value}
	case shell:
	case value != "":
		cfg.Cmd = append([]string{value}, command.Arguments...)
	default:
		cfg.Cmd = command.Arguments
	}
	cfg.User = deref(command.User)
}

// setEnvironment joins the agent's variables with those of the command. The
// command wins, except over names that start with MESOS_. The sandbox is named
// by its place inside the container.
func setEnvironment(cfg *container.Config, spec containerizer.Spec) error {
	values := map[string]string{}
	var order []string
	set := func(name, value string) {
		if _, ok := values[name]; !ok {
			order = append(order, name)
		}
		values[name] = value
	}
	for _, variable := range spec.Environment {
		name, value, _ := strings.Cut(variable, "=")
		set(name, value)
	}
	given := map[string]bool{}
	for _, name := range order {
		given[name] = true
	}
	if spec.Command.Environment != nil {
		for _, v := range spec.Command.Environment.Variables {
			if given[v.Name] && strings.HasPrefix(v.Name, "MESOS_") {
				continue
			}
			value, err := variableValue(v)
			if err != nil {
				return err
			}
			set(v.Name, value)
		}
	}
	set("MESOS_SANDBOX", sandboxMount)
	set("MESOS_CONTAINER_NAME", containerName(spec.ID))
	cfg.Env = make([]string, len(order))
	for i, name := range order {
		cfg.Env[i] = name + "=" + values[name]
	}
	return nil
}

// variableValue is the text of a variable. Secrets must have been resolved by
// the agent: a reference cannot be followed here.
func variableValue(v mesosv1.EnvironmentVariable) (string, error) {
	if v.Type == nil || *v.Type != mesosv1.EnvironmentVariableTypeSecret {
		return deref(v.Value), nil
	}
	if v.Secret != nil && v.Secret.Value != nil {
		return string(v.Secret.Value.Data), nil
	}
	return "", unsupported("environment variable %s is a reference to a secret, and no secret store is configured", v.Name)
}

// options are what the engine is asked for.
func (c *config) options(name string, labels map[string]string) client.ContainerCreateOptions {
	cfg := *c.container
	cfg.Labels = make(map[string]string, len(c.container.Labels)+len(labels))
	maps.Copy(cfg.Labels, c.container.Labels)
	maps.Copy(cfg.Labels, labels)
	return client.ContainerCreateOptions{
		Config: &cfg, HostConfig: c.host, NetworkingConfig: c.network, Name: name,
	}
}

func deref[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}

// invalidParameter reports a value that an option cannot have.
func invalidParameter(key, value string, err error) error {
	return unsupported("docker parameter %q: value %q: %s", key, value, fmt.Sprint(err))
}
