package durfmt

import (
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestParseReadsMesosAndGoForms(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{
		"100ns":                 100,
		"5us":                   5 * time.Microsecond,
		"500ms":                 500 * time.Millisecond,
		"5secs":                 5 * time.Second,
		"15mins":                15 * time.Minute,
		"1hrs":                  time.Hour,
		"3days":                 72 * time.Hour,
		"2weeks":                336 * time.Hour,
		"1.5mins":               90 * time.Second,
		"0.29secs":              290 * time.Millisecond,
		".5secs":                500 * time.Millisecond,
		"2.secs":                2 * time.Second,
		"0ns":                   0,
		"0.0000000001secs":      0,
		" 5secs ":               5 * time.Second,
		"90s":                   90 * time.Second,
		"1h30m":                 90 * time.Minute,
		"1m":                    time.Minute,
		"0":                     0,
		"9223372036854775807ns": math.MaxInt64,
	} {
		got, err := Parse(text)
		if err != nil || got != want {
			t.Errorf("Parse(%q) = %v, %v; want %v", text, got, err, want)
		}
	}
}

func TestParseRefusesWithAHint(t *testing.T) {
	t.Parallel()
	for text, hint := range map[string]string{
		"":                          "empty",
		"5":                         "no unit",
		"secs":                      "does not begin with a number",
		"-5secs":                    "negative",
		"-5s":                       "negative",
		"5 secs":                    "unknown unit",
		"5sec":                      "unknown unit",
		"5SECS":                     "unknown unit",
		"1e3secs":                   "unknown unit",
		"1.2.3secs":                 "not a number",
		".secs":                     "not a number",
		"9223372036854775808ns":     "too long",
		"99999999999999999999weeks": "too long",
		"15251weeks":                "too long",
	} {
		got, err := Parse(text)
		if err == nil || !strings.Contains(err.Error(), hint) {
			t.Errorf("Parse(%q) = %v, %v; want an error with %q", text, got, err, hint)
		}
	}
}

func TestFormatChoosesTheUnitThatMesosChooses(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		0:                              "0ns",
		999:                            "999ns",
		1500:                           "1500ns",
		2 * time.Microsecond:           "2us",
		1500 * time.Microsecond:        "1500us",
		time.Millisecond + 1:           "1.000001ms",
		100 * time.Millisecond:         "100ms",
		1500 * time.Millisecond:        "1500ms",
		time.Second + time.Microsecond: "1.000001secs",
		15 * time.Second:               "15secs",
		90 * time.Second:               "90secs",
		10 * time.Minute:               "10mins",
		90 * time.Minute:               "90mins",
		time.Hour:                      "1hrs",
		time.Hour + time.Second:        "1.00027777777778hrs",
		6 * time.Hour:                  "6hrs",
		36 * time.Hour:                 "36hrs",
		10 * 24 * time.Hour:            "10days",
		7 * 24 * time.Hour:             "1weeks",
		14 * 24 * time.Hour:            "2weeks",
		7*24*time.Hour + 12*time.Hour:  "1.07142857142857weeks",
		-5 * time.Second:               "-5secs",
		time.Duration(math.MinInt64):   "-15250.2844524715weeks",
		time.Duration(math.MaxInt64):   "15250.2844524715weeks",
	} {
		if got := Format(d); got != want {
			t.Errorf("Format(%d) = %q, want %q", d, got, want)
		}
	}
}

func TestWholeUnitsSurviveARoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		u := rapid.SampledFrom(ladder[:]).Draw(t, "unit")
		most := min(int64(math.MaxInt64)/int64(u.size), 1_000_000)
		d := time.Duration(rapid.Int64Range(0, most).Draw(t, "n")) * u.size
		got, err := Parse(Format(d))
		if err != nil {
			t.Fatalf("Parse(%q): %v", Format(d), err)
		}
		// Fifteen digits may lose what lies below the twelfth decimal.
		if diff := math.Abs(float64(got - d)); diff > float64(d)*1e-14+1 {
			t.Fatalf("%v came back from %q as %v", d, Format(d), got)
		}
	})
}

func FuzzParseNeverPanicsAndItsResultsFormat(f *testing.F) {
	for _, s := range []string{"5secs", "1.5mins", "1h30m", "", "-", ".", "1.999999999999999999999weeks", "0"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, err := Parse(text)
		if err != nil {
			return
		}
		if d < 0 {
			t.Fatalf("Parse(%q) = %v, which is negative", text, d)
		}
		if _, err := Parse(Format(d)); err != nil && d < math.MaxInt64-int64Slack {
			t.Fatalf("Format(%v) = %q does not parse: %v", d, Format(d), err)
		}
	})
}

// int64Slack covers the last durations, whose fifteen digits round up beyond
// what fits.
const int64Slack = 1 << 20
