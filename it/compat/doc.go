// Package compat replays recorded conversations with a real Mesos against
// Meseta and compares what comes back.
//
// A transcript is a JSON file: a setup (flags of a master and its agents) and
// steps (requests, expected answers, expected events of streams, signals,
// waits). There are two formats, that of the scheduler and executor APIs and
// that of the operator API; both are described by the README beside the
// recordings, which this package follows. The recordings themselves are not
// part of the repository:
//
//	go test ./it/compat -golden DIR
//
// replays every transcript of a folder, or of the folders in it, each against
// a master and agents of its own. Without the flag the folder is
// ../shared/golden beside the repository; where that does not exist the replay
// is left out with a notice, except in CI, where it fails.
//
// A transcript that cannot pass yet, or never shall, is listed in known.go
// with its reason. It is run all the same, and the test fails when it passes:
// the list may only shrink. Single details in which Meseta differs on purpose
// are listed in differences.go, so that the rest of the file still counts.
//
// The pieces: a Transcript is loaded from a file; Bindings hold the values of
// its placeholders; a matcher compares expected with actual values under the
// rules of the format; a Replayer performs the steps on a Cluster and collects
// what did not match in a Report.
package compat
