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
	//go:embed sequence/listed.sql
	listedText string
	//go:embed sequence/catch_up.sql
	catchUpText string

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
	at       int    // the index of its sequence
	sequence int64  // the sequence's oid
	may      bool   // the role may read the sequence
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

// compared returns the query for the compared columns of the sequences whose oids are in
// an array. If no column draws on a sequence, its row has no column. If all partitions
// and children of a table count, the table is read as a whole, which needs a right on
// that table only. If not, each part that counts is read separately. If blocks is set,
// values between the sequence's steps count, too.
func compared(oids string, blocks bool) string {
	return strings.NewReplacer(
		"$drawing", strings.TrimRight(drawing, "\n"), "$sequences", oids,
		"$trusted", trusted, "$guarded", guardedServer, "$steps", strconv.FormatBool(!blocks),
		"$unguarded", "'this minor release of the server can''t safely read a relation of another role'",
	).Replace(comparedText)
}

// listed returns the statement that lists the compared columns of sequences by their
// names.
func listed(seqs []*dialect.SequenceDef, blocks bool) string {
	schemas, names := make([]string, len(seqs)), make([]string, len(seqs))
	for i, s := range seqs {
		schemas[i], names[i] = literal(s.Name.Schema), literal(s.Name.Name)
	}
	return strings.NewReplacer(
		"$schemas", textArray(schemas), "$names", textArray(names),
		"$compared", compared("((SELECT pg_catalog.array_agg(a.rel) FROM asked a)::pg_catalog.oid[])", blocks),
	).Replace(listedText)
}

func textArray(literals []string) string {
	return "ARRAY[" + strings.Join(literals, ", ") + "]::pg_catalog.text[]"
}

// A comparison has the columns to read for one sequence, and the columns to skip.
type comparison struct {
	columns []comparedColumn // at least one
	unread  []dialect.UnreadColumn
}

