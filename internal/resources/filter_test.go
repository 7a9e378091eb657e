package resources

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFiltersSelectByIdentity(t *testing.T) {
	t.Parallel()
	rs := New(
		scalar(CPUs, 1, nil),
		scalar(CPUs, 2, reserved("a")),
		scalar(CPUs, 4, reserved("a", "a/b")),
		scalar(CPUs, 8, &Meta{Revocable: true}),
		volume("a", "v", 16),
		volume("a", "w", 32).WithShared(true),
		Resource{Name: Ports, Kind: KindRanges, Ranges: []Range{{1, 2}}},
	)
	for _, test := range []struct {
		name string
		got  Resources
		want string
	}{
		{"unreserved", rs.Unreserved(), "cpus:1; cpus{REV}:8; ports:[1-2]"},
		{"reserved cpus", rs.Reserved().Named(CPUs), "cpus(reservations: [(DYNAMIC,a)]):2; cpus(reservations: [(DYNAMIC,a),(DYNAMIC,a/b)]):4"},
		{"reserved to exactly a role", rs.Named(CPUs).ReservedTo("a"), "cpus(reservations: [(DYNAMIC,a)]):2"},
		{"reserved to no role", rs.ReservedTo(""), "{}"},
		{"available to the role itself", rs.Named(CPUs).AvailableTo("a"), "cpus:1; cpus(reservations: [(DYNAMIC,a)]):2; cpus{REV}:8"},
		{"available to a subrole", rs.Named(CPUs).AvailableTo("a/b"), "cpus:1; cpus(reservations: [(DYNAMIC,a)]):2; cpus(reservations: [(DYNAMIC,a),(DYNAMIC,a/b)]):4; cpus{REV}:8"},
		{"available to a role whose name only begins alike", rs.Named(CPUs).AvailableTo("ab"), "cpus:1; cpus{REV}:8"},
		{"revocable", rs.Revocable(), "cpus{REV}:8"},
		{"not revocable", rs.Named(CPUs).Unreserved().NonRevocable(), "cpus:1"},
		{"persistent volumes that are not shared", rs.PersistentVolumes().NonShared(), "disk(reservations: [(DYNAMIC,a)])[v:data]:16"},
		{"shared", rs.Shared(), "disk(reservations: [(DYNAMIC,a)])[w:data]<SHARED>:32<1>"},
		{"not scalar", rs.Filter(func(r *Resource) bool { return r.Kind != KindScalar }), "ports:[1-2]"},
		{"allocated to a role", rs.Allocate("x").AllocatedTo("y"), "{}"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			wantText(t, test.got, test.want)
		})
	}
	if got := rs.Amount(CPUs); got != 15*Unit {
		t.Errorf("cpus in all = %v, want 15", got)
	}
	if got := rs.Scalars().Len(); got != rs.Len()-1 {
		t.Errorf("%d scalars, want all but the ports", got)
	}
	if diff := cmp.Diff([]string{"a", "a/b"}, rs.ReservationRoles()); diff != "" {
		t.Errorf("reservation roles differ (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"cpus", "disk", "ports"}, rs.Names()); diff != "" {
		t.Errorf("names differ (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"x"}, rs.Allocate("x").AllocationRoles()); diff != "" {
		t.Errorf("allocation roles differ (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]Range{{1, 2}}, rs.RangesOf(Ports)); diff != "" {
		t.Errorf("ports differ (-want +got):\n%s", diff)
	}
}

func TestAFilterThatKeepsEverythingAllocatesNothing(t *testing.T) {
	rs := parse(t, "cpus:4;mem:2048;disk:10;ports:[1-2]")
	allocations := testing.AllocsPerRun(100, func() {
		if rs.NonRevocable().AvailableTo("dev").Unreserved().Len() != 4 {
			t.Error("plain resources were filtered out")
		}
		if !rs.Shared().Empty() {
			t.Error("shared resources appeared")
		}
	})
	if allocations != 0 {
		t.Errorf("%v allocations, want none", allocations)
	}
}
