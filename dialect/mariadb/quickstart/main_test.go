package main

import (
	"bytes"
	"regexp"
	"testing"

	"github.com/massivedb/massive-go/dialect/mariadb/internal/server"
)

// version matches the part of the output that differs between servers.
var version = regexp.MustCompile(`on MariaDB .*, as \S+,`)

const printed = `Database shop on MariaDB, search path [shop]
  sequence shop.invoice_no: from 1000 by 1
  excluded: sequence shop.orders_id, because it is the key sequence of shop.orders.id

A sequence: invoice_no
  NextValue: 1000
  NextValue in a transaction that is rolled back: 1001
  NextValue after the rollback, which does not give the value back: 1002
  ResetTo(2000): the next value is 2000, and 9223372036854773807 are left
  NextValue after the reset: 2000
  Lag after a row with its own number: shop.invoices.no is at 2500, and its sequence is behind: the next value is 2001
  NextValue after CatchUp: 2501
  LastValue: massive: last value of shop.invoice_no: not supported here: unsupported operation: the mariadb dialect can't read the last value, only the next value; call State
  Another name: massive: look up orders_id: sequence not found: shop.orders_id was not loaded: it is the key sequence of shop.orders.id; load it with WithKeySequences()
`

func TestQuickstart(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	server.Require(t, run(t.Context(), &out, ""))
	if got := version.ReplaceAllString(out.String(), "on MariaDB,"); got != printed {
		t.Errorf("it printed:\n%s\nwant:\n%s", got, printed)
	}
}
