package read

import (
	"os"
	"time"

	"github.com/meseta/meseta/gen/mesosv1"
	"github.com/meseta/meseta/internal/version"
)

// buildInfo says what runs. The API has places for who built it and on which
// branch, which are not recorded; clients expect the members all the same.
func buildInfo(b version.Build) mesosv1.VersionInfo {
	built := b.Time
	if built.IsZero() {
		built = installed()
	}
	out := mesosv1.VersionInfo{
		Version:   version.Mesos,
		BuildDate: new(""),
		BuildTime: new(seconds(built)),
		BuildUser: new(""),
		GitSha:    new(b.Revision),
		GitBranch: new(""),
	}
	if !built.IsZero() {
		out.BuildDate = new(built.UTC().Format("2006-01-02 15:04:05"))
	}
	return out
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
