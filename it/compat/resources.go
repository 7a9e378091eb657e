package compat

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
)

// canonicalResources rewrites every list of resources in a document so that
// two lists are equal exactly if their sums are: one element for each name,
// role stack, disk and allocation role, scalars added, ranges and sets merged.
func canonicalResources(value any) any {
	switch v := value.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for name, member := range v {
			out[name] = canonicalResources(member)
		}
		return out
	case []any:
		if merged, ok := mergeResources(v); ok {
			return merged
		}
		out := make([]any, len(v))
		for i, element := range v {
			out[i] = canonicalResources(element)
		}
		return out
	default:
		return value
	}
}

// mergeResources reports false if the list is not one of plain resources.
func mergeResources(list []any) ([]any, bool) {
	if len(list) == 0 {
		return nil, false
	}
	groups := make(map[string]map[string]any)
	var order []string
	for _, element := range list {
		resource, ok := element.(map[string]any)
		if !ok || resource["name"] == nil {
			return nil, false
		}
		value, ok := resourceValue(resource)
		if !ok {
			return nil, false
		}
		// What remains without the value is the identity; Marshal sorts members.
		key, err := json.Marshal(without(resource, value))
		if err != nil {
			return nil, false
		}
		if first, ok := groups[string(key)]; ok {
			first[value] = addValues(value, first[value], resource[value])
			continue
		}
		resource = maps.Clone(resource)
		resource[value] = addValues(value, resource[value], nil)
		groups[string(key)] = resource
		order = append(order, string(key))
	}
	merged := make([]any, 0, len(order))
	for _, key := range order {
		merged = append(merged, groups[key])
	}
	return merged, true
}

// resourceValue names the member that holds the amount and reports whether it
// can be calculated with.
func resourceValue(resource map[string]any) (string, bool) {
	switch resource["type"] {
	case "SCALAR":
		_, ok := dig(resource, "scalar", "value").(json.Number)
		return "scalar", ok
	case "RANGES":
		list, ok := dig(resource, "ranges", "range").([]any)
		if !ok {
			return "", false
		}
		for _, r := range list {
			if _, _, ok := bounds(r); !ok {
				return "", false
			}
		}
		return "ranges", true
	case "SET":
		_, ok := dig(resource, "set", "item").([]any)
		return "set", ok
	default:
		return "", false
	}
}

// addValues adds two values of one kind; b may be nil.
func addValues(kind string, a, b any) any {
	switch kind {
	case "scalar":
		sum := amount(a) + amount(b)
		// Resources are counted in thousandths.
		return map[string]any{"value": json.Number(strconv.FormatFloat(sum, 'f', 3, 64))}
	case "ranges":
		return map[string]any{"range": coalesce(append(elements(a, "range"), elements(b, "range")...))}
	default:
		items := append(elements(a, "item"), elements(b, "item")...)
		slices.SortFunc(items, func(x, y any) int {
			return slices.Compare([]byte(textOf(x)), []byte(textOf(y)))
		})
		return map[string]any{"item": slices.Compact(items)}
	}
}

func amount(scalar any) float64 {
	number, ok := dig(scalar, "value").(json.Number)
	if !ok {
		return 0
	}
	value, _ := number.Float64()
	return value
}

func elements(value any, name string) []any {
	list, _ := dig(value, name).([]any)
	return slices.Clone(list)
}

func bounds(r any) (begin, end int64, ok bool) {
	b, okB := dig(r, "begin").(json.Number)
	e, okE := dig(r, "end").(json.Number)
	if !okB || !okE {
		return 0, 0, false
	}
	begin, errB := b.Int64()
	end, errE := e.Int64()
	return begin, end, errB == nil && errE == nil
}

// coalesce sorts ranges and joins those that overlap or touch.
func coalesce(ranges []any) []any {
	type span struct{ begin, end int64 }
	var spans []span
	for _, r := range ranges {
		begin, end, _ := bounds(r)
		spans = append(spans, span{begin, end})
	}
	slices.SortFunc(spans, func(a, b span) int { return int(a.begin - b.begin) })
	var joined []span
	for _, s := range spans {
		if n := len(joined); n > 0 && s.begin <= joined[n-1].end+1 {
			joined[n-1].end = max(joined[n-1].end, s.end)
			continue
		}
		joined = append(joined, s)
	}
	out := make([]any, len(joined))
	for i, s := range joined {
		out[i] = map[string]any{
			"begin": json.Number(strconv.FormatInt(s.begin, 10)),
			"end":   json.Number(strconv.FormatInt(s.end, 10)),
		}
	}
	return out
}
