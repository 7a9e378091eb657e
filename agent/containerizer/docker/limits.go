package docker

import (
	"math"

	"github.com/moby/moby/api/types/container"

	"github.com/meseta/meseta/agent/containerizer"
)

const (
	// sharesPerCPU and minShares turn cores into the kernel's relative weight.
	sharesPerCPU = 1024
	minShares    = 2
	// cfsPeriod and minQuota are microseconds; the kernel takes no less.
	cfsPeriod = 100_000
	minQuota  = 1000
	// minMemory is the least that a container gets, as in Mesos: the engine
	// itself refuses to start one with less than a few megabytes.
	minMemory = 32 << 20
)

// setLimits translates what the container was given and may burst to. The
// request becomes a weight and, where the task may burst, a soft limit; the
// limit is hard.
func setLimits(res *container.Resources, l containerizer.Limits) {
	if l.CPUs > 0 {
		res.CPUShares = max(minShares, int64(math.Round(l.CPUs*sharesPerCPU)))
	}
	if l.MaxCPUs > 0 && !math.IsInf(l.MaxCPUs, 1) {
		res.CPUPeriod = cfsPeriod
		res.CPUQuota = max(minQuota, int64(math.Round(l.MaxCPUs*cfsPeriod)))
	}
	request := l.MemoryBytes
	if request > 0 {
		request = max(request, minMemory)
	}
	switch {
	case l.MaxMemoryBytes < 0:
		res.MemoryReservation = request
	case l.MaxMemoryBytes == 0:
		res.Memory = request
	default:
		res.Memory = max(l.MaxMemoryBytes, minMemory, request)
		if request < res.Memory {
			res.MemoryReservation = request
		}
	}
}
