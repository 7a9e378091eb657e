package process

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/meseta/meseta/agent/containerizer"
	"github.com/meseta/meseta/agent/containerizer/process/cgroup"
	"github.com/meseta/meseta/agent/containerizer/process/proctree"
	"github.com/meseta/meseta/agent/containerizer/process/wire"
	"github.com/meseta/meseta/gen/mesosv1"
)

// defaultPath is the PATH of a container that is given none.
const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// minMemory is the smallest memory limit in bytes; below it not even a shell
// starts. Mesos has the same.
const minMemory = 32 << 20

// plan translates a specification into what a supervisor does. notice is a
// sentence for people about what they will not get, or empty.
func (c *Containerizer) plan(spec containerizer.Spec) (launch wire.Launch, notice string, err error) {
	if err := validID(string(spec.ID)); err != nil {
		return wire.Launch{}, "", err
	}
	refuse := func(err error) (wire.Launch, string, error) {
		return wire.Launch{}, "", fmt.Errorf("container %s: %w", spec.ID, err)
	}
	if !filepath.IsAbs(spec.Sandbox) {
		return refuse(fmt.Errorf("the sandbox %q is not an absolute path", spec.Sandbox))
	}
	launch = wire.Launch{Dir: spec.Sandbox, Limits: c.limits(spec.Limits), MaxLogBytes: c.config.MaxLogBytes}
	if launch.Path, launch.Args, err = command(spec.Command); err != nil {
		return refuse(err)
	}
	if launch.Env, err = environment(spec); err != nil {
		return refuse(err)
	}
	if launch.Credential, notice, err = c.credential(spec.User); err != nil {
		return refuse(err)
	}
	if spec.Container != nil {
		if err := supported(*spec.Container); err != nil {
			return refuse(err)
		}
		for _, volume := range spec.Container.Volumes {
			m, err := mount(volume, os.Geteuid() == 0)
			if err != nil {
				return refuse(err)
			}
			launch.Mounts = append(launch.Mounts, m)
		}
	}
	return launch, notice, nil
}

// validID refuses an id that cannot name a control group.
func validID(id string) error {
	if id == "" || id == "." || id == ".." || strings.ContainsAny(id, "/\x00\n") {
		return fmt.Errorf("container id %q is not usable as a name", id)
	}
	return nil
}

// command gives the executable and its whole argument list.
func command(info mesosv1.CommandInfo) (path string, args []string, err error) {
	value := ""
	if info.Value != nil {
		value = *info.Value
	}
	if info.Shell == nil || *info.Shell {
		if info.Value == nil {
			return "", nil, errors.New("the command has no value to give to the shell")
		}
		return "/bin/sh", []string{"sh", "-c", value}, noZero("command", value)
	}
	if value == "" {
		return "", nil, errors.New("the command has no value that names an executable")
	}
	args = info.Arguments
	if len(args) == 0 {
		args = []string{value}
	}
	return value, args, noZero("command", append([]string{value}, args...)...)
}

// noZero refuses what the kernel cannot pass to a program.
func noZero(what string, texts ...string) error {
	for _, text := range texts {
		if strings.ContainsRune(text, 0) {
			return fmt.Errorf("the %s contains a zero byte", what)
		}
	}
	return nil
}

// environment merges defaults, what the agent gives and what the command asks
// for. Nothing of the agent's own environment is in it.
func environment(spec containerizer.Spec) ([]string, error) {
	merged := newVariables()
	merged.set("PATH", defaultPath)
	merged.set(proctree.Marker, spec.Sandbox)
	own := map[string]bool{}
	for _, variable := range spec.Environment {
		name, value, ok := strings.Cut(variable, "=")
		if !ok || name == "" {
			return nil, fmt.Errorf("environment: %q is not of the form NAME=value", variable)
		}
		if name == proctree.Marker {
			continue // always the sandbox: processes are recognised by it
		}
		own[name] = strings.HasPrefix(name, "MESOS_")
		merged.set(name, value)
	}
	own[proctree.Marker] = true
	if spec.Command.Environment != nil {
		for _, v := range spec.Command.Environment.Variables {
			value, err := variableValue(v)
			if err != nil {
				return nil, err
			}
			if !own[v.Name] {
				merged.set(v.Name, value)
			}
		}
	}
	list := merged.list()
	return list, noZero("environment", list...)
}

