// Package mariadb is the dialect for the sequences of MariaDB 10.3 and newer. It imports no
// driver, and is tested with github.com/go-sql-driver/mysql and MariaDB 10.11.
//
//	m, err := massive.Load(ctx, db, mariadb.New())
//
// A schema is what MariaDB calls a database. The search path is the connection's database,
// so give the DSN one. MariaDB has no materialized views, and its enums belong to single
// columns, so that a load has neither.
//
// # Differences from Postgres
//
//   - The server keeps the next value, not the last one. So LastValue returns
//     [dialect.ErrUnsupported], and State has NextOnly.
//   - A rollback does not undo Reset, ResetTo and Restart. Until the transaction ends,
//     they block other sessions' operations on the sequence, and loads.
//   - SetValue to a value before the current one blocks in the same way. CatchUp and other
//     calls of SetValue block nobody. A rollback undoes none of them.
//   - A crash of the server repeats values of InnoDB's sequences, unless they were stored
//     in the transaction that took them. Those of ENGINE=Aria are not repeated.
//   - All connections share the values that a sequence's cache has reserved, 1000 by
//     default. State, Lag and DB.CatchUp count them as taken, since no query shows how many
//     are left. CatchUp of a single sequence knows.
//   - A load omits a sequence on which the user lacks SELECT. Everything that changes a
//     sequence also needs INSERT.
//   - A user sees only tables on which it has a right. So run Lag and CatchUp as a user
//     with SELECT on all tables that draw on a sequence.
//   - Load sends four statements, because no catalog has the definitions of sequences, and
//     the catalog has no snapshots. It omits a sequence that is dropped meanwhile. Each
//     poll of a Watch loads.
package mariadb

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"hash/fnv"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/massivedb/massive-go/dialect"
)

// New returns the dialect for MariaDB. It holds no state, so one value can serve any
// number of databases concurrently.
func New() dialect.Dialect { return mariadb{} }

type mariadb struct {
	dialect.NoMatviews
	dialect.NoEnums
	dialect.NoSign
}

func (mariadb) Name() string { return "mariadb" }

// quoted returns a name for SQL. Backticks work in every SQL mode.
func quoted(n dialect.Name) string {
	return dialect.Quote(n.Schema, '`') + "." + dialect.Quote(n.Name, '`')
}

// unlimited ends a statement. Without it, sql_select_limit would cut the result.
const unlimited = " LIMIT 18446744073709551615"

// Load reads the version first, because the other statements fail on other products.
func (m mariadb) Load(ctx context.Context, q dialect.Querier, f dialect.Filter) (*dialect.Catalog, error) {
	cat := &dialect.Catalog{}
	if err := q.QueryRowContext(ctx, "SELECT VERSION()").Scan(&cat.Server.Version); err != nil {
		return nil, err
	}
	var err error
	if cat.Server.Major, err = supported(cat.Server.Version); err != nil {
		return nil, err
	}
	grants, err := readGrants(ctx, q)
	if err != nil {
		return nil, err
	}
	list, err := readList(ctx, q, grants.process())
	if err != nil {
		return nil, err
	}
	cat.Server.Database, cat.Server.User, cat.Server.Standby = list.database, list.user, list.readOnly
	if list.database != "" {
		cat.SearchPath = []string{list.database}
	}
	if !f.Has(dialect.KindSequence) {
		return cat, nil
	}
	names := make([]dialect.Name, len(list.sequences))
	for i, s := range list.sequences {
		names[i] = s.Name
	}
	defs, err := definitions(ctx, q, names)
	if err != nil {
		return nil, err
	}
	for i, s := range list.sequences {
		s.Visible = s.Name.Schema == list.database
		s.Rights = grants.on(s.Name)
		d := defs[i]
		if d.err != nil { // dropped meanwhile, or not readable for this user
			continue
		}
		s.Start, s.Increment, s.Min, s.Max, s.Cache, s.Cycle = d.start, d.step, d.lowest, d.highest, max(d.cache, 1), d.cycle
		for _, c := range list.columns {
			if c.primary && c.sequence == s.Name && (s.KeyOf == nil || before(c.Column, *s.KeyOf)) {
				s.KeyOf = &c.Column
			}
		}
		cat.Sequences = append(cat.Sequences, s)
	}
	return cat, nil
}

var versionText = regexp.MustCompile(`^(?:5\.5\.5-)?(\d+)\.(\d+)\..*MariaDB`)

// supported returns the major version. The error names another product or an old version.
func supported(version string) (major int, err error) {
	v := versionText.FindStringSubmatch(version)
	if v == nil {
		return 0, fmt.Errorf("%w: the server's version is %q, which is not MariaDB", dialect.ErrUnsupported, dialect.Cut(version, 200))
	}
	major, _ = strconv.Atoi(v[1])
	minor, _ := strconv.Atoi(v[2])
	if major < 10 || major == 10 && minor < 3 {
		return 0, fmt.Errorf("%w: the server is MariaDB %s; sequences need 10.3 or newer", dialect.ErrUnsupported, version)
	}
	return major, nil
}

