package mesosjson_test

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/meseta/meseta/internal/mesosjson"
)

type color string

func (c color) Valid() bool { return c == "RED" || c == "GREEN" }

// infinite stands for the generated type of numbers that may be infinite.
type infinite float64

func (f infinite) MarshalJSON() ([]byte, error) {
	switch {
	case math.IsInf(float64(f), 1):
		return []byte(`"Infinity"`), nil
	case math.IsInf(float64(f), -1):
		return []byte(`"-Infinity"`), nil
	default:
		return json.Marshal(float64(f))
	}
}

type id struct {
	Value string `json:"value"`
}

type empty struct{}

// sample has a field of every kind that the generated types have.
type sample struct {
	ID       *id            `json:"id,omitempty"`
	Kind     color          `json:"kind" mesos:"optional"`
	Name     *string        `json:"name,omitempty"`
	On       *bool          `json:"on,omitempty"`
	I32      *int32         `json:"i32,omitempty"`
	I64      *int64         `json:"i64,omitempty"`
	U32      *uint32        `json:"u32,omitempty"`
	U64      *uint64        `json:"u64,omitempty"`
	F        *float64       `json:"f,omitempty"`
	Inf      *infinite      `json:"inf,omitempty"`
	Data     []byte         `json:"data,omitempty"`
	Color    *color         `json:"color,omitempty"`
	Colors   []color        `json:"colors,omitempty"`
	Names    []string       `json:"names,omitempty"`
	Numbers  []int64        `json:"numbers,omitempty"`
	IDs      []id           `json:"ids,omitempty"`
	Mark     *empty         `json:"mark,omitempty"`
	Inner    *inner         `json:"inner,omitempty"`
	Inners   []inner        `json:"inners,omitempty"`
	Limits   map[string]id  `json:"limits,omitempty"`
	Labels   map[string]int `json:"labels,omitempty"`
	Defaults *defaults      `json:"defaults,omitempty"`
	Lists    *lists         `json:"lists,omitempty"`
}

type inner struct {
	User   string `json:"user"`
	Name   string `json:"name"`
	Color  color  `json:"color"`
	ID     id     `json:"id"`
	Parent *inner `json:"parent,omitempty"`
}

type defaults struct {
	Timeout *float64 `default:"5.0" json:"timeout,omitempty"`
	Shell   *bool    `default:"true" json:"shell,omitempty"`
	Port    *int32   `default:"5051" json:"port,omitempty"`
	Color   *color   `default:"RED" json:"color,omitempty"`
	Plain   *string  `json:"plain,omitempty"`
}

type lists struct {
	Tasks  []string       `json:"tasks"`
	Counts map[string]int `json:"counts"`
}

