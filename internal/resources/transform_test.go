package resources

import (
	"testing"
)

func TestReservationsArePushedAndPoppedAsAStack(t *testing.T) {
	t.Parallel()
	push := func(rs Resources, kind ReservationType, role string) Resources {
		t.Helper()
		out, err := rs.PushReservation(Reservation{Type: kind, Role: role})
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	plain := parse(t, "cpus:2;ports:[1-2]")
	one := push(plain, Static, "a")
	two := push(one, Dynamic, "a/b")
	wantText(t, two, "cpus(reservations: [(STATIC,a),(DYNAMIC,a/b)]):2; ports(reservations: [(STATIC,a),(DYNAMIC,a/b)]):[1-2]")
	if !two.PopReservation().Equal(one) || !one.PopReservation().Equal(plain) || !plain.PopReservation().Equal(plain) {
		t.Error("popping did not undo pushing")
	}
	if r := two.At(0); r.ReservationRole() != "a/b" || !r.Refined() || !r.DynamicallyReserved() {
		t.Errorf("%v does not belong to a/b by a dynamic refinement", r)
	}
	wantText(t, two.Add(plain).ToUnreserved(), "cpus:4; ports:[1-2]")
}

func TestReservationsThatDoNotRefineAreRefused(t *testing.T) {
	t.Parallel()
	rs := parse(t, "cpus:1").Add(New(scalar(CPUs, 1, reserved("a"))))
	for _, test := range []struct {
		top  Reservation
		want string
	}{
		{Reservation{Type: Dynamic, Role: "*"}, `Invalid reservation: role "*" cannot be reserved`},
		{Reservation{Type: Static, Role: "a/b"}, "Invalid refined reservation: A refined reservation cannot be STATIC"},
		{Reservation{Type: Dynamic, Role: "b"}, "Invalid refined reservation: role 'b' is not a refinement of 'a'"},
		{Reservation{Type: Dynamic, Role: "a"}, "Invalid refined reservation: role 'a' is not a refinement of 'a'"},
	} {
		if _, err := rs.PushReservation(test.top); err == nil || err.Error() != test.want {
			t.Errorf("pushing %v says %v, want %q", test.top, err, test.want)
		}
	}
}

func TestPoppingAnUnreservedResourceIsABug(t *testing.T) {
	t.Parallel()
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	scalar(CPUs, 1, nil).PopReservation()
}

func TestAllocationIsSetReplacedAndRemoved(t *testing.T) {
	t.Parallel()
	rs := parse(t, "cpus:1;cpus(a):1")
	a := rs.Allocate("a")
	wantText(t, a, "cpus(allocated: a):1; cpus(allocated: a)(reservations: [(STATIC,a)]):1")
	if !a.Unallocated().Equal(rs) || !a.Allocate("b").Unallocated().Equal(rs) {
		t.Error("removing the allocation did not give back the original")
	}
	mixed := a.Add(rs)
	wantText(t, mixed.AllocateUnallocated("b"), "cpus(allocated: a):1; cpus(allocated: a)(reservations: [(STATIC,a)]):1; cpus(allocated: b):1; cpus(allocated: b)(reservations: [(STATIC,a)]):1")
	wantText(t, mixed.Unallocated(), "cpus:2; cpus(reservations: [(STATIC,a)]):2")
}

func TestFlattenKeepsOnlyNamesAndAmounts(t *testing.T) {
	t.Parallel()
	shared := volume("a", "v", 8).WithShared(true)
	shared.Count = 3
	rs := New(scalar(CPUs, 1, nil), scalar(CPUs, 2, reserved("a")), scalar(CPUs, 4, &Meta{Revocable: true}), shared,
		Resource{Name: Ports, Kind: KindRanges, Ranges: []Range{{1, 2}}, Allocation: "x"},
		Resource{Name: Ports, Kind: KindRanges, Ranges: []Range{{3, 4}}, Allocation: "y"})
	wantText(t, rs.Flatten(), "cpus:7; disk:8; ports:[1-4]")
}

func TestShrinkingNeverCutsWholeDisks(t *testing.T) {
	t.Parallel()
	rs := New(scalar(CPUs, 4, nil), volume("a", "v", 10), scalar(DiskSpace, 20, nil),
		Resource{Name: Ports, Kind: KindRanges, Ranges: []Range{{1, 2}}})
	amounts := func(text string) Quantities {
		q, err := ParseQuantities(text)
		if err != nil {
			t.Fatal(err)
		}
		return q
	}
	wantText(t, rs.ShrinkToQuantities(amounts("cpus:1;disk:15")), "cpus:1; disk(reservations: [(DYNAMIC,a)])[v:data]:10; disk:5")
	wantText(t, rs.ShrinkToQuantities(amounts("disk:5")), "disk:5")
	wantText(t, rs.ShrinkToQuantities(Quantities{}), "{}")
	wantText(t, rs.ShrinkToLimits(Limits{}), rs.String())
	wantText(t, rs.ShrinkToLimits(NewLimits(Quantity{CPUs, 0}, Quantity{DiskSpace, 9 * Unit})), "disk:9; ports:[1-2]")
	wantText(t, rs.ShrinkToLimits(NewLimits(Quantity{DiskSpace, 12 * Unit})), "cpus:4; disk(reservations: [(DYNAMIC,a)])[v:data]:10; disk:2; ports:[1-2]")
}
