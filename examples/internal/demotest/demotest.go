// Package demotest tests the output of the examples.
package demotest

import (
	"context"
	"io"
	"strings"
	"testing"

	"github.com/massivedb/massive-go/sqltest/pgtest"
)

// Prints checks what a program prints with each driver. Normalize replaces the parts that
// differ between runs, if it is not nil.
func Prints(t *testing.T, run func(ctx context.Context, out io.Writer, args []string) error, want string, normalize func(string) string) {
	t.Helper()
	t.Parallel()
	for _, driver := range []string{"pgx", "postgres"} {
		t.Run(driver, func(t *testing.T) {
			t.Parallel()
			pgtest.NewDatabase(t) // skips the test, or fails it, without Postgres
			var out strings.Builder
			if err := run(t.Context(), &out, []string{"-driver", driver}); err != nil {
				t.Fatal(err)
			}
			got := out.String()
			if normalize != nil {
				got = normalize(got)
			}
			if got != want {
				t.Errorf("it printed:\n%s\nwant:\n%s", got, want)
			}
		})
	}
}
