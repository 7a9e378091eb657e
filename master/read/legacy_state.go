package read

import (
	"github.com/meseta/meseta/gen/operatorv1"
	"github.com/meseta/meseta/master"
)

// writeState writes what /state answers.
func (r *Reader) writeState(o *object, v *master.View) {
	o.members(r.legacyHead(v))
	list(o, "slaves", v.Agents, func(o *object, a *master.AgentRecord) { o.text(r.fragments.agent(a)) })
	list(o, "recovered_slaves", []operatorv1.LegacyRecoveredAgent(nil), value)
	list(o, "frameworks", v.Frameworks, r.writeFramework)
	list(o, "completed_frameworks", v.Completed, r.writeFramework)
	o.set("orphan_tasks", []string{})
	o.set("unregistered_frameworks", []string{})
}

// legacyHead describes the master itself.
func (r *Reader) legacyHead(v *master.View) *operatorv1.LegacyStateHead {
	info, build := r.source.Info(), r.build
	out := &operatorv1.LegacyStateHead{
		Version:           build.Version,
		GitSha:            build.GitSha,
		GitBranch:         build.GitBranch,
		GitTag:            build.GitTag,
		BuildDate:         *build.BuildDate,
		BuildTime:         *build.BuildTime,
		BuildUser:         *build.BuildUser,
		StartTime:         seconds(r.source.StartTime()),
		ElectedTime:       new(seconds(r.source.StartTime())),
		ID:                info.ID,
		Capabilities:      make([]string, 0, len(info.Capabilities)),
		UnreachableSlaves: float64(len(v.Unreachable)),
		Domain:            info.Domain,
		Cluster:           present(r.flag("cluster")),
		LogDir:            present(r.flag("log_dir")),
		ExternalLogFile:   present(r.flag("external_log_file")),
		Flags:             r.flagTable(),
	}
	if info.Pid != nil {
		out.Pid, out.Leader = *info.Pid, info.Pid
	}
	if info.Hostname != nil {
		out.Hostname = *info.Hostname
	}
	for _, c := range info.Capabilities {
		if c.Type != nil {
			out.Capabilities = append(out.Capabilities, string(*c.Type))
		}
	}
	for _, a := range v.Agents {
		if a.Active {
			out.ActivatedSlaves++
		} else {
			out.DeactivatedSlaves++
		}
	}
	out.LeaderInfo = &operatorv1.LegacyLeaderInfo{
		ID: info.ID, Pid: out.Pid, Port: int32(info.Port), Hostname: out.Hostname, Domain: info.Domain,
	}
	return out
}

// flagTable gives the flags by name.
func (r *Reader) flagTable() map[string]string {
	out := make(map[string]string, len(r.opts.Flags))
	for _, f := range r.opts.Flags {
		out[f.Name] = f.Value
	}
	return out
}

// present is nil for a text that is empty because there is none.
func present(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
