package version

import (
	"regexp"
	"testing"
)

func TestTheVersionOfTheAPIIsDigitsAndDots(t *testing.T) {
	t.Parallel()
	if !regexp.MustCompile(`^\d+\.\d+\.\d+$`).MatchString(Mesos) {
		t.Errorf("version %q would break clients that split it into three numbers", Mesos)
	}
}

func TestCurrentKnowsToolchainAndPlatform(t *testing.T) {
	t.Parallel()
	if b := Current(); b.GoVersion == "" || b.Platform == "" {
		t.Errorf("Current() = %+v, want at least the toolchain and the platform", b)
	}
}
