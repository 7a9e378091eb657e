package compat

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"testing"

	"github.com/meseta/meseta/it/harness"
)

// Boot starts what the setup of a transcript asks for, each agent after the
// one before has registered, and returns the cluster together with the values
// of the placeholders that the harness has chosen. The processes end with the
// test.
func Boot(ctx context.Context, tb testing.TB, run *harness.Run, t *Transcript) (Cluster, *Bindings, error) {
	b := &booted{transcript: t, run: run, inner: run.NewCluster(tb), bindings: NewBindings()}
	if err := b.bindDirectories(); err != nil {
		return nil, nil, err
	}
	if err := b.writeFiles(); err != nil {
		return nil, nil, err
	}
	if err := b.startMaster(ctx); err != nil {
		return nil, nil, err
	}
	for i, setup := range t.Setup.Agents {
		if err := b.addAgent(ctx, i+1, setup.Flags); err != nil {
			return nil, nil, err
		}
		record, err := b.inner.WaitForAgent(ctx, agentHostname(i+1), harness.Registered)
		if err != nil {
			return nil, nil, err
		}
		b.ids = append(b.ids, record.ID)
		if t.Format == Scheduler {
			// In the operator format the numbers follow the first occurrence.
			if err := b.bind(fmt.Sprintf("AGENT_ID_%d", i+1), record.ID); err != nil {
				return nil, nil, err
			}
		}
	}
	return b, b.bindings, nil
}

// booted is a cluster of real processes.
type booted struct {
	transcript *Transcript
	run        *harness.Run
	inner      *harness.Cluster
	bindings   *Bindings
	agents     []*harness.Agent
	ids        []string // those of the agents of the setup
}

// bind gives a placeholder of the setup its value.
func (b *booted) bind(name, value string) error {
	if !b.bindings.Bind(name, value) {
		return fmt.Errorf("$%s cannot be %q", name, value)
	}
	return nil
}

func (b *booted) bindDirectories() error {
	dirs := map[string]string{}
	for name, base := range map[string]string{
		"LAUNCHER_DIR": "launcher", "SCRATCH": "scratch", "CONF_DIR": "conf", "WEBUI_DIR": "webui", "MASTER_LOG_DIR": "master/log",
	} {
		dirs[name] = filepath.Join(b.inner.Dir(), base)
	}
	for name, dir := range dirs {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
		if err := b.bind(name, dir); err != nil {
			return err
		}
	}
	me, err := user.Current()
	if err != nil {
		return err
	}
	group, err := user.LookupGroupId(me.Gid)
	if err != nil {
		return err
	}
	return errors.Join(
		b.bind("TMP_DIR", strings.TrimSuffix(os.TempDir(), "/")),
		b.bind("USER", me.Username),
		b.bind("GROUP", group.Name))
}

// writeFiles stores the files of the setup: text as it is, any other value as
// JSON.
func (b *booted) writeFiles() error {
	dir, _ := b.bindings.Value("CONF_DIR")
	if b.transcript.Format == Scheduler {
		dir, _ = b.bindings.Value("SCRATCH")
	}
	for name, content := range b.transcript.Setup.Files {
		text := []byte(content)
		var plain string
		if b.transcript.Format == Operator && json.Unmarshal(content, &plain) == nil {
			text = []byte(plain)
		}
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, text, 0o600); err != nil {
			return err
		}
	}
	return nil
}

func (b *booted) startMaster(ctx context.Context) error {
	port, err := b.run.FreePort()
	if err != nil {
		return err
	}
	work := filepath.Join(b.inner.Dir(), "master", "work")
	if err := errors.Join(b.bind("MASTER_PORT", fmt.Sprint(port)), b.bind("MASTER_WORK_DIR", work)); err != nil {
		return err
	}
	extra, err := b.expand(b.transcript.Setup.MasterFlags)
	if err != nil {
		return err
	}
	if b.transcript.Format == Operator {
		extra = append([]string{"--allocation_interval=100ms"}, extra...)
	}
	_, err = b.inner.StartMaster(ctx, harness.MasterOptions{
		Hostname: "master.test", Port: port, WorkDir: work, Flags: extra, Login: b.login(),
	})
	return err
}

// login finds the credentials with which the harness may ask for the agents.
func (b *booted) login() *harness.Login {
	for _, content := range b.transcript.Setup.Files {
		var file struct {
			Credentials []harness.Login `json:"credentials"`
		}
		if json.Unmarshal(content, &file) == nil && len(file.Credentials) > 0 {
			return &file.Credentials[0]
		}
	}
	return nil
}

