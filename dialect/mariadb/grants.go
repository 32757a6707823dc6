package mariadb

import (
	"context"
	"regexp"
	"slices"
	"strings"

	"github.com/massivedb/massive-go/dialect"
)

// grants are the grants of the user and of its active roles. information_schema has no
// grants of roles, so they come from SHOW GRANTS.
type grants []grant

// A grant allows rights on *.*, on a database or on a table. Database is a pattern of
// LIKE, unless there is a table.
type grant struct {
	rights          []string
	database, table string // empty for all
}

var grantText = regexp.MustCompile("^GRANT (.*) ON (?:(\\*)|`((?:[^`]|``)*)`)\\.(?:(\\*)|`((?:[^`]|``)*)`) TO ")

func readGrants(ctx context.Context, q dialect.Querier) (all grants, err error) {
	rows, err := q.QueryContext(ctx, "SHOW GRANTS")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			return nil, err
		}
		if m := grantText.FindStringSubmatch(text); m != nil {
			all = append(all, grant{strings.Split(m[1], ", "), strings.ReplaceAll(m[3], "``", "`"), strings.ReplaceAll(m[5], "``", "`")})
		}
	}
	return all, rows.Err()
}

// process reports whether the user may read InnoDB's numbers of tables.
func (all grants) process() bool {
	return slices.ContainsFunc(all, func(g grant) bool { return g.database == "" && g.has("PROCESS") })
}

func (g grant) has(right string) bool {
	return slices.Contains(g.rights, right) || slices.Contains(g.rights, "ALL PRIVILEGES")
}

// on returns the rights on a sequence. NEXTVAL needs SELECT and INSERT, and SETVAL needs
// INSERT. SetValue reads the sequence first.
func (all grants) on(n dialect.Name) dialect.SequenceRights {
	has := func(right string) bool {
		return slices.ContainsFunc(all, func(g grant) bool {
			return g.has(right) && (g.database == "" || g.table == "" && like(g.database, n.Schema) ||
				g.table == n.Name && g.database == n.Schema)
		})
	}
	read := has("SELECT")
	write := read && has("INSERT")
	return dialect.SequenceRights{Read: read, Next: write, Set: write, Restart: write}
}

// like reports whether a pattern of LIKE matches.
func like(pattern, s string) bool {
	var b strings.Builder
	for i := 0; i < len(pattern); i++ {
		switch c := pattern[i]; {
		case c == '%':
			b.WriteString(".*")
		case c == '_':
			b.WriteString(".")
		case c == '\\' && i+1 < len(pattern):
			i++
			b.WriteString(regexp.QuoteMeta(pattern[i : i+1]))
		default:
			b.WriteString(regexp.QuoteMeta(pattern[i : i+1]))
		}
	}
	matches, err := regexp.MatchString("(?s)^"+b.String()+"$", s)
	return err == nil && matches
}
