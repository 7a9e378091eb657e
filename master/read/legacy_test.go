package read

import (
	"testing"

	"github.com/meseta/meseta/master"
)

const runningTask = `{"id":"t1","name":"t1","framework_id":"F1","executor_id":"","slave_id":"S1","state":"TASK_RUNNING",
	"resources":{"cpus":0.5,"mem":32,"disk":0,"gpus":0},"role":"eng/web",
	"statuses":[{"state":"TASK_RUNNING","timestamp":20,"container_status":{"container_id":{"value":"c-t1"}}}]}`

const endedTask = `{"id":"t0","name":"t0","framework_id":"F1","executor_id":"","slave_id":"S1","state":"TASK_FINISHED",
	"resources":{"cpus":0.5,"mem":32,"disk":0,"gpus":0},"role":"eng/web",
	"statuses":[{"state":"TASK_FINISHED","timestamp":10,"container_status":{"container_id":{"value":"c-t0"}}}]}`

const firstAgent = `"id":"S1","hostname":"agent1.test","port":5051,"attributes":{"rack":"r1","level":3,"span":"[1-5]"},
	"pid":"slave(1)@127.0.0.1:5051","registered_time":1000.5,
	"resources":{"cpus":5,"mem":1024,"disk":0,"gpus":0,"ports":"[1-100]"},
	"used_resources":{"cpus":0.6,"mem":32,"disk":0,"gpus":0},
	"offered_resources":{"cpus":0,"mem":64,"disk":0,"gpus":0,"ports":"[10-12]"},
	"reserved_resources":{"eng":{"cpus":1,"mem":0,"disk":0,"gpus":0}},
	"unreserved_resources":{"cpus":4,"mem":1024,"disk":0,"gpus":0,"ports":"[1-100]"},
	"active":true,"deactivated":false,"version":"1.12.0","capabilities":["MULTI_ROLE"]`

const secondAgent = `"id":"S2","hostname":"agent2.test","port":5051,"attributes":{},
	"pid":"slave(1)@127.0.0.2:5051","registered_time":1000.5,"reregistered_time":2000,
	"resources":{"cpus":2,"mem":0,"disk":0,"gpus":0},"used_resources":{"cpus":0,"mem":0,"disk":0,"gpus":0},
	"offered_resources":{"cpus":0,"mem":0,"disk":0,"gpus":0},"reserved_resources":{},
	"unreserved_resources":{"cpus":2,"mem":0,"disk":0,"gpus":0},
	"active":false,"deactivated":false,"version":"1.12.0","capabilities":[]`

const firstFramework = `{"id":"F1","name":"fw","used_resources":{"cpus":0.5,"mem":32,"disk":0,"gpus":0},
	"offered_resources":{"cpus":0,"mem":64,"disk":0,"gpus":0,"ports":"[10-12]"},"capabilities":["MULTI_ROLE"],"hostname":"","webui_url":"",
	"active":true,"connected":true,"recovered":false,"user":"nobody","failover_timeout":0,"checkpoint":false,
	"registered_time":1000.5,"unregistered_time":0,"principal":"p",
	"resources":{"cpus":0.5,"mem":96,"disk":0,"gpus":0,"ports":"[10-12]"},"roles":["eng/web","ops"],
	"tasks":[` + runningTask + `],"unreachable_tasks":[],"completed_tasks":[` + endedTask + `],
	"offers":[{"id":"O1","framework_id":"F1","allocation_info":{"role":"eng/web"},"slave_id":"S1",
		"resources":{"cpus":0,"mem":64,"disk":0,"gpus":0,"ports":"[10-12]"}}],
	"executors":[],"labels":[{"key":"k","value":"v"}],"offer_constraints":{}}`

