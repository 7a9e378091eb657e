package compat

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
)

// reportFile collects the full reports of what did not pass.
type reportFile struct {
	mu      sync.Mutex
	entries []string
}

func (f *reportFile) add(t *Transcript, outcome Outcome, report *Report) {
	if report.Passed() {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.entries = append(f.entries, fmt.Sprintf("## %s/%s (%s)\n%s\n%s\n", t.Folder, t.Name, outcome, t.About, report))
}

// write stores the reports in the order of the names; no path, no file.
func (f *reportFile) write(path string) error {
	if path == "" {
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	slices.SortFunc(f.entries, cmp.Compare[string])
	return os.WriteFile(path, []byte(strings.Join(f.entries, "\n")), 0o644)
}
