package read

import (
	"fmt"
	"testing"

	"github.com/meseta/meseta/gen/mesosv1"
	"github.com/meseta/meseta/internal/mesosid"
	"github.com/meseta/meseta/internal/resources"
	"github.com/meseta/meseta/master"
)

// grid is a cluster of agents by frameworks, half of them completed, each with
// tasks on each agent.
func grid(b *testing.B, agents, frameworks, tasks int) *master.View {
	b.Helper()
	declared, err := resources.Parse("cpus:0.1;mem:32;ports:[31000-31001]", "*")
	if err != nil {
		b.Fatal(err)
	}
	used := declared.Resources.Allocate("role")
	v := new(master.View)
	for a := range agents {
		id := fmt.Sprintf("S%d", a)
		v.Agents = append(v.Agents, &master.AgentRecord{
			ID: mesosid.AgentID(id), Info: agentInfo(id, id+".test"), PID: "slave(1)@127.0.0.1:5051", Active: true, Connected: true,
			Registered: registeredAt, Total: declared.Resources,
		})
	}
	for f := range frameworks {
		id := fmt.Sprintf("F%d", f)
		record := &master.FrameworkRecord{
			ID: mesosid.FrameworkID(id), Info: &mesosv1.FrameworkInfo{User: "u", Name: id}, Roles: []string{"role"}, Registered: registeredAt, Used: used,
		}
		for a := range agents {
			for n := range tasks {
				name := fmt.Sprintf("task-%d-%d", a, n)
				record.Tasks = append(record.Tasks, task(name, id, fmt.Sprintf("S%d", a), "", mesosv1.TaskRunning, used, float64(n)))
			}
		}
		if f%2 == 0 {
			v.Frameworks = append(v.Frameworks, record)
			continue
		}
		record.Tasks, record.Finished = nil, record.Tasks
		v.Completed = append(v.Completed, record)
	}
	return v
}

// BenchmarkState writes /state of 100 agents by 20 frameworks by 10 tasks.
func BenchmarkState(b *testing.B) {
	v := grid(b, 100, 20, 10)
	write := func(b *testing.B, r *Reader) {
		o := newObject(r.sizes.guess("state"))
		r.writeState(o, v)
		text, err := o.done()
		if err != nil {
			b.Fatal(err)
		}
		r.sizes.learn("state", len(text))
		b.SetBytes(int64(len(text)))
	}
	b.Run("first", func(b *testing.B) {
		for b.Loop() {
			write(b, reader(&fakeSource{view: v}))
		}
	})
	b.Run("again", func(b *testing.B) {
		r := reader(&fakeSource{view: v})
		for b.Loop() {
			write(b, r)
		}
	})
}
