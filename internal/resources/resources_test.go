package resources

import (
	"testing"
)

func TestEqualIdentitiesMergeAndDifferentOnesStayApart(t *testing.T) {
	t.Parallel()
	labelled := reserved("dev")
	labelled.Reservations[0].Labels = []Label{{Key: "a"}, {Key: "b", Value: "1", HasValue: true}}
	relabelled := reserved("dev")
	relabelled.Reservations[0].Labels = []Label{{Key: "b", Value: "1", HasValue: true}, {Key: "a"}}
	principal := reserved("dev")
	principal.Reservations[0].Principal, principal.Reservations[0].HasPrincipal = "p", true
	noPrincipal := reserved("dev")
	noPrincipal.Reservations[0].HasPrincipal = true
	path := &Meta{Disk: &Disk{Source: &DiskSource{Type: SourcePath, Root: "/p"}}}
	mount := &Meta{Disk: &Disk{Source: &DiskSource{Type: SourceMount, Root: "/m"}}}
	raw := &Meta{Disk: &Disk{Source: &DiskSource{Type: SourceRaw}}}
	rawID := &Meta{Disk: &Disk{Source: &DiskSource{Type: SourceRaw, ID: "x"}}}

	for _, test := range []struct {
		name string
		a, b Resource
		len  int
	}{
		{"plain", scalar(CPUs, 1, nil), scalar(CPUs, 2, nil), 1},
		{"an empty Meta is no Meta", scalar(CPUs, 1, nil), scalar(CPUs, 2, &Meta{}), 1},
		{"names", scalar(CPUs, 1, nil), scalar(Mem, 1, nil), 2},
		{"kinds", scalar(CPUs, 1, nil), Resource{Name: CPUs, Kind: KindRanges, Ranges: []Range{{1, 2}}}, 2},
		{"equal reservations", scalar(CPUs, 1, reserved("dev")), scalar(CPUs, 1, reserved("dev")), 1},
		{"roles", scalar(CPUs, 1, reserved("dev")), scalar(CPUs, 1, reserved("ops")), 2},
		{"a refinement", scalar(CPUs, 1, reserved("dev")), scalar(CPUs, 1, reserved("dev", "dev/a")), 2},
		{"labels in another order", scalar(CPUs, 1, labelled), scalar(CPUs, 1, relabelled), 1},
		{"labels", scalar(CPUs, 1, labelled), scalar(CPUs, 1, reserved("dev")), 2},
		{"principals", scalar(CPUs, 1, principal), scalar(CPUs, 1, reserved("dev")), 2},
		{"an empty principal and none", scalar(CPUs, 1, noPrincipal), scalar(CPUs, 1, reserved("dev")), 2},
		{"revocable", scalar(CPUs, 1, &Meta{Revocable: true}), scalar(CPUs, 1, nil), 2},
		{"providers", scalar(CPUs, 1, &Meta{ProviderID: "rp"}), scalar(CPUs, 1, nil), 2},
		{"PATH disks divide", scalar(DiskSpace, 1, path), scalar(DiskSpace, 1, path), 1},
		{"MOUNT disks do not", scalar(DiskSpace, 1, mount), scalar(DiskSpace, 1, mount), 2},
		{"raw storage divides", scalar(DiskSpace, 1, raw), scalar(DiskSpace, 1, raw), 1},
		{"raw storage with an id does not", scalar(DiskSpace, 1, rawID), scalar(DiskSpace, 1, rawID), 2},
		{"persistent volumes do not", volume("dev", "v", 1), volume("dev", "v", 1), 2},
		{"shared volumes count users", volume("dev", "v", 1).WithShared(true), volume("dev", "v", 1).WithShared(true), 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			both := New(test.a).Add(New(test.b))
			if both.Len() != test.len {
				t.Errorf("%v has %d objects, want %d", both, both.Len(), test.len)
			}
			if left := both.Subtract(New(test.a)); !left.Equal(New(test.b)) {
				t.Errorf("%v is left after taking the first away, want %v", left, New(test.b))
			}
			if allocated := New(test.a).Allocate("x"); allocated.Equal(New(test.a)) || allocated.Contains(New(test.a)) {
				t.Error("allocated and unallocated resources were taken for the same")
			}
		})
	}
}

func TestVolumePlaceAndCreatorAreNotPartOfTheIdentity(t *testing.T) {
	t.Parallel()
	a, b := volume("dev", "v", 10), volume("dev", "v", 10)
	disk := *b.Disk()
	disk.Volume = &Volume{Mode: ReadOnly, ContainerPath: "elsewhere"}
	disk.Persistence = &Persistence{ID: "v", Principal: "p", HasPrincipal: true}
	if b = b.WithDisk(&disk); !New(a).Equal(New(b)) {
		t.Errorf("%v and %v differ, want the same volume", a, b)
	}
	if other := volume("dev", "w", 10); New(a).Contains(New(other)) {
		t.Errorf("%v contains %v, a volume with another id", a, other)
	}
}

