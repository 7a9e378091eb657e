package compat

import (
	"encoding/json"
	"maps"
	"slices"
	"time"
)

// schedulerRules are the rules of section 4 of the scheduler format. Lists are
// in order except those whose path the step names.
func schedulerRules(unordered []string, started time.Time, texts []TextDifference) rules {
	return rules{
		unordered: func(at path) bool { return slices.Contains(unordered, at.String()) },
		closeTo:   within(1e-9, 0),
		started:   started,
		texts:     texts,
		prepare: func(expected, actual any) (any, any) {
			expected, actual = masterInfo(expected, actual)
			return withoutGroupDetails(expected), withoutGroupDetails(actual)
		},
	}
}

// masterInfo adapts what a SUBSCRIBED event is expected to say about the
// master. Only an implementation that claims the recorded version is held to
// the recorded capabilities, and even then QUOTA_V2 must be absent: existing
// clients reject an event that names it, so it is left out on purpose.
func masterInfo(expected, actual any) (any, any) {
	info, ok := dig(expected, "subscribed", "master_info").(map[string]any)
	ours, okOurs := dig(actual, "subscribed", "master_info").(map[string]any)
	if !ok || !okOurs {
		return expected, actual
	}
	info = maps.Clone(info)
	if version, ok := ours["version"].(string); ok && version != "" && version != info["version"] {
		if _, placeholder := alone(textOf(info["version"])); !placeholder {
			info["version"] = version
			if list, ok := ours["capabilities"].([]any); ok {
				info["capabilities"] = list
			}
		}
	}
	if list, ok := info["capabilities"].([]any); ok {
		info["capabilities"] = slices.DeleteFunc(slices.Clone(list), func(c any) bool {
			return dig(c, "type") == "QUOTA_V2"
		})
	}
	subscribed := maps.Clone(dig(expected, "subscribed").(map[string]any))
	subscribed["master_info"] = info
	event := maps.Clone(expected.(map[string]any))
	event["subscribed"] = subscribed
	return event, actual
}

// withoutGroupDetails removes, from the status of containers that have a
// parent, what was missing from run to run in the original.
func withoutGroupDetails(value any) any {
	return rewrite(value, func(name string, member any) any {
		if name != "container_status" || dig(member, "container_id", "parent") == nil {
			return member
		}
		return without(member, "network_infos", "executor_pid")
	})
}

// rewrite returns a copy in which every member of every object was replaced by
// what change makes of it, innermost first.
func rewrite(value any, change func(name string, member any) any) any {
	switch v := value.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for name, member := range v {
			out[name] = change(name, rewrite(member, change))
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, element := range v {
			out[i] = rewrite(element, change)
		}
		return out
	default:
		return value
	}
}

// without returns a copy of an object that lacks some members.
func without(value any, names ...string) any {
	object, ok := value.(map[string]any)
	if !ok {
		return value
	}
	object = maps.Clone(object)
	for _, name := range names {
		delete(object, name)
	}
	return object
}

// dig follows member names into a value; nil if there is nothing.
func dig(value any, names ...string) any {
	for _, name := range names {
		object, ok := value.(map[string]any)
		if !ok {
			return nil
		}
		value = object[name]
	}
	return value
}

func textOf(value any) string {
	switch v := value.(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	default:
		return ""
	}
}
