package docker

import (
	"strings"

	"github.com/docker/go-units"

	"github.com/meseta/meseta/agent/containerizer"
	"github.com/meseta/meseta/gen/mesosv1"
)

// setLinux applies linux_info and rlimit_info.
func setLinux(c *config, spec containerizer.Spec) error {
	if spec.Container.TtyInfo != nil {
		return unsupported("a terminal (tty_info) for a Docker container: its output is kept in files")
	}
	if r := spec.Container.RlimitInfo; r != nil {
		for _, limit := range r.Rlimits {
			if err := c.addRlimit(limit); err != nil {
				return err
			}
		}
	}
	l := spec.Container.LinuxInfo
	if l == nil {
		return nil
	}
	capabilities := l.EffectiveCapabilities
	if capabilities == nil {
		capabilities = l.CapabilityInfo
	}
	if capabilities != nil {
		c.host.CapDrop = []string{"ALL"}
		for _, name := range capabilities.Capabilities {
			c.host.CapAdd = append(c.host.CapAdd, string(name))
		}
	}
	if deref(l.SharePidNamespace) {
		c.host.PidMode = "host"
	}
	switch deref(l.IpcMode) {
	case mesosv1.LinuxInfoIpcModePrivate:
		c.host.IpcMode = "private"
		c.host.ShmSize = int64(deref(l.ShmSize)) << 20
	case mesosv1.LinuxInfoIpcModeShareParent:
		c.host.IpcMode = "host"
	}
	if s := l.Seccomp; s != nil {
		switch {
		case deref(s.Unconfined):
			c.host.SecurityOpt = append(c.host.SecurityOpt, "seccomp=unconfined")
		case deref(s.ProfileName) != "":
			return unsupported("seccomp profile %q for a Docker container: give it to the engine", *s.ProfileName)
		}
	}
	return nil
}

// addRlimit sets one process limit; without numbers it is unlimited.
func (c *config) addRlimit(limit mesosv1.RLimitInfoRLimit) error {
	name, ok := strings.CutPrefix(string(deref(limit.Type)), "RLMT_")
	if !ok {
		return unsupported("rlimit of type %q", deref(limit.Type))
	}
	if (limit.Soft == nil) != (limit.Hard == nil) {
		return unsupported("rlimit %s: soft and hard are given together or not at all", name)
	}
	u := units.Ulimit{Name: strings.ToLower(name), Soft: -1, Hard: -1}
	if limit.Soft != nil {
		u.Soft, u.Hard = int64(*limit.Soft), int64(*limit.Hard)
	}
	c.host.Ulimits = append(c.host.Ulimits, &u)
	return nil
}
