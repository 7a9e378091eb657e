package resources

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/meseta/meseta/gen/mesosv1"
	"github.com/meseta/meseta/openapi/wiretype"
)

func TestTheThreeWireFormatsMeanTheSame(t *testing.T) {
	t.Parallel()
	const cpus = `"name":"cpus","type":"SCALAR","scalar":{"value":2}`
	const info = `"principal":"p","labels":{"labels":[{"key":"k","value":"v"},{"key":"l"}]}`
	for _, test := range []struct{ name, post, pre, endpoint string }{
		{
			"unreserved",
			`[{` + cpus + `}]`,
			`[{` + cpus + `,"role":"*"}]`,
			`[{` + cpus + `,"role":"*"}]`,
		},
		{
			"static",
			`[{` + cpus + `,"reservations":[{"type":"STATIC","role":"ads"}]}]`,
			`[{` + cpus + `,"role":"ads"}]`,
			`[{` + cpus + `,"role":"ads","reservations":[{"type":"STATIC","role":"ads"}]}]`,
		},
		{
			"dynamic",
			`[{` + cpus + `,"reservations":[{"type":"DYNAMIC","role":"ads",` + info + `}]}]`,
			`[{` + cpus + `,"role":"ads","reservation":{` + info + `}}]`,
			`[{` + cpus + `,"role":"ads","reservation":{` + info + `},"reservations":[{"type":"DYNAMIC","role":"ads",` + info + `}]}]`,
		},
		{
			"dynamic without principal",
			`[{` + cpus + `,"reservations":[{"type":"DYNAMIC","role":"ads"}]}]`,
			`[{` + cpus + `,"role":"ads","reservation":{}}]`,
			`[{` + cpus + `,"role":"ads","reservation":{},"reservations":[{"type":"DYNAMIC","role":"ads"}]}]`,
		},
		{
			"refined, which only the stack can express",
			`[{` + cpus + `,"reservations":[{"type":"STATIC","role":"ads"},{"type":"DYNAMIC","role":"ads/x"}]}]`,
			`[{` + cpus + `,"reservations":[{"type":"STATIC","role":"ads"},{"type":"DYNAMIC","role":"ads/x"}]}]`,
			`[{` + cpus + `,"reservations":[{"type":"STATIC","role":"ads"},{"type":"DYNAMIC","role":"ads/x"}]}]`,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			want := fromJSON(t, test.post)
			for format, text := range map[Format]string{Post: test.post, Pre: test.pre, Endpoint: test.endpoint} {
				if got := fromJSON(t, text); !got.Equal(want) {
					t.Errorf("format %d reads as %v, want %v", format, got, want)
				}
				if diff := cmp.Diff(decode(t, text), want.ToV1(format)); diff != "" {
					t.Errorf("format %d is written differently (-want +got):\n%s", format, diff)
				}
			}
		})
	}
}

func TestEveryFieldOfAResourceIsWrittenAsItWasRead(t *testing.T) {
	t.Parallel()
	const text = `[
		{"name":"disk","type":"SCALAR","scalar":{"value":2048},"allocation_info":{"role":"eng/web"},
		 "reservations":[{"type":"STATIC","role":"eng"},{"type":"DYNAMIC","role":"eng/web","principal":"p","labels":{"labels":[{"key":"k","value":"v"}]}}],
		 "disk":{"persistence":{"id":"vol-1","principal":"p"},"volume":{"container_path":"data","mode":"RW"},
		         "source":{"type":"PATH","path":{"root":"/mnt/d"}}},
		 "shared":{}},
		{"name":"disk","type":"SCALAR","scalar":{"value":1},"provider_id":{"value":"rp"},"disk":{"source":
		 {"type":"MOUNT","mount":{"root":"/m"},"vendor":"v","id":"i","profile":"f","metadata":{"labels":[{"key":"a"}]}}}},
		{"name":"disk","type":"SCALAR","scalar":{"value":1},"reservations":[{"type":"STATIC","role":"a"}],"disk":
		 {"persistence":{"id":"x"},"volume":{"container_path":"d","mode":"RO","host_path":"/h"}}},
		{"name":"disk","type":"SCALAR","scalar":{"value":1},"reservations":[{"type":"STATIC","role":"a"}],"disk":
		 {"persistence":{"id":"y"},"volume":{"container_path":"d","mode":"RW","source":{"type":"SANDBOX_PATH","sandbox_path":{"path":"p"}}}}},
		{"name":"disk","type":"SCALAR","scalar":{"value":1},"disk":{"source":{"type":"RAW"}}},
		{"name":"cpus","type":"SCALAR","scalar":{"value":0.5},"revocable":{}},
		{"name":"ports","type":"RANGES","ranges":{"range":[{"begin":1,"end":2},{"begin":5,"end":9}]}},
		{"name":"tokens","type":"SET","set":{"item":["a","b"]}}]`
	rs := fromJSON(t, text)
	if diff := cmp.Diff(decode(t, text), rs.ToV1(Post)); diff != "" {
		t.Errorf("written differently (-want +got):\n%s", diff)
	}
	one := rs.At(0).ToV1(Post)
	if diff := cmp.Diff(decode(t, text)[0], one); diff != "" {
		t.Errorf("a single resource is written differently (-want +got):\n%s", diff)
	}
	if got := (Resources{}).ToV1(Post); got != nil {
		t.Errorf("nothing is written as %v, want nil", got)
	}
}

