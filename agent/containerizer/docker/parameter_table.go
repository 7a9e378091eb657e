package docker

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/docker/go-units"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
)

// options are the long options of "docker run" that a task may give, by name.
func options() map[string]option {
	table := map[string]option{}
	for _, part := range []map[string]option{
		identityOptions(), networkOptions(), resourceOptions(), storageOptions(), securityOptions(), refusedOptions(),
	} {
		maps.Copy(table, part)
	}
	return table
}

// identityOptions say what runs and how it is called.
func identityOptions() map[string]option {
	return map[string]option{
		"label": func(c *config, value string) error {
			k, v, _ := strings.Cut(value, "=")
			if k == "" || reserved(k) {
				return unsupported("docker parameter \"label\": the label %q belongs to the agent", k)
			}
			c.container.Labels[k] = v
			return nil
		},
		"annotation": pairs(func(c *config) *map[string]string { return &c.host.Annotations }),
		"env": func(c *config, value string) error {
			name, _, ok := strings.Cut(value, "=")
			if name == "" || !ok {
				return errors.New("it is NAME=VALUE")
			}
			if strings.HasPrefix(name, "MESOS_") {
				return unsupported("docker parameter \"env\": the variable %s belongs to the agent", name)
			}
			c.container.Env = append(slices.DeleteFunc(c.container.Env, func(v string) bool {
				return strings.HasPrefix(v, name+"=")
			}), value)
			return nil
		},
		"hostname":   text(func(c *config) *string { return &c.container.Hostname }),
		"domainname": text(func(c *config) *string { return &c.container.Domainname }),
		"user":       text(func(c *config) *string { return &c.container.User }),
		"workdir":    text(func(c *config) *string { return &c.container.WorkingDir }),
		"entrypoint": func(c *config, value string) error {
			// The client of "docker run" has the empty word for "none".
			c.container.Entrypoint = []string{value}
			return nil
		},
		"stop-signal": text(func(c *config) *string { return &c.container.StopSignal }),
		"stop-timeout": func(c *config, value string) error {
			n, err := strconv.Atoi(value)
			c.container.StopTimeout = &n
			return err
		},
		"init": func(c *config, value string) error {
			on, err := parseFlag(value)
			c.host.Init = &on
			return err
		},
		"runtime": text(func(c *config) *string { return &c.host.Runtime }),
		"no-healthcheck": func(c *config, value string) error {
			on, err := parseFlag(value)
			if on {
				c.container.Healthcheck = &container.HealthConfig{Test: []string{"NONE"}}
			}
			return err
		},
		"health-cmd": func(c *config, value string) error {
			health(c).Test = []string{"CMD-SHELL", value}
			return nil
		},
		"health-interval":     duration(func(c *config) *time.Duration { return &health(c).Interval }),
		"health-timeout":      duration(func(c *config) *time.Duration { return &health(c).Timeout }),
		"health-start-period": duration(func(c *config) *time.Duration { return &health(c).StartPeriod }),
		"health-retries": func(c *config, value string) error {
			n, err := strconv.Atoi(value)
			health(c).Retries = n
			return err
		},
		"log-driver": func(c *config, value string) error {
			c.host.LogConfig = container.LogConfig{Type: value, Config: ownLogOptions(c)}
			c.ownLog = true
			return nil
		},
		"log-opt": func(c *config, value string) error {
			if !c.ownLog {
				return unsupported("docker parameter \"log-opt\": it needs a \"log-driver\" before it: the agent's own log takes no options")
			}
			return pairs(func(c *config) *map[string]string { return &c.host.LogConfig.Config })(c, value)
		},
	}
}

// ownLogOptions keeps the options of a driver that the task chose before.
func ownLogOptions(c *config) map[string]string {
	if c.ownLog {
		return c.host.LogConfig.Config
	}
	return nil
}

func health(c *config) *container.HealthConfig {
	if c.container.Healthcheck == nil {
		c.container.Healthcheck = &container.HealthConfig{}
	}
	return c.container.Healthcheck
}

