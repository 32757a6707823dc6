package postgres

// This file compares sequences with the columns that draw on them.

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/massivedb/massive-go/dialect"
)

// A column draws on a sequence if it is an identity column, or if its default, or else
// its domain's default, takes a value. A default takes a value if its expression depends
// on the sequence and calls nextval or a function outside pg_catalog, which may call it.
// A default that only names the sequence takes no value. OWNED BY does not count, since
// it only drops the sequence with the column.
//
// A column counts if its table is an ordinary or partitioned table, and if the table's
// owner is the sequence's owner, a superuser or the current role. The same rule applies
// to the owner of a domain.
var (
	//go:embed sequence/defaults.sql
	defaultsText string
	//go:embed sequence/drawing.sql
	drawingText string
	//go:embed sequence/compared.sql
	comparedText string

	// drawing is a query for the columns that draw on sequences, and why a column does
	// not count. It uses index scans only. A WHERE clause may follow it.
	drawing = strings.NewReplacer("$defaults", defaults, "$trusted", trusted).Replace(drawingText)

	// defaults is a query for the columns whose default, or else their domain's, takes a
	// value. Its input is a row d of pg_depend for an object that depends on a sequence.
	// A stored expression contains the oids of the functions that it calls. 1574 is
	// nextval. Functions outside pg_catalog have oids from 10000 on.
	defaults = strings.NewReplacer("$default_takes", takes("f.adbin"), "$domain_takes", takes("o.typdefaultbin")).Replace(defaultsText)
)

func takes(expression string) string {
	return "(pg_catalog.strpos(" + expression + "::pg_catalog.text, ':funcid 1574 ') OPERATOR(pg_catalog.>) 0\n" +
		"          OR " + expression + "::pg_catalog.text OPERATOR(pg_catalog.~) ':(op|)funcid [1-9][0-9]{4,} ')"
}

// A comparedColumn is a column that is compared with a sequence: of a table, or of a
// partition or child table.
type comparedColumn struct {
	dialect.ColumnRef
	sequence int64  // its oid
	safe     bool   // the sequence can be read by name
	typ      string // as SQL writes it
	distrust string // why it does not count; empty if it does
	readable bool
	guarded  bool // by row security, which may hide rows from this role
	definition
	// furthest is the rest of a SELECT. It returns the column's largest value that the
	// sequence may return, or the smallest if it descends. It is empty if the column's
	// type is not a number. A fraction is rounded towards the sequence's start: 5.5 does
	// not conflict with 6. Each number is cast directly from its own type: double
	// precision loses digits if cast through numeric, and bigint if cast through double
	// precision.
	furthest string
}

// A definition has the properties of a sequence that determine its values.
type definition struct{ step, lowest, highest int64 }

// comparedColumns returns the statement that lists the compared columns. If no column
// draws on the sequence, it returns one row without a column. If all partitions and
// children of a table count, the table is read as a whole, which needs a right on that
// table only. If not, each part that counts is read separately. If blocks is set, values
// between the sequence's steps count, too.
func comparedColumns(seq dialect.Name, blocks bool) string {
	return strings.NewReplacer(
		"$drawing", strings.TrimRight(drawing, "\n"), "$sequence", relid(seq), "$name", literal(seq.Quoted()),
		"$trusted", trusted, "$guarded", guardedServer, "$steps", strconv.FormatBool(!blocks),
		"$unguarded", "'this minor release of the server can''t safely read a relation of another role'",
	).Replace(comparedText)
}

// A comparison has the columns to read for one sequence, and the columns to skip.
type comparison struct {
	columns []comparedColumn // at least one
	unread  []dialect.UnreadColumn
}

// comparedTo returns the columns that can be compared with the sequence. If there is
// none, the error says why. It skips a column that is not a number, such as a text that
// contains the value.
func comparedTo(ctx context.Context, q dialect.Querier, seq dialect.Name, blocks bool) (comparison, error) {
	all, err := listCompared(ctx, q, seq, blocks)
	if err != nil {
		return comparison{}, err
	}
	if len(all) == 0 {
		return comparison{}, errGone() // another relation has taken its name
	}
	var c comparison
	var texts []comparedColumn
	for _, column := range all {
		switch {
		case column.Column == "": // no column draws on the sequence
		case !column.safe:
			return comparison{}, errUnguarded()
		case column.distrust != "":
			c.unread = append(c.unread, dialect.UnreadColumn{Column: column.ColumnRef, Why: column.distrust})
		case column.furthest == "":
			texts = append(texts, column)
		case !column.readable:
			return comparison{}, fmt.Errorf("%w: the role must have SELECT on column %s, which draws on the sequence, and USAGE on its schema",
				dialect.ErrPermission, column)
		case column.guarded:
			return comparison{}, fmt.Errorf("%w: row security may hide rows of %s from this role; do it as its owner", dialect.ErrPermission, column.Table)
		default:
			c.columns = append(c.columns, column)
		}
	}
	switch {
	case len(c.columns) > 0:
		return c, nil
	case len(texts) > 0:
		return comparison{}, fmt.Errorf("%w: its column %s is of type %s, which can't be compared with a sequence", dialect.ErrInvalid, texts[0], texts[0].typ)
	case len(c.unread) > 0:
		return comparison{}, fmt.Errorf("%w: every column that draws on the sequence is skipped: %s", dialect.ErrInvalid, dialect.Few(c.unread, ", ", dialect.UnreadColumn.String))
	}
	return comparison{}, fmt.Errorf("%w: no column draws on the sequence, by its default or as an identity column", dialect.ErrInvalid)
}

