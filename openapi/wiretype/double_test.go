package wiretype_test

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/meseta/meseta/openapi/wiretype"
)

func TestInfinityIsWrittenAsAString(t *testing.T) {
	t.Parallel()
	for want, value := range map[string]float64{`"Infinity"`: math.Inf(1), `"-Infinity"`: math.Inf(-1), `1.5`: 1.5} {
		text, err := json.Marshal(wiretype.Double(value))
		if err != nil || string(text) != want {
			t.Errorf("%v is written as %s (%v), want %s", value, text, err, want)
		}
		var back wiretype.Double
		if err := json.Unmarshal(text, &back); err != nil || float64(back) != value {
			t.Errorf("%s is read as %v (%v)", text, back, err)
		}
	}
	for _, text := range []string{`"NaN"`, `"x"`, `true`} {
		var d wiretype.Double
		if err := json.Unmarshal([]byte(text), &d); err == nil {
			t.Errorf("%s is read as %v, want an error", text, d)
		}
	}
}