func networkOptions() map[string]option {
	net := func(c *config, value string) error {
		c.host.NetworkMode = container.NetworkMode(value)
		return nil
	}
	dnsOption := list(func(c *config) *[]string { return &c.host.DNSOptions })
	alias := list(func(c *config) *[]string { return &c.endpoint.Aliases })
	address := func(c *config, value string) error { return c.setAddress(value) }
	return map[string]option{
		"network": net, "net": net,
		"network-alias": alias, "net-alias": alias,
		"ip": address, "ip6": address,
		"mac-address": func(c *config, value string) error {
			return c.endpoint.MacAddress.UnmarshalText([]byte(value))
		},
		"link":       list(func(c *config) *[]string { return &c.host.Links }),
		"add-host":   list(func(c *config) *[]string { return &c.host.ExtraHosts }),
		"dns-search": list(func(c *config) *[]string { return &c.host.DNSSearch }),
		"dns-option": dnsOption, "dns-opt": dnsOption,
		"dns": func(c *config, value string) error {
			a, err := netip.ParseAddr(value)
			if err == nil {
				c.host.DNS = append(c.host.DNS, a)
			}
			return err
		},
		"publish":     func(c *config, value string) error { return c.publishText(value) },
		"publish-all": flag(func(c *config) *bool { return &c.host.PublishAllPorts }),
		"expose": func(c *config, value string) error {
			r, err := network.ParsePortRange(value)
			if err != nil {
				return err
			}
			for port := range r.All() {
				c.expose(port)
			}
			return nil
		},
	}
}

// publishText reads [[IP:]HOSTPORT:]CONTAINERPORT[/PROTOCOL].
func (c *config) publishText(value string) error {
	rest, protocol, _ := strings.Cut(value, "/")
	var ip netip.Addr
	var hostPort string
	if i := strings.LastIndexByte(rest, ':'); i >= 0 {
		hostPort, rest = rest[:i], rest[i+1:]
		if j := strings.LastIndexByte(hostPort, ':'); j >= 0 {
			var err error
			if ip, err = netip.ParseAddr(strings.Trim(hostPort[:j], "[]")); err != nil {
				return err
			}
			hostPort = hostPort[j+1:]
		}
	}
	host := uint64(0)
	if hostPort != "" {
		var err error
		if host, err = strconv.ParseUint(hostPort, 10, 16); err != nil {
			return errors.New("it is [[IP:]PORT:]PORT[/PROTOCOL]")
		}
	}
	inside, err := strconv.ParseUint(rest, 10, 16)
	if err != nil {
		return errors.New("it is [[IP:]PORT:]PORT[/PROTOCOL]")
	}
	return c.publish(uint32(host), uint32(inside), protocol, ip)
}

func resourceOptions() map[string]option {
	return map[string]option{
		"cpu-shares": number(func(c *config) *int64 { return &c.host.CPUShares }),
		"cpu-period": number(func(c *config) *int64 { return &c.host.CPUPeriod }),
		"cpu-quota":  number(func(c *config) *int64 { return &c.host.CPUQuota }),
		"cpus": func(c *config, value string) error {
			n, err := strconv.ParseFloat(value, 64)
			if err != nil || !(n > 0) || math.IsInf(n, 1) {
				return errors.New("it is a number of cores")
			}
			// The engine takes a quota or a number of cores, never both.
			c.host.CPUPeriod, c.host.CPUQuota = cfsPeriod, int64(math.Round(n*cfsPeriod))
			return nil
		},
		"cpuset-cpus":        text(func(c *config) *string { return &c.host.CpusetCpus }),
		"cpuset-mems":        text(func(c *config) *string { return &c.host.CpusetMems }),
		"memory":             size(func(c *config) *int64 { return &c.host.Memory }),
		"memory-reservation": size(func(c *config) *int64 { return &c.host.MemoryReservation }),
		"memory-swap":        size(func(c *config) *int64 { return &c.host.MemorySwap }),
		"memory-swappiness": func(c *config, value string) error {
			n, err := strconv.ParseInt(value, 10, 64)
			c.host.MemorySwappiness = &n
			return err
		},
		"oom-kill-disable": func(c *config, value string) error {
			on, err := parseFlag(value)
			c.host.OomKillDisable = &on
			return err
		},
		"oom-score-adj": func(c *config, value string) error {
			n, err := strconv.Atoi(value)
			c.host.OomScoreAdj = n
			return err
		},
		"pids-limit": func(c *config, value string) error {
			n, err := strconv.ParseInt(value, 10, 64)
			c.host.PidsLimit = &n
			return err
		},
		"blkio-weight": func(c *config, value string) error {
			n, err := strconv.ParseUint(value, 10, 16)
			c.host.BlkioWeight = uint16(n)
			return err
		},
		"shm-size": size(func(c *config) *int64 { return &c.host.ShmSize }),
		"ulimit": func(c *config, value string) error {
			u, err := units.ParseUlimit(value)
			if err == nil {
				c.host.Ulimits = append(c.host.Ulimits, u)
			}
			return err
		},
		"cgroup-parent": text(func(c *config) *string { return &c.host.CgroupParent }),
		"gpus":          func(c *config, value string) error { return c.addGPUs(value) },
	}
}

