package compat

import (
	"maps"
	"regexp"
	"slices"
	"strings"
)

// operatorRules are the rules of the section "Comparing" of the operator
// format. request is the path of the call that is answered, empty for events.
func operatorRules(setup Setup, request string, texts []TextDifference) rules {
	endpoint, _, _ := strings.Cut(request, "?")
	return rules{
		unordered: func(at path) bool { return !keepsOrder(at, endpoint) },
		closeTo:   within(1e-6, 1e-6),
		optional: func(at path, _ string, expected any) bool {
			// What is measured depends on the isolation.
			return (at.last() == "statistics" || at.last() == "resource_statistics") && expected == "$NUMBER"
		},
		member:    newestState,
		textPorts: true,
		texts:     texts,
		prepare: func(expected, actual any) (any, any) {
			expected, actual = masterInfo(expected, actual)
			expected, actual = onlySetFlags(expected, actual, setup)
			expected, actual = onlyRecordedMetrics(expected, actual, endpoint)
			return stable(expected), stable(actual)
		},
	}
}

// keepsOrder tells the lists whose order counts: statuses of a task, windows,
// ranges, arguments and the elements of /tasks.
func keepsOrder(at path, endpoint string) bool {
	switch at.last() {
	case "statuses", "windows", "range", "arguments", "argv":
		return true
	case "tasks":
		return len(at) == 1 && strings.HasSuffix(strings.TrimSuffix(endpoint, "/"), "/tasks")
	default:
		return false
	}
}

// stable removes what comes and goes with the moment and brings lists of
// resources into one form.
func stable(value any) any {
	return canonicalResources(rewrite(value, func(name string, member any) any {
		if name == "container_status" {
			return without(member, "network_infos", "executor_pid")
		}
		return member
	}))
}

// newestState compares the state in a TASK_UPDATED event, which is the newest
// known one: it may be ahead of the recorded one but never behind the state of
// the status beside it.
func newestState(at path, name string, parent, _, actual any) (handled, equal bool) {
	if name != "state" || at.last() != "task_updated" {
		return false, false
	}
	state, ok := actual.(string)
	status := textOf(dig(parent, "status", "state"))
	return true, ok && stateRank(state) >= stateRank(status)
}

// stateRank orders the states of a task by how far it has come.
func stateRank(state string) int {
	switch state {
	case "TASK_STAGING":
		return 0
	case "TASK_STARTING":
		return 1
	case "TASK_RUNNING":
		return 2
	case "TASK_KILLING":
		return 3
	case "TASK_UNREACHABLE":
		return 4
	default:
		return 5
	}
}

// onlySetFlags reduces lists of flags to those that the setup gives: the
// others are what the recorded build happens to know.
func onlySetFlags(expected, actual any, setup Setup) (any, any) {
	given := make(map[string]bool)
	add := func(flags []string) {
		for _, f := range flags {
			name, _, _ := strings.Cut(strings.TrimPrefix(f, "--"), "=")
			given[name] = true
		}
	}
	add(setup.MasterFlags)
	for _, a := range setup.Agents {
		add(a.Flags)
	}
	reduce := func(name string, member any) any {
		if name != "flags" {
			return member
		}
		switch flags := member.(type) {
		case map[string]any:
			flags = maps.Clone(flags)
			maps.DeleteFunc(flags, func(name string, _ any) bool { return !given[name] })
			return flags
		case []any:
			return slices.DeleteFunc(slices.Clone(flags), func(f any) bool { return !given[textOf(dig(f, "name"))] })
		default:
			return member
		}
	}
	return rewrite(expected, reduce), rewrite(actual, reduce)
}

var timerMember = regexp.MustCompile(`_ms/[^/]+$`)

// onlyRecordedMetrics brings both forms of the metrics into that of the
// snapshot, drops additional names from the answer, and the distribution
// members of timers from the expectation where the answer has none.
func onlyRecordedMetrics(expected, actual any, endpoint string) (any, any) {
	if list, ok := dig(expected, "get_metrics", "metrics").([]any); ok {
		ours, ok := dig(actual, "get_metrics", "metrics").([]any)
		if !ok {
			return expected, actual
		}
		e, a := recordedMetrics(byName(list), byName(ours))
		return map[string]any{"type": dig(expected, "type"), "get_metrics": map[string]any{"metrics": e}},
			map[string]any{"type": dig(actual, "type"), "get_metrics": map[string]any{"metrics": a}}
	}
	e, okE := expected.(map[string]any)
	a, okA := actual.(map[string]any)
	if okE && okA && strings.Contains(endpoint, "/metrics/snapshot") {
		return recordedMetrics(e, a)
	}
	return expected, actual
}

func byName(list []any) map[string]any {
	named := make(map[string]any, len(list))
	for _, metric := range list {
		named[textOf(dig(metric, "name"))] = dig(metric, "value")
	}
	return named
}

func recordedMetrics(expected, actual map[string]any) (map[string]any, map[string]any) {
	e := maps.Clone(expected)
	maps.DeleteFunc(e, func(name string, _ any) bool {
		_, present := actual[name]
		return !present && timerMember.MatchString(name)
	})
	templates := slices.DeleteFunc(slices.Collect(maps.Keys(e)), func(name string) bool { return !strings.Contains(name, "$") })
	a := maps.Clone(actual)
	maps.DeleteFunc(a, func(name string, _ any) bool {
		_, recorded := e[name]
		return !recorded && !slices.ContainsFunc(templates, func(t string) bool { return couldBe(t, name) })
	})
	return e, a
}

// couldBe reports whether some values of the placeholders make the template
// this text.
func couldBe(template, s string) bool {
	return newMatcher(NewBindings(), rules{}).text(template, s)
}