func TestEmptyAmountsVanish(t *testing.T) {
	t.Parallel()
	rs := New(scalar(CPUs, 0, nil), Resource{Name: Ports, Kind: KindRanges}, Resource{Name: "s", Kind: KindSet}, Resource{Kind: KindText})
	if !rs.Empty() || rs.Len() != 0 {
		t.Errorf("%v is not empty", rs)
	}
	wantText(t, rs, "{}")
}

func TestTakingAwayWhatIsNotThereLeavesNoDebt(t *testing.T) {
	t.Parallel()
	have := parse(t, "cpus:1;ports:[1-5]")
	left := have.Subtract(parse(t, "cpus:3;ports:[4-9];mem:1"))
	wantText(t, left, "ports:[1-3]")
	wantText(t, have, "cpus:1; ports:[1-5]")
	// A volume of another size is another thing, so it stays.
	if v := New(volume("dev", "v", 10)); !v.Subtract(New(volume("dev", "v", 4))).Equal(v) {
		t.Error("part of a persistent volume was taken away")
	}
}

func TestContainsFindsACounterpartForEveryPiece(t *testing.T) {
	t.Parallel()
	mount := &Meta{Disk: &Disk{Source: &DiskSource{Type: SourceMount, Root: "/m"}}}
	one, two := New(scalar(DiskSpace, 8, mount)), New(scalar(DiskSpace, 8, mount), scalar(DiskSpace, 8, mount))
	if one.Contains(two) || !two.Contains(one) || !two.Contains(two) {
		t.Error("two equal disks were found in one, or one not in two")
	}
	if part := New(scalar(DiskSpace, 4, mount)); one.Contains(part) {
		t.Error("half of a mounted disk was found")
	}
	shared := volume("dev", "v", 1).WithShared(true)
	users := func(n int) Resources { r := shared; r.Count = n; return New(r) }
	if !users(2).Contains(users(1)) || users(1).Contains(users(2)) {
		t.Error("the users of a shared volume were compared wrongly")
	}
	if !(Resources{}).Contains(Resources{}) || (Resources{}).Contains(one) {
		t.Error("nothing contains exactly nothing")
	}
	zero := scalar(CPUs, 0, nil)
	if !(Resources{}).ContainsOne(&zero) {
		t.Error("an amount of zero is always there")
	}
}

func TestSharedVolumesLeaveWithTheirLastUser(t *testing.T) {
	t.Parallel()
	v := New(volume("dev", "v", 64).WithShared(true))
	rs := v.Add(v).Add(v)
	wantText(t, rs, "disk(reservations: [(DYNAMIC,dev)])[v:data]<SHARED>:64<3>")
	if got := rs.Quantities().Get(DiskSpace); got != 64*Unit {
		t.Errorf("quantity of a volume with three users = %v, want 64", got)
	}
	rs = rs.Subtract(v).Subtract(v)
	wantText(t, rs, "disk(reservations: [(DYNAMIC,dev)])[v:data]<SHARED>:64<1>")
	wantText(t, rs.Subtract(v), "{}")
}

func TestRemovingAnObjectPutsTheLastInItsPlace(t *testing.T) {
	t.Parallel()
	rs := parse(t, "cpus:4;mem:2048;disk:4096;ports:[1-2]")
	wantText(t, rs.Subtract(parse(t, "cpus:4")), "ports:[1-2]; mem:2048; disk:4096")
}

func TestOperationsLeaveTheirOperandsAlone(t *testing.T) {
	t.Parallel()
	rs := parse(t, "cpus:4;cpus(dev):1;ports:[1-5];s:{a,b}")
	const want = "cpus:4; cpus(reservations: [(STATIC,dev)]):1; ports:[1-5]; s:{a, b}"
	other := parse(t, "cpus:1;mem:5;ports:[3-3,8-9];s:{a,c}")
	_ = rs.Add(other)
	_ = rs.Subtract(other)
	_ = rs.Allocate("x").Unallocated().PopReservation()
	_, _ = rs.PushReservation(Reservation{Type: Dynamic, Role: "dev/a"})
	var b Builder
	b.Reset(rs)
	b.Add(other)
	b.Subtract(other)
	filtered := rs.NonRevocable()
	b.Reset(filtered)
	b.AddOne(scalar(CPUs, 9, nil))
	snapshot := b.Resources()
	b.Subtract(snapshot)
	if snapshot.Empty() || !b.View().Empty() {
		t.Error("a snapshot followed the builder, or the builder kept something")
	}
	wantText(t, rs, want)
}
