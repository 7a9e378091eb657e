package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/meseta/meseta/internal/durfmt"
)

// codec reads and prints the values of one type, in the text form of Mesos.
type codec[T any] struct {
	kind string
	// list values may be written as a list in the file, joined by commas.
	list   bool
	parse  func(string) (T, error)
	format func(T) (string, bool)
}

func text() codec[string] {
	return codec[string]{
		kind:   "TEXT",
		parse:  func(s string) (string, error) { return s, nil },
		format: func(s string) (string, bool) { return s, s != "" },
	}
}

func secretText() codec[Secret] {
	return codec[Secret]{
		kind:   "TEXT",
		parse:  func(s string) (Secret, error) { return Secret(s), nil },
		format: func(s Secret) (string, bool) { return redacted, s != "" },
	}
}

func boolean() codec[bool] {
	return codec[bool]{
		kind: "BOOL",
		parse: func(s string) (bool, error) {
			switch s {
			case "true", "1":
				return true, nil
			case "false", "0":
				return false, nil
			}
			return false, fmt.Errorf("%q is neither true nor false", s)
		},
		format: func(b bool) (string, bool) { return strconv.FormatBool(b), true },
	}
}

// integer accepts least to most, both included.
func integer(least, most int) codec[int] {
	return codec[int]{
		kind: "NUMBER",
		parse: func(s string) (int, error) {
			n, err := strconv.Atoi(s)
			switch {
			case err != nil:
				return 0, fmt.Errorf("%q is not a whole number", s)
			case n < least && most == math.MaxInt:
				return 0, fmt.Errorf("%d is too small: at least %d", n, least)
			case n < least || n > most:
				return 0, fmt.Errorf("%d is out of range: from %d to %d", n, least, most)
			}
			return n, nil
		},
		format: func(n int) (string, bool) { return strconv.Itoa(n), true },
	}
}

func port() codec[int] { return integer(1, math.MaxUint16) }

// fraction accepts decimal numbers from 0 to 1.
func fraction() codec[float64] {
	return codec[float64]{
		kind: "FRACTION",
		parse: func(s string) (float64, error) {
			v, err := strconv.ParseFloat(s, 64)
			if err != nil || !(v >= 0 && v <= 1) {
				return 0, fmt.Errorf("%q is not a number from 0 to 1", s)
			}
			return v, nil
		},
		format: func(v float64) (string, bool) { return strconv.FormatFloat(v, 'g', -1, 64), true },
	}
}

// percentage accepts "0%" to "100%" and yields 0 to 1.
func percentage() codec[float64] {
	return codec[float64]{
		kind: "PERCENT",
		parse: func(s string) (float64, error) {
			digits, ok := strings.CutSuffix(s, "%")
			v, err := strconv.ParseFloat(digits, 64)
			if !ok || err != nil || !(v >= 0 && v <= 100) {
				return 0, fmt.Errorf("%q is not a percentage from 0%% to 100%%", s)
			}
			return v / 100, nil
		},
		format: func(v float64) (string, bool) { return strconv.FormatFloat(v*100, 'g', 15, 64) + "%", true },
	}
}

// duration accepts least to most, both included.
func duration(least, most time.Duration) codec[time.Duration] {
	return codec[time.Duration]{
		kind: "DURATION",
		parse: func(s string) (time.Duration, error) {
			d, err := durfmt.Parse(s)
			switch {
			case err != nil:
				return 0, err
			case d < least && most == math.MaxInt64:
				return 0, fmt.Errorf("%s is too short: at least %s", durfmt.Format(d), durfmt.Format(least))
			case d < least || d > most:
				return 0, fmt.Errorf("%s is out of range: from %s to %s",
					durfmt.Format(d), durfmt.Format(least), durfmt.Format(most))
			}
			return d, nil
		},
		format: func(d time.Duration) (string, bool) { return durfmt.Format(d), true },
	}
}

func anyDuration() codec[time.Duration]      { return duration(0, math.MaxInt64) }
func positiveDuration() codec[time.Duration] { return duration(1, math.MaxInt64) }

