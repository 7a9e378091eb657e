package cgroup

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Options choose what Detect looks for.
type Options struct {
	// Name is the directory of this agent, unique on the machine. It is made
	// below a directory "meseta".
	Name string
	// Parent is the control group below which "meseta" is made, as a path
	// from the root of each hierarchy. Empty means the agent's own group, or,
	// where version 2 forbids groups below a group that has processes, the
	// root of the hierarchy.
	Parent string
	// PIDs asks for the controller that bounds the number of processes. It is
	// not used without need: every controller costs each launch some writes.
	PIDs bool
}

// hierarchy is a mounted hierarchy of control groups.
type hierarchy struct {
	// point is where it is mounted, own the calling process's group in it as
	// a path from there.
	point, own string
	v2         bool
	controller string
}

// Detect finds out which control groups this process may make, makes the
// directory Name in each, and says in sentences what is missing. It changes
// nothing else.
func Detect(opts Options) (Layout, []string) {
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return Layout{}, []string{"no control groups: " + err.Error()}
	}
	own, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return Layout{}, []string{"no control groups: " + err.Error()}
	}
	return choose(parse(string(mounts), string(own)), opts)
}

// parse reads the two files of /proc that describe the hierarchies.
func parse(mountinfo, cgroups string) []hierarchy {
	var found []hierarchy
	for line := range strings.Lines(mountinfo) {
		before, after, ok := strings.Cut(strings.TrimSpace(line), " - ")
		left, right := strings.Fields(before), strings.Fields(after)
		if !ok || len(left) < 5 || len(right) < 3 {
			continue
		}
		root, point := left[3], left[4]
		switch right[0] {
		case "cgroup2":
			found = append(found, hierarchy{point: point, own: relative(root, ownGroup(cgroups, "")), v2: true})
		case "cgroup":
			for _, controller := range []string{"memory", "cpu", "pids", "cpuacct"} {
				if slices.Contains(strings.Split(right[2], ","), controller) {
					found = append(found, hierarchy{
						point: point, own: relative(root, ownGroup(cgroups, controller)), controller: controller,
					})
				}
			}
		}
	}
	return found
}

// ownGroup finds the group of the calling process in the text of
// /proc/self/cgroup; version 2 has the empty controller.
func ownGroup(cgroups, controller string) string {
	for line := range strings.Lines(cgroups) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) == 3 && slices.Contains(strings.Split(parts[1], ","), controller) {
			return parts[2]
		}
	}
	return "/"
}

// relative expresses a group as a path from the mount point of which root is
// the group. A group outside is unreachable; the mount point stands in.
func relative(root, group string) string {
	if rel, err := filepath.Rel(root, group); err == nil && filepath.IsLocal(rel) {
		return rel
	}
	return "."
}

func choose(found []hierarchy, opts Options) (Layout, []string) {
	var l Layout
	var missing []string
	controllers := []string{"memory", "cpu"}
	if opts.PIDs {
		controllers = append(controllers, "pids")
	}
	for _, h := range found {
		if !h.v2 || l.Unified != "" {
			continue
		}
		dir, granted, err := makeUnified(h, controllers, opts)
		if err != nil {
			missing = append(missing, fmt.Sprintf("control groups of version 2: %v", err))
		}
		if dir == "" {
			continue
		}
		l.Unified = dir
		for _, controller := range granted {
			*l.controller(controller) = dir
		}
	}
	for _, controller := range append(controllers, "cpuacct") {
		place := l.controller(controller)
		if *place != "" || controller == "cpuacct" && l.Unified != "" {
			continue
		}
		dir, err := makeLegacy(found, controller, opts)
		switch {
		case err == nil:
			*place = dir
		case controller != "cpuacct":
			missing = append(missing, fmt.Sprintf("control group controller %s: %v", controller, err))
		}
	}
	return l, missing
}

func (l *Layout) controller(name string) *string {
	switch name {
	case "memory":
		return &l.Memory
	case "cpu":
		return &l.CPU
	case "pids":
		return &l.PIDs
	default:
		return &l.Account
	}
}

// makeLegacy makes the directory in a version 1 hierarchy.
func makeLegacy(found []hierarchy, controller string, opts Options) (string, error) {
	for _, h := range found {
		if h.controller != controller {
			continue
		}
		dir := filepath.Join(h.point, cmp.Or(opts.Parent, h.own), "meseta", opts.Name)
		return dir, makeAll(dir)
	}
	return "", errors.New("not mounted")
}

// makeUnified makes the directory in the version 2 hierarchy and says which
// of the controllers its groups will have. Version 2 lets a group hand
// controllers down only while it has no process of its own, unless it is the
// root, so below the agent's own group there may be none. An error with a
// directory tells what is missing.
func makeUnified(h hierarchy, controllers []string, opts Options) (string, []string, error) {
	available := strings.Fields(read(filepath.Join(h.point, "cgroup.controllers")))
	parents := []string{cmp.Or(opts.Parent, h.own)}
	if opts.Parent == "" && h.own != "." && len(available) > 0 {
		parents = []string{".", h.own}
	}
	var errs []error
	for _, parent := range parents {
		dir := filepath.Join(h.point, parent, "meseta", opts.Name)
		if err := makeAll(dir); err != nil {
			errs = append(errs, err)
			continue
		}
		var granted []string
		for _, controller := range controllers {
			if !slices.Contains(available, controller) {
				continue
			}
			if err := handDown(h.point, dir, controller); err != nil {
				errs = append(errs, err)
				continue
			}
			granted = append(granted, controller)
		}
		return dir, granted, errors.Join(errs...)
	}
	return "", nil, errors.Join(errs...)
}

// handDown enables a controller for the groups below dir.
func handDown(point, dir, controller string) error {
	if dir != point {
		if err := handDown(point, filepath.Dir(dir), controller); err != nil {
			return err
		}
	}
	if slices.Contains(strings.Fields(read(filepath.Join(dir, "cgroup.subtree_control"))), controller) {
		return nil
	}
	return write(filepath.Join(dir, "cgroup.subtree_control"), "+"+controller)
}

// makeAll makes a directory and those above it, once more if another agent
// removed one of them, found empty, in between.
func makeAll(dir string) error {
	err := os.MkdirAll(dir, 0o755)
	if errors.Is(err, fs.ErrNotExist) {
		err = os.MkdirAll(dir, 0o755)
	}
	return err
}
