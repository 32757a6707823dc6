package postgres

import (
	"context"
	"database/sql"
	_ "embed"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/massivedb/massive-go/dialect"
)

// drawingColumns are the columns that own a sequence, whose default draws on one, or whose type is a domain with such a
// default and that have none of their own; each with the type behind its domain and that type's modifier. It walks
// indexes alone, and ends where a WHERE may follow.
//
//go:embed audit/drawing.sql
var drawingColumns string

// sequenceColumns lists those of all sequences. Like the catalog statement it counts on one row.
var sequenceColumns = `SELECT d.sequence::bigint, d.schema::pg_catalog.text, d.name::pg_catalog.text, d.col::pg_catalog.text,
       pg_catalog.format_type(d.declared, d.modified)::pg_catalog.text, d.type::bigint, d.modifier::bigint
  FROM (` + drawingColumns + `) d ORDER BY (SELECT 1) FETCH FIRST 1 ROW WITH TIES`

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
		c.Min, c.Max, c.Bounded = room(oid, modifier)
		all = append(all, c)
	}
	return all, rows.Err()
}

// room is what fits into a column of the type, given by its oid and modifier
// (https://www.postgresql.org/docs/current/datatype-numeric.html). Of types that are no numbers nothing is known.
func room(oid, modifier int64) (lowest, highest int64, bounded bool) {
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

// SequenceStates asks pg_sequence_last_value, whose text does not grow with the sequences' names and whose plan stays
// small: one that names each sequence in a FROM of its own takes a driver that keeps its statements, and the server,
// 10 kB a sequence. What that function can't tell is where a sequence stands that has handed out nothing since it was
// made, restarted or set. Most of those stand at their start; one Exec, which nobody keeps, finds out whether all do.
func (p postgres) SequenceStates(ctx context.Context, q dialect.Querier, seqs []*dialect.SequenceDef) ([]dialect.SequenceReading, error) {
	readings, uncalled, err := lastValues(ctx, q, seqs)
	if err != nil || len(uncalled) == 0 {
		return readings, err
	}
	var text strings.Builder
	text.WriteString("SELECT FROM pg_catalog.unnest(ARRAY[")
	for i, at := range uncalled {
		if i > 0 {
			text.WriteString(", ")
		}
		s := seqs[at]
		fmt.Fprintf(&text, "(SELECT s.last_value <> %s OR s.is_called FROM %s s)", bigint(s.Start), s.Name.Quoted())
	}
	text.WriteString("]) elsewhere WHERE elsewhere")
	result, err := q.ExecContext(ctx, text.String())
	if err != nil {
		return nil, err
	}
	elsewhere, err := result.RowsAffected()
	if err != nil {
		return nil, err
	}
	for _, at := range uncalled {
		readings[at].State = dialect.SequenceState{Last: seqs[at].Start}
		if elsewhere > 0 {
			if readings[at].State, err = p.SequenceState(ctx, q, seqs[at].Name); err != nil {
				return nil, err
			}
		}
	}
	return readings, nil
}

// lastValues reads what it can, and tells which sequences have handed out nothing.
func lastValues(ctx context.Context, q dialect.Querier, seqs []*dialect.SequenceDef) (
	readings []dialect.SequenceReading, uncalled []int, err error,
) {
	at := make(map[int64]int, len(seqs))
	ids := make([]string, len(seqs))
	readings = make([]dialect.SequenceReading, len(seqs))
	for i, s := range seqs {
		at[s.ID], ids[i] = i, strconv.FormatInt(s.ID, 10)
		readings[i].Err = errGone()
	}
	rows, err := q.QueryContext(ctx, `SELECT s.seqrelid::bigint,
       CASE WHEN pg_catalog.has_sequence_privilege(s.seqrelid, 'SELECT') THEN 's'
            WHEN pg_catalog.has_sequence_privilege(s.seqrelid, 'USAGE') THEN 'u'
            WHEN pg_catalog.has_sequence_privilege(s.seqrelid, 'USAGE') IS NULL THEN 'gone' ELSE '' END::pg_catalog.text,
       CASE WHEN pg_catalog.has_sequence_privilege(s.seqrelid, 'SELECT, USAGE')
            THEN pg_catalog.pg_sequence_last_value(s.seqrelid::pg_catalog.regclass) END::bigint
  FROM pg_catalog.pg_sequence s
 WHERE s.seqrelid = ANY ('{`+strings.Join(ids, ",")+`}'::pg_catalog.oid[])`)
	if err != nil {
		return nil, nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var id int64
		var right string
		var last sql.NullInt64
		if err := rows.Scan(&id, &right, &last); err != nil {
			return nil, nil, err
		}
		r := &readings[at[id]]
		switch {
		case last.Valid:
			*r = dialect.SequenceReading{State: dialect.SequenceState{Last: last.Int64, Called: true}}
		case right == "s" && seqs[at[id]].Rights.Read:
			r.Err = nil
			uncalled = append(uncalled, at[id])
		case right == "gone": // dropped since the statement began, of which its snapshot knows nothing
		case right == "u":
			r.Err = fmt.Errorf("%w: where a sequence stands that nothing was taken from can be read with SELECT on it alone", dialect.ErrPermission)
		default:
			r.Err = fmt.Errorf("%w: the role must have SELECT on it, and USAGE on its schema", dialect.ErrPermission)
		}
	}
	return readings, uncalled, rows.Err()
}
