package docs_test

import (
	"io/fs"
	"os"
	"path"
	"regexp"
	"strings"
	"testing"

	"github.com/massivedb/massive-go/massive"
	"github.com/massivedb/massive-go/sqltest"
)

// ownErrors returns the errors that the guides quote, as the fake returns them.
func ownErrors(t *testing.T) (texts []string) {
	t.Helper()
	type daily struct{ Day, Total string }
	labels := []string{"placed", "packed", "paid", "shipped"}
	fake := sqltest.New(sqltest.Catalog{
		Matviews: []sqltest.Matview{{Name: "daily_sales", Rows: []daily{}}, {Name: "stats.weekly", Rows: []daily{}}},
		Enums:    []sqltest.Enum{{Name: "order_status", Labels: labels}, {Name: "status", Labels: []string{"placed", "paid"}}},
		Sequences: []sqltest.Sequence{
			{Name: "orders_id_seq", KeyOf: "orders.id"}, {Name: "acme.invoice_no"}, {Name: "beta.invoice_no"}, {Name: "ticket_no"},
		},
	})
	load := func(opts ...massive.LoadOption) (*massive.DB, error) {
		return massive.Load(t.Context(), fake.DB(), fake, opts...)
	}
	add := func(err error) {
		if err == nil {
			t.Errorf("no error after %q", texts)
			return
		}
		texts = append(texts, err.Error())
	}
	db, err := load()
	if err != nil {
		t.Fatal(err)
	}
	sales, err := db.Matview("daily_sales")
	if err != nil {
		t.Fatal(err)
	}
	add(sales.CheckRefresh(massive.ModeConcurrent))
	_, err = db.Matview("weekly")
	add(err)
	_, err = db.InSchema("gamma").Sequence("invoice_no")
	add(err)
	_, err = db.PlanRefresh(massive.Views("tenant_*.daily_sales"))
	add(err)
	for _, name := range []string{"orders_id_seq", "invoice_no"} {
		_, err = db.Sequence(name)
		add(err)
	}
	acme, err := load(massive.Include("acme.*"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = acme.Sequence("invoice_no")
	add(err)
	_, err = load(massive.Expect(massive.EnumIs("order_status", []string{"placed", "paid", "shipped"})))
	add(err)
	_, err = load(massive.Expect(massive.EnumIs("status", []string{"placed", "packed", "paid"})))
	add(err)
	_, err = load(massive.Expect(massive.RowsAre[struct {
		Day   string
		Total float64
	}]("daily_sales")))
	add(err)
	add(db.Verify(t.Context(), massive.EnumIs("status", []string{"placed", "packed", "paid"})))
	fake.Do(t, sqltest.AddLabel{Enum: "status", Label: "packed"})
	add(db.Verify(t.Context(), massive.EnumIs("status", []string{"placed", "paid"})))
	return texts
}

// TestGuideErrors holds the errors that the guides show to the library's. Quotes are whole errors, and the tables of
// errors have literal parts of texts. "…" stands for anything.
func TestGuideErrors(t *testing.T) {
	t.Parallel()
	source, own := sourceText(t), strings.Join(ownErrors(t), "\n")
	quote := regexp.MustCompile(`(?m)^ *> (massive: .*)$`)
	row := regexp.MustCompile("(?m)^\\| `([^`]+)`.* \\|.*\\|$")
	guides, err := fs.Glob(os.DirFS("."), "*.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, guide := range guides {
		text, err := os.ReadFile(guide)
		if err != nil {
			t.Fatal(err)
		}
		for _, q := range quote.FindAllStringSubmatch(string(text), -1) {
			pattern := strings.ReplaceAll(regexp.QuoteMeta(q[1]), "…", ".*")
			notOurs := strings.Contains(q[1], "pq: ") || strings.Contains(q[1], "mydb") // PgBouncer's, and an example's
			if !notOurs && !regexp.MustCompile("(?m)^"+pattern+"$").MatchString(own) {
				t.Errorf("%s quotes an error that does not exist:\n%s\nThese do:\n%s", guide, q[1], own)
			}
		}
		_, table, _ := strings.Cut(string(text), "\n| error | way out |\n")
		table, _, _ = strings.Cut(table, "\n\n")
		for _, r := range row.FindAllStringSubmatch(table, -1) {
			for _, part := range regexp.MustCompile(` ?… ?|: `).Split(r[1], -1) {
				if !strings.Contains(source, part) {
					t.Errorf("%s: no error has %q", guide, part)
				}
			}
		}
	}
}

// sourceText returns the library's source, in which the literal parts of errors are.
func sourceText(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	for _, dir := range []string{"massive", "registry", "dialect", "dialect/postgres", "sqltest"} {
		files, err := fs.Glob(os.DirFS(".."), dir+"/*.go")
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range files {
			text, err := os.ReadFile(path.Join("..", name))
			if err != nil {
				t.Fatal(err)
			}
			if !strings.HasSuffix(name, "_test.go") {
				all.Write(text)
			}
		}
	}
	return all.String()
}