func TestInvalidResourcesAreRefusedInTheWordsOfMesos(t *testing.T) {
	t.Parallel()
	const cpus = `"name":"cpus","type":"SCALAR","scalar":{"value":1}`
	for _, test := range []struct{ json, want string }{
		{`{"name":"cpus","type":"SCALAR","scalar":{"value":-1}}`, "Resource 'cpus:-1' is invalid: Invalid scalar resource: value <= 0"},
		{`{"name":"cpus","type":"SCALAR","scalar":{"value":0.00001}}`, "Resource 'cpus:0' is invalid: Invalid scalar resource: value <= 0"},
		{`{"name":"cpus","type":"SCALAR","scalar":{"value":1e300}}`, "Resource 'cpus:0' is invalid: Invalid scalar resource: the value is larger than 9007199254740.992"},
		{`{"name":"cpus","type":"SCALAR"}`, "Resource 'cpus:0' is invalid: Invalid scalar resource"},
		{`{"name":"cpus","type":"SCALAR","scalar":{"value":1},"set":{}}`, "Resource 'cpus:0' is invalid: Invalid scalar resource"},
		{`{"name":"","type":"SCALAR","scalar":{"value":1}}`, "Resource ':1' is invalid: Empty resource name"},
		{`{"name":"ports","type":"RANGES"}`, "Resource 'ports:[]' is invalid: Invalid ranges resource"},
		{`{"name":"ports","type":"RANGES","ranges":{"range":[{"begin":31005,"end":31000}]}}`, "Resource 'ports:[31005-31000]' is invalid: Invalid ranges resource: begin > end"},
		{`{"name":"ports","type":"RANGES","ranges":{"range":[{"begin":5,"end":9},{"begin":1,"end":5}]}}`, "Resource 'ports:[5-9, 1-5]' is invalid: Invalid ranges resource: overlapping ranges"},
		{`{"name":"s","type":"SET"}`, "Resource 's:{}' is invalid: Invalid set resource"},
		{`{"name":"s","type":"SET","set":{"item":["a","a"]}}`, "Resource 's:{a, a}' is invalid: Invalid set resource: duplicated elements"},
		{`{"name":"t","type":"TEXT"}`, "Resource 't:0' is invalid: Unsupported resource type"},
		{`{"name":"t"}`, "Resource 't:0' is invalid: Invalid resource type"},
		{`{` + cpus + `,"disk":{}}`, "Resource 'cpus[]:1' is invalid: DiskInfo should not be set for cpus resource"},
		{`{"name":"disk","type":"SCALAR","scalar":{"value":1},"disk":{"source":{"type":"UNKNOWN"}}}`, "Resource 'disk[UNKNOWN]:1' is invalid: Unsupported 'DiskInfo.Source.Type'"},
		{`{` + cpus + `,"shared":{}}`, "Resource 'cpus<SHARED>:1' is invalid: Only persistent volumes can be shared"},
		{`{` + cpus + `,"reservations":[{"type":"DYNAMIC","role":"*","principal":"p1"}]}`, `Resource 'cpus(reservations: [(DYNAMIC,*,p1)]):1' is invalid: Invalid reservation: role "*" cannot be reserved`},
		{`{"name":"cpus","type":"SCALAR","scalar":{"value":-1},"reservations":[{"type":"DYNAMIC","role":"dev","principal":"p1"}]}`, "Resource 'cpus(reservations: [(DYNAMIC,dev,p1)]):-1' is invalid: Invalid scalar resource: value <= 0"},
		{`{` + cpus + `,"reservations":[{"type":"DYNAMIC","role":"a"},{"type":"DYNAMIC","role":"b"}]}`, "Resource 'cpus(reservations: [(DYNAMIC,a),(DYNAMIC,b)]):1' is invalid: Invalid refined reservation: role 'b' is not a refinement of 'a'"},
		{`{` + cpus + `,"reservations":[{"type":"DYNAMIC","role":"a"},{"type":"STATIC","role":"a/b"}]}`, "Resource 'cpus(reservations: [(DYNAMIC,a),(STATIC,a/b)]):1' is invalid: Invalid refined reservation: A refined reservation cannot be STATIC"},
		{`{` + cpus + `,"reservations":[{"type":"DYNAMIC","role":"bad role"}]}`, "Resource 'cpus(reservations: [(DYNAMIC,bad role)]):1' is invalid: Role component 'bad role' is invalid because it contains backspace or whitespace"},
		{`{` + cpus + `,"reservations":[{"role":"a"}]}`, "Resource 'cpus(reservations: [(UNKNOWN,a)]):1' is invalid: Invalid reservation: 'Resource.ReservationInfo.type' field must be set."},
		{`{` + cpus + `,"reservations":[{"type":"DYNAMIC"}]}`, "Resource 'cpus(reservations: [(DYNAMIC,)]):1' is invalid: Invalid reservation: 'Resource.ReservationInfo.role' field must be set."},
		{`{` + cpus + `,"role":""}`, "Resource 'cpus(reservations: [(STATIC,)]):1' is invalid: Role names cannot be the empty string"},
		{`{` + cpus + `,"role":"*","reservation":{}}`, `Resource 'cpus:1' is invalid: Invalid reservation: role "*" cannot be dynamically reserved`},
		{`{` + cpus + `,"role":"a","reservation":{"type":"DYNAMIC"}}`, "Resource 'cpus(reservations: [(DYNAMIC,a)]):1' is invalid: 'Resource.ReservationInfo.type' must not be set for the 'Resource.reservation' field"},
		{`{` + cpus + `,"role":"a","reservation":{"role":"a"}}`, "Resource 'cpus(reservations: [(DYNAMIC,a)]):1' is invalid: 'Resource.ReservationInfo.role' must not be set for the 'Resource.reservation' field"},
		{`{` + cpus + `,"role":"b","reservations":[{"type":"STATIC","role":"a"}]}`, "Resource 'cpus(reservations: [(STATIC,a)]):1' is invalid: Invalid resource format: 'Resource.role' field with 'b' does not match the role 'a' in 'Resource.reservations'"},
		{`{` + cpus + `,"role":"a","reservation":{},"reservations":[{"type":"STATIC","role":"a"}]}`, "Resource 'cpus(reservations: [(STATIC,a)]):1' is invalid: Invalid resource format: 'Resource.reservation' must not be set if the single reservation in 'Resource.reservations' is STATIC"},
		{`{` + cpus + `,"role":"a","reservations":[{"type":"DYNAMIC","role":"a"}]}`, "Resource 'cpus(reservations: [(DYNAMIC,a)]):1' is invalid: Invalid resource format: 'Resource.role' and 'Resource.reservation' must either be both set or both not set if the single reservation in 'Resource.reservations' is DYNAMIC"},
		{`{` + cpus + `,"role":"a","reservation":{"principal":"p"},"reservations":[{"type":"DYNAMIC","role":"a"}]}`, "Resource 'cpus(reservations: [(DYNAMIC,a)]):1' is invalid: Invalid resource format: 'Resource.reservation' does not match the single reservation in 'Resource.reservations'"},
		{`{` + cpus + `,"role":"a","reservations":[{"type":"DYNAMIC","role":"a"},{"type":"DYNAMIC","role":"a/b"}]}`, "Resource 'cpus(reservations: [(DYNAMIC,a),(DYNAMIC,a/b)]):1' is invalid: Invalid resource format: 'Resource.role' must not be set together with a refined reservation"},
		{`{` + cpus + `,"reservation":{},"reservations":[{"type":"DYNAMIC","role":"a"},{"type":"DYNAMIC","role":"a/b"}]}`, "Resource 'cpus(reservations: [(DYNAMIC,a),(DYNAMIC,a/b)]):1' is invalid: Invalid resource format: 'Resource.reservation' must not be set together with a refined reservation"},
	} {
		_, err := FromV1(decode(t, `[`+test.json+`]`))
		if err == nil || err.Error() != test.want {
			t.Errorf("%s\ngot  %v\nwant %s", test.json, err, test.want)
		}
	}
}

