package resources

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTheTextFormIsRead(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, text, role, want string }{
		{
			"static reservations for two roles and the default",
			"cpus(role-foo):2;mem(role-foo):1024;cpus(role-bar):2;mem(role-bar):1024;cpus(*):4;mem(*):4096", "*",
			"cpus(reservations: [(STATIC,role-foo)]):2; mem(reservations: [(STATIC,role-foo)]):1024; cpus(reservations: [(STATIC,role-bar)]):2; mem(reservations: [(STATIC,role-bar)]):1024; cpus:4; mem:4096",
		},
		{
			"every kind of value",
			"cpus:8;mem:15360;ports:[20000-20999,25000-25099];slots(lab):{x,y}", "*",
			"cpus:8; mem:15360; ports:[20000-20999, 25000-25099]; slots(reservations: [(STATIC,lab)]):{x, y}",
		},
		{"white space and line ends", "  cpus ( web ) : 4 ;\n ports : [ 1 - 2 , 4-5 ] ; s : { a , b } ;\n", "*", "cpus(reservations: [(STATIC,web)]):4; ports:[1-2, 4-5]; s:{a, b}"},
		{"a default role", "cpus:1;mem(*):2;disk(a):3", "eng/web", "cpus(reservations: [(STATIC,eng/web)]):1; mem:2; disk(reservations: [(STATIC,a)]):3"},
		{"amounts for one identity add up", "cpus:1;cpus:1.5;ports:[1-5];ports:[4-9]", "", "cpus:2.5; ports:[1-9]"},
		{"ranges that touch or overlap", "ports:[4-9,1-5,10-12]", "*", "ports:[1-12]"},
		{"exponents", "mem:1e3", "*", "mem:1000"},
		{"items with colons", "nics:{a:1,b:2}", "*", "nics:{a:1, b:2}"},
		{"nothing of something", "gpus:0;ports:[];s:{}", "*", "{}"},
		{"nothing", " ; ", "*", "{}"},
		{"nothing at all", "", "*", "{}"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			d, err := Parse(test.text, test.role)
			if err != nil {
				t.Fatal(err)
			}
			wantText(t, d.Resources, test.want)
		})
	}
}

func TestTheJSONFormIsRead(t *testing.T) {
	t.Parallel()
	const text = ` [
		{"name":"cpus","type":"SCALAR","scalar":{"value":2},"role":"*"},
		{"name":"mem","type":"SCALAR","scalar":{"value":64}},
		{"name":"disk","type":"SCALAR","scalar":{"value":100},"reservations":[{"type":"STATIC","role":"a"}],
		 "disk":{"source":{"type":"MOUNT","mount":{"root":"/m"}}}},
		{"name":"ports","type":"RANGES","ranges":{"range":[{"begin":1,"end":2}]},"role":"b"}]`
	d, err := Parse(text, "dflt")
	if err != nil {
		t.Fatal(err)
	}
	wantText(t, d.Resources, "cpus:2; mem(reservations: [(STATIC,dflt)]):64; disk(reservations: [(STATIC,a)])[MOUNT:/m]:100; ports(reservations: [(STATIC,b)]):[1-2]")
	if unreserved, err := Parse(text, "*"); err != nil || unreserved.Resources.Unreserved().Len() != 2 {
		t.Errorf("with the default role * this gives %v, %v, want cpus and mem unreserved", unreserved.Resources, err)
	}
}

func TestMentionedNamesIncludeThoseWithoutAmount(t *testing.T) {
	t.Parallel()
	d, err := Parse("gpus:0;cpus:1;cpus(a):1;ports:[]", "*")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"cpus", "gpus", "ports"}, d.Names); diff != "" {
		t.Errorf("names differ (-want +got):\n%s", diff)
	}
	if !d.Mentions("gpus") || d.Mentions("mem") {
		t.Error("gpus was not mentioned, or mem was")
	}
}

