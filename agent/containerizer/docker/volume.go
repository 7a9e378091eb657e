package docker

import (
	"path"
	"path/filepath"

	"github.com/moby/moby/api/types/mount"

	"github.com/meseta/meseta/agent/containerizer"
	"github.com/meseta/meseta/gen/mesosv1"
)

// setVolumes mounts the sandbox and the task's volumes. Mounts, not the
// colon-separated form, carry them: paths of sandboxes contain task ids, and
// those may contain colons.
func setVolumes(c *config, spec containerizer.Spec) error {
	c.bind(spec.Sandbox, sandboxMount, false, "")
	for _, v := range spec.Container.Volumes {
		if err := c.addVolume(spec, v); err != nil {
			return err
		}
	}
	return nil
}

func (c *config) addVolume(spec containerizer.Spec, v mesosv1.Volume) error {
	if v.ContainerPath == "" {
		return unsupported("a volume has no container_path")
	}
	target := v.ContainerPath
	if !path.IsAbs(target) {
		target = path.Join(sandboxMount, target)
	}
	readOnly := v.Mode == mesosv1.VolumeModeRo
	driver := deref(spec.Container.Docker.VolumeDriver)
	switch {
	case v.Image != nil:
		return unsupported("volume %s: a volume made from an image", v.ContainerPath)
	case v.Source != nil:
		return c.addSource(spec, v, target, readOnly)
	case deref(v.HostPath) == "":
		c.volume("", target, readOnly, driver, nil)
	case filepath.IsAbs(*v.HostPath):
		c.bind(*v.HostPath, target, readOnly, "")
	case driver != "":
		c.volume(*v.HostPath, target, readOnly, driver, nil)
	default:
		// A relative path on the host is one inside the sandbox.
		c.bind(filepath.Join(spec.Sandbox, *v.HostPath), target, readOnly, "")
	}
	return nil
}

// addSource mounts a volume that says what it is.
func (c *config) addSource(spec containerizer.Spec, v mesosv1.Volume, target string, readOnly bool) error {
	s := v.Source
	switch kind := deref(s.Type); kind {
	case mesosv1.VolumeSourceTypeDockerVolume:
		if s.DockerVolume == nil || s.DockerVolume.Name == "" {
			return unsupported("volume %s: source DOCKER_VOLUME without a name", v.ContainerPath)
		}
		options := map[string]string{}
		if s.DockerVolume.DriverOptions != nil {
			for _, p := range s.DockerVolume.DriverOptions.Parameter {
				options[p.Key] = p.Value
			}
		}
		c.volume(s.DockerVolume.Name, target, readOnly, deref(s.DockerVolume.Driver), options)
	case mesosv1.VolumeSourceTypeHostPath:
		if s.HostPath == nil || !filepath.IsAbs(s.HostPath.Path) {
			return unsupported("volume %s: source HOST_PATH needs an absolute path", v.ContainerPath)
		}
		propagation, err := propagationOf(v.ContainerPath, s.HostPath.MountPropagation)
		if err != nil {
			return err
		}
		c.bind(s.HostPath.Path, target, readOnly, propagation)
	case mesosv1.VolumeSourceTypeSandboxPath:
		if s.SandboxPath == nil || deref(s.SandboxPath.Type) == mesosv1.VolumeSourceSandboxPathTypeParent {
			return unsupported("volume %s: source SANDBOX_PATH of a parent: a Docker container has none", v.ContainerPath)
		}
		if !filepath.IsLocal(s.SandboxPath.Path) {
			return unsupported("volume %s: path %q leaves the sandbox", v.ContainerPath, s.SandboxPath.Path)
		}
		c.bind(filepath.Join(spec.Sandbox, s.SandboxPath.Path), target, readOnly, "")
	default:
		return unsupported("volume %s: source %s", v.ContainerPath, kind)
	}
	return nil
}

func propagationOf(target string, p *mesosv1.MountPropagation) (mount.Propagation, error) {
	if p == nil || p.Mode == nil {
		return "", nil
	}
	switch *p.Mode {
	case mesosv1.MountPropagationModeHostToContainer:
		return mount.PropagationRSlave, nil
	case mesosv1.MountPropagationModeBidirectional:
		return mount.PropagationRShared, nil
	default:
		return "", unsupported("volume %s: mount propagation %s", target, *p.Mode)
	}
}

// bind mounts a path of the host, which is made as a directory if it does not
// exist.
func (c *config) bind(source, target string, readOnly bool, propagation mount.Propagation) {
	m := mount.Mount{Type: mount.TypeBind, Source: source, Target: target, ReadOnly: readOnly}
	if propagation != "" {
		m.BindOptions = &mount.BindOptions{Propagation: propagation}
	}
	c.host.Mounts = append(c.host.Mounts, m)
	c.sources = append(c.sources, source)
}

// volume mounts a volume of the engine: a named one, or one that goes away
// with the container.
func (c *config) volume(name, target string, readOnly bool, driver string, options map[string]string) {
	m := mount.Mount{Type: mount.TypeVolume, Source: name, Target: target, ReadOnly: readOnly}
	if driver != "" || len(options) > 0 {
		m.VolumeOptions = &mount.VolumeOptions{DriverConfig: &mount.Driver{Name: driver, Options: options}}
	}
	c.host.Mounts = append(c.host.Mounts, m)
}