func listCompared(ctx context.Context, q dialect.Querier, seq dialect.Name, blocks bool) (all []comparedColumn, err error) {
	rows, err := q.QueryContext(ctx, comparedColumns(seq, blocks))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var c comparedColumn
		if err := rows.Scan(&c.sequence, &c.safe, &c.Table.Schema, &c.Table.Name, &c.Column, &c.typ, &c.distrust, &c.readable, &c.guarded,
			new(any), &c.step, &c.lowest, &c.highest, &c.furthest); err != nil {
			return nil, err
		}
		c.typ = unquoteType(c.typ, newest)
		all = append(all, c)
	}
	return all, rows.Err()
}

// comparedAtOnce is the number of columns that one statement reads. Each needs a lock and
// about 35 µs of planning. The server's parser fails at about ten thousand.
const comparedAtOnce = 1000

// SequenceLag lists the columns first. Then it reads these and the sequence in one
// statement. The statement's snapshot of the tables is older than the state of the
// sequence that it reads. So every value in the snapshot that was taken from the sequence
// is included in its state.
func (postgres) SequenceLag(ctx context.Context, q dialect.Querier, seq *dialect.SequenceDef, blocks bool) (dialect.SequenceLag, error) {
	return retryAfterDDL(func() (dialect.SequenceLag, error) {
		c, err := comparedTo(ctx, q, seq.Name, blocks)
		if err != nil {
			return dialect.SequenceLag{}, err
		}
		lag := dialect.SequenceLag{Column: c.columns[0].ColumnRef, Empty: true, Unread: c.unread}
		for some := range slices.Chunk(c.columns, comparedAtOnce) {
			if err := readLag(ctx, q, seq.Name, some, &lag); err != nil {
				return dialect.SequenceLag{}, err
			}
		}
		return lag, nil
	})
}

// errAltered is the error for a sequence whose definition changed after the columns were
// listed.
var errAltered = fmt.Errorf("%w: the sequence, or a column that draws on it, is being altered", dialect.ErrBusy)

// readLag reads some of the columns, and the sequence.
func readLag(ctx context.Context, q dialect.Querier, seq dialect.Name, columns []comparedColumn, lag *dialect.SequenceLag) error {
	of := make([]string, len(columns))
	for i, c := range columns {
		of[i] = fmt.Sprintf("SELECT %d, %s", i, c.furthest)
	}
	query := fmt.Sprintf(`SELECT pg_catalog.array_to_tsvector(ARRAY[w.word]) FROM (
  SELECT pg_catalog.concat(f.at, ' ', f.value) AS word FROM (%s) f (at, value) WHERE f.value IS NOT NULL
  UNION ALL
  SELECT pg_catalog.concat('state ', s.last_value, ' ', s.is_called, ' ', d.seqincrement, ' ', d.seqmin, ' ', d.seqmax)
    FROM ONLY %s s CROSS JOIN pg_catalog.pg_sequence d
   WHERE s.tableoid OPERATOR(pg_catalog.=) %d AND d.seqrelid OPERATOR(pg_catalog.=) %[3]d) w`,
		strings.Join(of, " UNION ALL "), seq.Quoted(), columns[0].sequence)
	var text string
	if err := q.QueryRowContext(ctx, guarded("1::bigint", "  SELECT 1 AS one", literal(query))).Scan(new(any), &text); err != nil {
		return err
	}
	words, err := parseArray(text)
	if err != nil {
		return err
	}
	found := false
	for _, word := range words {
		if state, ok := strings.CutPrefix(word, "state "); ok {
			var called string
			if _, err := fmt.Sscan(state, &lag.State.Last, &called, &lag.Increment, &lag.Min, &lag.Max); err != nil {
				return fmt.Errorf("%q: %w", word, err)
			}
			lag.State.Called, found = called == "t", true
			continue
		}
		var at int
		var value int64
		if _, err := fmt.Sscan(word, &at, &value); err != nil {
			return fmt.Errorf("%q: %w", word, err)
		}
		further := lag.Empty || columns[at].step > 0 && value > lag.Furthest || columns[at].step < 0 && value < lag.Furthest
		// Words have no order: of columns with the same value, the first by name is
		// reported.
		if further || value == lag.Furthest && columns[at].before(lag.Column) {
			lag.Column, lag.Furthest, lag.Empty = columns[at].ColumnRef, value, false
		}
	}
	switch now := (definition{lag.Increment, lag.Min, lag.Max}); {
	case !found:
		return errGone() // another relation has taken its name
	case now != columns[0].definition:
		return errAltered
	}
	return nil
}

