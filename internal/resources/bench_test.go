package resources

import "testing"

// benchmarkAgent is what a node with two reservations looks like.
func benchmarkAgent(b *testing.B) (total, task Resources) {
	b.Helper()
	total = parse(b, "cpus:62;mem:250000;disk:900000;ports:[31000-32000];cpus(web):2;mem(web):2048")
	return total, parse(b, "cpus:0.5;mem:512;ports:[31000-31001]")
}

func BenchmarkAdd(b *testing.B) {
	total, task := benchmarkAgent(b)
	b.ReportAllocs()
	for b.Loop() {
		_ = total.Add(task)
	}
}

func BenchmarkSubtract(b *testing.B) {
	total, task := benchmarkAgent(b)
	b.ReportAllocs()
	for b.Loop() {
		_ = total.Subtract(task)
	}
}

func BenchmarkContains(b *testing.B) {
	total, task := benchmarkAgent(b)
	b.ReportAllocs()
	for b.Loop() {
		if !total.Contains(task) {
			b.Fatal("not contained")
		}
	}
}

func BenchmarkBuilderAddAndSubtractScalars(b *testing.B) {
	total, task := benchmarkAgent(b)
	task = task.Scalars()
	var builder Builder
	builder.Reset(total)
	b.ReportAllocs()
	for b.Loop() {
		builder.Add(task)
		builder.Subtract(task)
	}
}

func BenchmarkQuantitiesInPlace(b *testing.B) {
	total, task := benchmarkAgent(b)
	sum, part := total.Quantities(), task.Quantities()
	b.ReportAllocs()
	for b.Loop() {
		sum.AddInPlace(part)
		sum.SubtractInPlace(part)
		if !sum.Contains(part) {
			b.Fatal("not contained")
		}
	}
}

func BenchmarkAllocate(b *testing.B) {
	total, _ := benchmarkAgent(b)
	b.ReportAllocs()
	for b.Loop() {
		_ = total.Allocate("web")
	}
}

func BenchmarkToV1(b *testing.B) {
	total, _ := benchmarkAgent(b)
	b.ReportAllocs()
	for b.Loop() {
		_ = total.ToV1(Post)
	}
}

func BenchmarkFromV1(b *testing.B) {
	total, _ := benchmarkAgent(b)
	in := total.ToV1(Post)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := FromV1(in); err != nil {
			b.Fatal(err)
		}
	}
}

// Arithmetic that a scheduler does for every pair of agent and framework must
// not produce garbage.
func TestComparisonsAndArithmeticInPlaceAllocateNothing(t *testing.T) {
	total := parse(t, "cpus:62;mem:250000;disk:900000;ports:[31000-32000];cpus(web):2")
	task := parse(t, "cpus:0.5;mem:512;ports:[31000-31001]")
	scalars := task.Scalars()
	sum := total.Quantities()
	part := task.Quantities()
	var b Builder
	b.Reset(total)
	for name, f := range map[string]func(){
		"Contains":            func() { total.Contains(task) },
		"Equal":               func() { total.Equal(total) },
		"Builder":             func() { b.Add(scalars); b.Subtract(scalars) },
		"Quantities in place": func() { sum.AddInPlace(part); sum.SubtractInPlace(part) },
		"Quantities.Contains": func() { sum.Contains(part) },
		"Amount":              func() { total.Amount(CPUs) },
		"adding nothing":      func() { total.Add(Resources{}).Subtract(Resources{}) },
	} {
		if n := testing.AllocsPerRun(100, f); n != 0 {
			t.Errorf("%s allocates %v times, want none", name, n)
		}
	}
}