const secondFramework = `{"id":"F2","name":"old one","used_resources":{"cpus":0.1,"mem":0,"disk":0,"gpus":0},
	"offered_resources":{"cpus":0,"mem":0,"disk":0,"gpus":0},"capabilities":[],"hostname":"sched.test","webui_url":"http://ui.test",
	"active":false,"connected":false,"recovered":true,"user":"nobody","failover_timeout":60,"checkpoint":true,
	"registered_time":1000.5,"reregistered_time":2000,"unregistered_time":0,
	"resources":{"cpus":0.1,"mem":0,"disk":0,"gpus":0},"role":"*","tasks":[],
	"unreachable_tasks":[{"id":"t2","name":"t2","framework_id":"F2","executor_id":"e","slave_id":"S9","state":"TASK_UNREACHABLE",
		"resources":{"cpus":1,"mem":0,"disk":0,"gpus":0},"role":"*",
		"statuses":[{"state":"TASK_UNREACHABLE","timestamp":5,"container_status":{"container_id":{"value":"c-t2"}}}]}],
	"completed_tasks":[],"offers":[],
	"executors":[{"executor_id":"e","name":"x","framework_id":"F2","type":"CUSTOM","role":"*","slave_id":"S1",
		"resources":{"cpus":0.1,"mem":0,"disk":0,"gpus":0},
		"command":{"shell":true,"value":"run","argv":[],"uris":[{"value":"http://u","executable":false}]}}],
	"offer_constraints":{}}`

const completedFramework = `{"id":"F0","name":"gone","used_resources":{"cpus":0,"mem":0,"disk":0,"gpus":0},
	"offered_resources":{"cpus":0,"mem":0,"disk":0,"gpus":0},"capabilities":[],"hostname":"","webui_url":"",
	"active":false,"connected":false,"recovered":false,"user":"u","failover_timeout":0,"checkpoint":false,
	"registered_time":1000.5,"unregistered_time":3000,"resources":{"cpus":0,"mem":0,"disk":0,"gpus":0},"role":"*",
	"tasks":[],"unreachable_tasks":[],"completed_tasks":[{"id":"t3","name":"t3","framework_id":"F0","executor_id":"","slave_id":"S1",
		"state":"TASK_KILLED","resources":{"cpus":1,"mem":0,"disk":0,"gpus":0},"role":"*",
		"statuses":[{"state":"TASK_KILLED","timestamp":15,"container_status":{"container_id":{"value":"c-t3"}}}]}],
	"offers":[],"executors":[],"offer_constraints":{}}`

