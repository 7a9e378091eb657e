package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/meseta/meseta/internal/resources"
)

// masters accepts "host:port,host", with or without http:// in front.
func masters() codec[[]string] {
	c := list()
	split := c.parse
	c.parse = func(s string) ([]string, error) {
		if strings.HasPrefix(s, "zk://") {
			return nil, fmt.Errorf("%q: masters are not found through ZooKeeper here: name them as host:port,host:port", s)
		}
		items, err := split(s)
		if err == nil && len(items) == 0 {
			err = errors.New("names no master: write host:port")
		}
		if err != nil {
			return nil, err
		}
		for i, item := range items {
			if items[i], err = masterAddress(item); err != nil {
				return nil, err
			}
		}
		return items, nil
	}
	return c
}

// masterAddress completes one address with the port of a master.
func masterAddress(s string) (string, error) {
	hostport := strings.TrimSuffix(strings.TrimPrefix(s, "http://"), "/")
	// A bare IPv6 address has several colons and no brackets.
	if !strings.Contains(hostport, ":") || strings.Count(hostport, ":") > 1 && !strings.Contains(hostport, "]:") {
		hostport = net.JoinHostPort(strings.Trim(hostport, "[]"), "5050")
	}
	host, port, err := net.SplitHostPort(hostport)
	n, convErr := strconv.Atoi(port)
	if err != nil || convErr != nil || host == "" || n < 1 || n > 65535 || strings.ContainsAny(host, "/@ ") {
		return "", fmt.Errorf("%q is not the host:port of a master", s)
	}
	return hostport, nil
}

// containerizers accepts the kinds known here, and "mesos" for "process".
func containerizers() codec[[]string] {
	c := list()
	split := c.parse
	c.parse = func(s string) ([]string, error) {
		items, err := split(s)
		if err != nil {
			return nil, err
		}
		if len(items) == 0 {
			return nil, errors.New("names no containerizer: use process, docker or both")
		}
		var out []string
		for _, item := range items {
			switch item {
			case "mesos":
				item = "process"
			case "process", "docker":
			default:
				return nil, fmt.Errorf("%q is not a containerizer: use process (also called mesos) and docker", item)
			}
			if slices.Contains(out, item) {
				return nil, fmt.Errorf("%q is named twice", item)
			}
			out = append(out, item)
		}
		return out, nil
	}
	return c
}

// stringMap accepts a JSON object of texts, or the path of a file with one.
func stringMap() codec[map[string]string] {
	doc := document()
	return codec[map[string]string]{
		kind: "JSON",
		parse: func(s string) (map[string]string, error) {
			raw, err := doc.parse(s)
			if err != nil {
				return nil, err
			}
			var out map[string]string
			if err := json.Unmarshal(raw, &out); err != nil {
				return nil, errors.New("the value must be a JSON object whose values are texts")
			}
			for name := range maps.Keys(out) {
				if name == "" || strings.ContainsAny(name, "=\x00") {
					return nil, fmt.Errorf("%q cannot name an environment variable", name)
				}
			}
			return out, nil
		},
		format: func(v map[string]string) (string, bool) {
			if v == nil {
				return "", false
			}
			// A map of texts always encodes, with its keys in order.
			raw, _ := json.Marshal(v)
			return string(raw), true
		},
	}
}

// dockerConfig accepts the JSON of Docker's config file.
func dockerConfig() codec[Secret] {
	c, doc := secretText(), document()
	c.parse = func(s string) (Secret, error) {
		raw, err := doc.parse(s)
		return Secret(raw), err
	}
	return c
}

func attributesParse(text string) error {
	_, err := resources.ParseAttributes(text)
	return err
}

func absolute(path string) error {
	if !filepath.IsAbs(path) {
		return fmt.Errorf("%q is not an absolute path", path)
	}
	return nil
}
