package sqltest

// Checks that rows fit their columns' types, for values that Postgres would reject.

import (
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/massivedb/massive-go/dialect"
)

// fit returns an error if a value does not fit its column's type. Types that it does not
// know accept every value.
func (f *Fake) fit(columns []dialect.Column, rows [][]driver.Value) error {
	for i, c := range columns {
		fits := f.fits(c.Type)
		for _, row := range rows {
			if v := row[i]; v != nil && !fits(v) {
				if b, ok := v.([]byte); ok {
					v = string(b)
				}
				return fmt.Errorf("column %q has type %s, but a row has the value %q", c.Name, c.Type, fmt.Sprint(v))
			}
		}
	}
	return nil
}

// fits returns a function that reports whether a value fits the type.
func (f *Fake) fits(kind string) func(driver.Value) bool {
	text := func(v driver.Value) string {
		if b, ok := v.([]byte); ok {
			return string(b)
		}
		return fmt.Sprint(v)
	}
	trimmed := func(v driver.Value) string { return strings.TrimSpace(text(v)) }
	base, _, _ := strings.Cut(kind, "(") // numeric(10,2)
	if limit, ok := limits[base]; ok {
		return func(v driver.Value) bool {
			n, err := strconv.ParseInt(trimmed(v), 10, 64)
			return err == nil && n >= limit[0] && n <= limit[1]
		}
	}
	switch base {
	case "numeric", "real", "double precision":
		return func(v driver.Value) bool {
			x, err := strconv.ParseFloat(trimmed(v), 64)
			return err == nil || math.IsInf(x, 0) // a number beyond the range of float64
		}
	case "boolean":
		return func(v driver.Value) bool {
			switch strings.ToLower(trimmed(v)) {
			case "true", "t", "yes", "y", "on", "1", "false", "f", "no", "n", "off", "0":
				return true
			}
			return false
		}
	case "json", "jsonb":
		return func(v driver.Value) bool { return json.Valid([]byte(text(v))) }
	case "date", "timestamp with time zone", "timestamp without time zone", "timestamptz", "timestamp":
		return func(v driver.Value) bool {
			switch v.(type) {
			case time.Time, string, []byte: // Postgres accepts many formats of a date
				return true
			}
			return false
		}
	}
	for _, e := range f.enums {
		if kind == f.typeName(e.name) || kind == e.name.String() {
			return func(v driver.Value) bool { return slices.Contains(e.labels, text(v)) }
		}
	}
	return func(driver.Value) bool { return true }
}
