package main

import (
	"regexp"
	"testing"

	"github.com/massivedb/massive-go/examples/internal/demotest"
)

// says matches the driver's own text, which differs between drivers.
var says = regexp.MustCompile(`separate transaction: .*`)

const printed = `The program starts
  massive: load: drift: enum public.order_status: missing labels ["paid" "packed" "returned"]; extra labels ["settled"]

The drift is fixed
  UsedBy: table public.orders.status of type order_status
  UsedBy: table public.orders.past of type order_status[]
  UsedBy: table public.reminders.status of type open_status
  UsedBy: materialized view public.tallies.status of type order_status
  RenameValue: ["placed" "paid" "shipped"]
  EnsureValue paid: added false: ["placed" "paid" "shipped"]
  EnsureValue packed: added true: ["placed" "paid" "packed" "shipped"]
  EnsureValue returned: added true: ["placed" "paid" "packed" "shipped" "returned"]
  Verify: the database is as expected

The program starts again
  Values: ["placed" "paid" "packed" "shipped" "returned"]
  Parse: massive: parse a label of public.order_status: label unknown: "shippd" is not one of ["placed" "paid" "packed" "shipped" "returned"]; did you mean "shipped"?
  AddValue: massive: add a label to public.order_status: an expectation of this program forbids it; nothing was changed: drift: enum public.order_status: extra labels ["lost"]

Typed values
  order 1: "paid" (NULL: false), was []
  order 2: "packed" (NULL: false), was [placed paid]
  order 3: "" (NULL: true), was []
  INSERT: label unknown: "shippd" is not one of ["placed" "paid" "packed" "shipped" "returned"]; did you mean "shipped"?

Inside a transaction
  in the transaction:  ["placed" "paid" "packed" "shipped" "lost" "returned"]
  outside of it:       ["placed" "paid" "packed" "shipped" "returned"]
  UPDATE: massive: use a label of public.order_status: label not committed yet: a label that was added in a transaction can be used only after its commit: commit before the statement that uses it, or add the label in a separate transaction
`

func TestEnums(t *testing.T) {
	demotest.Prints(t, run, printed, func(got string) string { return says.ReplaceAllString(got, "separate transaction") })
}
