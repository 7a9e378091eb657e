package config

import (
	"fmt"
	"log/slog"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/meseta/meseta/internal/durfmt"
)

// redacted stands for a secret wherever values are shown.
const redacted = "<redacted>"

// Secret is text that no log and no listing shows. Reveal gives it to the code
// that needs it.
type Secret string

// Reveal returns the text itself.
func (s Secret) Reveal() string { return string(s) }

// String hides the text, also from the formats %v, %s and %q.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return redacted
}

// GoString hides the text from %#v.
func (s Secret) GoString() string { return strconv.Quote(s.String()) }

// LogValue hides the text from logs.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText hides the text from JSON.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Bytes is an amount of memory or disk space.
type Bytes int64

// The units of Bytes; each is 1024 times the one before, as in Mesos.
const (
	Kilobytes Bytes = 1 << 10
	Megabytes Bytes = 1 << 20
	Gigabytes Bytes = 1 << 30
	Terabytes Bytes = 1 << 40
)

// byteUnits is ordered from the largest to the smallest.
var byteUnits = [...]struct {
	name string
	size Bytes
}{{"TB", Terabytes}, {"GB", Gigabytes}, {"MB", Megabytes}, {"KB", Kilobytes}, {"B", 1}}

// ParseBytes reads a whole number with the unit B, KB, MB, GB or TB.
func ParseBytes(s string) (Bytes, error) {
	unit := strings.TrimLeft(s, "0123456789")
	for _, u := range byteUnits {
		if u.name != unit {
			continue
		}
		n, err := strconv.ParseInt(s[:len(s)-len(unit)], 10, 64)
		switch {
		case err != nil:
			return 0, fmt.Errorf("size %q is not a whole number of %s", s, unit)
		case n > math.MaxInt64/int64(u.size):
			return 0, fmt.Errorf("size %q is too large", s)
		}
		return Bytes(n) * u.size, nil
	}
	return 0, fmt.Errorf("size %q needs a whole number and one of the units B, KB, MB, GB, TB", s)
}

// String prints the largest unit that gives a whole number.
func (b Bytes) String() string {
	for _, u := range byteUnits {
		if b != 0 && b%u.size == 0 {
			return strconv.FormatInt(int64(b/u.size), 10) + u.name
		}
	}
	return "0B"
}

// Rate allows Count events in each period Per.
type Rate struct {
	Count int
	Per   time.Duration
}

func (r Rate) String() string { return strconv.Itoa(r.Count) + "/" + durfmt.Format(r.Per) }
