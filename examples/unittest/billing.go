// Package billing is a small service as a program would have it: it numbers invoices by a sequence and reports
// sales from a materialized view. Its tests run on the fake dialect, with no database.
package billing

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/massivedb/massive-go/massive"
)

// ErrBookFull is what [Service.InvoiceNumber] returns when the year's numbers are used up.
var ErrBookFull = errors.New("the invoice book is full")

// A Service needs the sequence invoice_no, the enum order_status and the view daily_sales (day, total).
type Service struct{ db *massive.DB }

// New makes a service on what was loaded from the shop's database.
func New(db *massive.DB) *Service { return &Service{db} }

// InvoiceNumber is the next one, within the transaction that the invoice is written in.
func (s *Service) InvoiceNumber(ctx context.Context, tx massive.Querier) (string, error) {
	numbers, err := s.db.With(tx).Sequence("invoice_no")
	if err != nil {
		return "", err
	}
	no, err := numbers.NextValue(ctx)
	if errors.Is(err, massive.ErrExhausted) {
		return "", fmt.Errorf("%w: %w", ErrBookFull, err)
	}
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("2026-%04d", no), nil
}

// A Day is a row of the report.
type Day struct {
	Day   string
	Total int64
}

// Report is the best days, as fresh as can be had: where the view can't be refreshed now the report says that it is
// of an earlier state.
func (s *Service) Report(ctx context.Context) (string, error) {
	sales, err := s.db.Matview("daily_sales")
	if err != nil {
		return "", err
	}
	var b strings.Builder
	switch _, err := sales.Refresh(ctx, massive.Concurrently()); {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return "", err
	case err != nil:
		fmt.Fprintln(&b, "(as of the last refresh)")
	}
	var days []Day
	if err := sales.Select(ctx, &days, "ORDER BY total DESC LIMIT $1", 2); err != nil {
		return "", err
	}
	for _, d := range days {
		fmt.Fprintf(&b, "%s %d\n", d.Day, d.Total)
	}
	return b.String(), nil
}

// Status checks that a text is one of an order's states.
func (s *Service) Status(text string) (string, error) {
	status, err := s.db.Enum("order_status")
	if err != nil {
		return "", err
	}
	if !status.Contains(text) {
		return "", fmt.Errorf("%q is no state of an order: they are %s", text, strings.Join(status.Values(), ", "))
	}
	return text, nil
}
