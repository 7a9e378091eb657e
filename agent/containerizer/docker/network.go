package docker

import (
	"net/netip"
	"strconv"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"

	"github.com/meseta/meseta/agent/containerizer"
	"github.com/meseta/meseta/gen/mesosv1"
)

// setNetwork chooses the network and publishes ports. The host's network is
// the default of the v1 API.
func setNetwork(c *config, spec containerizer.Spec) error {
	info := spec.Container
	kind := mesosv1.ContainerInfoDockerInfoNetworkHost
	if info.Docker.Network != nil {
		kind = *info.Docker.Network
	}
	switch kind {
	case mesosv1.ContainerInfoDockerInfoNetworkHost:
		c.host.NetworkMode = "host"
	case mesosv1.ContainerInfoDockerInfoNetworkBridge:
		c.host.NetworkMode = "bridge"
	case mesosv1.ContainerInfoDockerInfoNetworkNone:
		c.host.NetworkMode = "none"
	case mesosv1.ContainerInfoDockerInfoNetworkUser:
		if err := c.setUserNetwork(info.NetworkInfos); err != nil {
			return err
		}
	default:
		return unsupported("docker network %q", kind)
	}
	if hostname := deref(info.Hostname); hostname != "" {
		if kind == mesosv1.ContainerInfoDockerInfoNetworkHost {
			return unsupported("hostname %q with the host's network: the container has the host's name", hostname)
		}
		c.container.Hostname = hostname
	}
	if len(info.Docker.PortMappings) > 0 &&
		(kind == mesosv1.ContainerInfoDockerInfoNetworkHost || kind == mesosv1.ContainerInfoDockerInfoNetworkNone) {
		return unsupported("port mappings with network %s: they need BRIDGE or USER", kind)
	}
	for _, m := range info.Docker.PortMappings {
		if err := c.publish(m.HostPort, m.ContainerPort, deref(m.Protocol), netip.Addr{}); err != nil {
			return err
		}
	}
	return nil
}

// setUserNetwork joins the one network that network_infos names, with the
// address asked for.
func (c *config) setUserNetwork(infos []mesosv1.NetworkInfo) error {
	if len(infos) != 1 {
		return unsupported("network USER needs exactly one network_infos, not %d", len(infos))
	}
	name := deref(infos[0].Name)
	if name == "" {
		return unsupported("network USER needs a name in network_infos")
	}
	c.host.NetworkMode = container.NetworkMode(name)
	for _, a := range infos[0].IPAddresses {
		if text := deref(a.IPAddress); text != "" {
			if err := c.setAddress(text); err != nil {
				return unsupported("network %s: address %q: %v", name, text, err)
			}
		}
	}
	return nil
}

// setAddress fixes the container's address in its network.
func (c *config) setAddress(text string) error {
	address, err := netip.ParseAddr(text)
	if err != nil {
		return err
	}
	if c.endpoint.IPAMConfig == nil {
		c.endpoint.IPAMConfig = &network.EndpointIPAMConfig{}
	}
	if address.Is4() {
		c.endpoint.IPAMConfig.IPv4Address = address
	} else {
		c.endpoint.IPAMConfig.IPv6Address = address
	}
	return nil
}

// publish forwards a port of the host; host port 0 lets the engine choose.
func (c *config) publish(hostPort, containerPort uint32, protocol string, ip netip.Addr) error {
	if hostPort > 65535 || containerPort == 0 || containerPort > 65535 {
		return unsupported("port mapping %d:%d: ports are numbers from 1 to 65535", hostPort, containerPort)
	}
	if protocol == "" {
		protocol = "tcp"
	}
	port, err := network.ParsePort(strconv.FormatUint(uint64(containerPort), 10) + "/" + protocol)
	if err != nil {
		return unsupported("port mapping %d:%d: %v", hostPort, containerPort, err)
	}
	if p := port.Proto(); p != network.TCP && p != network.UDP && p != network.SCTP {
		return unsupported("port mapping %d:%d: protocol %q: it is tcp, udp or sctp", hostPort, containerPort, protocol)
	}
	c.expose(port)
	if c.host.PortBindings == nil {
		c.host.PortBindings = network.PortMap{}
	}
	binding := network.PortBinding{HostIP: ip}
	if hostPort != 0 {
		binding.HostPort = strconv.FormatUint(uint64(hostPort), 10)
	}
	c.host.PortBindings[port] = append(c.host.PortBindings[port], binding)
	return nil
}

func (c *config) expose(port network.Port) {
	if c.container.ExposedPorts == nil {
		c.container.ExposedPorts = network.PortSet{}
	}
	c.container.ExposedPorts[port] = struct{}{}
}

// finishNetwork hands the settings of the endpoint to the network that was
// chosen last: an option may have chosen another than the task's network.
func (c *config) finishNetwork() {
	e := c.endpoint
	if e.IPAMConfig == nil && len(e.Aliases) == 0 && len(e.MacAddress) == 0 {
		return
	}
	c.network = &network.NetworkingConfig{EndpointsConfig: map[string]*network.EndpointSettings{
		string(c.host.NetworkMode): &e,
	}}
}
