package conformance_test

import (
	"testing"

	"github.com/massivedb/massive-go/sqltest"
	"github.com/massivedb/massive-go/sqltest/conformance"
)

// The harness of a dialect without EnumColumns, for a database without statement timeouts.
// Here the database is a fake; your Open creates a database on your server.
func ExampleRun() {
	t := &testing.T{} // in a test, its parameter

	conformance.Run(t, conformance.Harness{
		Open: func(_ *testing.T, c sqltest.Catalog) conformance.Database {
			return sqltest.New(c)
		},
		Lacks:              []conformance.Operation{conformance.EnumColumns},
		NoStatementTimeout: true,
	})
}
