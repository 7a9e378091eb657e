package resources

import (
	"errors"
	"math"
	"strconv"
)

// Scalar is an amount in thousandths of its unit (cores for cpus, MiB for mem
// and disk). Fixed point keeps sums exact however many are added and taken
// away; three decimals are what Mesos keeps.
type Scalar int64

const (
	// Unit is one whole core or MiB.
	Unit Scalar = 1000

	// MaxScalar is the largest amount accepted from outside. Up to here every
	// number of thousandths is exact in the float64 that the API carries, so
	// an amount survives the way out and back in.
	MaxScalar Scalar = 1 << 53
)

// The reasons for which [ScalarFromFloat] refuses a number.
var (
	ErrNotFinite = errors.New("the value is not a finite number")
	ErrNegative  = errors.New("the value is negative")
	ErrTooLarge  = errors.New("the value is larger than 9007199254740.992")
)

// ScalarFromFloat rounds to thousandths, halves away from zero. It refuses
// numbers that are not finite, negative or beyond [MaxScalar].
func ScalarFromFloat(v float64) (Scalar, error) {
	s, err := signedScalar(v)
	if err == nil && v < 0 {
		return 0, ErrNegative
	}
	return s, err
}

// signedScalar is ScalarFromFloat for numbers that may still turn out to be
// negative, which error texts must be able to show.
func signedScalar(v float64) (Scalar, error) {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return 0, ErrNotFinite
	}
	scaled := math.Round(v * 1000)
	if math.Abs(scaled) > float64(MaxScalar) {
		return 0, ErrTooLarge
	}
	return Scalar(scaled), nil
}

// Float returns the amount in units, as the API carries it.
func (s Scalar) Float() float64 { return float64(s) / 1000 }

// Add returns the sum. A sum beyond the range of 64 bits stays at its end
// instead of wrapping round to the other sign.
func (s Scalar) Add(t Scalar) Scalar {
	sum := s + t
	if s > 0 && t > 0 && sum < 0 {
		return math.MaxInt64
	}
	if s < 0 && t < 0 && sum >= 0 {
		return math.MinInt64
	}
	return sum
}

// String renders the amount without trailing zeros: "4", "0.1", "2048.125".
func (s Scalar) String() string { return string(s.append(nil)) }

// append renders the amount into b.
func (s Scalar) append(b []byte) []byte {
	magnitude := uint64(s)
	if s < 0 {
		b = append(b, '-')
		magnitude = -magnitude
	}
	b = strconv.AppendUint(b, magnitude/1000, 10)
	rest := magnitude % 1000
	if rest == 0 {
		return b
	}
	b = append(b, '.')
	for scale := uint64(100); rest > 0; scale /= 10 {
		b = append(b, byte('0'+rest/scale))
		rest %= scale
	}
	return b
}
