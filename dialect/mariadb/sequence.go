package mariadb

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/massivedb/massive-go/dialect"
)

// A definition is the row of a sequence, or the error of reading it.
type definition struct {
	next, lowest, highest, start, step, cache int64
	cycle                                     bool
	err                                       error
}

// fields are the columns of a definition. LASTVAL makes the statement fail if the name
// now belongs to a view, whose code must not run. An increment of 0 stands for a setting.
const fields = `next_not_cached_value, minimum_value, maximum_value, start_value,
       IF(increment = 0, @@auto_increment_increment, increment), cache_size, cycle_option, LASTVAL(`

// readAtOnce is the number of sequences that one statement reads.
const readAtOnce = 200

// definitions reads the definitions of sequences. A sequence that is gone, or that the
// user may not read, has its error in its definition.
func definitions(ctx context.Context, q dialect.Querier, names []dialect.Name) ([]definition, error) {
	all := make([]definition, 0, len(names))
	for some := range slices.Chunk(names, readAtOnce) {
		defs, err := readDefinitions(ctx, q, some)
		if err != nil {
			return nil, err
		}
		all = append(all, defs...)
	}
	return all, nil
}

// readDefinitions sends one statement. If one sequence makes it fail, it divides the list
// to find that sequence.
func readDefinitions(ctx context.Context, q dialect.Querier, names []dialect.Name) ([]definition, error) {
	all, err := selectDefinitions(ctx, q, names)
	switch n := number(err); {
	case err == nil:
		return all, nil
	case !gone(err) && n != accessDenied && n != columnDenied:
		return nil, err
	case len(names) == 1:
		return []definition{{err: err}}, nil
	}
	half := len(names) / 2
	first, err := readDefinitions(ctx, q, names[:half])
	if err != nil {
		return nil, err
	}
	second, err := readDefinitions(ctx, q, names[half:])
	return append(first, second...), err
}

func selectDefinitions(ctx context.Context, q dialect.Querier, names []dialect.Name) ([]definition, error) {
	texts := make([]string, len(names))
	for i, n := range names {
		texts[i] = fmt.Sprintf("SELECT %d, %s%s) FROM %[3]s", i, fields, quoted(n))
	}
	rows, err := q.QueryContext(ctx, strings.Join(texts, "\nUNION ALL\n")+unlimited)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	all := make([]definition, len(names))
	for i := range all {
		all[i].err = errGone() // until its row arrives
	}
	for rows.Next() {
		var i int
		var d definition
		if err := rows.Scan(&i, &d.next, &d.lowest, &d.highest, &d.start, &d.step, &d.cache, &d.cycle, new(any)); err != nil {
			return nil, err
		}
		all[i] = d
	}
	return all, rows.Err()
}

// read reads one definition.
func read(ctx context.Context, q dialect.Querier, n dialect.Name) (definition, error) {
	defs, err := readDefinitions(ctx, q, []dialect.Name{n})
	if err != nil {
		return definition{}, err
	}
	return defs[0], defs[0].err
}

func (d definition) state() dialect.SequenceState {
	return dialect.SequenceState{Last: d.next, NextOnly: true}
}

// after returns the value after v, or a value beyond the bound if there is none.
func (d definition) after(v int64) int64 {
	switch {
	case d.step > 0 && v > d.highest-d.step: // highest is below the greatest int64
		return d.highest + 1
	case d.step < 0 && v < d.lowest-d.step:
		return d.lowest - 1
	default:
		return v + d.step
	}
}

func (d definition) has(v int64) bool { return d.lowest <= v && v <= d.highest }

func (mariadb) SequenceState(ctx context.Context, q dialect.Querier, n dialect.Name) (dialect.SequenceState, error) {
	d, err := read(ctx, q, n)
	return d.state(), err
}

func (mariadb) SequenceStates(ctx context.Context, q dialect.Querier, seqs []*dialect.SequenceDef) ([]dialect.SequenceReading, error) {
	names := make([]dialect.Name, len(seqs))
	for i, s := range seqs {
		names[i] = s.Name
	}
	defs, err := definitions(ctx, q, names)
	all := make([]dialect.SequenceReading, len(defs))
	for i, d := range defs {
		all[i] = dialect.SequenceReading{State: d.state(), Err: d.err}
	}
	return all, err
}

func (mariadb) NextSequenceValue(ctx context.Context, q dialect.Querier, n dialect.Name) (v int64, err error) {
	err = q.QueryRowContext(ctx, "SELECT NEXTVAL("+quoted(n)+")").Scan(&v)
	return v, err
}

