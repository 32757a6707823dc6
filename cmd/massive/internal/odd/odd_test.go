package odd

import (
	_ "embed"
	"reflect"
	"testing"

	"github.com/massivedb/massive-go/dialect/postgres"
	"github.com/massivedb/massive-go/massive"
	"github.com/massivedb/massive-go/sqltest/pgtest"
)

//go:embed schema.sql
var schema string

func TestGeneratedCodeReadsItsDatabase(t *testing.T) {
	t.Parallel()
	database := pgtest.NewDatabase(t)
	database.Exec(t, schema)
	for _, driver := range []string{"pgx", "postgres"} {
		m, err := massive.Load(t.Context(), database.Open(t, driver), postgres.New(), massive.Expect(Expected()...))
		if err != nil {
			t.Fatalf("%s: %v", driver, err)
		}
		full, err := m.Matview("daily")
		if err != nil {
			t.Fatal(err)
		}
		var row Daily
		if err := full.Get(t.Context(), &row, ""); err != nil {
			t.Fatalf("%s: %v", driver, err)
		}
		each(row, func(field string, null bool) {
			if null {
				t.Errorf("%s: field %s is NULL", driver, field)
			}
		})
		if *row.L != 1 || *row.N != "1.50" || row.E != massive.EnumValue(X2faSms) || len(row.Es) != 1 || row.Day.Day() != 1 || *row.X_user_Space_id != 1 || *row.X_user_Underscore_id != 2 {
			t.Errorf("%s: %+v", driver, row)
		}
		empty, err := m.Matview("empties")
		if err != nil {
			t.Fatal(err)
		}
		var nothing Empties
		if err := empty.Get(t.Context(), &nothing, ""); err != nil {
			t.Fatalf("%s: %v", driver, err)
		}
		each(nothing, func(field string, null bool) {
			if !null {
				t.Errorf("%s: field %s is not NULL", driver, field)
			}
		})
	}
}

// each calls f for each field of a struct.
func each(row any, f func(field string, null bool)) {
	v := reflect.ValueOf(row)
	for i := range v.NumField() {
		f(v.Type().Field(i).Name, v.Field(i).IsZero())
	}
}
