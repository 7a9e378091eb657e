package resources

import (
	"encoding/json"
	"testing"

	"github.com/meseta/meseta/gen/mesosv1"
)

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"", "cpus:8;mem:15360;ports:[20000-20999,25000-25099];slots(lab):{x,y}",
		"cpus(role-foo):2;mem(role-foo):1024;cpus(role-bar):2;mem(role-bar):1024;cpus(*):4;mem(*):4096",
		"cpus:", ":1", "cpus(a:1", "cpus(a)1", "ports:[1-", "ports:[18446744073709551615-18446744073709551615]",
		"s:{a,,b}", "s:{a;b}", "cpus:1e999", "cpus:0.0001", "x:1;x:{a}", "cpus:-0",
		`[{"name":"cpus","type":"SCALAR","scalar":{"value":2}}]`, `[{"name":"cpus"}]`, `[]`, `[`, `[null]`,
		`[{"name":"disk","type":"SCALAR","scalar":{"value":1},"disk":{"source":{"type":"PATH","path":{"root":"/d"}}}}]`,
	} {
		f.Add(seed, "*")
		f.Add(seed, "dflt")
		f.Add(seed, ")odd")
	}
	f.Fuzz(func(t *testing.T, text, role string) {
		d, err := Parse(text, role)
		if err != nil {
			return
		}
		for r := range d.Resources.All() {
			if err := r.Validate(); err != nil || r.Empty() || !d.Mentions(r.Name) {
				t.Errorf("%q gave %v: empty, unmentioned or invalid (%v)", text, r, err)
			}
		}
		written, ok := d.Resources.FlagText()
		if !ok {
			return
		}
		back, err := Parse(written, "*")
		if err != nil || !back.Resources.Equal(d.Resources) {
			t.Errorf("%q was read as %v, written as %q, and read again as %v, %v", text, d.Resources, written, back.Resources, err)
		}
	})
}

func FuzzParseAttributes(f *testing.F) {
	for _, seed := range []string{"", "rack:r1;level:10;span:[1-3,7-9];rack:r2", "a:b:c", "a:{b}", "a:[", "a:-1", "a:inf", "a:1e999", "a : b c", "a:+1", "a:-0"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		as, err := ParseAttributes(text)
		if err != nil {
			return
		}
		back, err := ParseAttributes(as.String())
		if err != nil || !back.Equal(as) {
			t.Errorf("%q was read as %q and read again as %q, %v", text, as, back, err)
		}
		if again, err := AttributesFromV1(as.ToV1()); err != nil || !again.Equal(as) {
			t.Errorf("%q came back from the wire as %q, %v", as, again, err)
		}
	})
}

func FuzzParseMinAllocatable(f *testing.F) {
	for _, seed := range []string{"", "cpus:0.01|mem:32", "cpus:0.01;disk:1|mem:32", "|", "cpus:", "cpus:0", "a:1;a:1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		alternatives, err := ParseMinAllocatable(text)
		if err != nil {
			return
		}
		for _, q := range alternatives {
			if back, err := ParseQuantities(q.String()); q.Empty() || err != nil || !back.Equal(q) {
				t.Errorf("%q gave %v, read again as %v, %v", text, q, back, err)
			}
		}
	})
}

func FuzzFromV1(f *testing.F) {
	for _, seed := range []string{
		`[]`, `[{"name":"cpus","type":"SCALAR","scalar":{"value":2.5},"role":"*"}]`,
		`[{"name":"cpus","type":"SCALAR","scalar":{"value":2},"role":"ads","reservation":{"principal":"p"}}]`,
		`[{"name":"cpus","type":"SCALAR","scalar":{"value":2},"reservations":[{"type":"STATIC","role":"a"},{"type":"DYNAMIC","role":"a/b"}]}]`,
		`[{"name":"ports","type":"RANGES","ranges":{"range":[{"begin":1,"end":2},{"begin":0,"end":18446744073709551615}]}}]`,
		`[{"name":"disk","type":"SCALAR","scalar":{"value":9},"role":"a","disk":{"persistence":{"id":"v"},"volume":{"mode":"RW","container_path":"d"}},"shared":{}}]`,
		`[{"name":"s","type":"SET","set":{"item":["b","a"]},"revocable":{},"provider_id":{"value":"x"},"allocation_info":{"role":"r"}}]`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var in []mesosv1.Resource
		if json.Unmarshal(text, &in) != nil {
			return
		}
		rs, err := FromV1(in)
		if err != nil {
			return
		}
		for _, format := range []Format{Post, Pre, Endpoint} {
			back, err := FromV1(rs.ToV1(format))
			if err != nil {
				t.Fatalf("%v cannot be read in format %d: %v", rs, format, err)
			}
			once := rs.Map(func(r Resource) Resource { r.Count = 0; return r })
			if !back.Equal(once) {
				t.Errorf("%v came back in format %d as %v", once, format, back)
			}
		}
		if !rs.Add(rs).Contains(rs) || !rs.Subtract(rs).Empty() {
			t.Errorf("arithmetic of %v with itself is wrong", rs)
		}
	})
}