// comparisonOf returns the columns that can be compared with the sequence. If there is
// none, the error says why. It skips a column that is not a number, such as a text that
// contains the value.
func comparisonOf(all []comparedColumn) (comparison, error) {
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
		case !column.may:
			return comparison{}, fmt.Errorf("%w: the role must have SELECT on it, and USAGE on its schema", dialect.ErrPermission)
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

// listCompared returns the compared columns of each sequence. A sequence that is gone has
// none.
func listCompared(ctx context.Context, q dialect.Querier, seqs []*dialect.SequenceDef, blocks bool) (all [][]comparedColumn, err error) {
	rows, err := q.QueryContext(ctx, listed(seqs, blocks))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	all = make([][]comparedColumn, len(seqs))
	for rows.Next() {
		var c comparedColumn
		var at int
		if err := rows.Scan(&at, &c.may, &c.sequence, &c.safe, &c.Table.Schema, &c.Table.Name, &c.Column, &c.typ, &c.distrust, &c.readable, &c.guarded,
			new(any), &c.step, &c.lowest, &c.highest, &c.furthest); err != nil {
			return nil, err
		}
		c.at = at - 1
		all[c.at] = append(all[c.at], c)
	}
	return all, rows.Err()
}

// comparedAtOnce is the number of columns that one statement reads. Each needs a lock and
// about 35 µs of planning. The server's parser fails at about ten thousand.
const comparedAtOnce = 1000

// SequenceLags lists the columns first. Then it reads these and the sequences in one
// statement. The statement's snapshot of the tables is older than the states of the
// sequences that it reads. So every value in the snapshot that was taken from a sequence
// is included in its state.
func (postgres) SequenceLags(ctx context.Context, q dialect.Querier, seqs []*dialect.SequenceDef, blocks bool) ([]dialect.SequenceLagReading, error) {
	all, err := retryAfterDDL(func() ([]dialect.SequenceLagReading, error) { return lagsOf(ctx, q, seqs, blocks) })
	if errors.Is(err, errAltered) {
		return all, nil // the readings have the error
	}
	return all, err
}

// lagsOf makes one attempt. If a sequence is being altered, or has no row, it returns all
// readings and errAltered.
func lagsOf(ctx context.Context, q dialect.Querier, seqs []*dialect.SequenceDef, blocks bool) ([]dialect.SequenceLagReading, error) {
	listed, err := listCompared(ctx, q, seqs, blocks)
	if err != nil {
		return nil, err
	}
	all := make([]dialect.SequenceLagReading, len(seqs))
	var columns []comparedColumn
	for i := range all {
		c, err := comparisonOf(listed[i])
		if err != nil {
			all[i].Err = err
			continue
		}
		all[i].Lag = dialect.SequenceLag{Column: c.columns[0].ColumnRef, Empty: true, Unread: c.unread}
		columns = append(columns, c.columns...)
	}
	var altered error
	for some := range slices.Chunk(columns, comparedAtOnce) {
		switch err := readLags(ctx, q, seqs, some, all); {
		case errors.Is(err, errAltered):
			altered = err
		case err != nil:
			return nil, err
		}
	}
	return all, altered
}

// errAltered is the error for a sequence whose definition changed after the columns were
// listed.
var errAltered = fmt.Errorf("%w: the sequence, or a column that draws on it, is being altered", dialect.ErrBusy)

// readLags reads some of the columns, and their sequences. It returns errAltered if a
// sequence is being altered, or has no row.
func readLags(ctx context.Context, q dialect.Querier, seqs []*dialect.SequenceDef, columns []comparedColumn, all []dialect.SequenceLagReading) error {
	words, err := readWords(ctx, q, seqs, columns)
	if err != nil {
		return err
	}
	found := map[int]definition{}
	for _, word := range words {
		if state, ok := strings.CutPrefix(word, "state "); ok {
			var at int
			var called string
			var now dialect.SequenceLag
			if _, err := fmt.Sscan(state, &at, &now.State.Last, &called, &now.Increment, &now.Min, &now.Max); err != nil {
				return fmt.Errorf("%q: %w", word, err)
			}
			lag := &all[at].Lag
			lag.State = dialect.SequenceState{Last: now.State.Last, Called: called == "t"}
			lag.Increment, lag.Min, lag.Max = now.Increment, now.Min, now.Max
			found[at] = definition{now.Increment, now.Min, now.Max}
			continue
		}
		var i int
		var value int64
		if _, err := fmt.Sscan(word, &i, &value); err != nil {
			return fmt.Errorf("%q: %w", word, err)
		}
		c := &columns[i]
		lag := &all[c.at].Lag
		further := lag.Empty || c.step > 0 && value > lag.Furthest || c.step < 0 && value < lag.Furthest
		// Words have no order: of columns with the same value, the first by name is
		// reported.
		if further || value == lag.Furthest && c.before(lag.Column) {
			lag.Column, lag.Furthest, lag.Empty = c.ColumnRef, value, false
		}
	}
	var altered error
	for _, c := range columns {
		switch now, ok := found[c.at]; {
		case !ok: // it was restarted, which empties its old storage, or a relation took its name
			all[c.at].Err, altered = errGone(), errAltered
		case now != c.definition:
			all[c.at].Err, altered = errAltered, errAltered
		}
	}
	return altered
}

// readWords sends the statement that reads the columns and their sequences.
func readWords(ctx context.Context, q dialect.Querier, seqs []*dialect.SequenceDef, columns []comparedColumn) ([]string, error) {
	of, states := make([]string, len(columns)), []string(nil)
	for i, c := range columns {
		of[i] = fmt.Sprintf("SELECT %d, %s", i, c.furthest)
		if i == 0 || columns[i-1].at != c.at {
			states = append(states, fmt.Sprintf(`SELECT pg_catalog.concat('state %d ', s.last_value, ' ', s.is_called, ' ', d.seqincrement, ' ', d.seqmin, ' ', d.seqmax)
    FROM ONLY %s s CROSS JOIN pg_catalog.pg_sequence d
   WHERE s.tableoid OPERATOR(pg_catalog.=) %d AND d.seqrelid OPERATOR(pg_catalog.=) %[3]d`, c.at, seqs[c.at].Name.Quoted(), c.sequence))
		}
	}
	query := fmt.Sprintf(`SELECT pg_catalog.array_to_tsvector(ARRAY[w.word]) FROM (
  SELECT pg_catalog.concat(f.at, ' ', f.value) AS word FROM (%s) f (at, value) WHERE f.value IS NOT NULL
  UNION ALL
  %s) w`,
		strings.Join(of, " UNION ALL "), strings.Join(states, "\n  UNION ALL\n  "))
	var text string
	if err := q.QueryRowContext(ctx, guarded("1::bigint", "  SELECT 1 AS one", literal(query))).Scan(new(any), &text); err != nil {
		return nil, err
	}
	return parseArray(text)
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
	notComparable   // no column can be compared; comparisonOf returns why
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
func (p postgres) CatchUpSequence(ctx context.Context, q dialect.Querier, seq *dialect.SequenceDef, blocks bool) (dialect.CaughtUp, error) {
	one := []*dialect.SequenceDef{seq}
	text := catchingUp(one, blocks, false)
	return retryAfterDDL(func() (done dialect.CaughtUp, err error) {
		outcome, err := catchUp(ctx, q, text)
		if err != nil {
			return done, err
		}
		done.Moved = outcome == caughtUp || outcome == caughtUpPartly
		if outcome == 0 || outcome == caughtUp {
			return done, nil
		}
		listed, err := listCompared(ctx, q, one, blocks)
		if err != nil {
			return done, err
		}
		c, err := comparisonOf(listed[0])
		if done.Unread = c.unread; err == nil && outcome == notComparable {
			err = errAltered
		}
		return done, err
	})
}

// CatchUpSequences moves the sequences one after another in one block, each in a
// subtransaction. It holds the locks of the sequences that it has moved. A transaction that took
// a value of one of them may want another that the block waits for. So the block waits a
// millisecond at most for each lock, which is too short for the server's deadlock
// detection. It leaves a sequence that it can't lock so fast.
func (postgres) CatchUpSequences(ctx context.Context, q dialect.Querier, seqs []*dialect.SequenceDef, blocks bool) (left int, err error) {
	n, err := catchUp(ctx, q, catchingUp(seqs, blocks, true))
	return int(n), err
}

// catchUp sends the message of a catch-up and returns its outcome.
func catchUp(ctx context.Context, q dialect.Querier, text string) (int64, error) {
	result, err := message(ctx, q, text)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// alteredMeanwhile is the SQLSTATE that the block of a catch-up raises and catches.
const alteredMeanwhile = "MASS1"

// catchingUp returns the message that moves sequences. If tolerant is set, an error of
// one sequence does not fail the message, and the outcome is the number of sequences that
// it left.
func catchingUp(seqs []*dialect.SequenceDef, blocks, tolerant bool) string {
	paths := make([]string, len(seqs))
	for i, s := range seqs {
		paths[i] = literal(s.Name.Quoted())
	}
	var hurry, patient, after, catch, report string
	again := fmt.Sprintf(`EXCEPTION WHEN SQLSTATE '%s' THEN
          IF NOT %s THEN
            RAISE serialization_failure USING MESSAGE = 'the sequence was altered since the transaction began';
          END IF;`, alteredMeanwhile, seesCommits)
	if tolerant {
		hurry = "PERFORM pg_catalog.set_config('lock_timeout', '1ms', true);"
		patient = "PERFORM pg_catalog.set_config('lock_timeout', patience, true);"
		left := "remaining := remaining OPERATOR(pg_catalog.+) 1;"
		after = fmt.Sprintf("IF outcome OPERATOR(pg_catalog.=) %d THEN\n        %s\n      END IF;", notComparable, left)
		catch = "EXCEPTION WHEN OTHERS THEN\n      " + left
		report = "outcome := remaining;"
		again = "" // one subtransaction for each sequence is enough
	}
	block := strings.NewReplacer(
		"$paths", textArray(paths), "$compared", compared("ARRAY[rel]", blocks)+" ORDER BY p.schema, p.name, p.col", "$altered", alteredMeanwhile,
		"$guard_on", guardOn, "$guard_off", guardOff, "$hurry", hurry, "$check_first", strconv.FormatBool(!tolerant), "$patient", patient, "$after", after, "$again", again, "$catch", catch, "$report", report,
		"$not_comparable", strconv.Itoa(notComparable), "$partly_not_behind", strconv.Itoa(partlyNotBehind),
		"$caught_up", strconv.Itoa(caughtUp), "$partly_caught_up", strconv.Itoa(caughtUpPartly),
	).Replace(catchUpText)
	return "DO LANGUAGE plpgsql " + literal(block) + `;
SELECT pg_catalog.set_config('massive.moved', '', true)
  FROM pg_catalog.generate_series(1, pg_catalog.concat('0', pg_catalog.current_setting('massive.moved'))::integer)`
}
