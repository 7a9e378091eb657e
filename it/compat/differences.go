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
// purpose or for now, while the rest of its transcript is. What the step shows
// is not compared; that it differs at all is, so that the list can only shrink.
type StepDifference struct {
	Transcript string // format/name
	Steps      []int
	Reason     string
	// Covered names the issue or the document that deals with it.
	Covered string
	// Sometimes marks steps whose outcome depends on the moment; they may be as
	// recorded.
	Sometimes bool
}

// stepDifferences is the list of such steps.
func stepDifferences() []StepDifference {
	return []StepDifference{
		{
			Transcript: "operator/agent-basics", Steps: []int{5, 12}, Covered: "issue 6",
			Reason: "metrics of the fetcher, the image provisioner and resource providers do not exist yet",
		},
		{
			Transcript: "operator/agent-missing-message", Steps: []int{21}, Covered: "issue 6",
			Reason: "metrics of the fetcher, the image provisioner and resource providers do not exist yet",
		},
		{
			Transcript: "operator/agent-reads-idle", Steps: []int{11}, Covered: "issue 8",
			Reason: "GET /containerizer/debug is not served yet",
		},
		{
			Transcript: "operator/legacy-tasks-paging", Steps: []int{11, 19, 27}, Covered: "the recording", Sometimes: true,
			Reason: "the task of the original was still starting at the next allocation; here it has mostly ended by then",
		},
		{
			Transcript: "operator/master-transport-errors", Steps: []int{37, 38, 39}, Covered: "issue 8",
			Reason: "bodies in application/x-protobuf are refused as not supported yet",
		},
		{
			Transcript: "scheduler/http-method-and-content-type", Steps: []int{17, 18}, Covered: "issue 8",
			Reason: "bodies in application/x-protobuf are refused as not supported yet",
		},
		{
			Transcript: "scheduler/http-paths", Steps: []int{9, 10}, Covered: "issue 6",
			Reason: "the executor API of the agent is not served yet",
		},
	}
}
