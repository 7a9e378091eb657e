package validation

import (
	"errors"
	"fmt"
	"strings"

	"github.com/meseta/meseta/gen/mesosv1"
)

// container judges a ContainerInfo.
func container(c *mesosv1.ContainerInfo) error {
	if c == nil {
		return nil
	}
	for i := range c.Volumes {
		if err := volume(&c.Volumes[i]); err != nil {
			return fmt.Errorf("Invalid volume: %w", err)
		}
	}
	if c.Type != mesosv1.ContainerInfoTypeDocker {
		return nil
	}
	if c.Docker == nil {
		return errors.New("DockerInfo 'docker' is not set for DOCKER typed ContainerInfo")
	}
	for _, p := range c.Docker.Parameters {
		if p.Key == "name" {
			return errors.New("Parameter in DockerInfo must not be 'name'")
		}
	}
	return nil
}

func volume(v *mesosv1.Volume) error {
	set := 0
	for _, one := range []bool{v.HostPath != nil, v.Image != nil, v.Source != nil} {
		if one {
			set++
		}
	}
	if set != 1 {
		return errors.New("Only one of them should be set: 'host_path', 'image' and 'source'")
	}
	if v.Source == nil {
		return nil
	}
	kind := mesosv1.VolumeSourceTypeUnknown
	if v.Source.Type != nil {
		kind = *v.Source.Type
	}
	for _, one := range []struct {
		kind   mesosv1.VolumeSourceType
		member string
		set    bool
	}{
		{mesosv1.VolumeSourceTypeDockerVolume, "docker_volume", v.Source.DockerVolume != nil},
		{mesosv1.VolumeSourceTypeHostPath, "host_path", v.Source.HostPath != nil},
		{mesosv1.VolumeSourceTypeSandboxPath, "sandbox_path", v.Source.SandboxPath != nil},
		{mesosv1.VolumeSourceTypeSecret, "secret", v.Source.Secret != nil},
		{mesosv1.VolumeSourceTypeCSIVolume, "csi_volume", v.Source.CsiVolume != nil},
	} {
		if kind != one.kind {
			continue
		}
		if !one.set {
			return fmt.Errorf("'source.%s' is not set for %s volume", one.member, kind)
		}
		if kind == mesosv1.VolumeSourceTypeCSIVolume && v.Source.CsiVolume.StaticProvisioning == nil {
			return errors.New("'source.csi_volume.static_provisioning' is not set for CSI_VOLUME volume")
		}
		return nil
	}
	return errors.New("'source.type' is unknown")
}

// check judges a CheckInfo.
func check(c *mesosv1.CheckInfo) error {
	if c == nil {
		return nil
	}
	if c.Type == nil {
		return errors.New("CheckInfo must specify 'type'")
	}
	switch *c.Type {
	case mesosv1.CheckInfoTypeCommand:
		if c.Command == nil {
			return errors.New("Expecting 'command' to be set for COMMAND check")
		}
		if err := checkCommand(&c.Command.Command, "check"); err != nil {
			return err
		}
	case mesosv1.CheckInfoTypeHTTP:
		if c.HTTP == nil {
			return errors.New("Expecting 'http' to be set for HTTP check")
		}
		if p := c.HTTP.Path; p != nil && !strings.HasPrefix(*p, "/") {
			return fmt.Errorf("The path '%s' of HTTP check must start with '/'", *p)
		}
	case mesosv1.CheckInfoTypeTCP:
		if c.TCP == nil {
			return errors.New("Expecting 'tcp' to be set for TCP check")
		}
	default:
		return fmt.Errorf("'%s' is not a valid check type", *c.Type)
	}
	return nonNegative([]seconds{
		{"delay_seconds", c.DelaySeconds},
		{"interval_seconds", c.IntervalSeconds},
		{"timeout_seconds", c.TimeoutSeconds},
	})
}

// healthCheck judges a HealthCheck.
func healthCheck(h *mesosv1.HealthCheck) error {
	if h == nil {
		return nil
	}
	if h.Type == nil {
		return errors.New("HealthCheck must specify 'type'")
	}
	switch *h.Type {
	case mesosv1.HealthCheckTypeCommand:
		if h.Command == nil {
			return errors.New("Expecting 'command' to be set for COMMAND health check")
		}
		if err := checkCommand(h.Command, "health check"); err != nil {
			return err
		}
	case mesosv1.HealthCheckTypeHTTP:
		if h.HTTP == nil {
			return errors.New("Expecting 'http' to be set for HTTP health check")
		}
		if s := h.HTTP.Scheme; s != nil && *s != "http" && *s != "https" {
			return fmt.Errorf("Unsupported HTTP health check scheme: '%s'", *s)
		}
		if p := h.HTTP.Path; p != nil && !strings.HasPrefix(*p, "/") {
			return fmt.Errorf("The path '%s' of HTTP health check must start with '/'", *p)
		}
	case mesosv1.HealthCheckTypeTCP:
		if h.TCP == nil {
			return errors.New("Expecting 'tcp' to be set for TCP health check")
		}
	default:
		return fmt.Errorf("'%s' is not a valid health check type", *h.Type)
	}
	return nonNegative([]seconds{
		{"delay_seconds", h.DelaySeconds},
		{"grace_period_seconds", h.GracePeriodSeconds},
		{"interval_seconds", h.IntervalSeconds},
		{"timeout_seconds", h.TimeoutSeconds},
	})
}

func checkCommand(c *mesosv1.CommandInfo, kind string) error {
	if c.Value == nil {
		what := "'executable path'"
		if c.Shell == nil || *c.Shell {
			what = "'shell command'"
		}
		return fmt.Errorf("Command %s must contain %s", kind, what)
	}
	return prefix(fmt.Sprintf("%s's `CommandInfo` is invalid: ", kind), command(c))
}

type seconds struct {
	member string
	value  *float64
}

func nonNegative(list []seconds) error {
	for _, s := range list {
		if s.value != nil && *s.value < 0 {
			return fmt.Errorf("Expecting '%s' to be non-negative", s.member)
		}
	}
	return nil
}