func TestWhatIsAccepted(t *testing.T) {
	t.Parallel()
	decoder := mesosjson.NewDecoder[sample](mesosjson.Limits{})
	for _, test := range []struct {
		name, in string
		want     sample
	}{
		{"an empty object is a message without fields", `{}`, sample{}},
		{"white space may stand between all tokens", " {\t\"name\"\r\n:\n\"n\" , \"on\" : true } \n", sample{Name: new("n"), On: new(true)}},
		{"unknown members are ignored, whatever they hold", `{"x":{"y":[1,{"z":null}],"w":"\u0041"},"name":"n","q":-1.5e3}`, sample{Name: new("n")}},
		{"member names are matched exactly", `{"Name":"a","NAME":"b"}`, sample{}},
		{"member names may contain escapes", `{"na\u006de":"n"}`, sample{Name: new("n")}},
		{"null is absent", `{"id":null,"kind":null,"name":null,"on":null,"i32":null,"f":null,"data":null,"color":null,"names":null,"mark":null,"limits":null,"ids":null}`, sample{}},
		{"null in an array adds nothing", `{"names":["a",null,"b"],"ids":[null],"colors":[null,"RED"]}`, sample{Names: []string{"a", "b"}, IDs: []id{}, Colors: []color{"RED"}}},
		{"an empty message is present", `{"mark":{}}`, sample{Mark: &empty{}}},
		{"an empty string is present", `{"name":"","id":{"value":""}}`, sample{Name: new(""), ID: &id{}}},
		{"a string may be a number of any kind", `{"i32":"8080","i64":" -7 ","u32":"1","u64":"18446744073709551615","f":"1.5"}`,
			sample{I32: new(int32(8080)), I64: new(int64(-7)), U32: new(uint32(1)), U64: new(uint64(math.MaxUint64)), F: new(1.5)}},
		{"a string may be a boolean", `{"on":"true"}`, sample{On: new(true)}},
		{"a string may be false", `{"on":" false"}`, sample{On: new(false)}},
		{"integers may have an exponent", `{"i64":3.6e+06,"i32":1E2,"u64":1e3}`, sample{I64: new(int64(3600000)), I32: new(int32(100)), U64: new(uint64(1000))}},
		{"integers lose their fraction", `{"i64":1.5,"i32":-1.9,"u32":0.99}`, sample{I64: new(int64(1)), I32: new(int32(-1)), U32: new(uint32(0))}},
		{"integers lose their fraction in strings as well", `{"i64":"1.5"}`, sample{I64: new(int64(1))}},
		{"64-bit integers keep every digit", `{"i64":-9223372036854775808,"u64":18446744073709551615}`, sample{I64: new(int64(math.MinInt64)), U64: new(uint64(math.MaxUint64))}},
		{"a negative number wraps around in an unsigned field", `{"u32":-1,"u64":-1}`, sample{U32: new(uint32(math.MaxUint32)), U64: new(uint64(math.MaxUint64))}},
		{"a float may be an integer", `{"f":15}`, sample{F: new(15.0)}},
		{"a float keeps its sign at zero", `{"f":-0}`, sample{F: new(math.Copysign(0, -1))}},
		{"floats may be infinite", `{"f":"Infinity","inf":"-Infinity"}`, sample{F: new(math.Inf(1)), Inf: new(infinite(math.Inf(-1)))}},
		{"a known enum name is taken", `{"color":"GREEN","kind":"RED"}`, sample{Color: new(color("GREEN")), Kind: "RED"}},
		{"an unknown enum name leaves the field unset", `{"color":"MAUVE","kind":"red"}`, sample{}},
		{"an unknown enum name adds nothing to an array", `{"colors":["RED","MAUVE","GREEN"]}`, sample{Colors: []color{"RED", "GREEN"}}},
		{"bytes are base64", `{"data":"AP/+"}`, sample{Data: []byte{0, 0xff, 0xfe}}},
		{"base64 needs no padding", `{"data":"YQ"}`, sample{Data: []byte("a")}},
		{"base64 may contain white space", `{"data":"Y W\nFh"}`, sample{Data: []byte("aaa")}},
		{"no bytes are present all the same", `{"data":""}`, sample{Data: []byte{}}},
		{"one value stands for a list of it", `{"names":"a","numbers":7,"ids":{"value":"o"},"colors":"RED"}`,
			sample{Names: []string{"a"}, Numbers: []int64{7}, IDs: []id{{"o"}}, Colors: []color{"RED"}}},
		{"arrays in the array of a list are flattened", `{"names":[["a"],[["b"],"c"],[]]}`, sample{Names: []string{"a", "b", "c"}}},
		{"numbers in a list may be strings", `{"numbers":["1",2,3.7]}`, sample{Numbers: []int64{1, 2, 3}}},
		{"an empty array is an empty list", `{"names":[],"lists":{"tasks":[]}}`, sample{Names: []string{}, Lists: &lists{Tasks: []string{}, Counts: map[string]int{}}}},
		{"long lists keep their order", `{"numbers":[1,2,3,4,5,6,7,8,9,10]}`, sample{Numbers: []int64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}}},
		{"maps are objects", `{"limits":{"cpus":{"value":"1"},"mem":null},"labels":{"a":1}}`, sample{Limits: map[string]id{"cpus": {"1"}}, Labels: map[string]int{"a": 1}}},
		{"the last of equal members wins", `{"name":"a","name":"b","names":["a"],"names":["b"],"color":"RED","color":"MAUVE"}`, sample{Name: new("b"), Names: []string{"b"}}},
		{"the last of equal messages replaces, it does not add", `{"id":{},"id":{"value":"b"},"defaults":{"port":1},"defaults":{"port":2}}`,
			sample{ID: &id{"b"}, Defaults: &defaults{Timeout: new(5.0), Shell: new(true), Port: new(int32(2)), Color: new(color("RED"))}}},
		{"a later null withdraws a member", `{"name":"a","name":null,"inner":{},"inner":null}`, sample{}},
		{"messages may contain themselves", `{"inner":{"user":"u","name":"n","color":"RED","id":{"value":"1"},"parent":{"user":"p","name":"q","color":"RED","id":{"value":"2"}}}}`,
			sample{Inner: &inner{"u", "n", "RED", id{"1"}, &inner{"p", "q", "RED", id{"2"}, nil}}}},
		{"defaults are filled in where their message is present", `{"defaults":{}}`,
			sample{Defaults: &defaults{Timeout: new(5.0), Shell: new(true), Port: new(int32(5051)), Color: new(color("RED"))}}},
		{"values replace defaults", `{"defaults":{"timeout":0,"shell":false,"port":1,"color":"GREEN","plain":"p"}}`,
			sample{Defaults: &defaults{new(0.0), new(false), new(int32(1)), new(color("GREEN")), new("p")}}},
		{"an unknown enum name is replaced by the default", `{"defaults":{"color":"MAUVE","timeout":null}}`,
			sample{Defaults: &defaults{Timeout: new(5.0), Shell: new(true), Port: new(int32(5051)), Color: new(color("RED"))}}},
		{"lists that are always written become empty, not nil", `{"lists":{}}`, sample{Lists: &lists{Tasks: []string{}, Counts: map[string]int{}}}},
		{"escapes are resolved", `{"name":"\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00"}`, sample{Name: new("\"\\/\b\f\n\r\té😀")}},
		{"text beyond ASCII passes", `{"name":"é😀"}`, sample{Name: new("é😀")}},
		{"halves of surrogate pairs are replaced", `{"name":"\ud83d\u0041\udc00"}`, sample{Name: new("\uFFFDA\uFFFD")}},
		{"bytes that are not UTF-8 are replaced", "{\"name\":\"a\xff\xfeb\"}", sample{Name: new("a\uFFFD\uFFFDb")}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := decoder.Decode([]byte(test.in))
			if err != nil {
				t.Fatalf("%s is refused: %v", test.in, err)
			}
			if diff := cmp.Diff(&test.want, got); diff != "" {
				t.Errorf("%s is read differently (-want +got):\n%s", test.in, diff)
			}
			if test.want.F != nil && math.Signbit(*test.want.F) != math.Signbit(*got.F) {
				t.Errorf("the sign of %s is lost", test.in)
			}
		})
	}
}