// addGPUs reads "all" or a number of devices.
func (c *config) addGPUs(value string) error {
	count := -1
	if value != "all" {
		n, err := strconv.Atoi(value)
		if err != nil || n < 1 {
			return errors.New("it is all or a number of devices")
		}
		count = n
	}
	c.host.DeviceRequests = append(c.host.DeviceRequests, container.DeviceRequest{
		Count: count, Capabilities: [][]string{{"gpu"}},
	})
	return nil
}

func storageOptions() map[string]option {
	return map[string]option{
		"tmpfs": func(c *config, value string) error {
			target, flags, _ := strings.Cut(value, ":")
			if c.host.Tmpfs == nil {
				c.host.Tmpfs = map[string]string{}
			}
			c.host.Tmpfs[target] = flags
			return nil
		},
		"volume":        list(func(c *config) *[]string { return &c.host.Binds }),
		"volume-driver": text(func(c *config) *string { return &c.host.VolumeDriver }),
		"volumes-from":  list(func(c *config) *[]string { return &c.host.VolumesFrom }),
		"read-only":     flag(func(c *config) *bool { return &c.host.ReadonlyRootfs }),
		"storage-opt":   pairs(func(c *config) *map[string]string { return &c.host.StorageOpt }),
		"device": func(c *config, value string) error {
			d, err := parseDevice(value)
			if err == nil {
				c.host.Devices = append(c.host.Devices, d)
			}
			return err
		},
		"device-cgroup-rule": list(func(c *config) *[]string { return &c.host.DeviceCgroupRules }),
	}
}

// parseDevice reads PATH[:PATH][:PERMISSIONS].
func parseDevice(value string) (container.DeviceMapping, error) {
	parts := strings.Split(value, ":")
	d := container.DeviceMapping{PathOnHost: parts[0], PathInContainer: parts[0], CgroupPermissions: "rwm"}
	permissions := func(s string) bool { return s != "" && strings.Trim(s, "rwm") == "" }
	switch {
	case parts[0] == "" || len(parts) > 3:
		return d, errors.New("it is PATH[:PATH][:rwm]")
	case len(parts) == 3:
		d.PathInContainer, d.CgroupPermissions = parts[1], parts[2]
	case len(parts) == 2 && permissions(parts[1]):
		d.CgroupPermissions = parts[1]
	case len(parts) == 2:
		d.PathInContainer = parts[1]
	}
	if !permissions(d.CgroupPermissions) {
		return d, fmt.Errorf("permissions %q: they are letters of rwm", d.CgroupPermissions)
	}
	return d, nil
}

func securityOptions() map[string]option {
	return map[string]option{
		"privileged":   flag(func(c *config) *bool { return &c.host.Privileged }),
		"cap-add":      list(func(c *config) *[]string { return &c.host.CapAdd }),
		"cap-drop":     list(func(c *config) *[]string { return &c.host.CapDrop }),
		"security-opt": list(func(c *config) *[]string { return &c.host.SecurityOpt }),
		"group-add":    list(func(c *config) *[]string { return &c.host.GroupAdd }),
		"sysctl":       pairs(func(c *config) *map[string]string { return &c.host.Sysctls }),
		"pid":          text(func(c *config) *string { return (*string)(&c.host.PidMode) }),
		"ipc":          text(func(c *config) *string { return (*string)(&c.host.IpcMode) }),
		"uts":          text(func(c *config) *string { return (*string)(&c.host.UTSMode) }),
		"userns":       text(func(c *config) *string { return (*string)(&c.host.UsernsMode) }),
		"cgroupns":     text(func(c *config) *string { return (*string)(&c.host.CgroupnsMode) }),
	}
}

// refusedOptions are those of docker run that would take the container out of
// the agent's hands.
func refusedOptions() map[string]option {
	const kept = "the agent keeps the container until its task has been acknowledged, and removes it then"
	const terminal = "the output of a task is kept in files, not shown on a terminal"
	refused := map[string]string{
		"name":        "the agent names the container",
		"restart":     "the framework decides whether a task runs again",
		"rm":          kept,
		"cidfile":     "the agent keeps the container's id",
		"detach":      "the agent always detaches",
		"attach":      terminal,
		"interactive": terminal,
		"tty":         terminal,
		"env-file":    "files of the client are not read: use environment variables",
		"label-file":  "files of the client are not read: use \"label\"",
		"mount":       "use volumes of the container",
		"pull":        "use force_pull_image",
		"platform":    "the agent runs images of its own platform",
	}
	table := map[string]option{}
	for key, why := range refused {
		table[key] = refuse(key, why)
	}
	// Spelling out the default is harmless.
	table["restart"] = func(c *config, value string) error {
		if value == "no" {
			return nil
		}
		return refuse("restart", refused["restart"])(c, value)
	}
	return table
}
