package main

import (
	"bytes"
	"testing"

	"github.com/massivedb/massive-go/sqltest/pgtest"
)

const printed = `200 tenants: 200 materialized views, 200 enums, 200 sequences
tenant_7: invoice 7000
tenant_8: invoice 8000
tenant_7: invoice 7001
refreshed 200 views of all tenants
refreshed 1 view of tenant_7
massive: look up tenant_201.invoice_no: sequence not found: nothing was loaded from schema tenant_201
tenant_201: invoice 201000
`

func TestTenants(t *testing.T) {
	t.Parallel()
	for _, driver := range []string{"pgx", "postgres"} {
		t.Run(driver, func(t *testing.T) {
			t.Parallel()
			pgtest.NewDatabase(t) // skips the test, or fails it, without Postgres
			var out bytes.Buffer
			if err := run(t.Context(), &out, []string{"-driver", driver}); err != nil {
				t.Fatal(err)
			}
			if out.String() != printed {
				t.Errorf("it printed:\n%s\nwant:\n%s", &out, printed)
			}
		})
	}
}
