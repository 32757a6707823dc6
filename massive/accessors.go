package massive

import "github.com/massivedb/massive-go/dialect"

// Querier returns the querier that m's operations go through: that of [Load] or
// [DB.With]. Packages that add operations of one database use it.
func (m *DB) Querier() Querier { return m.querier }

// Dialect returns the dialect of [Load].
func (m *DB) Dialect() dialect.Dialect { return m.dialect }
