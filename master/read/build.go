package read

import (
	"time"

	"github.com/meseta/meseta/gen/mesosv1"
	"github.com/meseta/meseta/internal/version"
)

// buildInfo says what runs. The API has places for who built it and on which
// branch, which are not recorded; clients expect the members all the same.
func buildInfo(b version.Build) mesosv1.VersionInfo {
	out := mesosv1.VersionInfo{
		Version:   version.Mesos,
		BuildDate: new(""),
		BuildTime: new(seconds(b.Time)),
		BuildUser: new(""),
		GitSha:    new(b.Revision),
		GitBranch: new(""),
	}
	if !b.Time.IsZero() {
		out.BuildDate = new(b.Time.UTC().Format(time.DateTime))
	}
	return out
}