// rate accepts "count/duration".
func rate() codec[Rate] {
	return codec[Rate]{
		kind: "N/DURATION",
		parse: func(s string) (Rate, error) {
			count, per, ok := strings.Cut(s, "/")
			n, err := strconv.Atoi(count)
			if !ok || err != nil || n < 1 {
				return Rate{}, fmt.Errorf("%q is not a rate: write a count and a duration, such as 1/10mins", s)
			}
			d, err := durfmt.Parse(per)
			if err != nil {
				return Rate{}, err
			}
			if d == 0 {
				return Rate{}, fmt.Errorf("%q is not a rate: its duration is zero", s)
			}
			return Rate{Count: n, Per: d}, nil
		},
		format: func(r Rate) (string, bool) { return r.String(), true },
	}
}

func size(least Bytes) codec[Bytes] {
	return codec[Bytes]{
		kind: "SIZE",
		parse: func(s string) (Bytes, error) {
			b, err := ParseBytes(s)
			if err == nil && b < least {
				err = fmt.Errorf("%s is too small: at least %s", b, least)
			}
			return b, err
		},
		format: func(b Bytes) (string, bool) { return b.String(), true },
	}
}

func oneOf(values ...string) codec[string] {
	return codec[string]{
		kind: strings.Join(values, "|"),
		parse: func(s string) (string, error) {
			if !slices.Contains(values, s) {
				return "", fmt.Errorf("%q is none of %s", s, strings.Join(values, ", "))
			}
			return s, nil
		},
		format: func(s string) (string, bool) { return s, s != "" },
	}
}

// list accepts texts separated by commas; blanks around them are dropped.
func list() codec[[]string] {
	return codec[[]string]{
		kind: "LIST", list: true,
		parse: func(s string) ([]string, error) {
			var out []string
			for item := range strings.SplitSeq(s, ",") {
				if item = strings.TrimSpace(item); item != "" {
					out = append(out, item)
				}
			}
			return out, nil
		},
		format: func(v []string) (string, bool) { return strings.Join(v, ","), len(v) > 0 },
	}
}

func address() codec[netip.Addr] {
	return codec[netip.Addr]{
		kind: "IP",
		parse: func(s string) (netip.Addr, error) {
			a, err := netip.ParseAddr(s)
			if err != nil || a.Zone() != "" {
				return netip.Addr{}, fmt.Errorf("%q is not an IP address", s)
			}
			return a, nil
		},
		format: func(a netip.Addr) (string, bool) {
			if !a.IsValid() {
				return "", false
			}
			return a.String(), true
		},
	}
}

// document accepts JSON, or an absolute path of a file that holds it.
func document() codec[json.RawMessage] {
	return codec[json.RawMessage]{
		kind: "JSON",
		parse: func(s string) (json.RawMessage, error) {
			if strings.HasPrefix(s, "/") {
				content, err := os.ReadFile(s)
				if err != nil {
					return nil, err
				}
				s = string(content)
			}
			var compact bytes.Buffer
			if err := json.Compact(&compact, []byte(s)); err != nil {
				return nil, fmt.Errorf("the value is not JSON: %w", err)
			}
			if b := compact.Bytes()[0]; b != '{' && b != '[' {
				return nil, errors.New("the value is JSON, but neither an object nor a list")
			}
			return compact.Bytes(), nil
		},
		format: func(d json.RawMessage) (string, bool) { return string(d), d != nil },
	}
}

// optional makes the zero of a type distinct from "unset", which is nil.
func optional[T any](c codec[T]) codec[*T] {
	return codec[*T]{
		kind: c.kind, list: c.list,
		parse: func(s string) (*T, error) {
			v, err := c.parse(s)
			if err != nil {
				return nil, err
			}
			return &v, nil
		},
		format: func(v *T) (string, bool) {
			if v == nil {
				return "", false
			}
			return c.format(*v)
		},
	}
}

// checked adds a rule to a codec.
func checked[T any](c codec[T], rule func(T) error) codec[T] {
	parse := c.parse
	c.parse = func(s string) (T, error) {
		v, err := parse(s)
		if err == nil {
			err = rule(v)
		}
		return v, err
	}
	return c
}
