package postgres

// Sequences beside the columns that draw on them.

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/massivedb/massive-go/dialect"
)

// A drawingColumn is a column that draws on a sequence.
type drawingColumn struct {
	dialect.ColumnRef
	typ string // as SQL writes it
	// furthest is the rest of a SELECT of the largest value, or the smallest for a sequence that descends; empty where
	// the column holds no numbers. A fraction is rounded to where the sequence comes from: 5.5 keeps nobody from 6. Each
	// number is cast right from its own type, since a double precision loses digits on the way through numeric, and a
	// bigint through double precision.
	furthest string
	readable bool
	guarded  bool // by row security, which may hide rows from this role
}

// drawing lists the columns that draw on a sequence. Partitions and children whose column comes with that of a table
// above them are left out: what they hold is read with it. They are looked up from below, since a table may have
// thousands of partitions, and a partition has one table.
func drawing(seq dialect.Name) string {
	return `WITH drawn AS (` + drawingColumns + `
 WHERE s.seqrelid = ` + relid(seq) + `)
SELECT d.schema::pg_catalog.text AS schema, d.name::pg_catalog.text AS name, d.col::pg_catalog.text AS col,
       pg_catalog.format_type(d.declared, d.modified)::pg_catalog.text AS type,
       CASE WHEN d.type IN ('pg_catalog.int2'::pg_catalog.regtype::pg_catalog.oid, 'pg_catalog.int4'::pg_catalog.regtype::pg_catalog.oid, 'pg_catalog.int8'::pg_catalog.regtype::pg_catalog.oid)
            THEN pg_catalog.format('pg_catalog.%s(x.%I)::bigint FROM %I.%I x',
                   CASE WHEN d.increment < 0 THEN 'min' ELSE 'max' END, d.col, d.schema, d.name)
            WHEN d.type IN ('pg_catalog.numeric'::pg_catalog.regtype::pg_catalog.oid, 'pg_catalog.float4'::pg_catalog.regtype::pg_catalog.oid, 'pg_catalog.float8'::pg_catalog.regtype::pg_catalog.oid)
            THEN pg_catalog.format('pg_catalog.%s(x.%I))::bigint FROM %I.%I x',
                   CASE WHEN d.increment < 0 THEN 'ceil(pg_catalog.min' ELSE 'floor(pg_catalog.max' END, d.col, d.schema, d.name)
            ELSE '' END::pg_catalog.text AS furthest,
       CASE d.type WHEN 'pg_catalog.int2'::pg_catalog.regtype::pg_catalog.oid THEN CASE WHEN d.increment < 0 THEN -32768 ELSE 32767 END
                   WHEN 'pg_catalog.int4'::pg_catalog.regtype::pg_catalog.oid THEN CASE WHEN d.increment < 0 THEN -2147483648 ELSE 2147483647 END
                   END::bigint AS bound,
       COALESCE(pg_catalog.has_schema_privilege(d.namespace, 'USAGE')
         AND pg_catalog.has_column_privilege(d.relation, d.number, 'SELECT'), true)::boolean AS readable,
       pg_catalog.row_security_active(d.relation)::boolean AS guarded
  FROM drawn d
 WHERE NOT EXISTS (
         SELECT FROM pg_catalog.pg_inherits i
          WHERE i.inhrelid = d.relation AND ((i.inhparent, d.col) IN (SELECT p.relation, p.col FROM drawn p)) IS TRUE OFFSET 0)
 ORDER BY d.schema, d.name, d.col`
}

