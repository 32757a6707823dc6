package docs_test

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/dialect/postgres"
	"github.com/massivedb/massive-go/massive"
	"github.com/massivedb/massive-go/sqltest"
)

// A shop is a fake with the structures whose errors the page shows.
type shop struct {
	*testing.T
	*massive.DB
	fake *sqltest.Fake
}

type sale struct {
	Day   string
	Total int
}

// noRestarts is a dialect that lacks an operation.
type noRestarts struct{ *sqltest.Fake }

func (noRestarts) Name() string { return "duckdb" }

func (noRestarts) RestartSequence(ctx context.Context, q dialect.Querier, seq dialect.Name, at *int64) error {
	return dialect.NoSequences{}.RestartSequence(ctx, q, seq, at)
}

func newShop(t *testing.T) shop {
	t.Helper()
	days := []sale{{"2026-03-01", 25}, {"2026-03-02", 42}}
	fake := sqltest.New(sqltest.Catalog{
		Matviews: []sqltest.Matview{
			{Name: "daily_sales", Rows: days},
			{Name: "indexed", Rows: days, Unique: []string{"day"}},
			{Name: "empty", Rows: days, Unpopulated: true},
			{Name: "others", Rows: days, NotOwned: true},
		},
		Enums: []sqltest.Enum{{Name: "order_status", Labels: []string{"placed", "paid", "shipped"}}},
		Sequences: []sqltest.Sequence{
			{Name: "invoice_no", Max: 3}, {Name: "ticket_no"},
		},
	})
	m, err := massive.Load(t.Context(), fake.DB(), fake)
	if err != nil {
		t.Fatal(err)
	}
	return shop{t, m, fake}
}

func (s shop) begin(opts *sql.TxOptions) *massive.DB {
	s.Helper()
	tx, err := s.fake.DB().BeginTx(s.Context(), opts)
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() { _ = tx.Rollback() })
	return s.With(tx)
}

func (s shop) view(m *massive.DB, name string) massive.Matview {
	s.Helper()
	v, err := m.Matview(name)
	if err != nil {
		s.Fatal(err)
	}
	return v
}

func (s shop) sequence(m *massive.DB, name string) massive.Sequence {
	s.Helper()
	q, err := m.Sequence(name)
	if err != nil {
		s.Fatal(err)
	}
	return q
}

func (s shop) status(m *massive.DB) *massive.BoundEnum[string] {
	s.Helper()
	e, err := massive.BindEnum[string](m, "order_status")
	if err != nil {
		s.Fatal(err)
	}
	return e
}

// A pageError causes an error that a section of the page shows.
type pageError struct {
	section string
	is      error
	cause   func(s shop) error
}

