// Package duckdb is the dialect for the enums and sequences of DuckDB. It imports no
// driver, and is tested with github.com/duckdb/duckdb-go/v2 and DuckDB 1.5.
//
//	m, err := massive.Load(ctx, db, duckdb.New())
//
// A load reads the connection's current database. It does not read other attached databases
// or temporary objects. If SET search_path was not used, the search path is main.
//
// # Differences from Postgres
//
//   - DuckDB has no materialized views and no savepoints.
//   - Labels can't be added or renamed: a column keeps a copy of the labels that its enum
//     had when the column was created.
//   - DuckDB 1.5 can't set a sequence. So Reset, ResetTo, Restart and SetValue return
//     [dialect.ErrUnsupported].
//   - CatchUp takes the values up to the column's, and discards them. It never moves a
//     sequence back and blocks nobody. A rollback does not undo it. Two calls at the same
//     time skip more values than necessary.
//   - The catalog keeps the next value, not the last one. So LastValue returns
//     [dialect.ErrUnsupported], and State has NextOnly.
//   - DuckDB forgets the declared start when it closes the file. Def().Start is then the
//     next value at the time of opening.
//   - A crash repeats values that were taken in a transaction which did not commit.
//   - Names that differ only in the case of ASCII letters are the same. A lookup needs the
//     name as it was created.
//   - NextValue, NextValues, NextBlock and CatchUp can't use a sequence whose name has a
//     double quote. They return [dialect.ErrUnsupported].
//   - A column draws on a sequence if its default calls nextval with the sequence's name as
//     a literal.
//   - A macro of the database can replace a function that the dialect calls. Open only files
//     that you trust.
//   - Each poll of a Watch loads.
package duckdb

import (
	"context"
	"fmt"
	"strings"

	"github.com/massivedb/massive-go/dialect"
)

// New returns the dialect for DuckDB. It holds no state, so one value can serve any number
// of databases concurrently.
func New() dialect.Dialect { return duckdb{} }

type duckdb struct {
	dialect.NoMatviews
	dialect.NoEnums
	dialect.NoSequences
	dialect.NoTransactions
	dialect.NoSign
}

func (duckdb) Name() string { return "duckdb" }

// AddEnumLabel returns a dialect.Unsupported error. CREATE OR REPLACE TYPE could add the
// label, but no existing column would accept it.
func (duckdb) AddEnumLabel(context.Context, dialect.Querier, dialect.Name, string, dialect.LabelPlace, bool) (bool, error) {
	return false, dialect.Unsupported("add labels to enums, because existing columns keep their copies of the labels")
}

// The kinds of rows of the statement load, in their order.
const (
	rowSession = iota
	rowSchema
	rowEnum
	rowLabel
	rowSequence
	rowColumn
)

// load reads everything in one statement, so that all rows are of one snapshot. DuckDB never
// returns the greatest and the smallest int64 from a sequence, so they are no bounds.
const load = `
SELECT 0 AS kind, 0::BIGINT AS id, current_database() AS schema, current_user::VARCHAR AS name, version() AS a, '' AS b,
       0::BIGINT AS i, 0::BIGINT AS step, 0::BIGINT AS low, 0::BIGINT AS high,
       (SELECT bool_or(readonly) FROM duckdb_databases() WHERE database_name = current_database()) AS yes
UNION ALL
SELECT 1, 0, current_schemas(false)[i], '', '', '', i, 0, 0, 0, false FROM range(1, len(current_schemas(false)) + 1) s(i)
UNION ALL
SELECT 2, type_oid, schema_name, type_name, COALESCE(comment::VARCHAR, ''), '', 0, 0, 0, 0, false
  FROM duckdb_types() WHERE logical_type = 'ENUM' AND NOT internal AND database_name = current_database()
UNION ALL
SELECT 3, type_oid, '', '', labels[i], '', i, 0, 0, 0, false
  FROM (SELECT type_oid, labels, unnest(range(1, len(labels) + 1)) AS i
          FROM duckdb_types() WHERE logical_type = 'ENUM' AND NOT internal AND database_name = current_database())
UNION ALL
SELECT 4, sequence_oid, schema_name, sequence_name, COALESCE(comment::VARCHAR, ''), '', start_value, increment_by, ` + bounds + `, cycle
  FROM duckdb_sequences() WHERE database_name = current_database()
UNION ALL
SELECT 5, 0, c.schema_name, c.table_name, c.column_name, c.data_type || chr(10) || c.column_default, 0, 0, 0, 0,
       EXISTS (SELECT 1 FROM duckdb_constraints() k WHERE k.table_oid = c.table_oid AND k.database_name = current_database()
                  AND k.constraint_type = 'PRIMARY KEY' AND list_contains(k.constraint_column_names, c.column_name))
  FROM duckdb_columns() c WHERE c.database_name = current_database() AND contains(c.column_default, 'nextval(')
 ORDER BY kind, id, i, schema, name, a`

