package postgres

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/massivedb/massive-go/dialect"
)

// sequenceColumns lists the columns that draw on sequences and count. As in the catalog
// statement, the FETCH FIRST clause makes the planner expect one row.
var sequenceColumns = `SELECT d.sequence::bigint, d.schema::pg_catalog.text, d.name::pg_catalog.text, d.col::pg_catalog.text,
       pg_catalog.format_type(d.declared, d.modified)::pg_catalog.text, d.type::bigint, d.modifier::bigint
  FROM (` + drawing + `) d
 WHERE d.distrust OPERATOR(pg_catalog.=) ''
 ORDER BY (SELECT 1) FETCH FIRST 1 ROW WITH TIES`

func (postgres) SequenceColumns(ctx context.Context, q dialect.Querier) ([]dialect.SequenceColumn, error) {
	rows, err := q.QueryContext(ctx, sequenceColumns)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []dialect.SequenceColumn
	for rows.Next() {
		var c dialect.SequenceColumn
		var oid, modifier int64
		if err := rows.Scan(&c.Sequence, &c.Column.Table.Schema, &c.Column.Table.Name, &c.Column.Column, &c.Type, &oid, &modifier); err != nil {
			return nil, err
		}
		c.Type = unquoteType(c.Type, newest)
		c.Min, c.Max, c.Bounded = typeRange(oid, modifier)
		all = append(all, c)
	}
	return all, rows.Err()
}

// typeRange returns the range of a column type, given by its oid and modifier
// (https://www.postgresql.org/docs/current/datatype-numeric.html). Only numeric types are
// bounded.
func typeRange(oid, modifier int64) (lowest, highest int64, bounded bool) {
	switch oid {
	case 20:
		return math.MinInt64, math.MaxInt64, true
	case 21:
		return math.MinInt16, math.MaxInt16, true
	case 23:
		return math.MinInt32, math.MaxInt32, true
	case 1700: // numeric(precision, scale); from PostgreSQL 15 on the scale has eleven bits and a sign
		if modifier < 4 {
			return 0, 0, false
		}
		scale := (modifier - 4) & 0x7ff
		if scale >= 1024 {
			scale -= 2048
		}
		digits := (modifier-4)>>16&0xffff - scale
		if digits < 1 || digits > 18 {
			return 0, 0, false
		}
		highest = 1
		for range digits {
			highest *= 10
		}
		return 1 - highest, highest - 1, true
	default:
		return 0, 0, false
	}
}

// SequenceStates reads the sequences by oid, and no relation by its name. So it does not
// know the state of a sequence that no value was taken from since it was created,
// restarted or set.
func (postgres) SequenceStates(ctx context.Context, q dialect.Querier, seqs []*dialect.SequenceDef) ([]dialect.SequenceReading, error) {
	at := make(map[int64]int, len(seqs))
	ids := make([]string, len(seqs))
	readings := make([]dialect.SequenceReading, len(seqs))
	for i, s := range seqs {
		at[s.ID], ids[i] = i, strconv.FormatInt(s.ID, 10)
		readings[i].Err = errGone()
	}
	rows, err := q.QueryContext(ctx, `SELECT s.seqrelid::bigint,
       CASE WHEN pg_catalog.has_sequence_privilege(s.seqrelid, 'SELECT, USAGE') THEN 'yes'
            WHEN NOT pg_catalog.has_sequence_privilege(s.seqrelid, 'SELECT, USAGE') THEN 'no' ELSE 'gone' END::pg_catalog.text,
       CASE WHEN pg_catalog.has_sequence_privilege(s.seqrelid, 'SELECT, USAGE')
            THEN pg_catalog.pg_sequence_last_value(s.seqrelid::pg_catalog.regclass) END::bigint
  FROM pg_catalog.pg_sequence s
 WHERE s.seqrelid OPERATOR(pg_catalog.=) ANY ('{`+strings.Join(ids, ",")+`}'::pg_catalog.oid[])`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var id int64
		var may string
		var last sql.NullInt64
		if err := rows.Scan(&id, &may, &last); err != nil {
			return nil, err
		}
		r := &readings[at[id]]
		switch may {
		case "yes":
			*r = dialect.SequenceReading{State: dialect.SequenceState{Last: last.Int64, Called: last.Valid}}
		case "no":
			r.Err = fmt.Errorf("%w: the role must have SELECT or USAGE on it", dialect.ErrPermission)
		default: // dropped after the statement took its snapshot
		}
	}
	return readings, rows.Err()
}
