package resources

import (
	"errors"
	"testing"
)

func TestOperationsConvertResources(t *testing.T) {
	t.Parallel()
	agent := parse(t, "cpus:4;mem:2048;disk:4096;ports:[31000-32000]")
	apply := func(rs Resources, conversions ...Conversion) Resources {
		t.Helper()
		out, err := rs.ApplyAll(conversions)
		if err != nil {
			t.Fatal(err)
		}
		if !out.Quantities().Equal(rs.Quantities()) {
			t.Errorf("quantities changed from %v to %v", rs.Quantities(), out.Quantities())
		}
		return out
	}
	toReserve := New(scalar(DiskSpace, 256, reserved("test")))
	withSpace := apply(agent, ReserveConversions(toReserve)...)
	wantText(t, withSpace, "cpus:4; mem:2048; disk:3840; ports:[31000-32000]; disk(reservations: [(DYNAMIC,test)]):256")

	v := volume("test", "v1", 64)
	withVolume := apply(withSpace, CreateConversions(New(v))...)
	wantText(t, withVolume, "cpus:4; mem:2048; disk:3840; ports:[31000-32000]; disk(reservations: [(DYNAMIC,test)]):192; disk(reservations: [(DYNAMIC,test)])[v1:data]:64")

	grown := apply(withVolume, GrowConversion(v, scalar(DiskSpace, 16, reserved("test"))))
	wantText(t, grown, "cpus:4; mem:2048; disk:3840; ports:[31000-32000]; disk(reservations: [(DYNAMIC,test)]):176; disk(reservations: [(DYNAMIC,test)])[v1:data]:80")

	bigger := v
	bigger.Scalar = 80 * Unit
	if shrunk := apply(grown, ShrinkConversion(bigger, 16*Unit)); !shrunk.Equal(withVolume) {
		t.Errorf("shrinking by what was grown gives %v, want %v", shrunk, withVolume)
	}
	if destroyed := apply(withVolume, DestroyConversions(New(v))...); !destroyed.Equal(withSpace) {
		t.Errorf("destroying the volume gives %v, want %v", destroyed, withSpace)
	}
	if freed := apply(withSpace, UnreserveConversions(toReserve)...); !freed.Equal(agent) {
		t.Errorf("unreserving gives %v, want %v", freed, agent)
	}
}

func TestAVolumeOnASourceComesFromThatSource(t *testing.T) {
	t.Parallel()
	source := &DiskSource{Type: SourceMount, Root: "/m"}
	space := scalar(DiskSpace, 8, reserved("a")).WithDisk(&Disk{Source: source})
	v := space.WithDisk(&Disk{Source: source, Persistence: &Persistence{ID: "v"}}).WithShared(true)
	out, err := New(space).ApplyAll(CreateConversions(New(v)))
	if err != nil {
		t.Fatal(err)
	}
	wantText(t, out, "disk(reservations: [(DYNAMIC,a)])[MOUNT:/m,v]<SHARED>:8<1>")
	if back, err := out.ApplyAll(DestroyConversions(New(v))); err != nil || !back.Equal(New(space)) {
		t.Errorf("destroying the volume gives %v, %v, want %v", back, err, space)
	}
}

func TestAConversionOfWhatIsNotThereIsRefusedInTheWordsOfMesos(t *testing.T) {
	t.Parallel()
	have := parse(t, "ports:[31000-32000];cpus:4;mem:2048;disk:4096").Allocate("dev")
	want := New(scalar(CPUs, 100, reserved("dev"))).Allocate("dev")
	_, err := have.ApplyAll(ReserveConversions(want))
	const text = "ports(allocated: dev):[31000-32000]; cpus(allocated: dev):4; mem(allocated: dev):2048; disk(allocated: dev):4096 does not contain cpus(allocated: dev):100"
	if err == nil || err.Error() != text {
		t.Errorf("got  %v\nwant %s", err, text)
	}
	if missing, ok := errors.AsType[*NotContainedError](err); !ok || !missing.Have.Equal(have) {
		t.Errorf("the error is %T, want a *NotContainedError that tells what there was", err)
	}
}
