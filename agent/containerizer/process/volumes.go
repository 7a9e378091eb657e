package process

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/meseta/meseta/agent/containerizer"
	"github.com/meseta/meseta/agent/containerizer/process/wire"
	"github.com/meseta/meseta/gen/mesosv1"
)

// supported refuses what a plain process cannot be given.
func supported(info mesosv1.ContainerInfo) error {
	unsupported := func(what string) error {
		return fmt.Errorf("%s: %w by the process containerizer", what, containerizer.ErrUnsupported)
	}
	switch {
	case info.Type != mesosv1.ContainerInfoTypeMesos:
		return unsupported(fmt.Sprintf("a container of type %s: enable the docker containerizer on this agent, or use type MESOS", info.Type))
	case info.Mesos != nil && info.Mesos.Image != nil:
		return unsupported("a container image: enable the docker containerizer on this agent, or leave the image out")
	case info.TtyInfo != nil:
		return unsupported("tty_info: a terminal")
	case info.RlimitInfo != nil && len(info.RlimitInfo.Rlimits) > 0:
		return unsupported("rlimit_info: resource limits; set them in the command with ulimit")
	case info.Hostname != nil && *info.Hostname != "":
		return unsupported("hostname: a host name of its own")
	}
	for _, network := range info.NetworkInfos {
		if network.Name != nil && *network.Name != "" {
			return unsupported(fmt.Sprintf("network %s: tasks share the network of the host", *network.Name))
		}
		if len(network.PortMappings) > 0 {
			return unsupported("port mappings: tasks share the network of the host and bind its ports themselves")
		}
	}
	if l := info.LinuxInfo; l != nil && (l.CapabilityInfo != nil || l.BoundingCapabilities != nil || l.EffectiveCapabilities != nil || l.Seccomp != nil) {
		return unsupported("linux_info: capabilities and seccomp profiles")
	}
	return nil
}

// mount translates a volume. With privileged it becomes a mount, otherwise a
// symbolic link, which can neither be read-only nor lie outside the sandbox.
func mount(v mesosv1.Volume, privileged bool) (wire.Mount, error) {
	m := wire.Mount{Target: filepath.Clean(v.ContainerPath), ReadOnly: v.Mode == mesosv1.VolumeModeRo, Link: !privileged}
	refuse := func(format string, args ...any) (wire.Mount, error) {
		return wire.Mount{}, fmt.Errorf("volume %s: %s: %w", v.ContainerPath, fmt.Sprintf(format, args...), containerizer.ErrUnsupported)
	}
	absolute := filepath.IsAbs(m.Target)
	switch {
	case v.ContainerPath == "" || m.Target == "." || m.Target == "/":
		return refuse("the container path must name something in the sandbox or an existing path")
	case !absolute && !filepath.IsLocal(m.Target):
		return refuse("the container path leaves the sandbox")
	case m.Link && m.ReadOnly:
		return refuse("a read-only volume needs an agent that runs as root")
	case m.Link && absolute:
		return refuse("an absolute container path needs an agent that runs as root")
	}
	if absolute {
		if _, err := os.Stat(m.Target); err != nil {
			return refuse("without an image an absolute container path must exist on the agent")
		}
	}
	switch {
	case v.HostPath != nil:
		m.Source = *v.HostPath
	case v.Source != nil && v.Source.HostPath != nil:
		if p := v.Source.HostPath.MountPropagation; p != nil && p.Mode != nil && *p.Mode == mesosv1.MountPropagationModeBidirectional {
			return refuse("bidirectional mount propagation")
		}
		m.Source = v.Source.HostPath.Path
	case v.Source != nil && v.Source.SandboxPath != nil:
		s := v.Source.SandboxPath
		if s.Type == nil || *s.Type != mesosv1.VolumeSourceSandboxPathTypeSelf {
			return refuse("sandbox path of another container than the task's own")
		}
		m.Source, m.SandboxSource = s.Path, true
	case v.Image != nil:
		return refuse("an image as a volume: enable the docker containerizer")
	default:
		return refuse("only host paths and sandbox paths can be volumes")
	}
	if !filepath.IsAbs(m.Source) {
		// Mesos takes a relative host path as one of the sandbox.
		m.SandboxSource = true
	}
	m.Source = filepath.Clean(m.Source)
	switch {
	case m.SandboxSource && (m.Source == "." || !filepath.IsLocal(m.Source)):
		return refuse("the path %s leaves the sandbox", m.Source)
	case m.SandboxSource && m.Source == m.Target:
		return refuse("it leads to itself")
	case !m.SandboxSource:
		if _, err := os.Stat(m.Source); err != nil {
			return wire.Mount{}, fmt.Errorf("volume %s: host path: %w", v.ContainerPath, err)
		}
	}
	return m, nil
}