const bounds = "GREATEST(min_value, -9223372036854775807), LEAST(max_value, 9223372036854775806)"

// A list has what the statement load returns.
type list struct {
	server    dialect.Server
	path      []string
	enums     []dialect.EnumDef
	sequences []dialect.SequenceDef
	columns   []column
}

func read(ctx context.Context, q dialect.Querier) (l list, err error) {
	rows, err := q.QueryContext(ctx, load)
	if err != nil {
		return l, otherProduct(ctx, q, err)
	}
	defer rows.Close()
	enums, sequences := map[int64]int{}, map[string]int64{}
	for rows.Next() {
		var kind int
		var id, i, step, low, high int64
		var n dialect.Name
		var a, b string
		var yes bool
		if err := rows.Scan(&kind, &id, &n.Schema, &n.Name, &a, &b, &i, &step, &low, &high, &yes); err != nil {
			return l, err
		}
		o := dialect.Object{ID: id, Name: n, Comment: a}
		switch kind {
		case rowSession:
			l.server = dialect.Server{Version: a, Database: n.Schema, User: n.Name, Standby: yes}
			_, _ = fmt.Sscanf(a, "v%d.", &l.server.Major)
		case rowSchema:
			l.path = append(l.path, n.Schema)
		case rowEnum:
			enums[id] = len(l.enums)
			l.enums = append(l.enums, dialect.EnumDef{Object: o})
		case rowLabel:
			e := &l.enums[enums[id]]
			e.Labels = append(e.Labels, a)
		case rowSequence:
			sequences[folded(n)] = id
			l.sequences = append(l.sequences, dialect.SequenceDef{
				Object: o, Type: "bigint", Start: i, Increment: step, Min: low, Max: high, Cache: 1, Cycle: yes,
				Rights: dialect.SequenceRights{Read: true, Next: true, Set: true, Restart: true},
			})
		case rowColumn:
			typ, value, _ := strings.Cut(b, "\n")
			for _, seq := range drawsOn(value, l.server.Database, n.Schema, sequences) {
				l.columns = append(l.columns, newColumn(seq, dialect.ColumnRef{Table: n, Column: a}, typ, yes))
			}
		}
	}
	if l.path == nil {
		l.path = []string{"main"}
	}
	return l, rows.Err()
}

// otherProduct adds the server's version to the error of a load, if it is not DuckDB's.
func otherProduct(ctx context.Context, q dialect.Querier, err error) error {
	var version string
	if q.QueryRowContext(ctx, "SELECT version()").Scan(&version) == nil && !strings.HasPrefix(version, "v") {
		return fmt.Errorf("%w: the server's version is %q, which is not DuckDB: %w", dialect.ErrUnsupported, dialect.Cut(version, 200), err)
	}
	return err
}

func (duckdb) Load(ctx context.Context, q dialect.Querier, f dialect.Filter) (*dialect.Catalog, error) {
	l, err := read(ctx, q)
	if err != nil {
		return nil, err
	}
	cat := &dialect.Catalog{Server: l.server, SearchPath: l.path}
	kinds := map[dialect.Name]string{} // each kind has names of its own
	if f.Has(dialect.KindEnum) {
		for _, e := range l.enums {
			kinds[e.Name] = dialect.KindEnum.String()
		}
		for _, e := range l.enums {
			e.Visible, e.HiddenBy = dialect.Resolve(l.path, e.Name, func(n dialect.Name) string { return kinds[n] })
			cat.Enums = append(cat.Enums, e)
		}
	}
	if f.Has(dialect.KindSequence) {
		clear(kinds)
		for _, s := range l.sequences {
			kinds[s.Name] = dialect.KindSequence.String()
		}
		for _, s := range l.sequences {
			s.Visible, s.HiddenBy = dialect.Resolve(l.path, s.Name, func(n dialect.Name) string { return kinds[n] })
			for _, c := range l.columns {
				if c.primary && c.Sequence == s.ID && s.KeyOf == nil {
					s.KeyOf = &c.Column
				}
			}
			cat.Sequences = append(cat.Sequences, s)
		}
	}
	return cat, nil
}
