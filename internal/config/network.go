package config

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// Network says where a service listens and under which name and address
// others reach it.
type Network struct {
	// IP is the address to listen on; the zero value means all of them.
	IP netip.Addr
	// Port to listen on; 0 lets the system choose one, for tests.
	Port int
	// IPDiscoveryCommand prints the address to listen on; empty if unset.
	// It excludes IP.
	IPDiscoveryCommand string
	// AdvertiseIP is the address given to others; zero means the one found by
	// Advertised.
	AdvertiseIP netip.Addr
	// AdvertisePort is the port given to others; 0 means Port.
	AdvertisePort int
	// Hostname is the name shown to others; empty means the one found by
	// Advertised.
	Hostname string
	// HostnameLookup allows to find the hostname; otherwise it is the address.
	HostnameLookup bool
}

func (n *Network) addFlags(t *table, defaultPort int) {
	t.in("Address")
	add(t, &n.IP, "ip", netip.Addr{}, address(),
		"IP address to listen on. Unset means every address of the machine.")
	add(t, &n.Port, "port", defaultPort, integer(0, math.MaxUint16), "Port to listen on.")
	add(t, &n.IPDiscoveryCommand, "ip_discovery_command", "", text(),
		"Command that prints the IP address to listen on; cannot be combined with --ip.").called("COMMAND")
	add(t, &n.AdvertiseIP, "advertise_ip", netip.Addr{}, address(),
		"IP address that others are told to connect to, if it differs from --ip.")
	add(t, &n.AdvertisePort, "advertise_port", 0, zeroUnset(port()),
		"Port that others are told to connect to, if it differs from --port.")
	add(t, &n.Hostname, "hostname", "", text(),
		"Name of this machine shown to others. Unset means the machine's own name, or the IP address with --no-hostname_lookup.")
	add(t, &n.HostnameLookup, "hostname_lookup", true, boolean(),
		"Whether to use the machine's name where --hostname is unset.")
}

func (n *Network) problems(report func(name, problem string)) {
	if n.IP.IsValid() && n.IPDiscoveryCommand != "" {
		report("ip_discovery_command", "cannot be combined with --ip: give one of them")
	}
}

// zeroUnset lists no value while a number is 0.
func zeroUnset(c codec[int]) codec[int] {
	format := c.format
	c.format = func(n int) (string, bool) {
		if n == 0 {
			return "", false
		}
		return format(n)
	}
	return c
}

// discoveryTimeout bounds the run of the command that prints the address.
const discoveryTimeout = 30 * time.Second

// Resolved returns a copy whose IP is what --ip_discovery_command printed, or
// an equal copy when there is no such command. It blocks while that command
// runs, at most half a minute.
func (n Network) Resolved(ctx context.Context) (Network, error) {
	if n.IPDiscoveryCommand == "" {
		return n, nil
	}
	ctx, cancel := context.WithTimeout(ctx, discoveryTimeout)
	defer cancel()
	out, err := exec.CommandContext(ctx, "/bin/sh", "-c", n.IPDiscoveryCommand).Output()
	if err != nil {
		return n, fmt.Errorf("--ip_discovery_command %q: %w", n.IPDiscoveryCommand, err)
	}
	ip, err := netip.ParseAddr(strings.TrimSpace(string(out)))
	if err != nil {
		return n, fmt.Errorf("--ip_discovery_command %q printed %q, which is not an IP address",
			n.IPDiscoveryCommand, strings.TrimSpace(string(out)))
	}
	n.IP, n.IPDiscoveryCommand = ip, ""
	return n, nil
}

// ListenAddress is the "host:port" to listen on; the host is empty for all.
func (n Network) ListenAddress() string {
	host := ""
	if n.IP.IsValid() && !n.IP.IsUnspecified() {
		host = n.IP.String()
	}
	return net.JoinHostPort(host, strconv.Itoa(n.Port))
}

// Endpoint is how others reach a service.
type Endpoint struct {
	IP       netip.Addr
	Port     int
	Hostname string
}

// Address is "ip:port".
func (e Endpoint) Address() string {
	return net.JoinHostPort(e.IP.String(), strconv.Itoa(e.Port))
}

// Advertised completes the settings to what others are told. listening is the
// port really listened on, which matters where Port is 0. Without a fixed
// address it takes the first one of the machine that is not a loopback
// address, or 127.0.0.1 on a machine that has no other. It asks the system
// only, no name server.
func (n Network) Advertised(listening int) (Endpoint, error) {
	e := Endpoint{IP: n.AdvertiseIP, Port: n.AdvertisePort, Hostname: n.Hostname}
	if e.Port == 0 {
		e.Port = listening
	}
	if !e.IP.IsValid() && !n.IP.IsUnspecified() {
		e.IP = n.IP
	}
	if !e.IP.IsValid() {
		ip, err := firstAddress()
		if err != nil {
			return Endpoint{}, err
		}
		e.IP = ip
	}
	if e.Hostname == "" && n.HostnameLookup && !e.IP.IsLoopback() {
		name, err := os.Hostname()
		if err != nil {
			return Endpoint{}, fmt.Errorf("name of this machine: %w; give it with --hostname", err)
		}
		e.Hostname = name
	}
	if e.Hostname == "" {
		// A loopback address is reached under no other name.
		e.Hostname = e.IP.String()
	}
	return e, nil
}

// firstAddress prefers IPv4, since not every framework knows IPv6.
func firstAddress() (netip.Addr, error) {
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return netip.Addr{}, fmt.Errorf("addresses of this machine: %w; give one with --ip", err)
	}
	var six, loopback netip.Addr
	for _, a := range addrs {
		prefix, err := netip.ParsePrefix(a.String())
		if err != nil {
			continue
		}
		switch ip := prefix.Addr(); {
		case ip.IsLoopback():
			if ip.Is4() && !loopback.IsValid() {
				loopback = ip
			}
		case ip.IsGlobalUnicast() && ip.Is4():
			return ip, nil
		case ip.IsGlobalUnicast() && !six.IsValid():
			six = ip
		}
	}
	switch {
	case six.IsValid():
		return six, nil
	case loopback.IsValid():
		return loopback, nil
	}
	return netip.Addr{}, errors.New("this machine has no IP address: give one with --ip")
}
