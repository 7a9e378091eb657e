package main

import (
	"encoding/json"
	"testing"

	"github.com/meseta/meseta/gen/mesosv1"
)

func TestFlagsOfRunBecomeTheCommandOfItsTasks(t *testing.T) {
	t.Parallel()
	base := func(change func(*runFlags)) *runFlags {
		f := &runFlags{master: new("a,b"), shell: true, resources: "cpus:1", instances: 1, user: "me", role: "*", name: "n"}
		change(f)
		return f
	}
	for _, c := range []struct {
		name      string
		flags     *runFlags
		args      []string
		command   string
		container string
	}{
		{"a shell command", base(func(f *runFlags) { f.command, f.env = "echo $A", []string{"A=b=c"} }), nil,
			`{"environment":{"variables":[{"name":"A","value":"b=c"}]},"shell":true,"value":"echo $A"}`, `null`},
		{"a program", base(func(f *runFlags) { f.command, f.noShell = "/bin/ls", true }), []string{"-l"},
			`{"shell":false,"value":"/bin/ls","arguments":["/bin/ls","-l"]}`, `null`},
		{"an image's own entry point with arguments", base(func(f *runFlags) { f.image = "i:1" }), []string{"x"},
			`{"shell":false,"arguments":["x"]}`, `{"type":"DOCKER","docker":{"image":"i:1"}}`},
		{"a shell command in an image", base(func(f *runFlags) { f.image, f.command, f.forcePull = "i", "ls", true }), nil,
			`{"shell":true,"value":"ls"}`, `{"type":"DOCKER","docker":{"image":"i","force_pull_image":true}}`},
		{"a command line for an image", base(func(f *runFlags) { f.image, f.command, f.shell = "i", "sub", false }), []string{"x"},
			`{"shell":false,"value":"sub","arguments":["x"]}`, `{"type":"DOCKER","docker":{"image":"i"}}`},
	} {
		o, err := c.flags.options(c.args)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if got := marshal(t, o.Command); got != c.command {
			t.Errorf("%s: the command is %s, want %s", c.name, got, c.command)
		}
		if got := marshal(t, o.Container); got != c.container {
			t.Errorf("%s: the container is %s, want %s", c.name, got, c.container)
		}
		if len(o.Masters) != 2 || o.User != "me" {
			t.Errorf("%s: masters %q, user %q", c.name, o.Masters, o.User)
		}
	}
}

func marshal[T mesosv1.CommandInfo | *mesosv1.ContainerInfo](t *testing.T, v T) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
