// Package harness runs real Meseta processes for tests: it builds the binary
// once, starts masters and agents on loopback ports with flags as Mesos names
// them, waits until they are ready, sends them signals, and leaves nothing
// behind.
//
// A test program begins one Run in its TestMain and ends it after the tests:
//
//	run, err := harness.Begin()
//	code := m.Run()
//	err = run.End()
//
// and each test takes a Cluster from it:
//
//	cluster := run.NewCluster(t)
//	master, err := cluster.StartMaster(ctx, harness.MasterOptions{})
//	agent, err := cluster.StartAgent(ctx, harness.AgentOptions{})
//	record, err := cluster.WaitForAgent(ctx, agent.Hostname, harness.Registered)
//
// # What is left behind
//
// Tasks outlive their agent by design, so stopping the processes that a test
// started is not enough. Everything a Run starts carries the environment
// variable MESETA_TEST_RUN, and everything its agents start works in a
// directory below the directory of the Run. A process is a stray of the Run if
// either mark is found on it. Cluster.Stop ends the strays of one cluster,
// Run.End those of all, and a watchdog process does the same if the test
// program itself is killed.
package harness
