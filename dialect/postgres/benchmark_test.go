package postgres

import (
	"database/sql"
	"testing"
)

func BenchmarkParseArray(b *testing.B) {
	for name, text := range map[string]string{
		"plain":  `{sad,ok,happy}`,
		"quoted": `{"very sad","so \"so\"","happy, really"}`,
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := parseArray(text); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// What a load makes of a row, once the driver has read it.
func BenchmarkReadRow(b *testing.B) {
	object := row{
		id: 16384, ns: sql.NullInt64{Int64: 1, Valid: true}, name: "daily", owner: sql.RawBytes("clerk"), hider: sql.NullString{},
	}
	matview, enum, sequence := object, object, object
	matview.kind, matview.flags = sql.RawBytes("m"), sql.RawBytes("pvr")
	matview.a, matview.b, matview.c = text(`{{day,date},{total,"numeric(10,2)"}}`), text(`{{daily_day_idx,uiv,1,1}}`), text(`{16390}`)
	enum.kind, enum.flags, enum.a = sql.RawBytes("e"), sql.RawBytes("v"), text(`{sad,ok,happy}`)
	sequence.kind, sequence.flags, sequence.a = sql.RawBytes("s"), sql.RawBytes("vrnsx"), text(`{20,1,1,1,9223372036854775807,1}`)
	for name, r := range map[string]row{"matview": matview, "enum": enum, "sequence": sequence} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			rd := reading{schemas: map[int64]schema{1: {"public", true}}}
			for i := 0; b.Loop(); i++ {
				if i%10_000 == 0 { // a catalog of ten thousand, over and over
					rd = reading{schemas: rd.schemas}
				}
				if err := rd.add(&r); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
