package process

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/meseta/meseta/agent/containerizer"
	"github.com/meseta/meseta/internal/mesosid"
)

// agentMain is a small agent: it recovers, launches what was not launched yet,
// waits for everything and prints how it ended. TestMain runs it, as a process
// of its own that can be killed, with a runtime directory, whether to do
// without control groups, and a file of specifications.
func agentMain(args []string) int {
	if err := agentRun(args); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func agentRun(args []string) error {
	var specs []containerizer.Spec
	data, err := os.ReadFile(args[2])
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, &specs); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c, err := New(Config{RuntimeDir: args[0], NoCgroups: args[1] == "true", ContainersPerSupervisor: 8})
	if err != nil {
		return err
	}
	known, err := c.Recover(ctx, specs)
	if err != nil {
		return err
	}
	for _, spec := range specs {
		if _, ok := known[spec.ID]; ok {
			continue
		}
		if _, err := c.Prepare(ctx, spec, func(string) {}); err != nil {
			return err
		}
		if _, err := c.Launch(ctx, spec); err != nil {
			return err
		}
	}
	exits := map[mesosid.ContainerID]containerizer.Exit{}
	for _, spec := range specs {
		if exits[spec.ID], err = c.Wait(ctx, spec.ID); err != nil {
			return err
		}
	}
	return json.NewEncoder(os.Stdout).Encode(exits)
}

func TestAnAgentKilledAtRandomMomentsStartsEverythingOnceAndLearnsEveryExit(t *testing.T) {
	t.Parallel()
	inEachMode(t, func(t *testing.T, b *bench) {
		seed := uint64(time.Now().UnixNano())
		random := rand.New(rand.NewPCG(seed, 0))
		t.Logf("seed %d", seed)
		var specs []containerizer.Spec
		for i := range 30 {
			specs = append(specs, b.shell(fmt.Sprintf("echo once; sleep 0.%d; exit 6", i%10)))
		}
		data, err := json.Marshal(specs)
		if err != nil {
			t.Fatal(err)
		}
		list := filepath.Join(b.work, "specs.json")
		if err := os.WriteFile(list, data, 0o600); err != nil {
			t.Fatal(err)
		}
		runtimeDir := filepath.Join(b.work, "killed")
		command := func() *exec.Cmd {
			return exec.CommandContext(b.ctx(), os.Args[0], "agent", runtimeDir, fmt.Sprint(b.config.NoCgroups), list)
		}
		for range 12 {
			agent := command()
			if err := agent.Start(); err != nil {
				t.Fatal(err)
			}
			// A moment somewhere in the work, which takes about that long.
			time.Sleep(time.Duration(random.IntN(80)) * time.Millisecond)
			_ = agent.Process.Signal(syscall.SIGKILL)
			_ = agent.Wait()
		}
		out, err := command().Output()
		if err != nil {
			t.Fatalf("the last agent: %v", err)
		}
		var exits map[mesosid.ContainerID]containerizer.Exit
		if err := json.Unmarshal(out, &exits); err != nil {
			t.Fatal(err)
		}
		for _, spec := range specs {
			if got := exits[spec.ID]; got != exited(6) {
				t.Errorf("exit is %+v", got)
			}
			if got := file(spec, "stdout"); got != "once\n" {
				t.Errorf("started %d times", strings.Count(got, "once"))
			}
		}
		// The next agent has no use for them: it destroys everything.
		config := b.config
		config.RuntimeDir = runtimeDir
		next, err := New(config)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := next.Recover(b.ctx(), nil); err != nil {
			t.Error(err)
		}
		if err := next.Close(); err != nil {
			t.Error(err)
		}
		left, _ := filepath.Glob(filepath.Join(runtimeDir, "supervisor-*"))
		if len(left) > 0 {
			t.Errorf("supervisor directories stay behind: %v", left)
		}
	})
}
