package postgres

import "testing"

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