// NextSequenceValues multiplies tables of ten rows, since tables of the SEQUENCE engine
// need a right on the database. The rows may arrive before the values are durable, but the end
// of the result does not.
func (mariadb) NextSequenceValues(ctx context.Context, q dialect.Querier, n dialect.Name, count int) ([]int64, error) {
	var tables []string
	for rows := 1; rows < count || tables == nil; rows *= 10 {
		tables = append(tables, "(SELECT 1"+strings.Repeat(" UNION ALL SELECT 1", 9)+") t"+strconv.Itoa(rows))
	}
	rows, err := q.QueryContext(ctx, "SELECT NEXTVAL("+quoted(n)+") FROM "+strings.Join(tables, ", ")+" LIMIT "+strconv.Itoa(count))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	values := make([]int64, 0, count)
	for rows.Next() {
		var v int64
		if err := rows.Scan(&v); err != nil {
			return nil, err
		}
		values = append(values, v)
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	return values, rows.Close()
}

// NextSequenceBlock takes the value and reads the definition in one statement, during
// which no other session can alter the sequence.
func (mariadb) NextSequenceBlock(ctx context.Context, q dialect.Querier, n dialect.Name) (b dialect.SequenceBlock, err error) {
	err = q.QueryRowContext(ctx, "SELECT NEXTVAL("+quoted(n)+"), IF(increment = 0, @@auto_increment_increment, increment),"+
		" minimum_value, maximum_value, cycle_option FROM "+quoted(n)).Scan(&b.Value, &b.Increment, &b.Min, &b.Max, &b.Cycle)
	return b, err
}

// insert makes a value the next one, given as SQL, if it is within the bounds. ALTER
// SEQUENCE would commit the caller's transaction.
func insert(ctx context.Context, q dialect.Querier, n dialect.Name, next string) error {
	result, err := q.ExecContext(ctx, "INSERT INTO "+quoted(n)+" SELECT "+next+", minimum_value, maximum_value, start_value, increment,"+
		" cache_size, cycle_option, cycle_count FROM "+quoted(n)+
		" WHERE "+next+" BETWEEN minimum_value - 1 AND maximum_value + 1 AND (LASTVAL("+quoted(n)+") IS NULL OR TRUE)")
	if err != nil {
		return err
	}
	if rows, err := result.RowsAffected(); err != nil || rows > 0 {
		return err
	}
	return errOutside()
}

func errOutside() error {
	return fmt.Errorf("%w: the value is outside the sequence's bounds", dialect.ErrOutOfRange)
}

func (mariadb) RestartSequence(ctx context.Context, q dialect.Querier, n dialect.Name, at *int64) error {
	if at == nil {
		return insert(ctx, q, n, "start_value")
	}
	d, err := read(ctx, q, n)
	if err != nil {
		return err
	}
	if !d.has(*at) {
		return errOutside()
	}
	return insert(ctx, q, n, strconv.FormatInt(*at, 10))
}

// SetSequenceValue uses SETVAL, which blocks nobody. SETVAL returns NULL if it would not
// move the sequence forward. Then INSERT moves it back.
func (mariadb) SetSequenceValue(ctx context.Context, q dialect.Querier, n dialect.Name, v int64, called bool) error {
	d, err := read(ctx, q, n)
	if err != nil {
		return err
	}
	if !d.has(v) {
		return errOutside()
	}
	set, err := setValue(ctx, q, n, v, called)
	if err != nil || set {
		return err
	}
	if called {
		v = d.after(v)
	}
	return insert(ctx, q, n, strconv.FormatInt(v, 10))
}

// setValue moves a sequence forward, and reports whether it did.
func setValue(ctx context.Context, q dialect.Querier, n dialect.Name, v int64, called bool) (bool, error) {
	var set sql.NullInt64
	err := q.QueryRowContext(ctx, "SELECT SETVAL("+quoted(n)+", "+strconv.FormatInt(v, 10)+", "+strconv.FormatBool(called)+")").Scan(&set)
	return set.Valid, err
}

func (mariadb) SetSavepoint(ctx context.Context, q dialect.Querier, name string) error {
	_, err := q.ExecContext(ctx, "SAVEPOINT "+dialect.Quote(name, '`'))
	return err
}

// RollbackToSavepoint also releases the savepoint, since ROLLBACK TO alone keeps it.
func (m mariadb) RollbackToSavepoint(ctx context.Context, q dialect.Querier, name string) error {
	if _, err := q.ExecContext(ctx, "ROLLBACK TO SAVEPOINT "+dialect.Quote(name, '`')); err != nil {
		return err
	}
	return m.ReleaseSavepoint(ctx, q, name)
}

func (mariadb) ReleaseSavepoint(ctx context.Context, q dialect.Querier, name string) error {
	_, err := q.ExecContext(ctx, "RELEASE SAVEPOINT "+dialect.Quote(name, '`'))
	return err
}
