package bench

import (
	"bytes"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/meseta/meseta/internal/resources"
	"github.com/meseta/meseta/it/harness"
)

// BenchmarkMasterMemory starts a master as a process of its own and reports
// the memory that it holds without agents and with 10,000 idle ones.
// MESETA_BENCH_AGENTS sets their number.
func BenchmarkMasterMemory(b *testing.B) {
	run, err := harness.Begin()
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := run.End(); err != nil {
			b.Error(err)
		}
	})
	declared, err := resources.Parse("cpus:4;mem:4096;disk:10000;ports:[31000-32000]", "*")
	if err != nil {
		b.Fatal(err)
	}
	count := size("MESETA_BENCH_AGENTS", 10_000)
	for b.Loop() {
		m, err := run.NewCluster(b).StartMaster(b.Context(), harness.MasterOptions{})
		if err != nil {
			b.Fatal(err)
		}
		c, pid := &cluster{tb: b, address: m.Addr()}, m.Process().PID()
		b.ReportMetric(residentMiB(b, pid), "idle-MiB")
		agents, err := c.emulate(count, declared.Resources.ToV1(resources.Post))
		if err != nil {
			b.Fatal(err)
		}
		var ended atomic.Int64
		var running sync.WaitGroup
		for _, a := range agents {
			running.Go(func() { a.run(&ended) })
		}
		b.ReportMetric(residentMiB(b, pid), fmt.Sprintf("MiB-%d-agents", count))
	}
}

// residentMiB is the memory of a process that is in use.
func residentMiB(b *testing.B, pid int) float64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		b.Fatal(err)
	}
	for line := range bytes.Lines(status) {
		var kib float64
		if _, err := fmt.Sscanf(string(line), "VmRSS: %f kB", &kib); err == nil {
			return kib / 1024
		}
	}
	b.Fatal("the process has no VmRSS")
	return 0
}
