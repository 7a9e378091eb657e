package resources

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

// metas are identities that may occur side by side.
func metas() []*Meta {
	shared := volume("a", "s", 1).Meta.with(func(m *Meta) { m.Shared = true })
	return []*Meta{
		nil, reserved("a"), reserved("b"), reserved("a", "a/x"),
		{Reservations: []Reservation{{Type: Static, Role: "a"}}},
		{Revocable: true},
		{ProviderID: "rp"},
		{Disk: &Disk{Source: &DiskSource{Type: SourcePath, Root: "/p"}}},
		{Disk: &Disk{Source: &DiskSource{Type: SourceMount, Root: "/m"}}},
		volume("a", "v", 1).Meta, volume("a", "w", 1).Meta, shared,
	}
}

// drawResource draws an amount of something in a small universe, so that
// identities meet often.
func drawResource(identities []*Meta) *rapid.Generator[Resource] {
	return rapid.Custom(func(t *rapid.T) Resource {
		r := Resource{
			Meta:       rapid.SampledFrom(identities).Draw(t, "identity"),
			Allocation: rapid.SampledFrom([]string{"", "", "a"}).Draw(t, "allocation"),
		}
		if r.Whole() {
			// Pieces that cannot be split have their size by identity here, as
			// one volume has one size on an agent.
			r.Name, r.Scalar = DiskSpace, Unit
			return r
		}
		if r.Disk() != nil {
			r.Name, r.Scalar = DiskSpace, Scalar(rapid.Int64Range(0, 3000).Draw(t, "thousandths"))
			return r
		}
		switch r.Kind = rapid.SampledFrom([]Kind{KindScalar, KindScalar, KindRanges, KindSet}).Draw(t, "kind"); r.Kind {
		case KindScalar:
			r.Name = rapid.SampledFrom([]string{CPUs, Mem, DiskSpace}).Draw(t, "name")
			r.Scalar = Scalar(rapid.Int64Range(0, 3000).Draw(t, "thousandths"))
		case KindRanges:
			r.Name = Ports
			for range rapid.IntRange(0, 3).Draw(t, "n") {
				begin := rapid.Uint64Range(0, 60).Draw(t, "begin")
				r.Ranges = append(r.Ranges, Range{begin, begin + rapid.Uint64Range(0, 9).Draw(t, "length")})
			}
		case KindSet:
			r.Name = "tokens"
			r.Set = rapid.SliceOfNDistinct(rapid.StringMatching(`[a-h]`), 0, 4, rapid.ID).Draw(t, "items")
		}
		return r
	})
}

func drawResources() *rapid.Generator[Resources] {
	return rapid.Map(rapid.SliceOfN(drawResource(metas()), 0, 8), func(list []Resource) Resources { return New(list...) })
}

// disjoint drops from b the ranges and sets that a has too, for only then does
// taking b away again give back a: unions forget who brought what.
func disjoint(a, b Resources) Resources {
	return b.Map(func(r Resource) Resource {
		for other := range a.All() {
			if other.sameIdentity(&r) {
				r.Ranges = subtractRanges(r.Ranges, other.Ranges)
				r.Set = subtractSet(r.Set, other.Set)
			}
		}
		return r
	})
}

func TestAddingAndSubtractingReturnsToTheStart(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a := drawResources().Draw(t, "a")
		b := disjoint(a, drawResources().Draw(t, "b"))
		sum := a.Add(b)
		if back := sum.Subtract(b); !back.Equal(a) {
			t.Fatalf("%v + %v - the same = %v", a, b, back)
		}
		if rest := sum.Subtract(a).Subtract(b); !rest.Empty() {
			t.Fatalf("%v is left when all is taken away", rest)
		}
		if !sum.Contains(a) || !sum.Contains(b) {
			t.Fatalf("%v does not contain its parts %v and %v", sum, a, b)
		}
	})
}

func TestTheOrderOfAdditionsDoesNotMatter(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		list := rapid.SliceOfN(drawResource(metas()), 0, 10).Draw(t, "resources")
		shuffled := append([]Resource(nil), list...)
		seed := rapid.Uint64().Draw(t, "seed")
		rand.New(rand.NewPCG(seed, seed)).Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		cut := rapid.IntRange(0, len(list)).Draw(t, "cut")
		grouped := New(shuffled[:cut]...).Add(New(shuffled[cut:]...))
		if one := New(list...); !one.Equal(grouped) || !one.Quantities().Equal(grouped.Quantities()) {
			t.Fatalf("%v in another order and grouping is %v", one, grouped)
		}
	})
}

func TestContainsIsAPartialOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := drawResources().Draw(t, "a"), drawResources().Draw(t, "b"), drawResources().Draw(t, "c")
		if !a.Contains(a) || !a.Contains(Resources{}) {
			t.Fatalf("%v does not contain itself and nothing", a)
		}
		// Sums make containment frequent enough to say something.
		ab := a.Add(b)
		abc := ab.Add(c)
		if !abc.Contains(ab) || !ab.Contains(a) || !abc.Contains(a) {
			t.Fatalf("%v does not contain what it was made of", abc)
		}
		if a.Contains(b) && b.Contains(c) && !a.Contains(c) {
			t.Fatalf("%v contains %v, that contains %v, but the first not the last", a, b, c)
		}
		if a.Contains(b) && b.Contains(a) != a.Equal(b) {
			t.Fatalf("%v and %v: mutual containment is not equality", a, b)
		}
		if a.Contains(b) && !a.Quantities().Contains(b.Quantities()) {
			t.Fatalf("%v contains %v, but not in quantity", a, b)
		}
		if a.Contains(b) != (a.Subtract(b).Add(b).Equal(a)) && a.Contains(b) {
			t.Fatalf("%v contains %v, but taking it out and back changes it", a, b)
		}
	})
}

func TestWhatIsFoundIsThere(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		have := drawResources().Draw(t, "have")
		want := drawResources().Draw(t, "want")
		found, ok := have.Find(want)
		if !ok {
			return
		}
		if !have.Contains(found) {
			t.Fatalf("%v was found but is not in %v", found, have)
		}
		if !found.ToUnreserved().Equal(want.ToUnreserved()) {
			t.Fatalf("%v was found for %v", found, want)
		}
	})
}

func TestFiltersDivideWithoutLoss(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		rs := drawResources().Draw(t, "resources")
		for name, parts := range map[string][2]Resources{
			"reservation":  {rs.Reserved(), rs.Unreserved()},
			"revocability": {rs.Revocable(), rs.NonRevocable()},
			"sharing":      {rs.Shared(), rs.NonShared()},
		} {
			if !parts[0].Add(parts[1]).Equal(rs) {
				t.Fatalf("divided by %s, %v becomes %v and %v", name, rs, parts[0], parts[1])
			}
		}
		if !rs.Flatten().Quantities().Equal(rs.Quantities()) {
			t.Fatalf("flattening %v changes its quantities", rs)
		}
	})
}

func TestResourcesSurviveTheWire(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		rs := drawResources().Draw(t, "resources")
		format := rapid.SampledFrom([]Format{Post, Pre, Endpoint}).Draw(t, "format")
		back, err := FromV1(rs.ToV1(format))
		if err != nil {
			t.Fatal(err)
		}
		// Users of a shared volume are not on the wire: it stands there once.
		once := rs.Map(func(r Resource) Resource { r.Count = 0; return r })
		if !back.Equal(once) {
			t.Fatalf("%v came back as %v", once, back)
		}
	})
}

func TestDeclarableResourcesSurviveTheirText(t *testing.T) {
	t.Parallel()
	plain := []*Meta{nil, {Reservations: []Reservation{{Type: Static, Role: "a"}}}, {Reservations: []Reservation{{Type: Static, Role: "b/c"}}}}
	rapid.Check(t, func(t *rapid.T) {
		rs := New(rapid.SliceOfN(drawResource(plain), 0, 8).Draw(t, "resources")...).Unallocated()
		text, ok := rs.FlagText()
		if !ok {
			t.Fatalf("%v has no text", rs)
		}
		back, err := Parse(text, "*")
		if err != nil || !back.Resources.Equal(rs) {
			t.Fatalf("%v came back from %q as %v, %v", rs, text, back.Resources, err)
		}
	})
}

func TestABuilderDoesWhatTheValuesDo(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var value Resources
		var b Builder
		for i := range rapid.IntRange(1, 8).Draw(t, "steps") {
			step := drawResources().Draw(t, fmt.Sprintf("step %d", i))
			before := value.String()
			old := value
			if rapid.Bool().Draw(t, "add") {
				value = value.Add(step)
				b.Add(step)
			} else {
				value = value.Subtract(step)
				b.Subtract(step)
			}
			if old.String() != before {
				t.Fatalf("an operation changed its operand from %s to %v", before, old)
			}
			if got := b.View().String(); got != value.String() {
				t.Fatalf("builder %s, value %v", got, value)
			}
		}
	})
}
