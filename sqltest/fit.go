package sqltest

// Which values are plainly none of a column's type: what Postgres would refuse when the rows are put there.

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

// fit is the error of rows that are not the columns'. Of types that it doesn't know it takes everything.
func (f *Fake) fit(columns []dialect.Column, rows [][]driver.Value) error {
	for i, c := range columns {
		fits := f.fits(c.Type)
		for _, row := range rows {
			if v := row[i]; v != nil && !fits(v) {
				if b, ok := v.([]byte); ok {
					v = string(b)
				}
				return fmt.Errorf("column %q is of type %s, and a row has %q in it", c.Name, c.Type, fmt.Sprint(v))
			}
		}
	}
	return nil
}

// fits tells of a type's values.
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
			return err == nil || math.IsInf(x, 0) // of more digits than a float has
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
			case time.Time, string, []byte: // of which Postgres reads more spellings than can be told here
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
