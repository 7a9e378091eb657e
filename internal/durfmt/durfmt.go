// Package durfmt reads and writes durations in the text form of Mesos: a
// number followed by one unit, as in "500ms", "5secs", "15mins", "1.5hrs",
// "10days" or "2weeks".
package durfmt

import (
	"fmt"
	"math"
	"math/bits"
	"strconv"
	"strings"
	"time"
)

const (
	day  = 24 * time.Hour
	week = 7 * day
)

// ladder holds the units from the largest to the smallest. Format depends on
// the order: the unit below in the list is the next smaller one.
var ladder = [...]struct {
	name string
	size time.Duration
}{
	{"weeks", week},
	{"days", day},
	{"hrs", time.Hour},
	{"mins", time.Minute},
	{"secs", time.Second},
	{"ms", time.Millisecond},
	{"us", time.Microsecond},
	{"ns", time.Nanosecond},
}

// Parse reads a duration. Besides the form of Mesos it takes what Go writes
// ("90s", "1h30m", "0"), since no text means different things in the two.
// Negative durations are refused, as Mesos refuses them. The result is exact:
// decimal fractions do not pass through floating point, and digits below one
// nanosecond are cut off. The error names the text and the units.
func Parse(text string) (time.Duration, error) {
	s := strings.TrimSpace(text)
	digits := strings.TrimLeft(s, "0123456789.")
	number, unit := s[:len(s)-len(digits)], digits
	if number != "" {
		for _, u := range ladder {
			if u.name == unit {
				return scale(text, number, u.size)
			}
		}
		if d, err := time.ParseDuration(s); err == nil {
			return d, nil
		}
	}
	switch {
	case s == "":
		return 0, fmt.Errorf("duration %q is empty: write a number and a unit, such as 15secs", text)
	case strings.HasPrefix(s, "-"):
		return 0, fmt.Errorf("duration %q is negative", text)
	case number == "":
		return 0, fmt.Errorf("duration %q does not begin with a number: write one such as 15secs", text)
	case unit == "":
		return 0, fmt.Errorf("duration %q has no unit: append one of ns, us, ms, secs, mins, hrs, days, weeks", text)
	}
	return 0, fmt.Errorf("duration %q has the unknown unit %q: use ns, us, ms, secs, mins, hrs, days or weeks", text, unit)
}

// scale multiplies the decimal text number by unit without rounding up.
func scale(text, number string, unit time.Duration) (time.Duration, error) {
	whole, fraction, _ := strings.Cut(number, ".")
	if whole == "" && fraction == "" || strings.Contains(fraction, ".") {
		return 0, fmt.Errorf("duration %q: %q is not a number", text, number)
	}
	n := uint64(0)
	if whole != "" {
		var err error
		if n, err = strconv.ParseUint(whole, 10, 64); err != nil {
			return 0, tooLong(text)
		}
	}
	hi, total := bits.Mul64(n, uint64(unit))
	if hi != 0 || total > math.MaxInt64 {
		return 0, tooLong(text)
	}
	// Eighteen digits are below a nanosecond for every unit, and keep both
	// the digits and their power of ten within 64 bits.
	fraction = fraction[:min(len(fraction), 18)]
	if fraction != "" {
		f, err := strconv.ParseUint(fraction, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("duration %q: %q is not a number", text, number)
		}
		power := uint64(1)
		for range len(fraction) {
			power *= 10
		}
		// The quotient is below unit, so the division cannot overflow.
		hi, lo := bits.Mul64(f, uint64(unit))
		part, _ := bits.Div64(hi, lo, power)
		total += part
		if total > math.MaxInt64 {
			return 0, tooLong(text)
		}
	}
	return time.Duration(total), nil
}

func tooLong(text string) error {
	return fmt.Errorf("duration %q is too long: at most %s", text, Format(math.MaxInt64))
}

// Format writes d as Mesos prints it: in the largest unit that fits, or in the
// next smaller one when only that gives a whole number. Ten days are "10days"
// rather than 1.42857142857143 weeks, and ninety seconds are "90secs". A value
// that is whole in neither is written with fifteen significant digits, so
// Parse then returns it only approximately.
func Format(d time.Duration) string {
	sign := ""
	if d < 0 {
		sign = "-"
		// The smallest duration has no positive counterpart.
		d = max(-d, -(d + 1))
	}
	for i, u := range ladder {
		if d < u.size {
			continue
		}
		if d%u.size != 0 && i+1 < len(ladder) && d%ladder[i+1].size == 0 {
			u = ladder[i+1]
		}
		value := float64(d) / float64(u.size)
		return sign + strconv.FormatFloat(value, 'g', 15, 64) + u.name
	}
	return "0ns"
}