func TestResourcesThatCannotBeReadAreRefusedByTheirToken(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ text, role, want string }{
		{"cpus", "*", `in "cpus": "cpus": expected "name:value" or "name(role):value"`},
		{"mem:1;cpus:abc", "*", `in "cpus:abc": "abc": expected a number, ranges "[begin-end, ...]" or a set "{item, ...}"`},
		{"cpus:", "*", `in "cpus:": "": expected a value`},
		{"cpus:-1", "*", `in "cpus:-1": "-1": expected a number from 0 to 9007199254740.992`},
		{"cpus:1e999", "*", `in "cpus:1e999": "1e999": expected a number from 0 to 9007199254740.992`},
		{"cpus:0.0001", "*", `in "cpus:0.0001": "0.0001": expected 0 or at least 0.001`},
		{"cpus:NaN", "*", `in "cpus:NaN": "NaN": expected a number, ranges "[begin-end, ...]" or a set "{item, ...}"`},
		{"cpus:0x10", "*", `in "cpus:0x10": "0x10": expected a number, ranges "[begin-end, ...]" or a set "{item, ...}"`},
		{":1", "*", `in ":1": ":1": expected a resource name before the value`},
		{"(a):1", "*", `in "(a):1": "(a):1": expected a resource name before the value`},
		{"cpus(a:1", "*", `in "cpus(a:1": "(a:1": expected a closing ")" after the role`},
		{"cpus(a)1", "*", `in "cpus(a)1": "1": expected ":" and a value after the role`},
		{"cpus():1", "*", `in "cpus():1": "():1": expected a role between the parentheses`},
		{"cpus(a//b):1", "*", `in "cpus(a//b):1": Role 'a//b' cannot contain two adjacent slashes`},
		{"ports:[1-2", "*", `in "ports:[1-2": "[1-2": expected ranges of the form "[begin-end, ...]"`},
		{"ports:[5]", "*", `in "ports:[5]": "5": expected a range "begin-end" of whole numbers`},
		{"ports:[a-5]", "*", `in "ports:[a-5]": "a-5": expected a range "begin-end" of whole numbers`},
		{"ports:[1-1.5]", "*", `in "ports:[1-1.5]": "1-1.5": expected a range "begin-end" of whole numbers`},
		{"ports:[9-5]", "*", `in "ports:[9-5]": "9-5": expected a range that does not begin after its end`},
		{"s:{a", "*", `in "s:{a": "{a": expected a set of the form "{item, ...}"`},
		{"s:{a,,b}", "*", `in "s:{a,,b}": "{a,,b}": expected no empty item in the set`},
		{"s:{a,b,a}", "*", `in "s:{a,b,a}": "a": expected every item of a set only once`},
		{"x:1;x:{a}", "*", `resource "x" is declared as SCALAR and as SET; a name has one type on an agent`},
		{"cpus:1", "a/", "default role: Role 'a/' cannot end with a slash"},
		{`[{"name":"cpus"`, "*", "the JSON form is an array of Resource objects: unexpected EOF"},
		{`[{"name":}]`, "*", "the JSON form is an array of Resource objects: invalid character '}' looking for beginning of value, at byte 10"},
		{`[] x`, "*", "unexpected text after the JSON array, at byte 3"},
		{`[{"name":"cpus"}]`, "*", `resource 1 ("cpus") has no type; give one of SCALAR, RANGES, SET`},
		{`[{"name":"cpus","type":"SCALAR","scalar":{"value":-1}}]`, "*", "Resource 'cpus:-1' is invalid: Invalid scalar resource: value <= 0"},
		{`[{"name":"cpus","type":"SCALAR","scalar":{"value":1},"revocable":{}}]`, "*", `resource "cpus{REV}:1": revocable resources cannot be declared`},
		{`[{"name":"cpus","type":"SCALAR","scalar":{"value":1},"role":"a","reservation":{}}]`, "*", `resource "cpus(reservations: [(DYNAMIC,a)]):1": a dynamic reservation cannot be declared; use one of type STATIC`},
		{`[{"name":"disk","type":"SCALAR","scalar":{"value":1},"role":"a","disk":{"persistence":{"id":"v"}}}]`, "*", `resource "disk(reservations: [(STATIC,a)])[v]:1": a persistent volume cannot be declared; frameworks and operators create it out of reserved disk`},
		{`[{"name":"cpus","type":"SCALAR","scalar":{"value":1},"allocation_info":{"role":"a"}}]`, "*", `resource "cpus(allocated: a):1": a declared resource cannot be allocated to a role yet; remove allocation_info`},
	} {
		if _, err := Parse(test.text, test.role); err == nil || err.Error() != test.want {
			t.Errorf("%s\ngot  %v\nwant %s", test.text, err, test.want)
		}
	}
}

