package allocator

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// sortCounts puts the most frequent reason first; of equally frequent ones
// that which was looked for last, which is the nearest to an offer.
func sortCounts(counts []ReasonCount) {
	slices.SortStableFunc(counts, func(x, y ReasonCount) int { return y.Agents - x.Agents })
}

// String is one line for people, such as "framework f1, role web: of 3 agents:
// not enough free: 2 (agent S1 has cpus:1 free and lacks mem:32), all in use: 1".
func (e Explanation) String() string {
	head := fmt.Sprintf("framework %s, role %s: ", e.Framework, e.Role)
	if e.Reason != NoReason {
		return head + e.Reason.String()
	}
	total := 0
	parts := make([]string, 0, len(e.Agents))
	for _, count := range e.Agents {
		total += count.Agents
		part := fmt.Sprintf("%v: %d", count.Reason, count.Agents)
		switch {
		case count.Reason == Refused && !e.Until.IsZero():
			part += " (the first refusal ends " + e.Until.UTC().Format(time.RFC3339) + ")"
		case count.Reason == TooSmall && e.Nearest != "":
			part += fmt.Sprintf(" (agent %s has %v free and lacks %v)", e.Nearest, e.Free, e.Missing)
		}
		parts = append(parts, part)
	}
	return fmt.Sprintf("%sof %d agents: %s", head, total, strings.Join(parts, ", "))
}
