package compat

// Status says why a transcript does not pass.
type Status string

const (
	// Later means that a later issue covers it.
	Later Status = "later"
	// Decided means that Meseta differs on purpose.
	Decided Status = "decided"
)

// Known is a transcript that is not expected to pass.
type Known struct {
	Transcript string // format/name
	Status     Status
	Reason     string
	// Covered names the issue or the document that deals with it.
	Covered string
	// Sometimes marks a transcript whose outcome depends on the moment. It may
	// pass without being reported.
	Sometimes bool
}

// known finds the entry of a transcript.
func known(list []Known, key string) (Known, bool) {
	for _, k := range list {
		if k.Transcript == key {
			return k, true
		}
	}
	return Known{}, false
}

// stale returns the listed transcripts that do not exist.
func stale(list []Known, transcripts []*Transcript) []string {
	present := make(map[string]bool)
	for _, t := range transcripts {
		present[t.Key()] = true
	}
	var missing []string
	for _, k := range list {
		if !present[k.Transcript] {
			missing = append(missing, k.Transcript)
		}
	}
	return missing
}