func TestNotANumberIsRefusedAsAnAmount(t *testing.T) {
	t.Parallel()
	for _, v := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		in := []mesosv1.Resource{{Name: "cpus", Type: mesosv1.ValueTypeScalar, Scalar: &mesosv1.ValueScalar{Value: v}}}
		if _, err := FromV1(in); err == nil {
			t.Errorf("cpus of %v were accepted", v)
		}
	}
}

func TestZeroAmountsAreValidAndVanish(t *testing.T) {
	t.Parallel()
	wantText(t, fromJSON(t, `[{"name":"cpus","type":"SCALAR","scalar":{"value":0}},{"name":"mem","type":"SCALAR","scalar":{"value":32}}]`), "mem:32")
}

func TestAttributesAreWrittenAsTheyWereRead(t *testing.T) {
	t.Parallel()
	const text = `[{"name":"rack","type":"TEXT","text":{"value":"r1"}},{"name":"level","type":"SCALAR","scalar":{"value":10.00025}},
		{"name":"span","type":"RANGES","ranges":{"range":[{"begin":1,"end":3},{"begin":7,"end":9}]}},
		{"name":"set","type":"SET","set":{"item":["a","b"]}},{"name":"rack","type":"TEXT","text":{"value":"r2"}}]`
	var in []mesosv1.Attribute
	if err := json.Unmarshal([]byte(text), &in); err != nil {
		t.Fatal(err)
	}
	as, err := AttributesFromV1(in)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(in, as.ToV1()); diff != "" {
		t.Errorf("written differently (-want +got):\n%s", diff)
	}
	for _, kind := range []mesosv1.ValueType{"", mesosv1.ValueTypeScalar, mesosv1.ValueTypeRanges, mesosv1.ValueTypeSet, mesosv1.ValueTypeText} {
		if _, err := AttributesFromV1([]mesosv1.Attribute{{Name: "a", Type: kind}}); err == nil {
			t.Errorf("an attribute of type %q without a value was accepted", kind)
		}
	}
	if as, err := AttributesFromV1(nil); as != nil || err != nil || as.ToV1() != nil {
		t.Errorf("no attributes read as %v, %v", as, err)
	}
}

