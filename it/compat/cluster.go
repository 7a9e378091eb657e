package compat

import "context"

// Cluster is what the steps of a transcript act on. Agents count from 1.
type Cluster interface {
	// MasterAddr and AgentAddr are host:port addresses that stay the same over
	// restarts.
	MasterAddr() string
	AgentAddr(agent int) (string, error)
	// AgentID asks the master for the id of the agent.
	AgentID(ctx context.Context, agent int) (string, error)
	// SignalAgent sends a signal to the agent process alone and, unless it is
	// STOP or CONT, waits for its end.
	SignalAgent(ctx context.Context, agent int, signal string) error
	// StartAgent starts an agent that is not running.
	StartAgent(ctx context.Context, agent int, how StartAgent) error
	// AwaitAgentExit blocks until the agent process has ended.
	AwaitAgentExit(ctx context.Context, agent int) error
	// RestartMaster kills the master and starts it again with the same flags
	// and an empty registry.
	RestartMaster(ctx context.Context) error
	// AgentWorkDir is the work directory of the agent.
	AgentWorkDir(agent int) (string, error)
}

// StartAgent says how an agent is to be started.
type StartAgent struct {
	Flags []string // in place of those of the setup, unless nil
	Wipe  bool     // remove its directories before
	Wait  bool     // until it has registered
}
