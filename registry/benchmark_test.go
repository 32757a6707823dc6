package registry_test

import (
	"fmt"
	"testing"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/internal/stub"
	"github.com/massivedb/massive-go/registry"
)

// The benchmarks of this package need no database. Their output is benchstat's input:
//
//	go test -run '^$' -bench . -count 10 ./registry ./dialect ./dialect/postgres >new.txt && benchstat old.txt new.txt

func BenchmarkLookup(b *testing.B) {
	const n = 10_000
	one := registry.New(stub.Many(n, false), registry.Selection{}, nil, nil)
	tenants := registry.New(stub.Many(n, true), registry.Selection{}, nil, nil)
	mixed := stub.Many(n, false)
	for i := range mixed.Sequences {
		mixed.Sequences[i].Name.Name = fmt.Sprintf("Sequence_%d", i)
	}
	cased := registry.New(mixed, registry.Selection{}, nil, nil)
	for _, c := range []struct {
		name, format string
		r            *registry.Registry
	}{
		{"bare", "sequence_%d", one},
		{"qualified", "public.sequence_%d", one},
		{"quoted", `"public"."sequence_%d"`, one},
		{"half-quoted", `public."sequence_%d"`, one},
		{"quoted, bare", `"sequence_%d"`, one},
		{"mixed case", `"Sequence_%d"`, cased},
		{"mixed case without quotes", "public.Sequence_%d", cased},
		{"tenants", "tenant_%d.sequence", tenants},
	} {
		names := make([]string, 1_000)
		for i := range names {
			names[i] = fmt.Sprintf(c.format, i*n/len(names))
		}
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if _, err := c.r.Sequence(names[i%len(names)]); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("on another querier", func(b *testing.B) {
		b.ReportAllocs()
		moved := one.On(nil)
		for b.Loop() {
			if _, err := moved.Sequence("sequence_5000"); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("missing", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := one.Sequence("sequence"); err == nil {
				b.Fatal("a sequence was found that isn't there")
			}
		}
	})
}

func BenchmarkContains(b *testing.B) {
	for _, labels := range []int{3, 8, 9, 100} {
		b.Run(fmt.Sprintf("%d labels", labels), func(b *testing.B) {
			def := dialect.EnumDef{Object: dialect.Object{Name: dialect.Name{Schema: "public", Name: "mood"}, Visible: true}}
			for i := range labels {
				def.Labels = append(def.Labels, fmt.Sprintf("label %d", i))
			}
			r := registry.New(&dialect.Catalog{Enums: []dialect.EnumDef{def}}, registry.Selection{}, nil, nil)
			mood, err := r.Enum("mood")
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				if !mood.Contains(def.Labels[i%labels]) {
					b.Fatal("a label was not found")
				}
			}
		})
	}
}

func BenchmarkNew(b *testing.B) {
	for _, n := range []int{100, 1_000, 10_000} {
		cat := stub.Many(n, false)
		b.Run(fmt.Sprintf("%d of each", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				registry.New(cat, registry.Selection{}, nil, nil)
			}
		})
	}
}

func BenchmarkDiff(b *testing.B) {
	for _, n := range []int{100, 1_000, 10_000} {
		from := registry.New(stub.Many(n, false), registry.Selection{}, nil, nil)
		to := registry.New(stub.Many(n, false), registry.Selection{}, nil, nil)
		b.Run(fmt.Sprintf("%d of each", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if cs := registry.Diff(from, to); cs != nil {
					b.Fatal(cs)
				}
			}
		})
	}
}
