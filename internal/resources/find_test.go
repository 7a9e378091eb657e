package resources

import "testing"

func TestFindPrefersTheTargetRoleThenUnreservedThenAnything(t *testing.T) {
	t.Parallel()
	have := parse(t, "cpus:1;cpus(a):2;cpus(b):4;mem:10;ports:[1-5];ports(a):[6-9]")
	for _, test := range []struct{ name, target, want string }{
		{"unreserved first", "cpus:1", "cpus:1"},
		{"the target's own role first", "cpus(a):1", "cpus(reservations: [(STATIC,a)]):1"},
		{"the own role, then unreserved", "cpus(a):3", "cpus(reservations: [(STATIC,a)]):2; cpus:1"},
		{"then any other role", "cpus(a):4", "cpus(reservations: [(STATIC,a)]):2; cpus:1; cpus(reservations: [(STATIC,b)]):1"},
		{"everything there is", "cpus:7", "cpus:1; cpus(reservations: [(STATIC,a)]):2; cpus(reservations: [(STATIC,b)]):4"},
		{"more than there is", "cpus:8", ""},
		{"a role that has nothing", "mem(c):10", "mem:10"},
		{"ranges in one piece", "ports:[7-8]", "ports(reservations: [(STATIC,a)]):[7-8]"},
		{"several targets", "cpus:2;mem:5", "cpus:1; cpus(reservations: [(STATIC,a)]):1; mem:5"},
		{"several targets of which one is missing", "cpus:2;gpus:1", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, ok := have.Find(parse(t, test.target))
			if !ok {
				got = Resources{}
			}
			if ok != (test.want != "") {
				t.Fatalf("found %v: %v", got, ok)
			}
			if ok {
				wantText(t, got, test.want)
				if !have.Contains(got) {
					t.Errorf("%v was found but is not in %v", got, have)
				}
			}
		})
	}
}
