package bench

import (
	"bytes"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/meseta/meseta/internal/resources"
)

// BenchmarkMasterMemory starts a master as a process of its own and reports
// the memory that it holds without agents and with 10,000 idle ones.
// MESETA_BENCH_AGENTS sets their number.
func BenchmarkMasterMemory(b *testing.B) {
	binary := filepath.Join(b.TempDir(), "meseta")
	build := exec.CommandContext(b.Context(), "go", "build", "-o", binary, "../../cmd/meseta")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	declared, err := resources.Parse("cpus:4;mem:4096;disk:10000;ports:[31000-32000]", "*")
	if err != nil {
		b.Fatal(err)
	}
	count := size("MESETA_BENCH_AGENTS", 10_000)
	for b.Loop() {
		c, pid := external(b, binary)
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

// external starts a master that ends with the benchmark.
func external(b *testing.B, binary string) (*cluster, int) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	port := listener.Addr().(*net.TCPAddr).Port
	if err := listener.Close(); err != nil {
		b.Fatal(err)
	}
	process := exec.Command(binary, "master", "--ip=127.0.0.1", "--port="+strconv.Itoa(port), "--registry=in_memory")
	process.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := process.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = process.Process.Kill()
		_ = process.Wait()
	})
	c := &cluster{tb: b, address: "127.0.0.1:" + strconv.Itoa(port)}
	for deadline := time.Now().Add(10 * time.Second); ; {
		response, err := http.Get("http://" + c.address + "/health")
		if err == nil {
			response.Body.Close()
			return c, process.Process.Pid
		}
		if time.Now().After(deadline) {
			b.Fatal(err)
		}
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