func (c *comparedColumn) before(other dialect.ColumnRef) bool {
	if n := c.Table.Compare(other.Table); n != 0 {
		return n < 0
	}
	return c.Column < other.Column
}

// retryAfterDDL calls try up to five times, if DDL of another session made it fail:
//   - a column was dropped, or got another type, after the columns were listed
//   - a view took a table's name
//   - the sequence was restarted, which replaces its storage
//
// If q is a transaction, the first error has failed it, and is returned.
func retryAfterDDL[T any](try func() (T, error)) (T, error) {
	result, err := try()
	for range 4 {
		switch sqlState(err) {
		case undefinedTable, undefinedColumn, invalidSchema, undefinedFunction, cannotCast, undefinedFile, dataCorrupted, notInPrerequisite:
		default:
			if !errors.Is(err, errAltered) {
				return result, err
			}
		}
		again, errAgain := try()
		if sqlState(errAgain) == failedTransaction {
			return result, err
		}
		result, err = again, errAgain
	}
	return result, err
}

// The outcomes of a catch-up, as the row count of its last statement. Zero means that the
// sequence was not behind.
const (
	caughtUp        = iota + 1
	notComparable   // no column can be compared; comparedTo returns why
	caughtUpPartly  // moved, and some columns were not read
	partlyNotBehind // not behind, and some columns were not read
)

// CatchUpSequence checks whether the sequence is behind. If so, it locks the sequence,
// checks again, and moves it. It can't use setval: setval's lock lets other sessions take
// values meanwhile, and setval would then move the sequence back. LOCK TABLE does not
// accept sequences. So it takes the lock by an ALTER SEQUENCE that sets CACHE to its
// current value.
//
// The CACHE value was read before the lock. If another session's ALTER SEQUENCE came
// between, setting CACHE would undo it. So the block compares rows of pg_sequence: a
// cursor with the older snapshot still reads the old row, whose xmax is the transaction
// that replaced it. If that is not the current transaction, the block rolls its ALTER
// SEQUENCE back, and starts again.
//
// All of it is one message. The last statement's row count is the outcome.
func (postgres) CatchUpSequence(ctx context.Context, q dialect.Querier, seq *dialect.SequenceDef, blocks bool) (dialect.CaughtUp, error) {
	text := catchingUp(seq.Name, blocks)
	return retryAfterDDL(func() (done dialect.CaughtUp, err error) {
		result, err := message(ctx, q, text)
		if err != nil {
			return done, err
		}
		outcome, err := result.RowsAffected()
		if err != nil {
			return done, err
		}
		done.Moved = outcome == caughtUp || outcome == caughtUpPartly
		if outcome == 0 || outcome == caughtUp {
			return done, nil
		}
		c, err := comparedTo(ctx, q, seq.Name, blocks)
		if done.Unread = c.unread; err == nil && outcome == notComparable {
			err = errAltered
		}
		return done, err
	})
}

// alteredMeanwhile is the SQLSTATE that the block of a catch-up raises and catches.
const alteredMeanwhile = "MASS1"