// comparable are the columns whose values can be compared with the sequence's, or why there are none. What is no number,
// such as a text with the sequence's value in it, is left out as long as something is left.
func (p postgres) comparable(ctx context.Context, q dialect.Querier, seq dialect.Name) ([]drawingColumn, error) {
	rows, err := q.QueryContext(ctx, drawing(seq))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []drawingColumn
	for rows.Next() {
		var c drawingColumn
		if err := rows.Scan(&c.Table.Schema, &c.Table.Name, &c.Column, &c.typ, &c.furthest, new(any), &c.readable, &c.guarded); err != nil {
			return nil, err
		}
		all = append(all, c)
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	if len(all) == 0 {
		if _, err := p.SequenceState(ctx, q, seq); err != nil { // it may be gone, too
			return nil, err
		}
		return nil, fmt.Errorf("%w: the sequence is tied to no column: none owns it, and none draws on it by its default; "+
			"ALTER SEQUENCE … OWNED BY table.column", dialect.ErrInvalid)
	}
	numbers := slices.DeleteFunc(slices.Clone(all), func(c drawingColumn) bool { return c.furthest == "" })
	if len(numbers) == 0 {
		return nil, fmt.Errorf("%w: its column %s is of type %s and holds no numbers to compare it with", dialect.ErrInvalid, all[0], all[0].typ)
	}
	for _, c := range numbers {
		switch {
		case !c.readable:
			return nil, fmt.Errorf("%w: the role must have SELECT on column %s, which draws on the sequence, and USAGE on its schema",
				dialect.ErrPermission, c)
		case c.guarded:
			return nil, fmt.Errorf("%w: row security may hide the rows of %s that matter; do it as its owner", dialect.ErrPermission, c.Table)
		}
	}
	return numbers, nil
}

// comparedAtOnce is how many columns a statement reads: each takes the server some 35 µs to plan, and a lock, and some ten
// thousand are more than its parser takes.
const comparedAtOnce = 1000

// SequenceLag asks which columns there are, and reads them and the sequence in one statement: its snapshot of the tables
// is taken before it looks at the sequence, which is read as it is then. Whatever the snapshot has of values that were
// taken, the sequence is past.
func (p postgres) SequenceLag(ctx context.Context, q dialect.Querier, seq *dialect.SequenceDef) (dialect.SequenceLag, error) {
	return despiteDrops(func() (dialect.SequenceLag, error) {
		columns, err := p.comparable(ctx, q, seq.Name)
		if err != nil {
			return dialect.SequenceLag{}, err
		}
		all := dialect.SequenceLag{Column: columns[0].ColumnRef, Empty: true}
		for some := range slices.Chunk(columns, comparedAtOnce) {
			lag, err := lagOf(ctx, q, seq.Name, some)
			if err != nil {
				return dialect.SequenceLag{}, err
			}
			ahead := !lag.Empty && (all.Empty || lag.Increment > 0 && lag.Furthest > all.Furthest || lag.Increment < 0 && lag.Furthest < all.Furthest)
			if !ahead {
				lag.Column, lag.Furthest, lag.Empty = all.Column, all.Furthest, all.Empty
			}
			all = lag // with the state that was read last
		}
		return all, nil
	})
}

// lagOf reads some of the columns, and the sequence.
func lagOf(ctx context.Context, q dialect.Querier, seq dialect.Name, columns []drawingColumn) (dialect.SequenceLag, error) {
	of := make([]string, len(columns))
	for i, c := range columns {
		of[i] = fmt.Sprintf("SELECT %d, %s", i, c.furthest)
	}
	text := "SELECT f.at::bigint, f.value::bigint, s.last_value::bigint, s.is_called::boolean, d.seqincrement::bigint, d.seqmin::bigint, " +
		"d.seqmax::bigint FROM " + seq.Quoted() + " s JOIN pg_catalog.pg_sequence d ON d.seqrelid = " + relid(seq) +
		" CROSS JOIN (" + strings.Join(of, " UNION ALL ") + ") f (at, value)" +
		" ORDER BY pg_catalog.sign(d.seqincrement::numeric) * f.value::numeric DESC NULLS LAST, f.at LIMIT 1"
	var lag dialect.SequenceLag
	var at int64
	var value sql.NullInt64
	read := func() error {
		return q.QueryRowContext(ctx, text).
			Scan(&at, &value, &lag.State.Last, &lag.State.Called, &lag.Increment, &lag.Min, &lag.Max)
	}
	err := read()
	if errors.Is(err, sql.ErrNoRows) { // see SequenceState
		if _, err := q.ExecContext(ctx, "SELECT FROM "+seq.Quoted()+" LIMIT 0"); err != nil {
			return lag, err
		}
		err = read()
	}
	if err != nil {
		return lag, err
	}
	lag.Column, lag.Furthest, lag.Empty = columns[at].ColumnRef, value.Int64, !value.Valid
	return lag, nil
}

// despiteDrops tries again where a column was there when the columns were looked for, and is not when it is read, or is
// of another type, and where others restart the sequence, whose storage is another then, between the statements of a
// block: it reads from the one that it knew, which is gone or empty. A transaction of the caller's has failed by then; it
// gets the error that failed it.
func despiteDrops[T any](try func() (T, error)) (T, error) {
	result, err := try()
	for range 4 {
		switch sqlState(err) {
		case undefinedTable, undefinedColumn, invalidSchema, undefinedFunction, cannotCast, undefinedFile, dataCorrupted:
		default:
			return result, err
		}
		again, errAgain := try()
		if sqlState(errAgain) == failedTransaction {
			return result, err
		}
		result, err = again, errAgain
	}
	return result, err
}

// What a catch-up comes to, as its last statement's number of rows; none where nothing is behind.
const (
	caughtUp      = iota + 1
	notComparable // for a reason that the look at the columns tells
)

// CatchUpSequence looks, and if the sequence is behind takes its lock and looks again before it moves it. setval would
// not do: its lock lets others take values, past which it would then move the sequence back. The lock can only be had
// by altering something, since LOCK TABLE refuses sequences: CACHE is set to what it is.
//
// What it is was read before the lock was waited for, and somebody else's ALTER SEQUENCE may have come first, which would
// be undone so. The row of pg_sequence tells: where the one that was read was replaced by the row which is there now, nobody
// came between the two. A cursor, whose snapshot is that of the first look, still finds the old row, with xmax, the
// transaction that replaced it. If that is another's, the alteration and its lock are given up, and it begins anew.
//
// It is one message. The last statement's number of rows is the outcome; the setting that carries it there is empty
// again behind it.
func (p postgres) CatchUpSequence(ctx context.Context, q dialect.Querier, seq *dialect.SequenceDef) (bool, error) {
	text := catchingUp(seq.Name)
	return despiteDrops(func() (bool, error) {
		for range 2 {
			result, err := q.ExecContext(ctx, text)
			if err != nil {
				return false, err
			}
			outcome, err := result.RowsAffected()
			if err != nil || outcome != notComparable {
				return outcome == caughtUp, err
			}
			if _, err := p.comparable(ctx, q, seq.Name); err != nil {
				return false, err
			}
		}
		return false, fmt.Errorf("%w: the columns that draw on the sequence are being altered", dialect.ErrBusy)
	})
}

// alteredMeanwhile is the SQLSTATE that a catch-up's block raises and catches.
const alteredMeanwhile = "MASS1"

func catchingUp(seq dialect.Name) string {
	block := fmt.Sprintf(`
DECLARE
  look record; value numeric; furthest numeric; bound numeric; columns integer; upcoming numeric; place record;
  definition pg_catalog.refcursor; def record; locked boolean := false;
BEGIN
  PERFORM pg_catalog.set_config('massive.moved', '', true);
  LOOP
    furthest := NULL; bound := NULL; columns := 0;
    IF definition IS NOT NULL THEN
      CLOSE definition;
    END IF;
    OPEN definition SCROLL FOR
      SELECT d.seqincrement::numeric AS step, d.seqmin::numeric AS lowest, d.seqmax::numeric AS highest, d.seqcache::pg_catalog.text AS cache, d.xmax
        FROM pg_catalog.pg_sequence d WHERE d.seqrelid = %[4]s;
    FETCH definition INTO def;
    FOR look IN %[3]s LOOP
      CONTINUE WHEN look.furthest = '';
      IF look.guarded OR NOT look.readable THEN
        columns := 0;
        EXIT;
      END IF;
      EXECUTE 'SELECT ' || look.furthest INTO value;
      IF furthest IS NULL AND value IS NOT NULL OR pg_catalog.sign(def.step) * (value - furthest) > '0' THEN
        furthest := value; bound := look.bound::numeric;
      END IF;
      columns := columns + 1;
    END LOOP;
    IF columns = 0 THEN
      PERFORM pg_catalog.set_config('massive.moved', '%[2]d', true);
      EXIT;
    END IF;
    SELECT s.last_value, s.is_called INTO place FROM %[5]s s;
    upcoming := place.last_value::numeric;
    IF place.is_called THEN
      upcoming := upcoming + def.step;
    END IF;
    EXIT WHEN furthest IS NULL OR upcoming < def.lowest OR upcoming > def.highest
      OR pg_catalog.sign(def.step) * (upcoming - furthest) > '0';
    upcoming := upcoming + (pg_catalog.div(furthest - upcoming, def.step) + '1') * def.step;
    IF pg_catalog.sign(def.step) * (upcoming - bound) > '0' THEN
      RAISE numeric_value_out_of_range USING MESSAGE = pg_catalog.format('the column ends at %%s, and %%s would be next', bound, upcoming);
    END IF;
    IF locked THEN
      EXECUTE %[7]s || upcoming::pg_catalog.text;
      PERFORM pg_catalog.set_config('massive.moved', '%[1]d', true);
      EXIT;
    END IF;
    BEGIN
      EXECUTE %[6]s || def.cache;
      FETCH FIRST FROM definition INTO def;
      IF NOT EXISTS (SELECT FROM pg_catalog.pg_sequence d WHERE d.seqrelid = %[4]s AND d.xmin = def.xmax) THEN
        RAISE SQLSTATE '%[8]s';
      END IF;
      locked := true;
    EXCEPTION WHEN SQLSTATE '%[8]s' THEN
      IF pg_catalog.current_setting('transaction_isolation') NOT IN ('read committed', 'read uncommitted') THEN
        RAISE serialization_failure USING MESSAGE = 'the sequence was altered since the transaction began';
      END IF;
    END;
  END LOOP;
  CLOSE definition;
END`, caughtUp, notComparable, drawing(seq), relid(seq), seq.Quoted(),
		literal("ALTER SEQUENCE "+seq.Quoted()+" CACHE "), literal("ALTER SEQUENCE "+seq.Quoted()+" RESTART WITH "), alteredMeanwhile)
	return "DO LANGUAGE plpgsql " + literal(block) + `;
SELECT pg_catalog.set_config('massive.moved', '', true)
  FROM pg_catalog.generate_series(1, ('0' || pg_catalog.current_setting('massive.moved'))::integer)`
}
