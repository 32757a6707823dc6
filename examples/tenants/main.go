// Tenants has 200 schemas with the same structures, and one DB for all of them. A
// request's code uses bare names, in the tenant's schema.
//
//	go run ./examples/tenants                    on a temporary server
//	go run ./examples/tenants -driver postgres   the same with lib/pq
package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/massivedb/massive-go/dialect/postgres"
	"github.com/massivedb/massive-go/examples/internal/demo"
	"github.com/massivedb/massive-go/massive"
)

// count is the number of tenants.
const count = 200

// schema creates the tenants. Each has another first invoice number.
var schema = fmt.Sprintf(`
CREATE FUNCTION add_tenant(n int) RETURNS void LANGUAGE plpgsql AS $f$
BEGIN
  EXECUTE format('CREATE SCHEMA tenant_%%s', n);
  EXECUTE format('CREATE TYPE tenant_%%s.order_status AS ENUM (''placed'', ''paid'')', n);
  EXECUTE format('CREATE SEQUENCE tenant_%%s.invoice_no START %%s', n, n * 1000);
  EXECUTE format('CREATE TABLE tenant_%%s.orders (total int)', n);
  EXECUTE format('CREATE MATERIALIZED VIEW tenant_%%1$s.sales AS SELECT count(*) AS orders FROM tenant_%%1$s.orders', n);
END $f$;
SELECT add_tenant(n) FROM generate_series(1, %d) n;`, count)

type status string

const (
	placed status = "placed"
	paid   status = "paid"
)

func main() { demo.Main("tenants", run) }

func run(ctx context.Context, out io.Writer, args []string) (err error) {
	driver, err := demo.Parse("tenants", args, nil)
	if err != nil {
		return err
	}
	db, err := demo.Open(ctx, driver, schema)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()

	// One load for all tenants. Each of them must have the enum as the program knows it.
	m, err := massive.Load(ctx, db, postgres.New(),
		massive.Expect(massive.EnumIs("tenant_*.order_status", []status{placed, paid})))
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%d tenants: %d materialized views, %d enums, %d sequences\n", count, len(m.Matviews()), len(m.Enums()), len(m.Sequences()))

	for _, tenant := range []string{"tenant_7", "tenant_8", "tenant_7"} {
		if err := invoice(ctx, out, m.InSchema(tenant)); err != nil {
			return err
		}
	}

	report, err := m.RefreshAll(ctx, massive.Views("tenant_*.sales"), massive.Parallel(2))
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "refreshed %d views of all tenants\n", len(report.Views))
	report, err = m.InSchema("tenant_7").RefreshAll(ctx, massive.Views("sales"))
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "refreshed %d view of tenant_7\n", len(report.Views))

	// A new tenant has no structures until the next reload.
	added := m.InSchema("tenant_201")
	if _, err := db.ExecContext(ctx, "SELECT add_tenant(201)"); err != nil {
		return err
	}
	fmt.Fprintln(out, invoice(ctx, out, added))
	if _, err := m.Reload(ctx); err != nil {
		return err
	}
	return invoice(ctx, out, added)
}

// invoice takes the next invoice number. It does not know which tenant it works for.
func invoice(ctx context.Context, out io.Writer, m *massive.DB) error {
	numbers, err := m.Sequence("invoice_no")
	if err != nil {
		return err
	}
	no, err := numbers.NextValue(ctx)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%s: invoice %d\n", numbers.Name().Schema, no)
	return nil
}
