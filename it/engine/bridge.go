package engine

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
)

// bridgePrefix starts the names of the bridges that tests make. The process
// that made one follows, so that sweep can tell whether it still runs.
const bridgePrefix = "mst"

// addBridge makes a bridge with a private network of its own, so that two
// engines on one machine never share addresses.
func addBridge() (string, error) {
	for subnet := range 200 {
		name := fmt.Sprintf("%s%dn%d", bridgePrefix, os.Getpid(), subnet)
		address := fmt.Sprintf("10.213.%d.1/24", subnet)
		if taken(address) {
			continue
		}
		if err := ip("link", "add", "name", name, "type", "bridge"); err != nil {
			return "", err
		}
		err := ip("address", "add", address, "dev", name)
		if err == nil {
			err = ip("link", "set", name, "up")
		}
		if err != nil {
			removeBridge(name)
			return "", err
		}
		return name, nil
	}
	return "", fmt.Errorf("no free network between 10.213.0.0/24 and 10.213.199.0/24 for a bridge")
}

func removeBridge(name string) {
	if name != "" {
		_ = ip("link", "del", name)
	}
}

// taken says whether an interface of the machine has the address.
func taken(address string) bool {
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		return false
	}
	for _, a := range addresses {
		if a.String() == address {
			return true
		}
	}
	return false
}

func ip(args ...string) error {
	if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("ip %s: %w: %s", strings.Join(args, " "), err, out)
	}
	return nil
}
