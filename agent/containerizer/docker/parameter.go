package docker

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/docker/go-units"

	"github.com/meseta/meseta/agent/containerizer"
)

// option applies one value of one long option of "docker run".
type option func(c *config, value string) error

// setParameters applies the docker parameters of a task in order. They come
// last, so that they win over what the task says elsewhere, as they do on the
// command line of Mesos.
func setParameters(c *config, spec containerizer.Spec) error {
	parameters := spec.Container.Docker.Parameters
	if len(parameters) == 0 {
		return nil // most tasks have none, and the table is large
	}
	table := options()
	for _, p := range parameters {
		key := strings.TrimLeft(p.Key, "-")
		apply, ok := table[key]
		if !ok {
			return unsupported("docker parameter %q: it is no option of docker run that this agent knows", p.Key)
		}
		if err := apply(c, p.Value); err != nil {
			if errors.Is(err, containerizer.ErrUnsupported) {
				return err
			}
			return invalidParameter(p.Key, p.Value, err)
		}
	}
	return nil
}

// refuse explains why an option cannot be had.
func refuse(key, why string) option {
	return func(*config, string) error { return unsupported("docker parameter %q: %s", key, why) }
}

// The makers below turn the place of a setting into an option.

func text(place func(*config) *string) option {
	return func(c *config, value string) error {
		*place(c) = value
		return nil
	}
}

func list(place func(*config) *[]string) option {
	return func(c *config, value string) error {
		p := place(c)
		*p = append(*p, value)
		return nil
	}
}

func flag(place func(*config) *bool) option {
	return func(c *config, value string) error {
		on, err := parseFlag(value)
		if err == nil {
			*place(c) = on
		}
		return err
	}
}

func number(place func(*config) *int64) option {
	return func(c *config, value string) error {
		n, err := strconv.ParseInt(value, 10, 64)
		if err == nil {
			*place(c) = n
		}
		return err
	}
}

// size reads "64m" and the like; -1 means unlimited where the engine says so.
func size(place func(*config) *int64) option {
	return func(c *config, value string) error {
		if value == "-1" {
			*place(c) = -1
			return nil
		}
		n, err := units.RAMInBytes(value)
		if err == nil {
			*place(c) = n
		}
		return err
	}
}

func duration(place func(*config) *time.Duration) option {
	return func(c *config, value string) error {
		d, err := time.ParseDuration(value)
		if err == nil {
			*place(c) = d
		}
		return err
	}
}

// pairs reads KEY=VALUE into a map; without "=", the value is empty.
func pairs(place func(*config) *map[string]string) option {
	return func(c *config, value string) error {
		k, v, _ := strings.Cut(value, "=")
		if k == "" {
			return errors.New("it is KEY=VALUE")
		}
		p := place(c)
		if *p == nil {
			*p = map[string]string{}
		}
		(*p)[k] = v
		return nil
	}
}

// parseFlag takes an empty value for true: "--init" stands alone on a command
// line.
func parseFlag(value string) (bool, error) {
	if value == "" {
		return true, nil
	}
	on, err := strconv.ParseBool(value)
	if err != nil {
		return false, fmt.Errorf("it is true or false")
	}
	return on, nil
}