func TestOnlyDeclarableResourcesHaveAFlagText(t *testing.T) {
	t.Parallel()
	if got, ok := parse(t, "cpus:1.5;mem(a):2;ports:[1-2,5-6];s(b):{x,y}").FlagText(); !ok || got != "cpus:1.5;mem(a):2;ports:[1-2, 5-6];s(b):{x, y}" {
		t.Errorf("got %q, %v", got, ok)
	}
	labelled := &Meta{Reservations: []Reservation{{Type: Static, Role: "a", Labels: []Label{{Key: "k"}}}}}
	for _, rs := range []Resources{
		New(scalar(CPUs, 1, reserved("a"))), New(scalar(CPUs, 1, reserved("a", "a/b"))), New(scalar(CPUs, 1, labelled)),
		New(scalar("a:b", 1, nil)), New(scalar(CPUs, 1, &Meta{Reservations: []Reservation{{Type: Static, Role: "a)b"}}})),
		New(Resource{Name: "s", Kind: KindSet, Set: []string{"a,b"}}),
		New(scalar(CPUs, 1, &Meta{Revocable: true})), parse(t, "cpus:1").Allocate("a"), New(volume("a", "v", 1)),
	} {
		if got, ok := rs.FlagText(); ok {
			t.Errorf("%v has the flag text %q, want none", rs, got)
		}
	}
}

func TestMinimumAllocatableResourcesAreAlternatives(t *testing.T) {
	t.Parallel()
	got, err := ParseMinAllocatable("cpus:0.01|mem:32; disk : 1")
	if err != nil {
		t.Fatal(err)
	}
	var texts []string
	for _, q := range got {
		texts = append(texts, q.String())
	}
	if diff := cmp.Diff("cpus:0.01|disk:1; mem:32", strings.Join(texts, "|")); diff != "" {
		t.Errorf("alternatives differ (-want +got):\n%s", diff)
	}
	if none, err := ParseMinAllocatable(" "); none != nil || err != nil {
		t.Errorf("an empty flag gives %v, %v, want no minimum", none, err)
	}
}

func TestMinimumAllocatableResourcesAreRefusedByTheirToken(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"cpus":          `"cpus": expected "name:number"`,
		":1":            `":1": expected "name:number"`,
		"cpus:x":        `in "cpus:x": "x": expected a number`,
		"cpus:[1-2]":    `in "cpus:[1-2]": "[1-2]": expected a number`,
		"cpus:-1":       `in "cpus:-1": "-1": expected a number from 0 to 9007199254740.992`,
		"cpus:1;cpus:1": `"cpus:1": expected every name only once`,
		"cpus:1|":       `in "cpus:1|": every alternative needs an amount above zero`,
		"cpus:0":        `in "cpus:0": every alternative needs an amount above zero`,
	} {
		if _, err := ParseMinAllocatable(text); err == nil || err.Error() != want {
			t.Errorf("%s\ngot  %v\nwant %s", text, err, want)
		}
	}
}