// addAgent starts agent n for the first time.
func (b *booted) addAgent(ctx context.Context, n int, own []string) error {
	port, err := b.run.FreePort()
	if err != nil {
		return err
	}
	dir := filepath.Join(b.inner.Dir(), fmt.Sprintf("agent%d", n))
	work, runtime, log := filepath.Join(dir, "work"), filepath.Join(dir, "run"), filepath.Join(dir, "log")
	prefix := ""
	if b.transcript.Format == Operator {
		prefix = "AGENT_"
	}
	err = errors.Join(
		os.MkdirAll(log, 0o755),
		b.bind(fmt.Sprintf("AGENT_PORT_%d", n), fmt.Sprint(port)),
		b.bind(fmt.Sprintf("AGENT_LOG_DIR_%d", n), log),
		b.bind(fmt.Sprintf("%sWORK_DIR_%d", prefix, n), work),
		b.bind(fmt.Sprintf("%sRUNTIME_DIR_%d", prefix, n), runtime))
	if err != nil {
		return err
	}
	extra, err := b.agentFlags(own)
	if err != nil {
		return err
	}
	agent, err := b.inner.StartAgent(ctx, harness.AgentOptions{
		Hostname: agentHostname(n), Port: port, WorkDir: work, RuntimeDir: runtime, Flags: extra,
	})
	if err != nil {
		return err
	}
	b.agents = append(b.agents, agent)
	return nil
}

func agentHostname(n int) string { return fmt.Sprintf("agent%d.test", n) }

// agentFlags are the common flags of the format and those of one agent.
func (b *booted) agentFlags(own []string) ([]string, error) {
	own, err := b.expand(own)
	if err != nil {
		return nil, err
	}
	launcher, _ := b.bindings.Value("LAUNCHER_DIR")
	common := []string{
		"--launcher_dir=" + launcher, "--launcher=posix", "--isolation=posix/cpu,posix/mem", "--containerizers=mesos",
	}
	if b.transcript.Format == Operator {
		return append(append(common, "--registration_backoff_factor=10ms"), own...), nil
	}
	common = append(common, "--no-switch_user", "--registration_backoff_factor=50ms")
	for _, flag := range own {
		if strings.HasPrefix(flag, "--resources=") {
			return append(common, own...), nil
		}
	}
	return append(append(common, "--resources=cpus:4;mem:2048;disk:4096;ports:[31000-32000]"), own...), nil
}

func (b *booted) expand(flags []string) ([]string, error) {
	expanded := make([]string, len(flags))
	for i, flag := range flags {
		var err error
		if expanded[i], err = b.bindings.Expand(flag); err != nil {
			return nil, fmt.Errorf("flag %s: %w", flag, err)
		}
	}
	return expanded, nil
}

func (b *booted) agent(n int) (*harness.Agent, error) {
	if n < 1 || n > len(b.agents) {
		return nil, fmt.Errorf("the setup has no agent %d", n)
	}
	return b.agents[n-1], nil
}

// MasterAddr implements Cluster.
func (b *booted) MasterAddr() string { return b.inner.Master().Addr() }

// AgentAddr implements Cluster.
func (b *booted) AgentAddr(n int) (string, error) {
	agent, err := b.agent(n)
	if err != nil {
		return "", err
	}
	return agent.Addr(), nil
}

// AgentID implements Cluster. An agent that the master does not list now keeps
// the id with which it was registered at the start.
func (b *booted) AgentID(ctx context.Context, n int) (string, error) {
	record, err := b.inner.AgentRecord(ctx, agentHostname(n))
	if errors.Is(err, harness.ErrNoAgent) && n >= 1 && n <= len(b.ids) {
		return b.ids[n-1], nil
	}
	return record.ID, err
}

// AgentWorkDir implements Cluster.
func (b *booted) AgentWorkDir(n int) (string, error) {
	agent, err := b.agent(n)
	if err != nil {
		return "", err
	}
	return agent.WorkDir, nil
}

// SignalAgent implements Cluster.
func (b *booted) SignalAgent(ctx context.Context, n int, signal string) error {
	agent, err := b.agent(n)
	if err != nil {
		return err
	}
	if err := agent.Signal(signal); err != nil {
		return err
	}
	if signal == "STOP" || signal == "CONT" {
		return nil
	}
	return agent.Process().Wait(ctx)
}

// AwaitAgentExit implements Cluster.
func (b *booted) AwaitAgentExit(ctx context.Context, n int) error {
	agent, err := b.agent(n)
	if err != nil {
		return err
	}
	return agent.Process().Wait(ctx)
}

// StartAgent implements Cluster. An agent beyond those of the setup is added.
func (b *booted) StartAgent(ctx context.Context, n int, how StartAgent) error {
	if n == len(b.agents)+1 {
		return b.addAgent(ctx, n, how.Flags)
	}
	agent, err := b.agent(n)
	if err != nil {
		return err
	}
	// What the master says before tells the new registration from the old one.
	before, err := b.inner.AgentRecord(ctx, agent.Hostname)
	if err != nil && !errors.Is(err, harness.ErrNoAgent) {
		return err
	}
	if how.Wipe {
		if err := agent.Wipe(); err != nil {
			return err
		}
	}
	args := agent.Args()
	if how.Flags != nil {
		extra, err := b.agentFlags(how.Flags)
		if err != nil {
			return err
		}
		args = append(agent.StandardArgs(), extra...)
	}
	if err := agent.StartWith(ctx, args); err != nil {
		return err
	}
	if !how.Wait {
		return nil
	}
	_, err = b.inner.WaitForAgent(ctx, agent.Hostname, harness.RegisteredSince(before))
	return err
}

// RestartMaster implements Cluster.
func (b *booted) RestartMaster(ctx context.Context) error {
	master := b.inner.Master()
	master.Process().Kill()
	if err := master.Start(ctx); err != nil {
		return err
	}
	return master.WaitHealthy(ctx)
}