func TestMapsOfAmountsAreReadAndRefusedByName(t *testing.T) {
	t.Parallel()
	q, err := QuantitiesFromV1(map[string]mesosv1.ValueScalar{"mem": {Value: 32}, "cpus": {Value: 0.5}, "gpus": {}})
	if err != nil || q.String() != "cpus:0.5; mem:32" {
		t.Errorf("got %v, %v", q, err)
	}
	if diff := cmp.Diff(map[string]mesosv1.ValueScalar{"mem": {Value: 32}, "cpus": {Value: 0.5}}, q.ToV1()); diff != "" {
		t.Errorf("written differently (-want +got):\n%s", diff)
	}
	if (Quantities{}).ToV1() != nil {
		t.Error("no amounts are written as something")
	}
	for v, want := range map[float64]string{
		-1:          "Invalid resource quantity for 'cpus': Negative values not supported",
		math.Inf(1): "Invalid resource quantity for 'cpus': Infinite values not supported",
		1e300:       "Invalid resource quantity for 'cpus': the value is larger than 9007199254740.992",
	} {
		_, err := QuantitiesFromV1(map[string]mesosv1.ValueScalar{"mem": {Value: -1}, "cpus": {Value: v}})
		if err == nil || err.Error() != want {
			t.Errorf("%v: got %v, want %s", v, err, want)
		}
	}
	if _, err := QuantitiesFromV1(map[string]mesosv1.ValueScalar{"cpus": {Value: math.NaN()}}); err == nil {
		t.Error("NaN was accepted")
	}
	l, err := LimitsFromV1(map[string]mesosv1.Limit{
		"mem": {Value: 0}, "cpus": {Value: 0.5}, "gpus": {Value: wiretype.Double(math.Inf(1))},
	})
	if err != nil || l.String() != "cpus:0.5; mem:0" {
		t.Errorf("got %v, %v, want no bound for what is infinite", l, err)
	}
	if _, err := LimitsFromV1(map[string]mesosv1.Limit{"mem": {Value: -1}}); err == nil {
		t.Error("a negative bound was accepted")
	}
}
