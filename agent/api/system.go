package api

import (
	"net/http"
	"time"

	"github.com/meseta/meseta/agent"
	"github.com/meseta/meseta/gen/agentv1"
	"github.com/meseta/meseta/gen/mesosv1"
	"github.com/meseta/meseta/internal/hoststat"
	"github.com/meseta/meseta/internal/version"
)

// build are the members with which every description of a version begins.
type build struct {
	Version   string  `json:"version"`
	BuildDate string  `json:"build_date"`
	BuildTime float64 `json:"build_time"`
	BuildUser string  `json:"build_user"`
	GitSHA    string  `json:"git_sha"`
	// GitBranch is not recorded; clients expect the member all the same.
	GitBranch string `json:"git_branch"`
}

func describeBuild(b version.Build) build {
	out := build{Version: version.Mesos, GitSHA: b.Revision}
	if !b.Time.IsZero() {
		out.BuildDate = b.Time.UTC().Format(time.DateTime)
		out.BuildTime = float64(b.Time.Unix())
	}
	return out
}

func (b build) v1() mesosv1.VersionInfo {
	return mesosv1.VersionInfo{
		Version: b.Version, BuildDate: &b.BuildDate, BuildTime: &b.BuildTime, BuildUser: &b.BuildUser,
		GitBranch: &b.GitBranch,
		GitSha:    &b.GitSHA,
	}
}

func (s *Server) version(*http.Request) (any, error) { return s.build, nil }

func (s *Server) flags(*http.Request) (any, error) {
	return map[string]any{"flags": s.flagTable()}, nil
}

func (s *Server) flagTable() map[string]string {
	table := make(map[string]string, len(s.opts.Flags))
	for _, f := range s.opts.Flags {
		table[f.Name] = f.Value
	}
	return table
}

func (s *Server) flagsV1() *agentv1.ResponseGetFlags {
	out := &agentv1.ResponseGetFlags{}
	for _, f := range s.opts.Flags {
		out.Flags = append(out.Flags, mesosv1.Flag{Name: f.Name, Value: &f.Value})
	}
	return out
}

// snapshot are the metrics under their Mesos names, together with those of
// the machine.
func (s *Server) snapshot(r *http.Request) (any, error) {
	view, err := s.view(r)
	if err != nil {
		return nil, err
	}
	table := map[string]float64{}
	for _, m := range s.metrics(view) {
		table[m.Name] = m.Value
	}
	return table, nil
}

func (s *Server) metricsV1(v *agent.View) *agentv1.ResponseGetMetrics {
	out := &agentv1.ResponseGetMetrics{}
	for _, m := range s.metrics(v) {
		out.Metrics = append(out.Metrics, mesosv1.Metric{Name: m.Name, Value: &m.Value})
	}
	return out
}

func (s *Server) metrics(v *agent.View) []agent.Metric {
	list := s.source.Metrics(v)
	load, err := hoststat.Read()
	if err != nil {
		return list
	}
	for _, m := range []agent.Metric{
		{Name: "system/cpus_total", Value: float64(load.CPUs)},
		{Name: "system/load_1min", Value: load.Load1},
		{Name: "system/load_5min", Value: load.Load5},
		{Name: "system/load_15min", Value: load.Load15},
		{Name: "system/mem_total_bytes", Value: float64(load.MemTotal)},
		{Name: "system/mem_free_bytes", Value: float64(load.MemFree)},
	} {
		list = append(list, m)
	}
	return list
}

// machineStatistics is the answer of /system/stats.json.
type machineStatistics struct {
	Minutes1  float64 `json:"avg_load_1min"`
	Minutes5  float64 `json:"avg_load_5min"`
	Minutes15 float64 `json:"avg_load_15min"`
	CPUs      int     `json:"cpus_total"`
	MemTotal  uint64  `json:"mem_total_bytes"`
	MemFree   uint64  `json:"mem_free_bytes"`
}

func (s *Server) machine(*http.Request) (any, error) {
	load, err := hoststat.Read()
	if err != nil {
		return nil, err
	}
	return machineStatistics{
		load.Load1, load.Load5, load.Load15, load.CPUs, load.MemTotal, load.MemFree,
	}, nil
}