func catchingUp(seq dialect.Name, blocks bool) string {
	block := fmt.Sprintf(`
DECLARE
  rel pg_catalog.oid := %[1]s; look pg_catalog.record; def pg_catalog.record; place pg_catalog.record;
  definition pg_catalog.refcursor; locked boolean := false; outcome integer := 0; columns integer; unread integer;
  value numeric; furthest numeric; bound numeric; upcoming numeric; security pg_catalog.text; kinds pg_catalog.text;
BEGIN
  PERFORM pg_catalog.set_config('massive.moved', '', true);
  %[2]s
  LOOP
    furthest := NULL; bound := NULL; columns := 0; unread := 0;
    IF definition IS NOT NULL THEN
      CLOSE definition;
    END IF;
    OPEN definition SCROLL FOR
      SELECT d.seqincrement::numeric AS step, d.seqmin::numeric AS lowest, d.seqmax::numeric AS highest, d.seqcache::pg_catalog.text AS cache, d.xmax
        FROM pg_catalog.pg_sequence d WHERE d.seqrelid OPERATOR(pg_catalog.=) rel;
    FETCH definition INTO def;
    FOR look IN %[3]s LOOP
      IF look.distrust OPERATOR(pg_catalog.<>) '' THEN
        unread := unread OPERATOR(pg_catalog.+) 1;
        CONTINUE;
      END IF;
      CONTINUE WHEN look.furthest OPERATOR(pg_catalog.=) '';
      IF look.guarded OR NOT look.readable OR NOT look.safe THEN
        columns := 0;
        EXIT;
      END IF;
      EXECUTE pg_catalog.concat('SELECT ', look.furthest) INTO value;
      IF furthest IS NULL AND value IS NOT NULL
         OR (pg_catalog.sign(def.step) OPERATOR(pg_catalog.*) (value OPERATOR(pg_catalog.-) furthest)) OPERATOR(pg_catalog.>) '0'::numeric THEN
        furthest := value; bound := look.bound::numeric;
      END IF;
      columns := columns OPERATOR(pg_catalog.+) 1;
    END LOOP;
    IF columns OPERATOR(pg_catalog.=) 0 THEN
      outcome := %[7]d;
      EXIT;
    END IF;
    IF unread OPERATOR(pg_catalog.>) 0 THEN
      outcome := %[9]d;
    END IF;
    SELECT s.last_value, s.is_called INTO place FROM ONLY %[4]s s WHERE s.tableoid OPERATOR(pg_catalog.=) rel;
    IF NOT FOUND THEN
      RAISE undefined_table USING MESSAGE = 'the sequence was replaced by another relation';
    END IF;
    upcoming := place.last_value::numeric;
    IF place.is_called THEN
      upcoming := upcoming OPERATOR(pg_catalog.+) def.step;
    END IF;
    EXIT WHEN furthest IS NULL
      OR upcoming OPERATOR(pg_catalog.<) def.lowest OR upcoming OPERATOR(pg_catalog.>) def.highest
      OR (pg_catalog.sign(def.step) OPERATOR(pg_catalog.*) (upcoming OPERATOR(pg_catalog.-) furthest)) OPERATOR(pg_catalog.>) '0'::numeric;
    upcoming := upcoming OPERATOR(pg_catalog.+)
      ((pg_catalog.div(furthest OPERATOR(pg_catalog.-) upcoming, def.step) OPERATOR(pg_catalog.+) '1'::numeric) OPERATOR(pg_catalog.*) def.step);
    IF (pg_catalog.sign(def.step) OPERATOR(pg_catalog.*) (upcoming OPERATOR(pg_catalog.-) bound)) OPERATOR(pg_catalog.>) '0'::numeric THEN
      RAISE numeric_value_out_of_range USING MESSAGE = pg_catalog.format('the column ends at %%s, and %%s would be next', bound, upcoming);
    END IF;
    IF locked THEN
      EXECUTE pg_catalog.concat(%[6]s, upcoming);
      outcome := CASE WHEN unread OPERATOR(pg_catalog.=) 0 THEN %[8]d ELSE %[10]d END;
      EXIT;
    END IF;
    BEGIN
      EXECUTE pg_catalog.concat(%[5]s, def.cache);
      FETCH FIRST FROM definition INTO def;
      IF NOT EXISTS (SELECT FROM pg_catalog.pg_sequence d
                      WHERE d.seqrelid OPERATOR(pg_catalog.=) rel AND d.xmin OPERATOR(pg_catalog.=) def.xmax) THEN
        RAISE SQLSTATE '%[11]s';
      END IF;
      locked := true;
    EXCEPTION WHEN SQLSTATE '%[11]s' THEN
      IF pg_catalog.current_setting('transaction_isolation') OPERATOR(pg_catalog.<>) ALL ('{read committed,read uncommitted}'::pg_catalog.text[]) THEN
        RAISE serialization_failure USING MESSAGE = 'the sequence was altered since the transaction began';
      END IF;
    END;
  END LOOP;
  CLOSE definition;
  %[12]s
  IF outcome OPERATOR(pg_catalog.>) 0 THEN
    PERFORM pg_catalog.set_config('massive.moved', outcome::pg_catalog.text, true);
  END IF;
END`, relid(seq), guardOn, comparedColumns(seq, blocks), seq.Quoted(),
		literal("ALTER SEQUENCE "+seq.Quoted()+" CACHE "), literal("ALTER SEQUENCE "+seq.Quoted()+" RESTART WITH "),
		notComparable, caughtUp, partlyNotBehind, caughtUpPartly, alteredMeanwhile, guardOff)
	return "DO LANGUAGE plpgsql " + literal(block) + `;
SELECT pg_catalog.set_config('massive.moved', '', true)
  FROM pg_catalog.generate_series(1, pg_catalog.concat('0', pg_catalog.current_setting('massive.moved'))::integer)`
}
