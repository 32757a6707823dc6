package mariadb_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/go-sql-driver/mysql"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/dialect/mariadb"
	"github.com/massivedb/massive-go/dialect/mariadb/internal/server"
	"github.com/massivedb/massive-go/massive"
)

// fresh runs statements in an empty server's new database shop.
func fresh(t testing.TB, statements ...string) *sql.DB {
	t.Helper()
	s := server.Shared(t)
	exec(t, empty(t, s), "CREATE DATABASE shop")
	db := open(t, s.DSN("shop"))
	exec(t, db, statements...)
	return db
}

func load(t testing.TB, db *sql.DB, opts ...massive.LoadOption) *massive.DB {
	t.Helper()
	m, err := massive.Load(t.Context(), db, mariadb.New(), opts...)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func sequence(t testing.TB, m *massive.DB, name string) massive.Sequence {
	t.Helper()
	s, err := m.Sequence(name)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func same(t testing.TB, what string, got, want any) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

// ok returns a value, and ends the test if there was an error.
func ok[T any](t testing.TB, v T, err error) T {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// operations are all operations on one sequence that has a column.
var operations = map[string]func(ctx context.Context, s massive.Sequence) error{
	"State":         func(ctx context.Context, s massive.Sequence) error { _, err := s.State(ctx); return err },
	"NextValue":     func(ctx context.Context, s massive.Sequence) error { _, err := s.NextValue(ctx); return err },
	"NextValues":    func(ctx context.Context, s massive.Sequence) error { _, err := s.NextValues(ctx, 3); return err },
	"NextBlock":     func(ctx context.Context, s massive.Sequence) error { _, err := s.NextBlock(ctx); return err },
	"SetValue":      func(ctx context.Context, s massive.Sequence) error { return s.SetValue(ctx, 900, true) },
	"SetValue back": func(ctx context.Context, s massive.Sequence) error { return s.SetValue(ctx, 5, true) },
	"Reset":         func(ctx context.Context, s massive.Sequence) error { return s.Reset(ctx) },
	"ResetTo":       func(ctx context.Context, s massive.Sequence) error { return s.ResetTo(ctx, 8) },
	"Restart":       func(ctx context.Context, s massive.Sequence) error { return s.Restart(ctx) },
	"Lag":           func(ctx context.Context, s massive.Sequence) error { _, err := s.Lag(ctx); return err },
	"CatchUp":       func(ctx context.Context, s massive.Sequence) error { _, err := s.CatchUp(ctx); return err },
}

func TestLoadedRightsAreThoseOfTheServer(t *testing.T) {
	fresh(t, "CREATE SEQUENCE s", "CREATE SEQUENCE hidden", "CREATE TABLE t (id bigint DEFAULT NEXTVAL(s))",
		"CREATE OR REPLACE USER reader, writer, member, every", "DROP ROLE IF EXISTS writers", "CREATE ROLE writers",
		"GRANT SELECT ON shop.s TO reader, member", "GRANT SELECT ON shop.t TO reader, writer, member",
		"GRANT SELECT, INSERT ON shop.s TO writer", "GRANT INSERT ON `sh_p`.* TO writers", "GRANT writers TO member", "SET DEFAULT ROLE writers FOR member",
		"GRANT ALL PRIVILEGES ON *.* TO every")
	all := dialect.SequenceRights{Read: true, Next: true, Set: true, Restart: true}
	for user, want := range map[string]dialect.SequenceRights{"reader": {Read: true}, "writer": all, "member": all, "every": all} {
		m := load(t, open(t, server.Shared(t).As(user, "shop")))
		same(t, user+" loads", len(m.Sequences()), map[bool]int{true: 2, false: 1}[user == "every"])
		s := sequence(t, m, "s")
		same(t, user+"'s rights", s.Def().Rights, want)
		for name, op := range operations {
			err := op(t.Context(), s)
			if may := want.Next || name == "State" || name == "Lag" || name == "CatchUp"; may && err != nil || !may && !errors.Is(err, massive.ErrPermission) {
				t.Errorf("%s of %s: got error %v, want success %t, else ErrPermission", name, user, err, may)
			}
		}
	}
}

func TestColumnThatTheUserCanNotReadIsErrPermission(t *testing.T) {
	fresh(t, "CREATE SEQUENCE s", "CREATE TABLE t (id bigint DEFAULT NEXTVAL(s), note int)", "CREATE OR REPLACE USER clerk",
		"GRANT SELECT ON shop.s TO clerk", "GRANT INSERT ON shop.t TO clerk")
	m := load(t, open(t, server.Shared(t).As("clerk", "shop")))
	_, err := sequence(t, m, "s").Lag(t.Context())
	if !errors.Is(err, massive.ErrPermission) || !strings.Contains(err.Error(), "`t`") && !strings.Contains(err.Error(), "'t'") {
		t.Errorf("got error %v, want ErrPermission with the table's name", err)
	}
}

// A view may call functions, which would run with the caller's rights.
func TestViewOfASequencesNameIsNotRead(t *testing.T) {
	db := fresh(t, "CREATE SEQUENCE s", "CREATE TABLE t (id bigint DEFAULT NEXTVAL(s))", "CREATE TABLE ran (n int)",
		"CREATE FUNCTION evil() RETURNS bigint SQL SECURITY INVOKER BEGIN INSERT INTO ran VALUES (1); RETURN 1; END")
	m := load(t, db)
	exec(t, db, "DROP SEQUENCE s", `CREATE SQL SECURITY INVOKER VIEW s AS SELECT evil() AS next_not_cached_value, evil() AS minimum_value,
		evil() AS maximum_value, evil() AS start_value, evil() AS increment, evil() AS cache_size, evil() AS cycle_option, evil() AS cycle_count`)
	for name, op := range operations {
		if err := op(t.Context(), sequence(t, m, "s")); !errors.Is(err, massive.ErrNotFound) {
			t.Errorf("%s: got error %v, want ErrNotFound", name, err)
		}
	}
	_, err := m.CatchUp(t.Context())
	ok(t, 0, err)
	var ran int
	same(t, "calls of the function", ok(t, ran, db.QueryRow("SELECT COUNT(*) FROM ran").Scan(&ran)), 0)
	same(t, "loaded", len(load(t, db).Sequences()), 0)
}

func TestNamesAreExactAndLimitedInCharacters(t *testing.T) {
	longest := strings.Repeat("ü", 64)
	db := fresh(t, "CREATE SEQUENCE "+dialect.Quote(longest, '`'), "CREATE SEQUENCE `A`", "CREATE SEQUENCE a START 5", "CREATE SEQUENCE `x``y.z'\"\\\\`")
	m := load(t, db)
	for name, want := range map[string]int64{longest: 1, "A": 1, "a": 5, "\"x`y.z'\"\"\\\\\"": 1} {
		s := sequence(t, m, name)
		v, err := s.NextValue(t.Context())
		same(t, name, ok(t, v, err), want)
		ok(t, 0, s.Restart(t.Context()))
	}
	if _, err := db.Exec("CREATE SEQUENCE " + dialect.Quote(longest+"u", '`')); err == nil {
		t.Error("a name of 65 characters: got no error, want one")
	}
	if _, err := m.Sequence(longest + "u"); !errors.Is(err, massive.ErrNotFound) {
		t.Errorf("a lookup of a name of 65 characters: got error %v, want ErrNotFound", err)
	}
}

func TestColumnsOfNumbersCount(t *testing.T) {
	db := fresh(t, "CREATE SEQUENCE s MAXVALUE 1000", "CREATE SEQUENCE names", "CREATE SEQUENCE down INCREMENT BY -3 MINVALUE -1000 START WITH -1", "CREATE DATABASE other",
		"CREATE TABLE a (id smallint unsigned DEFAULT NEXTVAL(s))", "CREATE TABLE b (id decimal(20,2) DEFAULT (NEXTVAL(s) + 0.5))", "CREATE TABLE c (id double DEFAULT NEXTVAL(s))",
		"CREATE TABLE d (id varchar(20) DEFAULT CONCAT('no', NEXTVAL(s)), said varchar(50) DEFAULT 'nextval(`shop`.`names`)')",
		"CREATE TABLE e (id bigint unsigned DEFAULT NEXTVAL(down))", "CREATE TABLE f (id decimal(9,1) DEFAULT NEXTVAL(down))",
		"CREATE TABLE other.x (id bigint DEFAULT NEXTVAL(shop.s))", "CREATE TABLE name (id varchar(20) DEFAULT NEXTVAL(names))",
		"INSERT INTO a VALUES (70), (65535)", "INSERT INTO b VALUES (90.75), (1000.25), (NULL)", "INSERT INTO c VALUES (90), (1e300), (-1e300)", "INSERT INTO d VALUES ('999', '')",
		"INSERT INTO e VALUES (18446744073709551615)", "INSERT INTO f VALUES (-40.5), (-41)", "INSERT INTO other.x VALUES (500)")
	m := load(t, db)
	s, down := sequence(t, m, "s"), sequence(t, m, "down")
	lag, err := s.Lag(t.Context())
	same(t, "lag", ok(t, lag, err), "shop.b.id is at 1000, and its sequence is behind: the next value is 1")
	exec(t, db, "DELETE FROM b WHERE id > 1000")
	lag, err = s.Lag(t.Context())
	same(t, "lag", ok(t, lag, err), "other.x.id is at 500, and its sequence is behind: the next value is 1")
	exec(t, db, "DELETE FROM other.x")
	lag, err = s.Lag(t.Context())
	same(t, "lag", ok(t, lag, err), "shop.b.id is at 90, and its sequence is behind: the next value is 1")
	lag, err = down.Lag(t.Context())
	same(t, "lag of down", ok(t, lag, err), "shop.f.id is at -40, and its sequence is behind: the next value is -1")
	done, err := down.CatchUp(t.Context())
	same(t, "down", ok(t, done, err), "moved")
	v, err := down.NextValue(t.Context())
	same(t, "the next value of down", ok(t, v, err), -43)
	if _, err := sequence(t, m, "names").Lag(t.Context()); !errors.Is(err, massive.ErrInvalid) || !strings.Contains(err.Error(), "varchar(20)") {
		t.Errorf("a column of texts: got error %v, want ErrInvalid with its type", err)
	}
	all, err := m.CatchUp(t.Context())
	same(t, "all", len(ok(t, all, err).Behind), 1)
	v, err = s.NextValue(t.Context())
	same(t, "the next value of s", ok(t, v, err), 91)
}

func TestColumnNeedsTheRightsToSetItsSequence(t *testing.T) {
	fresh(t, "CREATE SEQUENCE s", "CREATE DATABASE other", "CREATE OR REPLACE USER mallory", "GRANT ALL ON other.* TO mallory", "GRANT SELECT ON shop.* TO mallory")
	_, err := open(t, server.Shared(t).As("mallory", "other")).Exec("CREATE TABLE x (id bigint PRIMARY KEY DEFAULT NEXTVAL(shop.s))")
	if err == nil || !strings.Contains(err.Error(), "INSERT command denied") {
		t.Errorf("got error %v, want that INSERT is denied", err)
	}
}

func TestRepeatableReadTransactionDoesNotSeeASequenceBehindItsValues(t *testing.T) {
	db := fresh(t, "CREATE SEQUENCE s NOCACHE", "CREATE TABLE t (id bigint DEFAULT NEXTVAL(s))", "INSERT INTO t VALUES ()")
	m := load(t, db)
	tx, err := db.BeginTx(t.Context(), nil)
	ok(t, 0, err)
	defer func() { _ = tx.Rollback() }()
	ok(t, 0, tx.QueryRow("SELECT COUNT(*) FROM t").Scan(new(int))) // the snapshot
	exec(t, db, "INSERT INTO t VALUES (), (), ()")
	inside := sequence(t, m.With(tx), "s")
	for range 2 {
		st, err := inside.State(t.Context())
		same(t, "the next value", ok(t, st, err).Next, 5)
		lag, err := inside.Lag(t.Context())
		same(t, "the sequence is behind", ok(t, lag, err).Behind, false)
		exec(t, db, "INSERT INTO t VALUES (5)")
		lag, err = inside.Lag(t.Context())
		same(t, "a later row is seen", ok(t, lag, err).Furthest, 1)
		exec(t, db, "DELETE FROM t WHERE id = 5")
	}
}

func TestIncrementZeroIsTheSessionsIncrement(t *testing.T) {
	db := fresh(t, "CREATE SEQUENCE s INCREMENT BY 0")
	def := sequence(t, load(t, db), "s").Def()
	same(t, "increment", def.Increment, 1)
	same(t, "start, least and greatest", []int64{def.Start, def.Min, def.Max}, []int64{1, 1, 1<<63 - 2})
}

func TestRecreatedSequenceIsReported(t *testing.T) {
	db := fresh(t, "CREATE SEQUENCE s COMMENT 'numbers'", "CREATE OR REPLACE USER clerk", "GRANT SELECT ON shop.* TO clerk")
	m := load(t, db)
	exec(t, db, "RENAME TABLE s TO s2")
	change, err := m.Reload(t.Context())
	same(t, "the change", ok(t, change, err), "sequence shop.s removed\nsequence shop.s2 added")
	// Without PROCESS there is no number for a table.
	clerk := load(t, open(t, server.Shared(t).As("clerk", "shop")))
	same(t, "the comment", sequence(t, clerk, "s2").Comment(), "numbers")
	exec(t, db, "DROP SEQUENCE s2", "DO SLEEP(1.1)", "CREATE SEQUENCE s2")
	change, err = clerk.Reload(t.Context())
	same(t, "the change", ok(t, change, err), `sequence shop.s2 changed: recreated; comment "numbers" → ""`)
}

func TestCatchUpKnowsTheValuesInTheCache(t *testing.T) {
	db := fresh(t, "CREATE SEQUENCE s INCREMENT BY 5 CACHE 100", "CREATE SEQUENCE down INCREMENT BY -1 CACHE 100", "CREATE SEQUENCE short MAXVALUE 9",
		"CREATE TABLE t (id bigint DEFAULT NEXTVAL(s), d bigint DEFAULT NEXTVAL(down), x bigint DEFAULT NEXTVAL(short))", "INSERT INTO t VALUES (), ()")
	m := load(t, db)
	steps := []struct {
		values         string
		moved          bool
		s, down, short int64
	}{
		{"6, -2, 2", false, 11, -3, 3}, {"7, -2, 2", false, 16, -4, 4}, {"41, -9, 5", true, 46, -10, 6}, {"46, -10, 6", false, 51, -11, 7},
	}
	for _, step := range steps {
		exec(t, db, "INSERT INTO t VALUES ("+step.values+")")
		for name, want := range map[string]int64{"s": step.s, "down": step.down, "short": step.short} {
			s := sequence(t, m, name)
			lag, err := s.Lag(t.Context())
			same(t, "Lag counts reserved values as taken: behind", ok(t, lag, err).Behind, false)
			done, err := s.CatchUp(t.Context())
			same(t, step.values+": "+name+" was moved", ok(t, done, err).Moved, step.moved)
			v, err := s.NextValue(t.Context())
			same(t, step.values+": the next value of "+name, ok(t, v, err), want)
		}
	}
}

func TestSettingsOfASessionChangeNothing(t *testing.T) {
	fresh(t, "CREATE SEQUENCE `ü名` NOCACHE", "CREATE SEQUENCE b START 7", "CREATE TABLE t (id bigint DEFAULT NEXTVAL(`ü名`), x bigint PRIMARY KEY DEFAULT NEXTVAL(b), y bigint DEFAULT NEXTVAL(`ü名`))",
		"INSERT INTO t VALUES (4, 9, 30)", "CREATE OR REPLACE USER clerk", "GRANT SELECT, INSERT ON shop.* TO clerk")
	s := server.Shared(t)
	for _, user := range []string{"root", "clerk"} {
		var ids []int64
		for _, setting := range []string{
			"", "sql_select_limit=1", "sql_mode=%27ORACLE%27", "sql_mode=%27ANSI_QUOTES,NO_BACKSLASH_ESCAPES,ONLY_FULL_GROUP_BY%27", "sql_mode=%27%27", "time_zone=%27-08:00%27",
			"collation=utf8mb4_unicode_ci", "charset=utf8mb3", "tx_isolation=%27SERIALIZABLE%27", "sql_safe_updates=1", "parseTime=true", "interpolateParams=true", "clientFoundRows=true",
			"columnsWithAlias=true", "div_precision_increment=0", "sql_big_selects=0", "group_concat_max_len=4", "optimizer_switch=%27derived_merge=off%27",
		} {
			m := load(t, open(t, s.As(user, "shop", setting)), massive.WithKeySequences())
			same(t, user+" "+setting+": sequences", len(m.Sequences()), 2)
			seq := sequence(t, m, "ü名")
			ids = append(ids, seq.Def().ID, sequence(t, m, "b").Def().ID)
			for name, op := range operations {
				if err := op(t.Context(), seq); err != nil {
					t.Errorf("%s %s: %s: got error %v, want none", user, setting, name, err)
				}
			}
			ok(t, 0, seq.Restart(t.Context()))
			lag, err := seq.Lag(t.Context())
			same(t, setting+": lag", ok(t, lag, err), "shop.t.y is at 30, and its sequence is behind: the next value is 1")
			values, err := seq.NextValues(t.Context(), 12)
			same(t, setting+": values", ok(t, values, err), "[1 2 3 4 5 6 7 8 9 10 11 12]")
			all, err := m.CatchUp(t.Context())
			same(t, setting+": level", len(ok(t, all, err).Level)+len(all.Behind), 2)
			same(t, setting+": the numbers", ids[len(ids)-2:], ids[:2])
		}
	}
	_, err := massive.Load(t.Context(), open(t, s.DSN("shop", "charset=latin1")), mariadb.New())
	if !errors.Is(err, massive.ErrUnsupported) || !strings.Contains(err.Error(), "charset=utf8mb4") {
		t.Errorf("latin1: got error %v, want ErrUnsupported with what to set", err)
	}
}

// A hook calls before each query.
type hook struct {
	*sql.DB
	before func(query string)
}

func (h hook) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	h.before(query)
	return h.DB.QueryContext(ctx, query, args...)
}

func TestValueThatIsStoredDuringLagDoesNotLookBehind(t *testing.T) {
	db := fresh(t, "CREATE SEQUENCE s NOCACHE", "CREATE TABLE t (id bigint DEFAULT NEXTVAL(s))")
	m := load(t, db).With(hook{db, func(query string) {
		if strings.HasPrefix(query, "(SELECT") { // the columns are read
			exec(t, db, "INSERT INTO t VALUES (), ()")
		}
	}})
	lag, err := sequence(t, m, "s").Lag(t.Context())
	same(t, "the lag", ok(t, lag, err), "shop.t.id is at 2, and its sequence is not behind: the next value is 3")
}

func TestTableThatIsDroppedDuringLagIsNotTheSequence(t *testing.T) {
	db := fresh(t, "CREATE SEQUENCE s NOCACHE", "CREATE TABLE a (id bigint DEFAULT NEXTVAL(s))", "CREATE TABLE b (id bigint DEFAULT NEXTVAL(s))")
	m := load(t, db).With(hook{db, func(query string) {
		if strings.HasPrefix(query, "(SELECT") {
			exec(t, db, "DROP TABLE IF EXISTS a")
		}
	}})
	lag, err := sequence(t, m, "s").Lag(t.Context())
	same(t, "the lag", ok(t, lag, err), "shop.b.id holds no value of its sequence, and its sequence is not behind: the next value is 1")
}

func TestConnectionWithUnreadRowsIsErrInvalid(t *testing.T) {
	db := fresh(t, "CREATE SEQUENCE s")
	m := load(t, db)
	tx, err := db.BeginTx(t.Context(), nil)
	ok(t, 0, err)
	defer func() { _ = tx.Rollback() }()
	rows, err := tx.Query("SELECT REPEAT('x', 100000) UNION ALL SELECT REPEAT('y', 100000)")
	ok(t, 0, err)
	defer rows.Close()
	_, err = sequence(t, m.With(tx), "s").NextValue(t.Context())
	if !errors.Is(err, massive.ErrInvalid) || !strings.Contains(err.Error(), "finish the loop") {
		t.Errorf("got error %v, want ErrInvalid that says to finish the loop", err)
	}
	_ = rows.Err() // the driver has given the connection up
}

func TestErrorsAreClassifiedThroughWrappers(t *testing.T) {
	driver := &mysql.MySQLError{Number: 1205}
	for _, err := range []error{driver, fmt.Errorf("traced: %w", driver), errors.Join(errors.New("first"), driver)} {
		if got := mariadb.New().Classify(dialect.Failure{Err: err}); !errors.Is(got, massive.ErrBusy) {
			t.Errorf("%v: got %v, want ErrBusy", err, got)
		}
	}
	if got := mariadb.New().Classify(dialect.Failure{Err: errors.New("Error 1205 (HY000): a text")}); got != nil {
		t.Errorf("a text: got %v, want nil", got)
	}
}

func TestColumnsOfViewsDoNotCount(t *testing.T) {
	db := fresh(t, "CREATE SEQUENCE s NOCACHE", "CREATE TABLE t (id bigint DEFAULT NEXTVAL(s))", "CREATE TABLE ran (n int)",
		"CREATE FUNCTION evil() RETURNS bigint SQL SECURITY INVOKER BEGIN INSERT INTO ran VALUES (1); RETURN 1; END",
		"CREATE SQL SECURITY INVOKER VIEW a AS SELECT id FROM t WHERE evil() = 1", "INSERT INTO t VALUES (5)")
	lag, err := sequence(t, load(t, db), "s").Lag(t.Context())
	same(t, "the lag", ok(t, lag, err), "shop.t.id is at 5, and its sequence is behind: the next value is 1")
	var ran int
	same(t, "calls of the function", ok(t, ran, db.QueryRow("SELECT COUNT(*) FROM ran").Scan(&ran)), 0)
}

func TestRightsOfEverybodyAndOfNestedRoles(t *testing.T) {
	db := fresh(t, "CREATE SEQUENCE s", "CREATE OR REPLACE USER anybody, nested", "DROP ROLE IF EXISTS inner_role, outer_role", "CREATE ROLE inner_role, outer_role",
		"GRANT SELECT ON shop.* TO PUBLIC", "GRANT INSERT ON shop.s TO inner_role", "GRANT inner_role TO outer_role", "GRANT outer_role TO nested", "SET DEFAULT ROLE outer_role FOR nested")
	t.Cleanup(func() { exec(t, db, "REVOKE SELECT ON shop.* FROM PUBLIC") })
	for user, want := range map[string]string{"anybody": "read", "nested": "read, next, set, restart"} {
		s := sequence(t, load(t, open(t, server.Shared(t).As(user, "shop"))), "s")
		same(t, user+"'s rights", s.Def().Rights, want)
		_, err := s.NextValue(t.Context())
		same(t, user+" may take a value", err == nil, user == "nested")
	}
}
