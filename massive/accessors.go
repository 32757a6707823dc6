package massive

import "github.com/massivedb/massive-go/dialect"

// Querier returns the querier that m's operations go through: that of [Load] or
// [DB.With]. Packages that add operations of one database use it.
func (m *DB) Querier() Querier { return m.querier }

// Ledger returns the ledger of [WithLedger], and whether there is one.
func (m *DB) Ledger() (dialect.Ledger, bool) {
	if r := m.selection.Recorder; r != nil && r.Ledger != nil {
		return *r.Ledger, true
	}
	return dialect.Ledger{}, false
}

// Dialect returns the dialect of [Load].
func (m *DB) Dialect() dialect.Dialect { return m.dialect }