func TestTheOlderEndpointsDescribeTheState(t *testing.T) {
	t.Parallel()
	const counts = `"TASK_STAGING":0,"TASK_STARTING":0,"TASK_KILLING":0,"TASK_KILLED":0,"TASK_FAILED":0,"TASK_LOST":0,"TASK_ERROR":0`
	for name, test := range map[string]struct {
		fill func(r *Reader, o *object, v *master.View)
		want string
	}{
		"agents": {
			func(r *Reader, o *object, v *master.View) { r.writeSlaves(o, v, "") },
			`{"slaves":[{` + firstAgent + `,
				"reserved_resources_full":{"eng":[{"name":"cpus","type":"SCALAR","scalar":{"value":1},"role":"eng","reservations":[{"type":"STATIC","role":"eng"}]}]},
				"unreserved_resources_full":[{"name":"cpus","type":"SCALAR","scalar":{"value":4},"role":"*"},
					{"name":"mem","type":"SCALAR","scalar":{"value":1024},"role":"*"},
					{"name":"ports","type":"RANGES","ranges":{"range":[{"begin":1,"end":100}]},"role":"*"}],
				"used_resources_full":[{"name":"cpus","type":"SCALAR","scalar":{"value":0.5},"role":"*","allocation_info":{"role":"eng/web"}},
					{"name":"mem","type":"SCALAR","scalar":{"value":32},"role":"*","allocation_info":{"role":"eng/web"}},
					{"name":"cpus","type":"SCALAR","scalar":{"value":0.1},"role":"*","allocation_info":{"role":"*"}}],
				"offered_resources_full":[{"name":"mem","type":"SCALAR","scalar":{"value":64},"role":"*","allocation_info":{"role":"eng/web"}},
					{"name":"ports","type":"RANGES","ranges":{"range":[{"begin":10,"end":12}]},"role":"*","allocation_info":{"role":"eng/web"}}]},
			{` + secondAgent + `,"reserved_resources_full":{},
				"unreserved_resources_full":[{"name":"cpus","type":"SCALAR","scalar":{"value":2},"role":"*"}],
				"used_resources_full":[],"offered_resources_full":[]}],"recovered_slaves":[]}`,
		},
		"one agent, unknown": {
			func(r *Reader, o *object, v *master.View) { r.writeSlaves(o, v, "S7") },
			`{"slaves":[],"recovered_slaves":[]}`,
		},
		"frameworks": {
			func(r *Reader, o *object, v *master.View) { r.writeLegacyFrameworks(o, v, "") },
			`{"frameworks":[` + firstFramework + `,` + secondFramework + `],"completed_frameworks":[` + completedFramework + `],"unregistered_frameworks":[]}`,
		},
		"one framework, completed": {
			func(r *Reader, o *object, v *master.View) { r.writeLegacyFrameworks(o, v, "F0") },
			`{"frameworks":[],"completed_frameworks":[` + completedFramework + `],"unregistered_frameworks":[]}`,
		},
		"the whole state": {
			func(r *Reader, o *object, v *master.View) {
				r.build.BuildDate, r.build.BuildTime, r.build.GitSha = new("today"), new(1.5), new("abc")
				r.writeState(o, v)
			},
			`{"version":"1.12.0","git_sha":"abc","git_branch":"","build_date":"today","build_time":1.5,"build_user":"",
				"start_time":900,"elected_time":900,"id":"M","pid":"master@127.0.0.1:5050","hostname":"master.test",
				"capabilities":["AGENT_UPDATE"],"activated_slaves":1,"deactivated_slaves":1,"unreachable_slaves":1,
				"leader":"master@127.0.0.1:5050","leader_info":{"id":"M","pid":"master@127.0.0.1:5050","port":5050,"hostname":"master.test"},
				"cluster":"east","flags":{"cluster":"east","port":"5050"},
				"slaves":[{` + firstAgent + `},{` + secondAgent + `}],"recovered_slaves":[],
				"frameworks":[` + firstFramework + `,` + secondFramework + `],"completed_frameworks":[` + completedFramework + `],
				"orphan_tasks":[],"unregistered_frameworks":[]}`,
		},
		"the summary": {
			func(r *Reader, o *object, v *master.View) { r.writeSummary(o, v) },
			`{"hostname":"master.test","cluster":"east",
				"slaves":[{` + firstAgent + `,` + counts + `,"TASK_RUNNING":1,"TASK_FINISHED":1,"TASK_UNREACHABLE":0,"framework_ids":["F1"]},
					{` + secondAgent + `,` + counts + `,"TASK_RUNNING":0,"TASK_FINISHED":0,"TASK_UNREACHABLE":0,"framework_ids":[]}],
				"frameworks":[{"id":"F1","name":"fw","used_resources":{"cpus":0.5,"mem":32,"disk":0,"gpus":0},
						"offered_resources":{"cpus":0,"mem":64,"disk":0,"gpus":0,"ports":"[10-12]"},"capabilities":["MULTI_ROLE"],
						"hostname":"","webui_url":"","active":true,"connected":true,"recovered":false,
						` + counts + `,"TASK_RUNNING":1,"TASK_FINISHED":1,"TASK_UNREACHABLE":0,"slave_ids":["S1"]},
					{"id":"F2","name":"old one","used_resources":{"cpus":0.1,"mem":0,"disk":0,"gpus":0},
						"offered_resources":{"cpus":0,"mem":0,"disk":0,"gpus":0},"capabilities":[],
						"hostname":"sched.test","webui_url":"http://ui.test","active":false,"connected":false,"recovered":true,
						` + counts + `,"TASK_RUNNING":0,"TASK_FINISHED":0,"TASK_UNREACHABLE":1,"slave_ids":["S9"]}]}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := sample(t)
			o := newObject(0)
			test.fill(reader(&fakeSource{view: v}), o, v)
			text, err := o.done()
			if err != nil {
				t.Fatal(err)
			}
			sameJSON(t, text, test.want)
		})
	}
}

func TestAStateWithoutAnythingStillHasItsLists(t *testing.T) {
	t.Parallel()
	r := reader(&fakeSource{view: new(master.View)})
	o := newObject(0)
	r.writeSlaves(o, new(master.View), "")
	r.writeLegacyFrameworks(o, new(master.View), "")
	text, err := o.done()
	if err != nil {
		t.Fatal(err)
	}
	sameJSON(t, text, `{"slaves":[],"recovered_slaves":[],"frameworks":[],"completed_frameworks":[],"unregistered_frameworks":[]}`)
}
