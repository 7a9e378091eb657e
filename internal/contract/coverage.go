package contract

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"
)

// coverage counts what has been exercised of the specifications.
type coverage struct {
	mu    sync.Mutex
	items map[string]int // by "spec: what"; what is declared starts at 0
}

func newCoverage() *coverage { return &coverage{items: map[string]int{}} }

func statusItem(s *spec, operation, status string) string {
	return s.name + ": " + operation + " → " + status
}

func valueItem(s *spec, schema, value string) string { return s.name + ": " + schema + " " + value }

// declare lists everything that a specification allows.
func (c *coverage) declare(s *spec) {
	for path, item := range s.doc.Paths.Map() {
		for method, operation := range item.Operations() {
			name := method + " " + path
			if body := operation.RequestBody; body != nil {
				for _, media := range body.Value.Content {
					c.declareUnion(s, media.Schema, name+" request")
				}
			}
			for status, response := range operation.Responses.Map() {
				c.items[statusItem(s, name, status)] = 0
				for _, media := range response.Value.Content {
					c.declareUnion(s, media.Schema, name+" response")
				}
				if item, schema := streamItem(s.doc, response.Value); schema != nil {
					c.declareUnion(s, &openapi3.SchemaRef{Ref: "#/" + item, Value: schema.Value}, "")
				}
			}
		}
	}
}

func (c *coverage) declareUnion(s *spec, ref *openapi3.SchemaRef, where string) {
	for _, value := range union(ref) {
		c.items[valueItem(s, schemaName(ref, where), value)] = 0
	}
}

// status counts an answer. Answers that are not declared do not count; the
// checker has reported them.
func (c *coverage) status(s *spec, operation string, status int) {
	c.hit(statusItem(s, operation, strconv.Itoa(status)))
}

// value counts the type of a valid object.
func (c *coverage) value(s *spec, ref *openapi3.SchemaRef, where string, text []byte) {
	var object struct {
		Type string `json:"type"`
	}
	if ref == nil || json.Unmarshal(text, &object) != nil || object.Type == "" {
		return
	}
	c.hit(valueItem(s, schemaName(ref, where), object.Type))
}

func (c *coverage) hit(item string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, declared := c.items[item]; declared {
		c.items[item]++
	}
}

// Report is what has been exercised of a contract.
type Report struct {
	// Exercised and Missing list operations with their statuses, as in
	// "scheduler.yaml: POST /api/v1/scheduler → 202", and the values of the
	// member type of calls and events, as in "scheduler.yaml: Event OFFERS".
	Exercised, Missing []string
}

// Report takes stock. Items that contain one of the texts in leaveOut do not
// count, for what cannot happen in a test or is built later.
func (c *Contract) Report(leaveOut ...string) Report {
	c.coverage.mu.Lock()
	defer c.coverage.mu.Unlock()
	var r Report
	for item, hits := range c.coverage.items {
		switch {
		case slices.ContainsFunc(leaveOut, func(text string) bool { return strings.Contains(item, text) }):
		case hits > 0:
			r.Exercised = append(r.Exercised, item)
		default:
			r.Missing = append(r.Missing, item)
		}
	}
	slices.Sort(r.Exercised)
	slices.Sort(r.Missing)
	return r
}

// Ratio is the exercised share, between 0 and 1; 1 if nothing counts.
func (r Report) Ratio() float64 {
	all := len(r.Exercised) + len(r.Missing)
	if all == 0 {
		return 1
	}
	return float64(len(r.Exercised)) / float64(all)
}

// String is the report for people: the share and what is missing.
func (r Report) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "contract: %d of %d operation statuses and types exercised (%.0f %%)\n",
		len(r.Exercised), len(r.Exercised)+len(r.Missing), 100*r.Ratio())
	for _, item := range r.Missing {
		b.WriteString("  never seen: " + item + "\n")
	}
	return b.String()
}

// Require fails if the share is below a threshold between 0 and 1.
func (r Report) Require(threshold float64) error {
	if r.Ratio() < threshold {
		return fmt.Errorf("less than %.0f %% of the contract is exercised\n%s", 100*threshold, r)
	}
	return nil
}