func TestWhatIsRefused(t *testing.T) {
	t.Parallel()
	decoder := mesosjson.NewDecoder[sample](mesosjson.Limits{Depth: 8, Elements: 12})
	const convert, parse = "Failed to convert JSON into Call protobuf: ", "Failed to parse body into JSON: "
	for _, test := range []struct{ name, in, want string }{
		{"an array instead of the message", `[]`, convert + "Expecting a JSON object"},
		{"null instead of the message", `null`, convert + "Expecting a JSON object"},
		{"a string instead of the message", `"x"`, convert + "Expecting a JSON object"},
		{"a number for a string", `{"name":7}`, convert + "Not expecting a JSON number for field 'name'"},
		{"a negative number for a string", `{"name":-7}`, convert + "Not expecting a JSON number for field 'name'"},
		{"a boolean for a string", `{"name":true}`, convert + "Not expecting a JSON boolean for field 'name'"},
		{"an object for a string", `{"name":{}}`, convert + "Not expecting a JSON object for field 'name'"},
		{"an array for a string", `{"name":["a"]}`, convert + "Not expecting a JSON array for field 'name'"},
		{"a number for an enum", `{"kind":7}`, convert + "Not expecting a JSON number for field 'kind'"},
		{"an array for an enum", `{"kind":["RED"]}`, convert + "Not expecting a JSON array for field 'kind'"},
		{"a number for a boolean", `{"on":1}`, convert + "Not expecting a JSON number for field 'on'"},
		{"a boolean for a number", `{"i64":true}`, convert + "Not expecting a JSON boolean for field 'i64'"},
		{"an object for a number", `{"f":{}}`, convert + "Not expecting a JSON object for field 'f'"},
		{"an array for a number", `{"f":[1]}`, convert + "Not expecting a JSON array for field 'f'"},
		{"a number for bytes", `{"data":5}`, convert + "Not expecting a JSON number for field 'data'"},
		{"a string for a message", `{"id":"x"}`, convert + "Not expecting a JSON string for field 'id'"},
		{"an array for a message", `{"id":[{"value":"x"}]}`, convert + "Not expecting a JSON array for field 'id'"},
		{"a string in a list of messages", `{"ids":["o"]}`, convert + "Not expecting a JSON string for field 'ids'"},
		{"a number in a list of strings", `{"names":["a",1]}`, convert + "Not expecting a JSON number for field 'names'"},
		{"an array for a map", `{"labels":[]}`, convert + "Not expecting a JSON array for field 'labels'"},
		{"a string for a message in a map", `{"limits":{"a":"x"}}`, convert + "Not expecting a JSON string for field 'value'"},
		{"a word for a boolean", `{"on":"yes"}`, convert + "Failed to parse 'yes' as a JSON boolean for field 'on': syntax error at line 1 near: yes"},
		{"a quoted number for a boolean", `{"on":"1"}`, convert + "Failed to parse '1' as a JSON boolean for field 'on': Unexpected JSON type parsed"},
		{"a word for a number", `{"u32":"x"}`, convert + "Failed to parse 'x' as a JSON number for field 'u32': syntax error at line 1 near: x"},
		{"nothing for a number", `{"u32":""}`, convert + "Failed to parse '' as a JSON number for field 'u32': syntax error at line 1 near: "},
		{"NaN", `{"f":"NaN"}`, convert + "Failed to parse 'NaN' as a JSON number for field 'f': syntax error at line 1 near: NaN"},
		{"an infinity for an integer", `{"i64":"Infinity"}`, convert + "Failed to parse 'Infinity' as a JSON number for field 'i64': syntax error at line 1 near: Infinity"},
		{"a number too large for 32 bits", `{"i32":2147483648}`, convert + "The number 2147483648 is out of range for field 'i32'"},
		{"a number too large for 64 bits", `{"i64":1e30}`, convert + "The number 1e30 is out of range for field 'i64'"},
		{"a number too large for an unsigned field", `{"u64":18446744073709551616}`, convert + "The number 18446744073709551616 is out of range for field 'u64'"},
		{"a number too large for a float", `{"f":1e999}`, convert + "The number 1e999 is out of range for field 'f'"},
		{"characters that are not base64", `{"data":"%%%"}`, convert + "Failed to base64 decode bytes field 'data': Invalid character '%'"},
		{"the alphabet of URLs", `{"data":"not-base64"}`, convert + "Failed to base64 decode bytes field 'data': Invalid character '-'"},

		{"a missing field", `{"id":{}}`, convert + "Missing required fields: id.value"},
		{"missing fields of one message, in order of declaration", `{"inner":{"id":{"value":"1"},"name":"n"}}`, convert + "Missing required fields: inner.user, inner.color"},
		{"missing fields outside before those inside", `{"inner":{"id":{}}}`, convert + "Missing required fields: inner.user, inner.name, inner.color, inner.id.value"},
		{"missing fields in the order of the fields, not of the text", `{"ids":[{}],"id":{}}`, convert + "Missing required fields: id.value, ids[0].value"},
		{"missing fields in lists, with their index", `{"ids":[{"value":"a"},{},null,{}]}`, convert + "Missing required fields: ids[1].value, ids[2].value"},
		{"a missing field in a single value for a list", `{"ids":{}}`, convert + "Missing required fields: ids[0].value"},
		{"a missing field in a map, with its key", `{"limits":{"mem":{}}}`, convert + "Missing required fields: limits['mem'].value"},
		{"a required enum with an unknown name", `{"inner":{"user":"u","name":"n","id":{"value":"1"},"color":"MAUVE"}}`, convert + "Missing required fields: inner.color"},
		{"a required field that is null", `{"id":{"value":null}}`, convert + "Missing required fields: id.value"},
		{"a required field that a later null withdraws", `{"id":{"value":"a","value":null}}`, convert + "Missing required fields: id.value"},
		{"only the last of equal members counts", `{"id":{"value":"a"},"id":{}}`, convert + "Missing required fields: id.value"},
		{"a wrong kind is reported before missing fields", `{"id":{},"name":7}`, convert + "Not expecting a JSON number for field 'name'"},

		{"nothing", ``, parse + "syntax error at line 1 near: "},
		{"an end in the middle", `{"name":"SUBSCRIBE"`, parse + "syntax error at line 1 near: "},
		{"an end in a string", `{"name":"SUBS`, parse + "syntax error at line 1 near: "},
		{"words", `not json`, parse + "syntax error at line 1 near: not json"},
		{"more than one value", "{}\n{}", parse + "syntax error at line 2 near: {}"},
		{"a comma at the end", `{"name":"a",}`, parse + "syntax error at line 1 near: }"},
		{"a missing comma", `{"name":"a" "on":true}`, parse + `syntax error at line 1 near: "on":true}`},
		{"a comma in an array's end", `{"names":["a",]}`, parse + `syntax error at line 1 near: ]}`},
		{"a colon that is missing", `{"name" "a"}`, parse + `syntax error at line 1 near: "a"}`},
		{"a name without quotes", `{name:"a"}`, parse + `syntax error at line 1 near: name:"a"}`},
		{"a line feed in a string", "{\"name\":\"a\nb\"}", parse + "syntax error at line 1 near: "},
		{"an unknown escape", `{"name":"\x"}`, parse + `syntax error at line 1 near: \x"}`},
		{"half an escape", `{"name":"\u00g0"}`, parse + `syntax error at line 1 near: \u00g0"}`},
		{"leading zeros", `{"i64":007}`, parse + `syntax error at line 1 near: 07}`},
		{"a bare fraction", `{"f":.5}`, parse + `syntax error at line 1 near: .5}`},
		{"a fraction without digits", `{"f":1.}`, parse + `syntax error at line 1 near: }`},
		{"a bare NaN", `{"f":NaN}`, parse + `syntax error at line 1 near: NaN}`},
		{"a wrong word", `{"on":trie}`, parse + `syntax error at line 1 near: trie}`},
		{"broken syntax in an ignored member", `{"x":[1,2`, parse + `syntax error at line 1 near: `},
		{"broken syntax is reported before a wrong kind", `{"name":7,`, parse + "syntax error at line 1 near: "},
		{"the wrong bracket", `{"names":["a"}`, parse + "syntax error at line 1 near: }"},

		{"messages nested too deeply", `{"x":` + strings.Repeat("[", 8), parse + "nested deeper than 8 levels"},
		{"flattened arrays nested too deeply", `{"names":` + strings.Repeat("[", 8), parse + "nested deeper than 8 levels"},
		{"too many elements", `{"numbers":[1,2,3,4,5,6,7,8,9,10,11,12]}`, parse + "more than 12 elements"},
		{"too many members that are ignored", `{"x":[{},{},{},{},{},{},{},{},{},{},{},{}]}`, parse + "more than 12 elements"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := decoder.Decode([]byte(test.in))
			if err == nil {
				t.Fatalf("%s is accepted as %+v", test.in, got)
			}
			if text := err.(*mesosjson.Error).BodyText("Call"); text != test.want {
				t.Errorf("%s is refused with\n%q, want\n%q", test.in, text, test.want)
			}
		})
	}
}

