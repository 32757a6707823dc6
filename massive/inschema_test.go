package massive_test

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/massivedb/massive-go/massive"
	"github.com/massivedb/massive-go/sqltest"
)

// tenants has the schemas acme and beta with the same structures, and shared structures
// in public.
const tenants = `
	CREATE SCHEMA acme;
	CREATE SCHEMA beta;
	CREATE TYPE acme.status AS ENUM ('new', 'paid');
	CREATE TYPE beta.status AS ENUM ('new', 'paid', 'lost');
	CREATE TYPE public.status AS ENUM ('shared');
	CREATE SEQUENCE acme.invoice_no START 100;
	CREATE SEQUENCE beta.invoice_no START 200;
	CREATE SEQUENCE public.shared_no START 300;
	CREATE MATERIALIZED VIEW acme.sales AS SELECT 1 AS n;
	CREATE MATERIALIZED VIEW beta.sales AS SELECT 2 AS n;
	CREATE MATERIALIZED VIEW beta.totals AS SELECT n FROM beta.sales;
	CREATE MATERIALIZED VIEW public.sales AS SELECT 3 AS n;
	CREATE SEQUENCE beta."a.b" START 400;`

func TestInSchemaResolvesBareNames(t *testing.T) {
	t.Parallel()
	onDrivers(t, tenants, func(t *testing.T, e *env) {
		m := e.load(t)
		for _, c := range []struct{ schema, name, want string }{
			{"acme", "invoice_no", "acme.invoice_no"},
			{"beta", "invoice_no", "beta.invoice_no"},
			{"beta", `"invoice_no"`, "beta.invoice_no"},
			{"beta", "acme.invoice_no", "acme.invoice_no"},
			{"beta", `"acme"."invoice_no"`, "acme.invoice_no"},
			{"beta", "shared_no", "public.shared_no"},
			{"beta", `"shared_no"`, "public.shared_no"},
			{"beta", `"a.b"`, `beta."a.b"`},
		} {
			same(t, c.name+" in "+c.schema, sequence(t, m.InSchema(c.schema), c.name).Name().String(), c.want)
		}
		same(t, "the first number of acme", next(t, sequence(t, m.InSchema("acme"), "invoice_no")), 100)
		same(t, "the first number of beta", next(t, sequence(t, m.InSchema("beta"), "invoice_no")), 200)
		equal(t, "labels of acme", enum(t, m.InSchema("acme"), "status").Values(), []string{"new", "paid"})
		equal(t, "labels without a schema", enum(t, m, "status").Values(), []string{"shared"})
		equal(t, "search path", m.InSchema("acme").SearchPath(), []string{"acme", "public"})
		same(t, "InSchema of the empty schema", m.InSchema("acme").InSchema(""), m)
		same(t, "InSchema of another DB's", sequence(t, m.InSchema("acme").InSchema("beta"), "invoice_no").Name().Schema, "beta")

		_, err := m.InSchema("acme").Matview("totals")
		mustBe(t, err, massive.ErrNotFound, "acme.totals")
		_, err = m.InSchema("gamma").Sequence("invoice_no")
		mustBe(t, err, massive.ErrNotFound, "gamma.invoice_no", "nothing was loaded from schema gamma")
		_, err = m.InSchema("gamma").Sequence("bad.")
		mustBe(t, err, massive.ErrInvalid)
	})
}

func TestInSchemaSharesItsState(t *testing.T) {
	t.Parallel()
	onDrivers(t, tenants, func(t *testing.T, e *env) {
		m := e.load(t)
		acme := m.InSchema("acme")
		same(t, "the registry between reloads", acme.Registry(), acme.Registry())
		status, err := massive.BindEnum[string](acme, "status")
		noError(t, err)
		noError(t, acme.AppendLocalLabels("status", "local"))
		equal(t, "labels after AppendLocalLabels", enum(t, m, "acme.status").Values(), []string{"new", "paid", "local"})
		equal(t, "labels of the name without a schema", enum(t, m, "status").Values(), []string{"shared"})

		noError(t, status.AddValue(t.Context(), "void"))
		equal(t, "labels after AddValue", enum(t, m, "acme.status").Values(), []string{"new", "paid", "void"})
		exec(t, e.pool, "ALTER TYPE acme.status ADD VALUE 'sent'")
		_, err = acme.Reload(t.Context())
		noError(t, err)
		equal(t, "labels after a reload", status.Values(), []string{"new", "paid", "void", "sent"})
		same(t, "the base after a reload", enum(t, m, "acme.status").Contains("sent"), true)

		tx := e.begin(t)
		same(t, "a transaction's first number", next(t, sequence(t, acme.With(tx), "invoice_no")), 100)
		same(t, "With of a transaction", sequence(t, m.With(tx).InSchema("beta"), "invoice_no").Name().Schema, "beta")
	})
}

func TestInSchemaIsSafeForConcurrentUse(t *testing.T) {
	t.Parallel()
	fake := sqltest.New(sqltest.Catalog{Sequences: []sqltest.Sequence{{Name: "a.no"}, {Name: "b.no"}}})
	defer fake.DB().Close()
	m, err := massive.Load(t.Context(), fake.DB(), fake)
	noError(t, err)
	a := m.InSchema("a")
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 200 {
				if s, err := a.Sequence("no"); err != nil || s.Name().Schema != "a" {
					t.Errorf("lookup of no in a: got %v, error %v", s, err)
				}
				if s, err := m.InSchema("b").Sequence("no"); err != nil || s.Name().Schema != "b" {
					t.Errorf("lookup of no in b: got %v, error %v", s, err)
				}
			}
		})
	}
	for range 100 {
		_, err := a.Reload(t.Context())
		noError(t, err)
	}
	wg.Wait()
}

