package process

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/meseta/meseta/gen/mesosv1"
)

// BenchmarkLaunch measures the whole life of a container that runs /bin/true:
// Prepare, Launch, Wait and Remove, with 16 in progress at a time. tasks/s is
// what counts; cpu-ms/task is the CPU time of this process and of those it has
// waited for, supervisors and tasks included.
func BenchmarkLaunch(b *testing.B) {
	for _, name := range []string{"with control groups", "without control groups"} {
		b.Run(strings.ReplaceAll(name, " ", "-"), func(b *testing.B) {
			w := setup(b, modes[name])
			before := w.cpu()
			var gate sync.WaitGroup
			work := make(chan struct{})
			b.ResetTimer()
			for range 16 {
				gate.Go(func() {
					for range work {
						spec := w.shell("")
						spec.Command = mesosv1.CommandInfo{Shell: new(false), Value: new("/bin/true")}
						if _, err := w.Prepare(b.Context(), spec, func(string) {}); err != nil {
							b.Error(err)
						}
						if _, err := w.Launch(b.Context(), spec); err != nil {
							b.Error(err)
						}
						if _, err := w.Wait(b.Context(), spec.ID); err != nil {
							b.Error(err)
						}
						if err := w.Remove(b.Context(), spec.ID); err != nil {
							b.Error(err)
						}
					}
				})
			}
			for range b.N {
				work <- struct{}{}
			}
			close(work)
			gate.Wait()
			b.StopTimer()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "tasks/s")
			b.ReportMetric((w.cpu()-before)*1000/float64(b.N), "cpu-ms/task")
		})
	}
}

// BenchmarkIdleMemory measures what a supervisor uses that holds b.N idle
// tasks.
func BenchmarkIdleMemory(b *testing.B) {
	w := setup(b, func(c *Config) { c.ContainersPerSupervisor = 1024 })
	for range b.N {
		spec := w.shell("")
		spec.Command = mesosv1.CommandInfo{Shell: new(false), Value: new("/bin/sleep"), Arguments: []string{"sleep", "1000"}}
		w.launch(spec)
	}
	b.StopTimer()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, s := range w.supervisors {
		if s.load == 0 {
			continue
		}
		status := memoryOf(s.pid)
		b.ReportMetric(status["VmRSS"]/1024, "MB-rss")
		b.ReportMetric(status["RssAnon"]/1024, "MB-private")
		b.ReportMetric(status["Threads"], "threads")
	}
}

// memoryOf reads the numbers of /proc/PID/status, sizes in kB.
func memoryOf(pid int) map[string]float64 {
	data, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	values := map[string]float64{}
	for line := range strings.Lines(string(data)) {
		name, rest, _ := strings.Cut(line, ":")
		if f := strings.Fields(rest); len(f) > 0 {
			values[name], _ = strconv.ParseFloat(f[0], 64)
		}
	}
	return values
}

// cpu is the CPU time in seconds used by this process, by the supervisors and
// by the tasks that they have reaped.
func (b *bench) cpu() float64 {
	var usage syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &usage)
	total := float64(usage.Utime.Nano()+usage.Stime.Nano()) / 1e9
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, s := range b.supervisors {
		data, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.pid))
		_, rest, _ := strings.Cut(string(data), ") ")
		if f := strings.Fields(rest); len(f) > 14 {
			for _, field := range f[11:15] {
				ticks, _ := strconv.ParseFloat(field, 64)
				total += ticks / 100
			}
		}
	}
	return total
}
