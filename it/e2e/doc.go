// Package e2e tests Meseta as its users have it: the built program, started as
// real processes, spoken to over HTTP and on the command line.
//
// The tests build the program once (or take the one that MESETA_BIN names) and
// run in parallel, each with a cluster of its own from it/harness. Every test
// ends with the same check: services that are asked to stop exit with 0, and
// no process and no container of the test is left.
//
// Tests of Docker tasks use the engine that it/engine finds or starts. What is
// missing on a machine, an engine, node or the registry of npm, skips a test
// with the reason, except where CI is set: there it fails.
//
// Tests that choose at random print the seed, and take it from MESETA_SEED.
package e2e