func TestInSchemaOfTheZeroDB(t *testing.T) {
	t.Parallel()
	_, err := new(massive.DB).InSchema("a").Sequence("no")
	mustBe(t, err, massive.ErrInvalid, "call Load")
	_, err = new(massive.DB).InSchema("a").RefreshAll(t.Context())
	mustBe(t, err, massive.ErrInvalid, "call Load")
}

func stepNames(t *testing.T, m *massive.DB, views ...string) (names []string) {
	t.Helper()
	p, err := m.PlanRefresh(massive.Views(views...))
	noError(t, err)
	for _, s := range p.Steps {
		names = append(names, s.Name.String())
	}
	slices.Sort(names)
	return names
}

func TestViewsTakesPatternsAndSchemas(t *testing.T) {
	t.Parallel()
	onDrivers(t, tenants+`CREATE MATERIALIZED VIEW public."sa*" AS SELECT 1 AS n;`, func(t *testing.T, e *env) {
		m := e.load(t)
		for _, c := range []struct {
			in    string
			views []string
			want  []string
		}{
			{"", []string{"sales"}, []string{"public.sales"}},
			{"beta", []string{"sales"}, []string{"beta.sales"}},
			{"", []string{"*a.sales"}, []string{"beta.sales"}},
			{"", []string{"????.sales", "acme.sales"}, []string{"acme.sales", "beta.sales"}},
			{"", []string{"acme.sales", "????.*"}, []string{"acme.sales", "beta.sales", "beta.totals"}},
			{"", []string{"s*s"}, []string{"acme.sales", "beta.sales", "public.sales"}},
			{"beta", []string{"*"}, []string{"beta.sales", "beta.totals"}},
			{"beta", []string{"acme.*"}, []string{"acme.sales"}},
			{"", []string{`"sa*"`}, []string{`public."sa*"`}},
		} {
			equal(t, fmt.Sprintf("views %q in schema %q", c.views, c.in), stepNames(t, m.InSchema(c.in), c.views...), c.want)
		}
		report, err := m.InSchema("beta").RefreshAll(t.Context(), massive.Views("*"))
		noError(t, err)
		same(t, "refreshed views", len(report.Views), 2)

		_, err = m.PlanRefresh(massive.Views("tenant_*.sales"))
		mustBe(t, err, massive.ErrNotFound, "materialized view", "nothing that was loaded matches the pattern tenant_*.sales")
		var why *massive.NotFoundError
		if !errors.As(err, &why) || why.Reason != massive.ReasonNoMatch {
			t.Errorf("reason of a pattern without a match: got %+v, want ReasonNoMatch", why)
		}
		_, err = m.InSchema("beta").PlanRefresh(massive.Views("acm*"))
		mustBe(t, err, massive.ErrNotFound)
		_, err = m.PlanRefresh(massive.Views("acme.sales", "acme.sales"))
		mustBe(t, err, massive.ErrInvalid, "named twice")
		_, err = m.PlanRefresh(massive.Views("a.b.*"))
		mustBe(t, err, massive.ErrInvalid)
	})
}

func TestExpectationsTakePatternsAndSchemas(t *testing.T) {
	t.Parallel()
	type sales struct{ N int }
	onDrivers(t, tenants, func(t *testing.T, e *env) {
		m := e.load(t, massive.Expect(massive.EnumIs("????.status", []string{"new", "paid"}, massive.AllowExtra()), massive.RowsAre[sales]("*.sales")))
		drifts := func(m *massive.DB, want ...massive.Expectation) (names []string) {
			t.Helper()
			err := m.Verify(t.Context(), want...)
			var all massive.Drifts
			if err != nil && !errors.As(err, &all) {
				t.Fatalf("Verify: %v", err)
			}
			for _, d := range all {
				names = append(names, d.Name.String())
			}
			return names
		}
		equal(t, "drifts of one schema", drifts(m.InSchema("acme"), massive.EnumIs("status", []string{"new", "paid"})), nil)
		equal(t, "drifts of another schema", drifts(m.InSchema("beta"), massive.EnumIs("status", []string{"new", "paid"})), []string{"beta.status"})
		equal(t, "drifts of all schemas", drifts(m, massive.EnumIs("*.status", []string{"new", "paid"})), []string{"beta.status", "public.status"})
		equal(t, "drifts of a bare pattern in a schema", drifts(m.InSchema("beta"), massive.EnumIs("stat*", []string{"new", "paid"})), []string{"beta.status"})
		equal(t, "drifts of rows", drifts(m, massive.RowsAre[struct{ N, M int }]("acm*.sales")), []string{"acme.sales"})
		err := m.Verify(t.Context(), massive.EnumIs("tenant_*.status", []string{"new"}))
		mustBe(t, err, massive.ErrDrift, "tenant_*.status", "nothing that was loaded matches the pattern")
		if !errors.Is(err, massive.ErrNotFound) {
			t.Errorf("a pattern without a match: got %v, want ErrNotFound", err)
		}
		exec(t, e.pool, "CREATE SCHEMA cory; CREATE TYPE cory.status AS ENUM ('new')")
		_, err = m.Reload(t.Context())
		mustBe(t, err, massive.ErrDrift, "cory.status", "paid")
	})
}
