package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/massivedb/massive-go/dialect"
)

// furthest is an expression for the largest value in the columns, or the smallest for a sequence that descends. What
// is no number can't be multiplied, and so is not compared as the text that it is.
func furthest(seq *dialect.SequenceDef, columns []dialect.ColumnRef, as string) string {
	aggregate, pick := "max", "GREATEST"
	if seq.Increment < 0 {
		aggregate, pick = "min", "LEAST"
	}
	of := make([]string, len(columns))
	for i, c := range columns {
		of[i] = fmt.Sprintf("(SELECT (pg_catalog.%s(x.%s) * 1)::%s FROM %s x)", aggregate, dialect.Name{Name: c.Column}.Quoted(), as, c.Table.Quoted())
	}
	return pick + "(" + strings.Join(of, ", ") + ")"
}

// guarded is an expression for whether row security hides some of the tables' rows.
func guarded(columns []dialect.ColumnRef) string {
	of := make([]string, len(columns))
	for i, c := range columns {
		of[i] = "pg_catalog.row_security_active(" + regclass(c.Table) + ")"
	}
	return strings.Join(of, " OR ")
}

var errGuarded = fmt.Errorf("%w: row security may hide the rows that matter; do it as the table's owner", dialect.ErrPermission)

// SequenceLag is one statement: its snapshot of the table is taken before it looks at the sequence, which is read as it
// is then. Whatever the snapshot has of values that were taken, the sequence is past.
func (postgres) SequenceLag(ctx context.Context, q dialect.Querier, seq *dialect.SequenceDef, columns []dialect.ColumnRef) (dialect.SequenceLag, error) {
	var lag dialect.SequenceLag
	var value sql.NullInt64
	var hidden bool
	read := func() error {
		return q.QueryRowContext(ctx, "SELECT "+furthest(seq, columns, "bigint")+", s.last_value::bigint, s.is_called::boolean, "+
			"d.seqincrement::bigint, d.seqmin::bigint, d.seqmax::bigint, ("+guarded(columns)+")::boolean FROM "+seq.Name.Quoted()+
			" s JOIN pg_catalog.pg_sequence d ON d.seqrelid = "+regclass(seq.Name)).
			Scan(&value, &lag.State.Last, &lag.State.Called, &lag.Increment, &lag.Min, &lag.Max, &hidden)
	}
	err := read()
	if errors.Is(err, sql.ErrNoRows) { // see SequenceState
		if _, err := q.ExecContext(ctx, "SELECT FROM "+seq.Name.Quoted()+" LIMIT 0"); err != nil {
			return lag, err
		}
		err = read()
	}
	if err == nil && hidden {
		err = errGuarded
	}
	lag.Furthest, lag.Empty = value.Int64, !value.Valid
	return lag, err
}

// CatchUpSequence looks, and if the sequence is behind takes its lock and looks again before it moves it. setval would
// not do: its lock lets others take values, past which it would then move the sequence back. The lock can only be had
// by altering something, since LOCK TABLE refuses sequences: CACHE is set to what it is.
//
// It is one message. The last statement's number of rows is the outcome; the setting that carries it there is empty
// again behind it.
func (postgres) CatchUpSequence(ctx context.Context, q dialect.Querier, seq *dialect.SequenceDef, columns []dialect.ColumnRef) (bool, error) {
	block := `
DECLARE
  furthest numeric; upcoming numeric; place record; def record;
BEGIN
  PERFORM pg_catalog.set_config('massive.moved', '', true);
  IF ` + guarded(columns) + ` THEN
    RAISE EXCEPTION USING ERRCODE = 'insufficient_privilege',
      MESSAGE = 'row security may hide the rows that matter; do it as the owner of the table';
  END IF;
  FOR round IN 1..2 LOOP
    furthest := ` + furthest(seq, columns, "numeric") + `;
    SELECT s.last_value, s.is_called INTO place FROM ` + seq.Name.Quoted() + ` s;
    SELECT d.seqincrement, d.seqmin, d.seqmax, d.seqcache INTO def
      FROM pg_catalog.pg_sequence d WHERE d.seqrelid = ` + regclass(seq.Name) + `;
    upcoming := place.last_value;
    IF place.is_called THEN
      upcoming := upcoming + def.seqincrement;
    END IF;
    EXIT WHEN furthest IS NULL OR upcoming < def.seqmin OR upcoming > def.seqmax
      OR pg_catalog.sign(def.seqincrement::numeric) * (upcoming - furthest) > 0;
    IF round = 1 THEN
      EXECUTE ` + literal("ALTER SEQUENCE "+seq.Name.Quoted()+" CACHE ") + ` || def.seqcache;
    ELSE
      EXECUTE ` + literal("ALTER SEQUENCE "+seq.Name.Quoted()+" RESTART WITH ") +
		` || (upcoming + (pg_catalog.div(furthest - upcoming, def.seqincrement) + 1) * def.seqincrement);
      PERFORM pg_catalog.set_config('massive.moved', '1', true);
    END IF;
  END LOOP;
END`
	result, err := q.ExecContext(ctx, "DO LANGUAGE plpgsql "+literal(block)+`;
SELECT pg_catalog.set_config('massive.moved', '', true)
  FROM pg_catalog.generate_series(1, CASE pg_catalog.current_setting('massive.moved', true) WHEN '1' THEN 1 ELSE 0 END)`)
	if err != nil {
		return false, err
	}
	moved, err := result.RowsAffected()
	return moved > 0, err
}
