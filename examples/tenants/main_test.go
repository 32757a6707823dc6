package main

import (
	"testing"

	"github.com/massivedb/massive-go/examples/internal/demotest"
)

const printed = `200 tenants: 200 materialized views, 200 enums, 200 sequences
tenant_7: invoice 7000
tenant_8: invoice 8000
tenant_7: invoice 7001
refreshed 200 views of all tenants
refreshed 1 view of tenant_7
massive: look up tenant_201.invoice_no: sequence not found: nothing was loaded from schema tenant_201
tenant_201: invoice 201000
`

func TestTenants(t *testing.T) { demotest.Prints(t, run, printed, nil) }
