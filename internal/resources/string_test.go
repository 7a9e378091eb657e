package resources

import "testing"

// The renderings below stand in messages that existing schedulers and their
// tests compare byte by byte.
func TestResourcesRenderAsInTheMessagesOfMesos(t *testing.T) {
	t.Parallel()
	const plain = `[
		{"name":"ports","type":"RANGES","ranges":{"range":[{"begin":31000,"end":32000}]}},
		{"name":"cpus","type":"SCALAR","scalar":{"value":4}},
		{"name":"mem","type":"SCALAR","scalar":{"value":2048}},
		{"name":"disk","type":"SCALAR","scalar":{"value":4096}}]`
	const disk = `{"name":"disk","type":"SCALAR","scalar":{"value":50},"reservations":[{"type":"DYNAMIC","role":"dev","principal":"p1"}],`
	for _, test := range []struct {
		name, json, role, want string
	}{
		{"an agent's total", plain, "", "ports:[31000-32000]; cpus:4; mem:2048; disk:4096"},
		{"an offer", plain, "dev", "ports(allocated: dev):[31000-32000]; cpus(allocated: dev):4; mem(allocated: dev):2048; disk(allocated: dev):4096"},
		{
			"fractions",
			`[{"name":"cpus","type":"SCALAR","scalar":{"value":0.1}},{"name":"mem","type":"SCALAR","scalar":{"value":32}},{"name":"unicorns","type":"SCALAR","scalar":{"value":1}}]`,
			"dev", "cpus(allocated: dev):0.1; mem(allocated: dev):32; unicorns(allocated: dev):1",
		},
		{
			"ranges for cpus, and a single port",
			`[{"name":"cpus","type":"RANGES","ranges":{"range":[{"begin":1,"end":2}]}},{"name":"ports","type":"RANGES","ranges":{"range":[{"begin":80,"end":80}]}}]`,
			"dev", "cpus(allocated: dev):[1-2]; ports(allocated: dev):[80-80]",
		},
		{
			"several ranges and a set",
			`[{"name":"ports","type":"RANGES","ranges":{"range":[{"begin":7,"end":9},{"begin":1,"end":3}]}},{"name":"tokens","type":"SET","set":{"item":["b","a"]}}]`,
			"", "ports:[1-3, 7-9]; tokens:{a, b}",
		},
		{
			"static reservation in the old format",
			`[{"name":"cpus","type":"SCALAR","scalar":{"value":0.1},"role":"dev"}]`,
			"dev", "cpus(allocated: dev)(reservations: [(STATIC,dev)]):0.1",
		},
		{
			"dynamic reservation with a principal, in the old format",
			`[{"name":"cpus","type":"SCALAR","scalar":{"value":1},"role":"dev","reservation":{"principal":"p1"}}]`,
			"dev", "cpus(allocated: dev)(reservations: [(DYNAMIC,dev,p1)]):1",
		},
		{
			"labels",
			`[{"name":"cpus","type":"SCALAR","scalar":{"value":1},"reservations":[{"type":"DYNAMIC","role":"dev","principal":"p1","labels":{"labels":[{"key":"k","value":"v"}]}}]}]`,
			"dev", "cpus(allocated: dev)(reservations: [(DYNAMIC,dev,p1,{k: v})]):1",
		},
		{
			"labels without a value",
			`[{"name":"cpus","type":"SCALAR","scalar":{"value":1},"reservations":[{"type":"DYNAMIC","role":"dev","labels":{"labels":[{"key":"k"},{"key":"l","value":""}]}}]}]`,
			"", "cpus(reservations: [(DYNAMIC,dev,{k, l: })]):1",
		},
		{
			"a refinement",
			`[{"name":"cpus","type":"SCALAR","scalar":{"value":1},"reservations":[{"type":"STATIC","role":"a"},{"type":"DYNAMIC","role":"a/b"}]}]`,
			"", "cpus(reservations: [(STATIC,a),(DYNAMIC,a/b)]):1",
		},
		{
			"revocable",
			`[{"name":"cpus","type":"SCALAR","scalar":{"value":1},"reservations":[{"type":"DYNAMIC","role":"dev","principal":"p1"}],"revocable":{}}]`,
			"dev", "cpus(allocated: dev)(reservations: [(DYNAMIC,dev,p1)]){REV}:1",
		},
		{
			"a persistent volume",
			`[` + disk + `"disk":{"persistence":{"id":"v1"},"volume":{"mode":"RW","container_path":"data"}}}]`,
			"dev", "disk(allocated: dev)(reservations: [(DYNAMIC,dev,p1)])[v1:data]:50",
		},
		{
			"a volume with an empty path",
			`[` + disk + `"disk":{"persistence":{"id":"pe"},"volume":{"mode":"RW","container_path":""}}}]`,
			"", "disk(reservations: [(DYNAMIC,dev,p1)])[pe:]:50",
		},
		{
			"a host path with its mode",
			`[` + disk + `"disk":{"persistence":{"id":"v1"},"volume":{"mode":"RO","container_path":"data","host_path":"/h"}}}]`,
			"", "disk(reservations: [(DYNAMIC,dev,p1)])[v1:/h:data:ro]:50",
		},
		{
			"a PATH disk", `[{"name":"disk","type":"SCALAR","scalar":{"value":1},"disk":{"source":{"type":"PATH","path":{"root":"/mnt/d"}}}}]`,
			"", "disk[PATH:/mnt/d]:1",
		},
		{
			"a volume on a MOUNT disk",
			`[` + disk + `"disk":{"source":{"type":"MOUNT","mount":{"root":"/mnt/m"}},"persistence":{"id":"v1"},"volume":{"mode":"RW","container_path":"data"}}}]`,
			"", "disk(reservations: [(DYNAMIC,dev,p1)])[MOUNT:/mnt/m,v1:data]:50",
		},
		{
			"raw storage of a plugin",
			`[{"name":"disk","type":"SCALAR","scalar":{"value":1},"provider_id":{"value":"rp"},"disk":{"source":{"type":"RAW","vendor":"v","id":"i","profile":"p"}}}]`,
			"", "disk[RAW(v,i,p)]:1",
		},
		{
			"a block device", `[{"name":"disk","type":"SCALAR","scalar":{"value":1},"disk":{"source":{"type":"BLOCK"}}}]`,
			"", "disk[BLOCK]:1",
		},
		{
			"a shared volume",
			`[` + disk + `"disk":{"persistence":{"id":"v1"},"volume":{"mode":"RW","container_path":"data"}},"shared":{}}]`,
			"dev", "disk(allocated: dev)(reservations: [(DYNAMIC,dev,p1)])[v1:data]<SHARED>:50<1>",
		},
		{"nothing", `[]`, "dev", "{}"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			wantText(t, fromJSON(t, test.json).Allocate(test.role), test.want)
		})
	}
}

func TestASingleResourceRendersWithoutItsUsers(t *testing.T) {
	t.Parallel()
	r := volume("dev", "v1", 50).WithShared(true)
	r.Allocation = "dev"
	const want = "disk(allocated: dev)(reservations: [(DYNAMIC,dev)])[v1:data]<SHARED>:50"
	if got := r.String(); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestUnknownEnumValuesRenderAsSuch(t *testing.T) {
	t.Parallel()
	for _, got := range []string{Kind(99).String(), ReservationType(99).String(), DiskSourceType(99).String()} {
		if got != "UNKNOWN" {
			t.Errorf("got %q, want UNKNOWN", got)
		}
	}
	var none *Disk
	if none.String() != "" || VolumeMode(9).String() != "" {
		t.Error("what is absent renders as something")
	}
}
