package dialect_test

import (
	"testing"

	"github.com/massivedb/massive-go/dialect"
)

func BenchmarkParseName(b *testing.B) {
	for spelling, name := range map[string]string{
		"bare": `orders`, "qualified": `shop.orders`, "quoted": `"shop"."orders"`, "odd": `"odd.schema"."Odd ""Name"""`,
		"long": `a_schema_whose_name_is_rather_long.a_name_that_is_as_long_as_a_name_can_be_in_postgres_which_is_63`,
	} {
		b.Run(spelling, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := dialect.ParseName(name); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkNameQuoted(b *testing.B) {
	for name, n := range map[string]dialect.Name{
		"plain": {Schema: "shop", Name: "orders"},
		"odd":   {Schema: "odd.schema", Name: `Odd "Name"`},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if n.Quoted() == "" {
					b.Fatal("it is empty")
				}
			}
		})
	}
}

func BenchmarkPatternMatch(b *testing.B) {
	for _, text := range []string{"stats.*", "*.tmp_*", "tmp_?_*"} {
		p, err := dialect.ParsePattern(text)
		if err != nil {
			b.Fatal(err)
		}
		n := dialect.Name{Schema: "stats", Name: "tmp_1_daily"}
		b.Run(text, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if !p.Match(n) {
					b.Fatal("it does not match")
				}
			}
		})
	}
}
