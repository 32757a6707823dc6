package registry_test

import (
	"fmt"
	"testing"

	"github.com/massivedb/massive-go/internal/stub"
	"github.com/massivedb/massive-go/registry"
)

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
