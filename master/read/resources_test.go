package read

import (
	"testing"

	"github.com/meseta/meseta/internal/resources"
)

func TestResourcesAreSummedByName(t *testing.T) {
	t.Parallel()
	revocable := func(text string) resources.Resources {
		return parse(t, text).Map(func(r resources.Resource) resources.Resource { return r.WithRevocable(true) })
	}
	set := resources.New(resources.Resource{Name: "zones", Kind: resources.KindSet, Set: []string{"b", "a"}})
	for name, test := range map[string]struct {
		rs   resources.Resources
		want string
	}{
		"nothing still has the standard names": {resources.Resources{}, `{"cpus":0,"mem":0,"disk":0,"gpus":0}`},
		"reservations and allocations do not matter": {
			parse(t, "cpus:1.5;cpus(a):1;cpus(b):0.001").Add(parse(t, "cpus:1").Allocate("x")),
			`{"cpus":3.501,"mem":0,"disk":0,"gpus":0}`,
		},
		"ranges become one": {
			parse(t, "ports:[1-5,10-12];ports(a):[6-7]"),
			`{"cpus":0,"mem":0,"disk":0,"gpus":0,"ports":"[1-7, 10-12]"}`,
		},
		"revocable ones stay apart": {
			parse(t, "cpus:1").Add(revocable("cpus:2;mem:64")),
			`{"cpus":1,"mem":0,"disk":0,"gpus":0,"cpus_revocable":2,"mem_revocable":64}`,
		},
		"sets and names of one's own": {
			parse(t, "licences:3").Add(set),
			`{"cpus":0,"mem":0,"disk":0,"gpus":0,"licences":3,"zones":"{a, b}"}`,
		},
		"a name may hold anything": {
			resources.New(resources.Resource{Name: "a\"\n<é", Kind: resources.KindScalar, Scalar: 1000}),
			`{"cpus":0,"mem":0,"disk":0,"gpus":0,"a\"\n<é":1}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sameJSON(t, []byte(sum(test.rs)), test.want)
		})
	}
}