var pageErrors = []pageError{
	{"ErrInvalid", massive.ErrInvalid, func(s shop) error {
		_, err := s.sequence(s.DB, "ticket_no").NextValues(s.Context(), 0)
		return err
	}},
	{"ErrNotFound", massive.ErrNotFound, func(s shop) error {
		_, err := s.Matview("daily_sale")
		return err
	}},
	{"ErrNotFound", massive.ErrNotFound, func(s shop) error {
		s.fake.Do(s.T, sqltest.Drop{Name: "ticket_no"})
		_, err := s.sequence(s.DB, "ticket_no").NextValue(s.Context())
		return err
	}},
	{"ErrUnsupported", massive.ErrUnsupported, func(s shop) error {
		m, err := massive.Load(s.Context(), s.fake.DB(), noRestarts{s.fake})
		if err != nil {
			return err
		}
		return s.sequence(m, "ticket_no").ResetTo(s.Context(), 2000)
	}},
	{"ErrPermission", massive.ErrPermission, func(s shop) error {
		_, err := s.view(s.DB, "others").Refresh(s.Context())
		return err
	}},
	{"ErrReadOnly", massive.ErrReadOnly, func(s shop) error {
		_, err := s.sequence(s.begin(&sql.TxOptions{ReadOnly: true}), "ticket_no").NextValue(s.Context())
		return err
	}},
	{"ErrNotPopulated", massive.ErrNotPopulated, func(s shop) error {
		var rows []sale
		return s.view(s.DB, "empty").Select(s.Context(), &rows, "")
	}},
	{"ErrNoUniqueIndex", massive.ErrNoUniqueIndex, func(s shop) error {
		_, err := s.view(s.DB, "daily_sales").Refresh(s.Context(), massive.Concurrently())
		return err
	}},
	{"ErrDuplicateRows", massive.ErrDuplicateRows, func(s shop) error {
		s.fake.Do(s.T, sqltest.SetRows{Matview: "indexed", Rows: []sale{{"2026-03-01", 1}, {"2026-03-01", 2}}})
		_, err := s.view(s.DB, "indexed").Refresh(s.Context(), massive.Concurrently())
		return err
	}},
	{"ErrBusy", massive.ErrBusy, func(s shop) error {
		if _, err := s.view(s.begin(nil), "daily_sales").Refresh(s.Context()); err != nil {
			return err
		}
		_, err := s.view(s.DB, "daily_sales").Refresh(s.Context(), massive.SkipIfBusy())
		return err
	}},
	{"ErrBusy", massive.ErrBusy, func(s shop) error {
		if _, err := s.view(s.begin(nil), "daily_sales").Refresh(s.Context()); err != nil {
			return err
		}
		_, err := s.view(s.DB, "daily_sales").Refresh(s.Context(), massive.LockTimeout(time.Millisecond))
		return err
	}},
	{"ErrDeadlock", massive.ErrDeadlock, func(s shop) error {
		s.fake.Next(s.T, "refresh", "indexed", sqltest.Fail(&sqltest.Error{Code: "40P01", Message: "deadlock detected"}))
		_, err := s.view(s.DB, "indexed").Refresh(s.Context())
		return err
	}},
	{"ErrServerTimeout", massive.ErrServerTimeout, func(s shop) error {
		s.fake.Next(s.T, "refresh", "daily_sales", sqltest.Fail(&sqltest.Error{Code: "57014", Message: "statement timeout"}))
		_, err := s.view(s.DB, "daily_sales").Refresh(s.Context())
		return err
	}},
	{"ErrUnavailable", massive.ErrUnavailable, func(s shop) error {
		db, err := sql.Open("pgx", "host=127.0.0.1 port=1")
		if err != nil {
			return err
		}
		defer db.Close()
		_, err = massive.Load(s.Context(), db, postgres.New())
		return err
	}},
	{"ErrTxAborted", massive.ErrTxAborted, func(s shop) error {
		m := s.begin(nil)
		if _, err := s.view(m, "daily_sales").Refresh(s.Context(), massive.Concurrently()); err == nil {
			return nil
		}
		_, err := s.sequence(m, "ticket_no").NextValue(s.Context())
		return err
	}},
	{"ErrExhausted", massive.ErrExhausted, func(s shop) error {
		seq := s.sequence(s.DB, "invoice_no")
		for range 3 {
			if _, err := seq.NextValue(s.Context()); err != nil {
				return nil
			}
		}
		_, err := seq.NextValue(s.Context())
		return err
	}},
	{"ErrOutOfRange", massive.ErrOutOfRange, func(s shop) error {
		return s.sequence(s.DB, "invoice_no").ResetTo(s.Context(), 2000)
	}},
	{"ErrClosed", massive.ErrClosed, func(s shop) error {
		a, err := massive.NewAllocator(s.sequence(s.DB, "ticket_no"))
		if err != nil {
			return err
		}
		a.Close()
		_, err = a.Next(s.Context())
		return err
	}},
	{"ErrLabelExists", massive.ErrLabelExists, func(s shop) error {
		return s.status(s.DB).AddValue(s.Context(), "paid")
	}},
	{"ErrLabelUnknown", massive.ErrLabelUnknown, func(s shop) error {
		_, err := s.status(s.DB).Parse("piad")
		return err
	}},
	{"ErrLabelUncommitted", massive.ErrLabelUncommitted, func(s shop) error {
		return s.status(s.DB).Explain(&sqltest.Error{Code: "55P04", Message: "unsafe use of new value"})
	}},
	{"ErrDrift", massive.ErrDrift, func(s shop) error {
		return s.Verify(s.Context(), massive.EnumIs("order_status", []string{"placed", "paid", "lost"}))
	}},
	{"The context's errors", context.Canceled, func(s shop) error {
		ctx, cancel := context.WithCancel(s.Context())
		cancel()
		_, err := s.sequence(s.DB, "ticket_no").NextValue(ctx)
		return err
	}},
}

// TestErrorsPageShowsRealTexts compares the library's part of each text with the page. The
// rest is the driver's error, which differs between drivers and servers.
func TestErrorsPageShowsRealTexts(t *testing.T) {
	t.Parallel()
	page, errPage := os.ReadFile("errors.md")
	source, errSource := os.ReadFile("../massive/errors.go")
	if err := errors.Join(errPage, errSource); err != nil {
		t.Fatal(err)
	}
	sections := map[string]string{}
	for _, section := range strings.Split(string(page), "\n## ")[1:] {
		title, text, _ := strings.Cut(section, "\n")
		sections[strings.Trim(title, "`")] = regexp.MustCompile(`\s+`).ReplaceAllString(text, " ")
	}
	for _, sentinel := range regexp.MustCompile(`(?m)^\tErr\w+`).FindAllString(string(source), -1) {
		if name := strings.TrimSpace(sentinel); !slices.ContainsFunc(pageErrors, func(c pageError) bool { return c.section == name }) {
			t.Errorf("the page lacks %s", name)
		}
	}
	for _, c := range pageErrors {
		err := c.cause(newShop(t))
		if !errors.Is(err, c.is) {
			t.Errorf("%s: got the error %v", c.section, err)
			continue
		}
		text := err.Error()
		if e := (*massive.Error)(nil); errors.As(err, &e) {
			if both, ok := e.Err.(interface{ Unwrap() []error }); ok && len(both.Unwrap()) == 2 {
				text = strings.TrimSuffix(text, both.Unwrap()[1].Error()) // the driver's
			}
		}
		if text = strings.Join(strings.Fields(text), " "); !strings.Contains(sections[c.section], text) {
			t.Errorf("%s: the page lacks this text:\n%s", c.section, text)
		}
	}
}
