package resources

import (
	"errors"
	"math"
	"testing"

	"pgregory.net/rapid"
)

func TestScalarsRoundHalvesAwayFromZeroToThousandths(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		in   float64
		want Scalar
	}{
		{0, 0}, {0.0004, 0}, {0.0005, 1}, {1.5123, 1512}, {1.5125, 1513}, {0.1 + 0.2, 300},
		{4, 4000}, {9007199254740.992, MaxScalar},
	} {
		got, err := ScalarFromFloat(test.in)
		if err != nil || got != test.want {
			t.Errorf("ScalarFromFloat(%v) = %d, %v, want %d", test.in, got, err, test.want)
		}
	}
}

func TestNumbersThatAreNoAmountsAreRefused(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		in   float64
		want error
	}{
		{-1, ErrNegative}, {-0.0001, ErrNegative}, {math.NaN(), ErrNotFinite},
		{math.Inf(1), ErrNotFinite}, {math.Inf(-1), ErrNotFinite},
		{1e13, ErrTooLarge}, {math.MaxFloat64, ErrTooLarge},
	} {
		if _, err := ScalarFromFloat(test.in); !errors.Is(err, test.want) {
			t.Errorf("ScalarFromFloat(%v) says %v, want %v", test.in, err, test.want)
		}
	}
}

func TestEveryScalarSurvivesTheWayThroughAFloat(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := Scalar(rapid.Int64Range(0, int64(MaxScalar)).Draw(t, "thousandths"))
		back, err := ScalarFromFloat(s.Float())
		if err != nil || back != s {
			t.Fatalf("%d thousandths came back as %d, %v", s, back, err)
		}
	})
}

func TestScalarsRenderWithoutTrailingZeros(t *testing.T) {
	t.Parallel()
	for in, want := range map[Scalar]string{
		0: "0", 1: "0.001", 10: "0.01", 100: "0.1", 1000: "1", 1250: "1.25", -1000: "-1", -5: "-0.005",
		2048 * Unit: "2048", MaxScalar: "9007199254740.992", math.MinInt64: "-9223372036854775.808",
	} {
		if got := in.String(); got != want {
			t.Errorf("Scalar(%d) renders as %q, want %q", in, got, want)
		}
	}
}

func TestSumsStayAtTheEndsOfTheirRange(t *testing.T) {
	t.Parallel()
	if got := Scalar(math.MaxInt64).Add(1); got != math.MaxInt64 {
		t.Errorf("the largest scalar plus one = %d, want it unchanged", got)
	}
	if got := Scalar(math.MinInt64).Add(-1); got != math.MinInt64 {
		t.Errorf("the smallest scalar minus one = %d, want it unchanged", got)
	}
}

func TestNothingDriftsOverAMillionOperations(t *testing.T) {
	t.Parallel()
	start := parse(t, "cpus:1;mem:1;ports:[1-10]")
	tenth := New(scalar(CPUs, 0.1, nil), scalar(Mem, 0.7, nil))
	var b Builder
	b.Reset(start)
	for range 500_000 {
		b.Add(tenth)
	}
	if got := b.View().Amount(CPUs); got != 50_001*Unit {
		t.Errorf("cpus after half a million additions of 0.1 = %v, want 50001", got)
	}
	for range 500_000 {
		b.Subtract(tenth)
	}
	if got := b.Resources(); !got.Equal(start) {
		t.Errorf("a million operations later %v is left, want %v", got, start)
	}
}
