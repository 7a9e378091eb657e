package resources

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAttributesAreRead(t *testing.T) {
	t.Parallel()
	got, err := ParseAttributes("rack:r1;level:10;span:[7-9, 1-3];rack:r2;url : http://a b;\nneg:-1;inf:inf;nan:NaN;big:1e999;exact:1.23456;")
	if err != nil {
		t.Fatal(err)
	}
	want := Attributes{
		{Name: "rack", Kind: KindText, Text: "r1"},
		{Name: "level", Scalar: 10},
		{Name: "span", Kind: KindRanges, Ranges: []Range{{1, 3}, {7, 9}}},
		{Name: "rack", Kind: KindText, Text: "r2"},
		{Name: "url", Kind: KindText, Text: "http://ab"},
		{Name: "neg", Kind: KindText, Text: "-1"},
		{Name: "inf", Kind: KindText, Text: "inf"},
		{Name: "nan", Kind: KindText, Text: "NaN"},
		{Name: "big", Kind: KindText, Text: "1e999"},
		{Name: "exact", Scalar: 1.23456},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("attributes differ (-want +got):\n%s", diff)
	}
	if got, want := got.String(), "rack:r1;level:10;span:[1-3, 7-9];rack:r2;url:http://ab;neg:-1;inf:inf;nan:NaN;big:1e999;exact:1.23456"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestConstraintsSeeTheFirstAttributeOfAName(t *testing.T) {
	t.Parallel()
	as, err := ParseAttributes("level:10;rack:r1;rack:r2")
	if err != nil {
		t.Fatal(err)
	}
	rack, found := as.First("rack")
	if text, isText := rack.TextValue(); !found || !isText || text != "r1" {
		t.Errorf("rack is %v (found: %v), want the text r1", rack, found)
	}
	level, _ := as.First("level")
	if _, isText := level.TextValue(); isText {
		t.Error("a number was taken for text")
	}
	if _, found := as.First("zone"); found {
		t.Error("an attribute was found that is not there")
	}
}

func TestAttributesThatCannotBeReadAreRefusedByTheirToken(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"rack":    `"rack": expected "name:value"`,
		":r1":     `":r1": expected "name:value"`,
		"rack:":   `in "rack:": "": expected a value`,
		"s:{a,b}": `in "s:{a,b}": "{a,b}": expected a number, ranges or text; attributes cannot be sets`,
		"p:[1-":   `in "p:[1-": "[1-": expected ranges of the form "[begin-end, ...]"`,
		"p:[2-1]": `in "p:[2-1]": "2-1": expected a range that does not begin after its end`,
	} {
		if _, err := ParseAttributes(text); err == nil || err.Error() != want {
			t.Errorf("%s\ngot  %v\nwant %s", text, err, want)
		}
	}
}

func TestReadEndpointsShowNumbersAsNumbersAndTheRestAsText(t *testing.T) {
	t.Parallel()
	object := map[string]any{}
	for _, a := range []Attribute{
		{Name: "level", Scalar: 10.5},
		{Name: "rack", Kind: KindText, Text: "r1"},
		{Name: "keys", Kind: KindRanges, Ranges: []Range{{1000, 1500}}},
		{Name: "set", Kind: KindSet, Set: []string{"a", "b"}},
	} {
		object[a.Name] = a.Value()
	}
	got, err := json.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"keys":"[1000-1500]","level":10.5,"rack":"r1","set":"{a, b}"}`; string(got) != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestAttributesCompareRegardlessOfOrder(t *testing.T) {
	t.Parallel()
	read := func(text string) Attributes {
		as, err := ParseAttributes(text)
		if err != nil {
			t.Fatal(err)
		}
		return as
	}
	a := read("rack:r1;level:10;span:[1-3]")
	for text, want := range map[string]bool{
		"span:[1-2,3-3];rack:r1;level:10": true,
		"rack:r1;level:10":                false,
		"rack:r1;level:10;span:[1-4]":     false,
		"rack:r1;level:11;span:[1-3]":     false,
		"rack:r1;rack:r1;span:[1-3]":      false,
	} {
		if got := a.Equal(read(text)); got != want {
			t.Errorf("%v equals %s: %v, want %v", a, text, got, want)
		}
	}
}
