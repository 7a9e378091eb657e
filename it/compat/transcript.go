package compat

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Format is one of the two dialects that transcripts are written in.
type Format int

const (
	// Scheduler is the format of the scheduler and executor conversations.
	Scheduler Format = iota + 1
	// Operator is the format of the operator API and read endpoints.
	Operator
)

func (f Format) String() string {
	if f == Operator {
		return "operator"
	}
	return "scheduler"
}

// Transcript is one recorded conversation.
type Transcript struct {
	Format Format `json:"-"`
	Folder string `json:"-"` // the name of the folder the file is in
	Name   string `json:"name"`
	About  string `json:"about"`
	Setup  Setup  `json:"setup"`
	Steps  []Step `json:"steps"`
}

// Key identifies the transcript in the lists of known differences: format and
// name, whatever the folder is called.
func (t *Transcript) Key() string { return t.Format.String() + "/" + t.Name }

// Setup says what runs before the first step.
type Setup struct {
	MasterFlags []string                   `json:"master_flags"`
	Agents      []AgentSetup               `json:"agents"`
	Files       map[string]json.RawMessage `json:"files"`
}

// AgentSetup holds the flags of one agent beyond the common ones.
type AgentSetup struct {
	Flags []string `json:"flags"`
}

// Step is one step of either format. Only the members that its Do uses are
// set; which these are is said in the README of the format.
type Step struct {
	Do   string `json:"do"`
	Note string `json:"note"`

	Target   string            `json:"target"` // "" and "master" are the same
	Method   string            `json:"method"`
	Path     string            `json:"path"`
	Headers  map[string]string `json:"headers"`
	Body     json.RawMessage   `json:"body"`
	RawBody  *string           `json:"raw_body"`  // scheduler: exact text
	BodyText *string           `json:"body_text"` // operator: exact text
	Records  []json.RawMessage `json:"body_records"`
	Poll     bool              `json:"poll"`
	Expect   *Expect           `json:"expect"`

	Stream          string          `json:"stream"`
	Type            string          `json:"type"`
	Event           json.RawMessage `json:"event"`
	Unordered       []string        `json:"unordered"`
	ObservedAfterMS *float64        `json:"observed_after_ms"`
	Ignore          []string        `json:"ignore"`
	Seconds         float64         `json:"seconds"`
	MS              float64         `json:"ms"`
	Text            string          `json:"text"`

	Agent       int      `json:"agent"`
	Signal      string   `json:"signal"`
	Flags       []string `json:"flags"`
	WipeWorkDir bool     `json:"wipe_work_dir"`

	ExecutorID string   `json:"executor_id"`
	File       string   `json:"file"`
	Lines      []string `json:"lines"`
}

// Expect is the expected answer of a call or a subscription. Body is text in
// the scheduler format and a JSON value in the operator format.
type Expect struct {
	Status     int               `json:"status"`
	Headers    map[string]string `json:"headers"`
	Body       json.RawMessage   `json:"body"`
	BodyPrefix *string           `json:"body_prefix"`
	JSONBody   json.RawMessage   `json:"json_body"`
	BodyText   *string           `json:"body_text"`
	BodyBase64 *string           `json:"body_base64"`
	JSONP      *string           `json:"jsonp"`
}

// eventType is the type of the event that a step expects.
func (s *Step) eventType() string {
	if s.Type != "" || len(s.Event) == 0 {
		return s.Type
	}
	var event struct {
		Type string `json:"type"`
	}
	// A malformed event was refused when the file was loaded.
	_ = json.Unmarshal(s.Event, &event)
	return event.Type
}

// formatOfStep tells the format from a step that exists in one of them only.
func formatOfStep(s *Step) (Format, bool) {
	switch s.Do {
	case "quiet", "wait", "signal_agent", "restart_master", "wait_sandbox_file", "sandbox_file", "write_sandbox_file":
		return Scheduler, true
	case "no_event", "still_open", "sleep", "stop_agent", "agent_exited", "agent_running":
		return Operator, true
	case "event":
		if s.Type != "" {
			return Scheduler, true
		}
		return Operator, true
	case "call", "subscribe":
		if s.Target == "master" || s.BodyText != nil || s.Records != nil || s.Poll {
			return Operator, true
		}
		if s.Target == "" || s.RawBody != nil {
			return Scheduler, true
		}
		// The body of an answer is text in the scheduler format.
		if e := s.Expect; e != nil && (e.BodyText != nil || len(e.Body) > 0 && e.Body[0] != '"') {
			return Operator, true
		}
	}
	return 0, false
}

// Load reads one file. A file that is not a transcript at all gives nil and no
// error; a transcript with steps that this package cannot perform is an error.
func Load(path string) (*Transcript, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var shape struct {
		Setup json.RawMessage `json:"setup"`
		Steps []struct {
			Do string `json:"do"`
		} `json:"steps"`
	}
	if err := json.Unmarshal(text, &shape); err != nil || len(shape.Setup) == 0 || len(shape.Steps) == 0 || shape.Steps[0].Do == "" {
		// Folders of recordings may hold other JSON files. Only what looks like
		// a transcript and is not a correct one is worth an error.
		if err != nil && bytes.Contains(text, []byte(`"steps"`)) && bytes.Contains(text, []byte(`"do"`)) {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		return nil, nil
	}
	t := &Transcript{Folder: filepath.Base(filepath.Dir(path))}
	if err := json.Unmarshal(text, t); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if t.Name == "" {
		t.Name = strings.TrimSuffix(filepath.Base(path), ".json")
	}
	if err := t.check(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return t, nil
}

// check finds out the format and refuses steps that nobody could perform.
func (t *Transcript) check() error {
	for i := range t.Steps {
		s := &t.Steps[i]
		if f, ok := formatOfStep(s); ok {
			if t.Format != 0 && t.Format != f {
				return fmt.Errorf("step %d (%s) is of the %v format, the steps before of the %v format", i+1, s.Do, f, t.Format)
			}
			t.Format = f
		}
		switch s.Do {
		case "call", "subscribe":
			if s.Expect == nil {
				return fmt.Errorf("step %d (%s) expects nothing", i+1, s.Do)
			}
		case "event":
			if s.eventType() == "" {
				return fmt.Errorf("step %d expects an event without a type", i+1)
			}
		}
		if _, ok := performers()[s.Do]; !ok {
			return fmt.Errorf("step %d: unknown step %q", i+1, s.Do)
		}
	}
	if t.Format == 0 {
		t.Format = Scheduler
	}
	return nil
}

// decode turns JSON text into a value whose numbers keep their digits.
func decode(text []byte) (any, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return nil, err
	}
	if decoder.More() {
		return nil, fmt.Errorf("more than one JSON value")
	}
	return value, nil
}