func variableValue(v mesosv1.EnvironmentVariable) (string, error) {
	if v.Name == "" || strings.ContainsRune(v.Name, '=') {
		return "", fmt.Errorf("environment variable %q: not a name", v.Name)
	}
	if v.Type == nil || *v.Type != mesosv1.EnvironmentVariableTypeSecret {
		if v.Value == nil {
			return "", nil
		}
		return *v.Value, nil
	}
	if v.Secret == nil || v.Secret.Value == nil {
		return "", fmt.Errorf("environment variable %s: a secret by reference: %w: no store of secrets is configured; give the secret by value",
			v.Name, containerizer.ErrUnsupported)
	}
	return string(v.Secret.Value.Data), nil
}

// variables is an environment in which a name occurs once, in order.
type variables struct {
	names  []string
	values map[string]string
}

func newVariables() *variables { return &variables{values: map[string]string{}} }

func (v *variables) set(name, value string) {
	if _, ok := v.values[name]; !ok {
		v.names = append(v.names, name)
	}
	v.values[name] = value
}

func (v *variables) list() []string {
	list := make([]string, 0, len(v.names))
	for _, name := range v.names {
		list = append(list, name+"="+v.values[name])
	}
	return list
}

// credential looks up the user to become. nil means the agent's own.
func (c *Containerizer) credential(name string) (*wire.Credential, string, error) {
	if name == "" || c.config.NoSwitchUser {
		return nil, "", nil
	}
	if os.Geteuid() != 0 {
		if me, err := user.Current(); err == nil && (me.Username == name || me.Uid == name) {
			return nil, "", nil
		}
		return nil, fmt.Sprintf("the agent is not root, so the task does not run as user %s but as the agent's own user", name), nil
	}
	found, err := user.Lookup(name)
	if err != nil {
		return nil, "", fmt.Errorf("user %q does not exist on this agent: create it, or name another", name)
	}
	uid, err := strconv.ParseUint(found.Uid, 10, 32)
	if err != nil {
		return nil, "", fmt.Errorf("user %q: %w", name, err)
	}
	gid, err := strconv.ParseUint(found.Gid, 10, 32)
	if err != nil {
		return nil, "", fmt.Errorf("user %q: %w", name, err)
	}
	if uid == 0 {
		return nil, "", nil
	}
	credential := &wire.Credential{UID: uint32(uid), GID: uint32(gid)}
	groups, err := found.GroupIds()
	if err != nil {
		return nil, "", fmt.Errorf("user %q: groups: %w", name, err)
	}
	for _, group := range groups {
		if id, err := strconv.ParseUint(group, 10, 32); err == nil {
			credential.Groups = append(credential.Groups, uint32(id))
		}
	}
	return credential, "", nil
}

// limits translates what was given and what may be burst to.
func (c *Containerizer) limits(l containerizer.Limits) cgroup.Limits {
	limits := cgroup.Limits{CPUs: l.CPUs, MaxCPUs: l.MaxCPUs, SoftMemoryBytes: l.MemoryBytes, MaxPIDs: c.config.MaxPIDs}
	if limits.MaxCPUs == 0 && c.config.CPUQuota {
		limits.MaxCPUs = l.CPUs
	}
	switch {
	case l.MaxMemoryBytes > 0:
		limits.MaxMemoryBytes = max(minMemory, l.MaxMemoryBytes)
	case l.MaxMemoryBytes == 0 && l.MemoryBytes > 0:
		limits.MaxMemoryBytes = max(minMemory, l.MemoryBytes)
		limits.SoftMemoryBytes = limits.MaxMemoryBytes
	}
	return limits
}
