package mesosjson_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/meseta/meseta/gen/schedulerv1"
	"github.com/meseta/meseta/internal/mesosjson"
)

// optional draws a pointer, or nil.
func optional[T any](t *rapid.T, name string, of *rapid.Generator[T]) *T {
	return rapid.OneOf(rapid.Just[*T](nil), rapid.Custom(func(t *rapid.T) *T { return new(of.Draw(t, name)) })).Draw(t, name)
}

var colors = rapid.SampledFrom([]color{"RED", "GREEN"})

func ids(t *rapid.T) id { return id{rapid.String().Draw(t, "value")} }

func inners(t *rapid.T) inner {
	in := inner{User: rapid.String().Draw(t, "user"), Name: rapid.String().Draw(t, "name"), Color: colors.Draw(t, "color"), ID: ids(t)}
	if rapid.IntRange(0, 3).Draw(t, "nested") == 0 {
		in.Parent = new(inners(t))
	}
	return in
}

func samples(t *rapid.T) sample {
	return sample{
		ID:      optional(t, "id", rapid.Custom(ids)),
		Kind:    colors.Draw(t, "kind"),
		Name:    optional(t, "name", rapid.String()),
		On:      optional(t, "on", rapid.Bool()),
		I32:     optional(t, "i32", rapid.Int32()),
		I64:     optional(t, "i64", rapid.Int64()),
		U32:     optional(t, "u32", rapid.Uint32()),
		U64:     optional(t, "u64", rapid.Uint64()),
		F:       optional(t, "f", rapid.Float64()),
		Data:    rapid.SliceOf(rapid.Byte()).Draw(t, "data"),
		Color:   optional(t, "color", colors),
		Colors:  rapid.SliceOf(colors).Draw(t, "colors"),
		Names:   rapid.SliceOf(rapid.String()).Draw(t, "names"),
		Numbers: rapid.SliceOf(rapid.Int64()).Draw(t, "numbers"),
		IDs:     rapid.SliceOf(rapid.Custom(ids)).Draw(t, "ids"),
		Mark:    optional(t, "mark", rapid.Just(empty{})),
		Inner:   optional(t, "inner", rapid.Custom(inners)),
		Inners:  rapid.SliceOf(rapid.Custom(inners)).Draw(t, "inners"),
		Limits:  rapid.MapOf(rapid.String(), rapid.Custom(ids)).Draw(t, "limits"),
		Labels:  rapid.MapOf(rapid.String(), rapid.Int()).Draw(t, "labels"),
	}
}

func TestWhatIsWrittenIsReadAsTheStandardLibraryReadsIt(t *testing.T) {
	t.Parallel()
	decoder := mesosjson.NewDecoder[sample](mesosjson.Limits{})
	rapid.Check(t, func(t *rapid.T) {
		in := rapid.Custom(samples).Draw(t, "message")
		text, err := mesosjson.Marshal(in)
		if err != nil {
			t.Fatal(err)
		}
		if rapid.Bool().Draw(t, "indented") {
			var indented bytes.Buffer
			if err := json.Indent(&indented, text, "", "\t"); err != nil {
				t.Fatal(err)
			}
			text = indented.Bytes()
		}
		var want sample
		if err := json.Unmarshal(text, &want); err != nil {
			t.Fatal(err)
		}
		got, err := decoder.Decode(text)
		if err != nil {
			t.Fatalf("%s is refused: %v", text, err)
		}
		if diff := cmp.Diff(&want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("%s is read differently (-standard +ours):\n%s", text, diff)
		}
	})
}

func TestRealCallsAreReadAsTheStandardLibraryReadsThem(t *testing.T) {
	t.Parallel()
	body := acceptOf(5)
	// The defaults of the API are what the standard library does not add.
	withDefaults := bytes.ReplaceAll(body, []byte(`{"name":"INDEX",`), []byte(`{"type":"VALUE","name":"INDEX",`))
	var want schedulerv1.Call
	if err := json.Unmarshal(withDefaults, &want); err != nil {
		t.Fatal(err)
	}
	got, err := mesosjson.NewDecoder[schedulerv1.Call](mesosjson.Limits{}).Decode(body)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(&want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("-standard +ours:\n%s", diff)
	}
}

func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		`{}`, `null`, `[]`, `{"name":"a","names":["b",null],"i64":"7","f":1e3,"on":"true"}`,
		`{"inner":{"user":"u","name":"n","color":"RED","id":{"value":"1"}},"limits":{"a":{"value":"b"}}}`,
		`{"ids":[{},[{}]],"ids":{"value":1}}`, `{"data":"YQ==","inf":"-Infinity","u32":-1.5}`,
		"{\"name\":\"\\ud83d\\ude00\xff\"}", `{"x":[{"y":1e-7}],"defaults":{}}`, `{"name":7`, string(acceptOf(1)),
	} {
		f.Add([]byte(seed))
	}
	decoder := mesosjson.NewDecoder[sample](mesosjson.Limits{})
	calls := mesosjson.NewDecoder[schedulerv1.Call](mesosjson.Limits{})
	f.Fuzz(func(t *testing.T, text []byte) {
		before := bytes.Clone(text)
		got, err := decoder.Decode(text)
		_, _ = calls.Decode(text)
		if !bytes.Equal(before, text) {
			t.Fatal("the text was changed")
		}
		refusal, known := errors.AsType[*mesosjson.Error](err)
		switch {
		case err != nil && !known:
			t.Fatalf("an error of type %T", err)
		case json.Valid(text) && known && refusal.Kind == mesosjson.Syntax:
			t.Fatalf("valid JSON is called a syntax error: %v", err)
		case !json.Valid(text) && (err == nil || refusal.Kind == mesosjson.Conversion):
			t.Fatalf("invalid JSON is not called a syntax error: %v", err)
		case err != nil:
			return
		}
		again, err := mesosjson.Marshal(got)
		if err != nil {
			if got.F != nil && math.IsInf(*got.F, 0) {
				return // a plain float64 cannot be written when it is infinite
			}
			t.Fatal(err)
		}
		back, err := decoder.Decode(again)
		if err != nil {
			t.Fatalf("%s is written as %s, which is refused: %v", text, again, err)
		}
		if diff := cmp.Diff(got, back, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("%s is written as %s, which reads differently:\n%s", text, again, diff)
		}
	})
}