func TestAnEndpointWithoutAMessageNameLeavesThePrefixOut(t *testing.T) {
	t.Parallel()
	_, err := mesosjson.NewDecoder[sample](mesosjson.Limits{}).Decode([]byte(`{"id":{}}`))
	if text := err.(*mesosjson.Error).BodyText(""); text != "Missing required fields: id.value" {
		t.Errorf("got %q", text)
	}
}

func TestAListMayBeTheWholeText(t *testing.T) {
	t.Parallel()
	decoder := mesosjson.NewDecoder[[]id](mesosjson.Limits{})
	got, err := decoder.Decode([]byte(` [{"value":"a"},{"value":"b"}] `))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(&[]id{{"a"}, {"b"}}, got); diff != "" {
		t.Error(diff)
	}
	for in, want := range map[string]string{
		`{}`:   "Unexpected JSON type parsed",
		`[{}]`: "Missing required fields: value",
		`{`:    "syntax error at line 1 near: ",
	} {
		if _, err := decoder.Decode([]byte(in)); err == nil || err.Error() != want {
			t.Errorf("%s: got %v, want %s", in, err, want)
		}
	}
}

func TestDecodedValuesDoNotShareMemoryWithTheText(t *testing.T) {
	t.Parallel()
	body := []byte(`{"name":"abc","data":"YWJj","names":["x","y"]}`)
	got, err := mesosjson.NewDecoder[sample](mesosjson.Limits{}).Decode(body)
	if err != nil {
		t.Fatal(err)
	}
	for i := range body {
		body[i] = '#'
	}
	if want := (&sample{Name: new("abc"), Data: []byte("abc"), Names: []string{"x", "y"}}); !cmp.Equal(want, got) {
		t.Errorf("changed with the text: %s", cmp.Diff(want, got))
	}
}

func TestDefaultsAreNotSharedBetweenMessages(t *testing.T) {
	t.Parallel()
	decoder := mesosjson.NewDecoder[sample](mesosjson.Limits{})
	first, _ := decoder.Decode([]byte(`{"defaults":{}}`))
	*first.Defaults.Port = 1
	second, _ := decoder.Decode([]byte(`{"defaults":{}}`))
	if *second.Defaults.Port != 5051 {
		t.Errorf("a change of one message reached another: port %d", *second.Defaults.Port)
	}
}

func TestMarshalWritesWhatMesosWrites(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, want string
		in         any
	}{
		{"nothing is escaped for HTML", `{"value":"<a&b>/"}`, id{"<a&b>/"}},
		{"absent fields are left out", `{"value":""}`, id{}},
		{"an empty message is written", `{"kind":"","mark":{}}`, sample{Mark: &empty{}}},
		{"lists that are always written are written", `{"tasks":[],"counts":{}}`, lists{[]string{}, map[string]int{}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := mesosjson.Marshal(test.in)
			if err != nil || string(got) != test.want {
				t.Errorf("got %s (%v), want %s", got, err, test.want)
			}
		})
	}
}
