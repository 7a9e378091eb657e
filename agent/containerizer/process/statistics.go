package process

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/meseta/meseta/agent/containerizer"
	"github.com/meseta/meseta/agent/containerizer/process/cgroup"
	"github.com/meseta/meseta/agent/containerizer/process/proctree"
	"github.com/meseta/meseta/gen/mesosv1"
	"github.com/meseta/meseta/internal/mesosid"
)

// tick is the unit of CPU time in /proc, the same on every Linux.
const tick = 10 * time.Millisecond

// Statistics implements containerizer.Statistician. A container that has ended
// is ErrUnknown, since nothing is left to measure.
func (c *Containerizer) Statistics(ctx context.Context, id mesosid.ContainerID) (mesosv1.ResourceStatistics, error) {
	if err := ctx.Err(); err != nil {
		return mesosv1.ResourceStatistics{}, err
	}
	found, err := c.find(id)
	if err != nil {
		return mesosv1.ResourceStatistics{}, err
	}
	c.mu.Lock()
	running := found.launched && found.shard != nil && !found.shard.dead
	var groups cgroup.Layout
	supervisor := 0
	if running {
		groups, supervisor = found.shard.config.Cgroups, found.shard.pid
	}
	target := proctree.Container{First: found.pid, Sandbox: found.sandbox}
	c.mu.Unlock()
	select {
	case <-found.ended:
		running = false
	default:
	}
	if !running {
		return mesosv1.ResourceStatistics{}, fmt.Errorf("container %s does not run: %w", id, containerizer.ErrUnknown)
	}
	statistics := mesosv1.ResourceStatistics{Timestamp: float64(time.Now().UnixMicro()) / 1e6}
	if groups.Enabled() {
		fromGroups(&statistics, groups.Usage(string(id)))
		return statistics, nil
	}
	all, err := proctree.Scan()
	if err != nil {
		return mesosv1.ResourceStatistics{}, err
	}
	fromProcesses(&statistics, proctree.Members(all, target, supervisor))
	return statistics, nil
}

func fromGroups(s *mesosv1.ResourceStatistics, u cgroup.Usage) {
	s.Processes = new(uint32(u.Processes))
	s.CpusUserTimeSecs, s.CpusSystemTimeSecs = seconds(u.UserCPU), seconds(u.SystemCPU)
	s.CpusThrottledTimeSecs = seconds(u.ThrottledTime)
	s.CpusNrPeriods, s.CpusNrThrottled = narrow(u.Periods), narrow(u.Throttled)
	s.MemTotalBytes, s.MemLimitBytes = u.Memory, u.MemoryLimit
	s.MemAnonBytes, s.MemRssBytes = u.Anonymous, u.Anonymous
	s.MemFileBytes, s.MemCacheBytes = u.File, u.File
	s.MemMappedFileBytes, s.MemSwapBytes = u.Mapped, u.Swap
}

// fromProcesses adds up processes. What those used that have ended is not in
// the sum.
func fromProcesses(s *mesosv1.ResourceStatistics, processes []proctree.Process) {
	var user, system time.Duration
	var memory uint64
	var threads uint32
	for _, p := range processes {
		user += time.Duration(p.UserTicks) * tick
		system += time.Duration(p.SystemTicks) * tick
		memory += p.RSSPages * uint64(os.Getpagesize())
		threads += uint32(p.Threads)
	}
	s.Processes, s.Threads = new(uint32(len(processes))), &threads
	s.CpusUserTimeSecs, s.CpusSystemTimeSecs = seconds(&user), seconds(&system)
	s.MemRssBytes = &memory
}

func seconds(d *time.Duration) *float64 {
	if d == nil {
		return nil
	}
	return new(d.Seconds())
}

func narrow(n *uint64) *uint32 {
	if n == nil {
		return nil
	}
	return new(uint32(*n))
}
