package orms

import (
	"errors"
	"testing"

	"github.com/XSAM/otelsql"
	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/massivedb/massive-go/dialect/postgres"
	"github.com/massivedb/massive-go/massive"
	"github.com/massivedb/massive-go/sqltest/pgtest"
)

func TestOTelSQL(t *testing.T) {
	t.Parallel()
	eachDriver(t, func(t *testing.T, driver string, database *pgtest.Database) {
		ctx, dsn, spans := t.Context(), database.DSN(), tracetest.NewSpanRecorder()
		tracer := trace.NewTracerProvider(trace.WithSpanProcessor(spans))

		sqlDB, err := otelsql.Open(driver, dsn, otelsql.WithTracerProvider(tracer))
		check(t, err)
		defer sqlDB.Close()
		db, err := massive.Load(ctx, sqlDB, postgres.New())
		check(t, err)
		checkOperations(t, db, "$1")

		sales, err := db.Matview("daily_sales")
		check(t, err)
		before := len(spans.Ended())
		parent, request := tracer.Tracer("shop").Start(ctx, "request")
		_, err = sales.Refresh(parent)
		check(t, err)
		request.End()
		var statements []string
		for _, span := range spans.Ended()[before:] {
			for _, a := range span.Attributes() {
				if a.Key == "db.statement" && span.Parent().SpanID() == request.SpanContext().SpanID() {
					statements = append(statements, a.Value.AsString())
				}
			}
		}
		if want := `REFRESH MATERIALIZED VIEW "public"."daily_sales"`; len(statements) != 1 || statements[0] != want {
			t.Errorf("the request's trace has the statements %q, want %s", statements, want)
		}

		database.Exec(t, "DROP SEQUENCE invoice_no")
		invoices, err := db.Sequence("invoice_no")
		check(t, err)
		if _, err := invoices.NextValue(ctx); !errors.Is(err, massive.ErrNotFound) {
			t.Errorf("got %v, want ErrNotFound", err)
		}
	})
}
