package compat

// TextDifference is a sentence that Meseta words differently on purpose. State,
// source, reason and the presence of every field are compared all the same.
// Both texts may hold placeholders.
type TextDifference struct {
	Theirs string
	Ours   string
	Reason string
}

// textDifferences is the list of such sentences; it applies to every file.
func textDifferences() []TextDifference {
	return nil
}

// EarlyDifference names an event that Meseta sends earlier than the original
// did, on purpose or because only the slowness of the original made it late.
type EarlyDifference struct {
	Transcript string // format/name
	Step       int
	Reason     string
}

// earlyDifferences is the list of such events.
func earlyDifferences() []EarlyDifference {
	return []EarlyDifference{
		{"scheduler/kill-policy", 25,
			"a kill policy in a KILL call overrides that of the task, so two seconds count and not six (docs/compatibility.md)"},
		{"scheduler/agent-restart-checkpoint", 13,
			"the original adopts the executor only when its agent has started, which took seconds; the task itself is shorter"},
	}
}

// StepDifference names a step whose answer or event is not as recorded, on
// purpose, while the rest of its transcript is. What the step shows is not
// compared; that it differs at all is, so that the list cannot go stale.
type StepDifference struct {
	Transcript string // format/name
	Step       int
	Reason     string
}

// stepDifferences is the list of such steps.
func stepDifferences() []StepDifference {
	return nil
}