// A list has the session, the sequences, and the columns that draw on sequences.
type list struct {
	database, user string
	readOnly       bool
	sequences      []dialect.SequenceDef // without their definitions
	columns        []column
}

// listed returns a row for the session, each sequence, each view, and each column whose
// default calls NEXTVAL. A view has its table's defaults, and must not be read, because it
// may call functions. BINARY makes the comparison with the system's databases exact. The server
// quotes a string in column_default, and qualifies the sequence's name. How it quotes
// depends on sql_mode.
const listed = `
SET STATEMENT sql_mode = '' FOR
SELECT 'session', 0, COALESCE(DATABASE(), ''), CURRENT_USER(), '', @@global.read_only,
       CONCAT(@@character_set_client, ' ', COALESCE(@@character_set_results, ''))
UNION ALL
SELECT 'sequence', 0, t.table_schema, t.table_name, t.table_comment, COALESCE(UNIX_TIMESTAMP(t.create_time), ''),
       CONCAT(CONVERT(CAST(CONVERT(t.table_schema USING filename) AS BINARY) USING utf8mb3), '/',
              CONVERT(CAST(CONVERT(t.table_name USING filename) AS BINARY) USING utf8mb3))
  FROM information_schema.tables t
 WHERE t.table_type = 'SEQUENCE' AND BINARY t.table_schema NOT IN $system
UNION ALL
SELECT 'view', 0, t.table_schema, t.table_name, '', '', '' FROM information_schema.tables t WHERE t.table_type = 'VIEW'
UNION ALL
SELECT c.column_key, 0, c.table_schema, c.table_name, c.column_name, c.column_default, c.column_type
  FROM information_schema.columns c
 WHERE c.column_default LIKE '%nextval(%' AND BINARY c.table_schema NOT IN $system`

const system = "('information_schema', 'mysql', 'performance_schema', 'sys')"

// numbered returns a row for each table of InnoDB, with its number. It needs the right
// PROCESS. InnoDB encodes names as file names.
const numbered = `
UNION ALL
SELECT 'number', i.table_id, '', '', '', '', i.name FROM information_schema.innodb_sys_tables i`

func readList(ctx context.Context, q dialect.Querier, process bool) (l list, err error) {
	query := strings.ReplaceAll(listed, "$system", system)
	if process {
		query += numbered
	}
	rows, err := q.QueryContext(ctx, query+unlimited)
	if err != nil {
		return l, err
	}
	defer rows.Close()
	numbers, files, views := map[string]int64{}, []string(nil), map[dialect.Name]bool{}
	for rows.Next() {
		var what, schema, name, a, b, typ string
		var id int64
		if err := rows.Scan(&what, &id, &schema, &name, &a, &b, &typ); err != nil {
			return l, err
		}
		n := dialect.Name{Schema: schema, Name: name}
		switch what {
		case "session":
			if l.database, l.user, l.readOnly = schema, name, b == "1"; !unicode.MatchString(typ) {
				return l, fmt.Errorf("%w: the connection's character sets are %s; add charset=utf8mb4 to the DSN", dialect.ErrUnsupported, typ)
			}
		case "sequence":
			// Without a number, a name and the second of its creation are almost unique.
			h := fnv.New64a()
			_, _ = h.Write([]byte(quoted(n) + b))
			id, files = int64(h.Sum64()>>1), append(files, typ)
			l.sequences = append(l.sequences, dialect.SequenceDef{Object: dialect.Object{ID: id, Name: n, Comment: a}, Type: "bigint"})
		case "number":
			numbers[typ] = id
		case "view":
			views[n] = true
		default:
			c := column{SequenceColumn: dialect.SequenceColumn{Column: dialect.ColumnRef{Table: n, Column: a}, Type: typ}, primary: what == "PRI"}
			for _, c.sequence = range drawnOn(b) {
				l.columns = append(l.columns, c.bounded())
			}
		}
	}
	l.columns = slices.DeleteFunc(l.columns, func(c column) bool { return views[c.Column.Table] })
	for i, file := range files {
		if id, ok := numbers[file]; ok {
			l.sequences[i].ID = id
		}
	}
	return l, rows.Err()
}

// unicode matches the character sets of a connection whose names are UTF-8.
var unicode = regexp.MustCompile(`^utf8(mb[34])? (utf8(mb[34])?|)$`)

// gone reports whether err says that a sequence, or a column's table, does not exist.
func gone(err error) bool {
	switch number(err) {
	case noTable, noColumn, noDatabase, notASequence, noSequence:
		return true
	default:
		return errors.Is(err, sql.ErrNoRows) || errors.Is(err, dialect.ErrNotFound)
	}
}
