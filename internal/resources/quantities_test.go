package resources

import (
	"testing"

	"pgregory.net/rapid"
)

func quantities(t testing.TB, text string) Quantities {
	t.Helper()
	q, err := ParseQuantities(text)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

func TestQuantitiesAreSortedSumsOfScalars(t *testing.T) {
	t.Parallel()
	rs := parse(t, "mem:2048;cpus:3;cpus(a):1;disk:4096;ports:[1-5]")
	q := rs.Quantities()
	if got, want := q.String(), "cpus:4; disk:4096; mem:2048"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if q.Get(CPUs) != 4*Unit || q.Get("gpus") != 0 || q.Len() != 3 || q.At(1).Name != DiskSpace {
		t.Errorf("%v reads wrongly by name or index", q)
	}
	q.SubtractResourcesInPlace(rs)
	if !q.Empty() || q.String() != "{}" {
		t.Errorf("%v is left of everything", q)
	}
	if sum := NewQuantities(Quantity{CPUs, 1}, Quantity{"a", 2}, Quantity{CPUs, 3}, Quantity{Mem, 0}); sum.String() != "a:0.002; cpus:0.004" {
		t.Errorf("got %v", sum)
	}
}

func TestQuantitiesCompareByEveryName(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		a, b string
		want bool
	}{
		{"cpus:1;mem:1", "cpus:1", true},
		{"cpus:1;mem:1", "mem:1", true},
		{"cpus:1;mem:1", "cpus:1;mem:1", true},
		{"cpus:1", "", true},
		{"", "cpus:1", false},
		{"cpus:1;mem:1", "mem:2", false},
		{"cpus:1;mem:1", "disk:1", false},
		{"cpus:1;mem:1", "zzz:1", false},
	} {
		if got := quantities(t, test.a).Contains(quantities(t, test.b)); got != test.want {
			t.Errorf("{%s} contains {%s}: %v, want %v", test.a, test.b, got, test.want)
		}
	}
}

func TestQuantitiesAreNeverOwedAndLeaveTheirOperandsAlone(t *testing.T) {
	t.Parallel()
	a, b := quantities(t, "cpus:1;mem:5"), quantities(t, "cpus:3;disk:2;mem:1")
	if got := a.Subtract(b).String(); got != "mem:4" {
		t.Errorf("difference = %s, want mem:4", got)
	}
	if got := a.Add(b).String(); got != "cpus:4; disk:2; mem:6" {
		t.Errorf("sum = %s", got)
	}
	if !a.Equal(quantities(t, "mem:5;cpus:1")) || !b.Equal(quantities(t, "cpus:3;mem:1;disk:2")) {
		t.Errorf("operands became %v and %v", a, b)
	}
}

func TestQuantitiesAddAndSubtractToTheSame(t *testing.T) {
	t.Parallel()
	draw := rapid.Custom(func(t *rapid.T) Quantities {
		var q Quantities
		for range rapid.IntRange(0, 4).Draw(t, "n") {
			q.AddAmountInPlace(rapid.SampledFrom([]string{CPUs, Mem, DiskSpace, GPUs, "x"}).Draw(t, "name"),
				Scalar(rapid.Int64Range(0, 5000).Draw(t, "amount")))
		}
		return q
	})
	rapid.Check(t, func(t *rapid.T) {
		a, b := draw.Draw(t, "a"), draw.Draw(t, "b")
		sum := a.Add(b)
		if !sum.Equal(b.Add(a)) || !sum.Contains(a) || !sum.Contains(b) {
			t.Fatalf("%v + %v = %v", a, b, sum)
		}
		if !sum.Subtract(b).Equal(a) {
			t.Fatalf("%v - %v = %v, want %v", sum, b, sum.Subtract(b), a)
		}
		if a.Contains(b) && b.Contains(a) && !a.Equal(b) {
			t.Fatalf("%v and %v contain each other but differ", a, b)
		}
		if back, err := ParseQuantities(a.String()); !a.Empty() && (err != nil || !back.Equal(a)) {
			t.Fatalf("%v came back from text as %v, %v", a, back, err)
		}
	})
}

func TestAnAbsentLimitIsInfiniteAndAZeroIsNot(t *testing.T) {
	t.Parallel()
	l := NewLimits(Quantity{Mem, 0}, Quantity{CPUs, 9}, Quantity{CPUs, 2 * Unit})
	if got := l.String(); got != "cpus:2; mem:0" || l.Len() != 2 || l.Empty() {
		t.Errorf("got %s", got)
	}
	if s, ok := l.Get(Mem); !ok || s != 0 {
		t.Errorf("the bound of mem is %v, %v, want a zero", s, ok)
	}
	if s, ok := l.Get(DiskSpace); ok || s != NoLimit {
		t.Errorf("the bound of disk is %v, %v, want none", s, ok)
	}
	for text, want := range map[string]bool{"cpus:2": true, "disk:99": true, "": true, "cpus:2.001": false, "mem:0.001": false} {
		if got := l.Allows(quantities(t, text)); got != want {
			t.Errorf("%v allows {%s}: %v, want %v", l, text, got, want)
		}
	}
	if got := l.Subtract(quantities(t, "cpus:5;disk:1")).String(); got != "cpus:0; mem:0" {
		t.Errorf("got %s, want bounds that do not fall below zero", got)
	}
	if got, _ := l.Get(CPUs); got != 2*Unit {
		t.Error("subtracting changed the receiver")
	}
	wide := NewLimits(Quantity{CPUs, 3 * Unit})
	if !wide.Contains(l) || l.Contains(wide) || !(Limits{}).Contains(l) || wide.Contains(Limits{}) || !l.Equal(l.Subtract(Quantities{})) {
		t.Error("bounds were compared wrongly")
	}
}
