package docker

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"github.com/meseta/meseta/agent/containerizer"
	"github.com/meseta/meseta/gen/mesosv1"
	"github.com/meseta/meseta/internal/mesosid"
)

// Statistics takes one sample from the engine, which does not wait for a
// second one to make rates of.
func (c *Containerizer) Statistics(ctx context.Context, id mesosid.ContainerID) (mesosv1.ResourceStatistics, error) {
	r, engineID, err := c.find(id)
	if err != nil {
		return mesosv1.ResourceStatistics{}, err
	}
	result, err := c.client.ContainerStats(ctx, engineID, client.ContainerStatsOptions{})
	if cerrdefs.IsNotFound(err) {
		return mesosv1.ResourceStatistics{}, fmt.Errorf("container %s: %w", id, containerizer.ErrUnknown)
	}
	if err != nil {
		return mesosv1.ResourceStatistics{}, fmt.Errorf("container %s: %w", id, c.engineError(ctx, err))
	}
	defer result.Body.Close()
	var sample container.StatsResponse
	if err := json.NewDecoder(result.Body).Decode(&sample); err != nil {
		return mesosv1.ResourceStatistics{}, fmt.Errorf("container %s: statistics: %w", id, c.explain(ctx, err))
	}
	return statistics(&sample, r.spec.Limits), nil
}

// statistics translates a sample into the v1 message.
func statistics(s *container.StatsResponse, limits containerizer.Limits) mesosv1.ResourceStatistics {
	at := s.Read
	if at.Year() <= 1 {
		at = time.Now()
	}
	cpu, memory := s.CPUStats, s.MemoryStats
	out := mesosv1.ResourceStatistics{
		Timestamp:             float64(at.UnixMicro()) / 1e6,
		Threads:               new(uint32(s.PidsStats.Current)),
		CpusUserTimeSecs:      new(seconds(cpu.CPUUsage.UsageInUsermode)),
		CpusSystemTimeSecs:    new(seconds(cpu.CPUUsage.UsageInKernelmode)),
		CpusLimit:             new(limits.CPUs),
		CpusNrPeriods:         new(uint32(cpu.ThrottlingData.Periods)),
		CpusNrThrottled:       new(uint32(cpu.ThrottlingData.ThrottledPeriods)),
		CpusThrottledTimeSecs: new(seconds(cpu.ThrottlingData.ThrottledTime)),
		MemTotalBytes:         new(memory.Usage),
	}
	if limits.MaxCPUs > 0 {
		out.CpusLimit, out.CpusSoftLimit = new(limits.MaxCPUs), new(limits.CPUs)
	}
	if limits.MemoryBytes > 0 || limits.MaxMemoryBytes > 0 {
		out.MemLimitBytes = new(memory.Limit)
	}
	// The kernel's names differ between the two versions of control groups.
	for _, m := range []struct {
		to    **uint64
		names [2]string
	}{
		{&out.MemRssBytes, [2]string{"rss", "anon"}},
		{&out.MemAnonBytes, [2]string{"rss", "anon"}},
		{&out.MemCacheBytes, [2]string{"cache", "file"}},
		{&out.MemFileBytes, [2]string{"cache", "file"}},
		{&out.MemMappedFileBytes, [2]string{"mapped_file", "file_mapped"}},
		{&out.MemSwapBytes, [2]string{"swap", "swap"}},
		{&out.MemUnevictableBytes, [2]string{"unevictable", "unevictable"}},
	} {
		for _, name := range m.names {
			if v, ok := memory.Stats[name]; ok {
				*m.to = new(v)
				break
			}
		}
	}
	addNetwork(&out, s.Networks)
	return out
}

// addNetwork sums up the interfaces. A container on the host's network, or
// without one, has none of its own.
func addNetwork(out *mesosv1.ResourceStatistics, networks map[string]container.NetworkStats) {
	if len(networks) == 0 {
		return
	}
	var sum container.NetworkStats
	for _, n := range networks {
		sum.RxBytes += n.RxBytes
		sum.RxPackets += n.RxPackets
		sum.RxErrors += n.RxErrors
		sum.RxDropped += n.RxDropped
		sum.TxBytes += n.TxBytes
		sum.TxPackets += n.TxPackets
		sum.TxErrors += n.TxErrors
		sum.TxDropped += n.TxDropped
	}
	out.NetRxBytes, out.NetRxPackets = &sum.RxBytes, &sum.RxPackets
	out.NetRxErrors, out.NetRxDropped = &sum.RxErrors, &sum.RxDropped
	out.NetTxBytes, out.NetTxPackets = &sum.TxBytes, &sum.TxPackets
	out.NetTxErrors, out.NetTxDropped = &sum.TxErrors, &sum.TxDropped
}

// seconds turns the kernel's nanoseconds into what the v1 API counts in.
func seconds(nanoseconds uint64) float64 { return float64(nanoseconds) / 1e9 }
