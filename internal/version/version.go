// Package version says what this program is: the version of the Mesos API it
// is compatible with, which existing clients parse, and its own.
package version

import (
	"os"
	"runtime"
	"runtime/debug"
	"time"
)

// Mesos is the release of Apache Mesos whose API this program speaks. It is
// what the version fields of the API carry, since clients compare it; it
// consists of digits and dots only, because some of them split it there.
const Mesos = "1.12.0"

// Meseta is this program's own release, shown to people only.
const Meseta = "0.1.0"

// Build describes how the running program was built. Texts are empty where the
// build recorded nothing, as for a program run from a test.
type Build struct {
	// Revision is the commit, with "+changes" behind it when the working tree
	// differed from it.
	Revision string
	// Time is when that commit was made or, where the build recorded none, when
	// the program's file was written; zero if unknown.
	Time time.Time
	// GoVersion is the toolchain, such as go1.26.8.
	GoVersion string
	// Platform is the operating system and architecture, such as linux/amd64.
	Platform string
}

// Current reads the description that the Go linker left in the program.
func Current() Build {
	b := Build{GoVersion: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	changed := false
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Revision = s.Value
		case "vcs.modified":
			changed = s.Value == "true"
		case "vcs.time":
			// An unreadable time is the same as none.
			b.Time, _ = time.Parse(time.RFC3339, s.Value)
		}
	}
	if changed && b.Revision != "" {
		b.Revision += "+changes"
	}
	if b.Time.IsZero() {
		b.Time = installed()
	}
	return b
}

// installed is when the program's file was written, which is when it was built
// unless somebody touched it. It is zero if that cannot be found out.
func installed() time.Time {
	path, err := os.Executable()
	if err != nil {
		return time.Time{}
	}
	info, err := os.Stat(path)
	if err != nil {
		return time.Time{}
	}
	return info.ModTime()
}
