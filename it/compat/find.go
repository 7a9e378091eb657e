package compat

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sort"
)

// Find loads the transcripts of a folder and of the folders directly in it,
// ordered by folder and name. JSON files that are no transcripts are passed
// over; finding none at all is an error.
func Find(folder string) ([]*Transcript, error) {
	var files []string
	for _, pattern := range []string{"*.json", "*/*.json"} {
		matches, err := filepath.Glob(filepath.Join(folder, pattern))
		if err != nil {
			return nil, err
		}
		files = append(files, matches...)
	}
	sort.Strings(files)
	var transcripts []*Transcript
	var problems []error
	for _, file := range files {
		t, err := Load(file)
		switch {
		case err != nil:
			problems = append(problems, err)
		case t != nil:
			transcripts = append(transcripts, t)
		}
	}
	if len(problems) == 0 && len(transcripts) == 0 {
		problems = append(problems, fmt.Errorf("%s: no transcripts there", folder))
	}
	return transcripts, errors.Join(problems...)
}

// ErrAbsent means that the folder of transcripts does not exist.
var ErrAbsent = errors.New("the folder of transcripts does not exist")

// Locate makes the folder an absolute path. A relative one counts from the
// root of the repository, or else from the working directory.
func Locate(folder, root string) (string, error) {
	candidates := []string{folder}
	if !filepath.IsAbs(folder) {
		candidates = []string{filepath.Join(root, folder), folder}
	}
	for _, c := range candidates {
		if info, err := os.Stat(c); err == nil && info.IsDir() {
			return filepath.Abs(c)
		}
	}
	return "", fmt.Errorf("%s: %w", folder, ErrAbsent)
}
