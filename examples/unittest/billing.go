// Package billing is a small service. It numbers invoices with a sequence and reports
// sales from a materialized view. Its tests use the fake dialect and need no database.
package billing

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/massivedb/massive-go/massive"
)

// ErrBookFull means that the year's invoice numbers are used up.
var ErrBookFull = errors.New("the invoice book is full")

// A Service needs the sequence invoice_no, the enum order_status and the view daily_sales
// (day, total).
type Service struct{ db *massive.DB }

// New returns a service on the shop's database.
func New(db *massive.DB) *Service { return &Service{db} }

// InvoiceNumber takes the next number, in the transaction that writes the invoice.
// Errors: [ErrBookFull].
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

// Report refreshes the view and returns the best days. If the refresh fails, the report
// says that it has older data.
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

// Status returns the text if it is a state of an order.
func (s *Service) Status(text string) (string, error) {
	status, err := s.db.Enum("order_status")
	if err != nil {
		return "", err
	}
	if !status.Contains(text) {
		return "", fmt.Errorf("%q is not a state of an order; the states are %s", text, strings.Join(status.Values(), ", "))
	}
	return text, nil
}
