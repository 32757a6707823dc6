package postgres

import (
	"context"
	"database/sql"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strings"

	"github.com/massivedb/massive-go/dialect"
)

// A look at the database gathers a fingerprint: of each catalog that a load reads, the number of the rows concerned
// and the sum of their hashes. The hashes are of what is loaded, and not of the rows' xmin. So a refresh, which
// writes a view's row anew, moves nothing; and neither a transaction number that is given out once more after a
// failover, nor a row that is changed in place, can hide a change. docs/design.md tells what keeps it fast.
//
// One statement has one snapshot, but functions such as has_schema_privilege and format_type look past it: a load may see by
// them what is committed while it runs, and the fingerprint the same, or not. So whatever they go by is hashed from the
// rows themselves (schemas' rights and owners, roles, members, types), which the snapshot governs: what is committed while
// the statement runs shows at the next look, if the load saw it or not.
var (
	//go:embed change/head.sql
	changeHead string
	//go:embed change/server.sql
	changeServer string
	//go:embed change/roles.sql
	changeRoles string
	//go:embed change/relations.sql
	changeRelations string
	//go:embed change/matviews.sql
	changeMatviews string
	//go:embed change/column_types.sql
	changeColumnTypes string
	//go:embed change/enums.sql
	changeEnums string
	//go:embed change/sequences.sql
	changeSequences string
	//go:embed change/ties.sql
	changeTies string
	//go:embed change/temporary.sql
	changeTemporary string
	//go:embed change/tail.sql
	changeTail string

	// changeQuiet is a sign by itself, for much less than the fingerprint: as long as one session of the server
	// sees one and the same snapshot of transactions, along one search path and in one role, nothing at all was
	// committed. The session is told by its process and its start, so that it can't have outlived a crash, after
	// which transaction numbers may come again. It is NULL where that does not hold or can't be said: on a
	// standby, whose snapshots don't list the transactions that run; before PostgreSQL 14, where an index becomes
	// valid in place and with no transaction number; and in a role that may not see its own session's start.
	//
	//go:embed change/quiet.sql
	changeQuiet string
)

// asked tells which parts of the fingerprint are asked for that mostly have nothing to say: the server would plan them
// and run them in vain. The rest of the fingerprint tells when they do.
type asked struct {
	// ties are what sequences are tied to. The first tie shows by itself.
	ties bool
	// temporary is what the session's temporary tables hide, if it has any.
	temporary bool
	// roles are the names of owners, what the session's role is a member of, and who can
	// become a superuser. They are as they were as long as all of the server's roles are,
	// which other databases may change.
	roles bool
}

// fingerprintText is the statement for the kinds that are asked for.
func fingerprintText(f dialect.Filter, a asked) string {
	// For the planner the first part has a thousand rows.
	parts := []string{changeQuiet + "  FROM pg_catalog.generate_series(1, (SELECT 1))\n", changeServer, changeRelations}
	if a.roles {
		parts = append(parts, changeRoles)
	}
	if f.Has(dialect.KindMatview) {
		parts = append(parts, changeMatviews)
	}
	switch {
	case f.Has(dialect.KindEnum):
		parts = append(parts, changeEnums)
	case f.Has(dialect.KindMatview): // of the types, which enums are among, those that columns are written with, or others of their names
		parts = append(parts, changeColumnTypes)
	}
	if f.Has(dialect.KindSequence) {
		parts = append(parts, changeSequences)
		if a.ties {
			parts = append(parts, changeTies)
		}
	}
	if a.temporary {
		parts = append(parts, changeTemporary)
	}
	return changeHead + strings.Join(parts, "UNION ALL\n") + changeTail
}

// standbyPart is the part of the fingerprint with a row for a standby, and none, as the sight has it, for a primary.
const standbyPart = "standby"

// A sight is what was seen.
type sight struct {
	Quiet     string            // the sign of quiet, empty for none
	Twice     bool              // the look before had the same
	Prints    map[string]string // the fingerprint, by parts; one without rows is not in it
	Roles     [2]string         // the same of all of the server's roles and members, which are only a sign
	Temporary bool              // the session had temporary tables
}

func (s *sight) add(part string, n int64, sum string) {
	rows := fmt.Sprint(n, " ", sum)
	switch {
	case part == "quiet":
		s.Quiet, s.Temporary = sum, n != 0
	case part == "all roles":
		s.Roles[0] = rows
	case part == "all members":
		s.Roles[1] = rows
	case n != 0:
		if s.Prints == nil {
			s.Prints = map[string]string{}
		}
		s.Prints[part] = rows
	}
}

func (s *sight) encode() (dialect.Sight, error) {
	text, err := json.Marshal(s)
	return dialect.Sight(text), err
}

func decodeSight(text dialect.Sight) (*sight, error) {
	s := new(sight)
	if text == "" {
		return s, nil
	}
	if err := json.Unmarshal([]byte(text), s); err != nil {
		return nil, fmt.Errorf("%w: this is no sight of the %s dialect's: %w", dialect.ErrInvalid, postgres{}.Name(), err)
	}
	return s, nil
}

// Look takes the fingerprint, or, where the last two looks saw the same sign of quiet, only asks for that once more.
// In a database that is written to all the time it would be in vain.
func (p postgres) Look(ctx context.Context, q dialect.Querier, f dialect.Filter, since dialect.Sight) (dialect.Sight, bool, error) {
	last, err := decodeSight(since)
	if err != nil {
		return since, false, err
	}
	if last.Twice {
		now, err := readSight(ctx, q, changeQuiet)
		if err != nil {
			return since, false, err
		}
		if now.Quiet == last.Quiet {
			return since, false, nil
		}
	}
	now, err := fingerprint(ctx, q, f, last)
	if err != nil {
		return since, false, p.explain(ctx, q, err)
	}
	now.Twice = now.Quiet != "" && now.Quiet == last.Quiet
	next, err := now.encode()
	return next, !maps.Equal(now.Prints, last.Prints), err
}

// fingerprint asks for what may differ from the last sight, and once more for what turns out to.
func fingerprint(ctx context.Context, q dialect.Querier, f dialect.Filter, last *sight) (*sight, error) {
	ask := func(a asked) (*sight, error) {
		text := fingerprintText(f, a)
		now, err := readSight(ctx, q, text)
		if sqlState(err) == "XX000" && ctx.Err() == nil { // a catalog function met an object that is just dropped
			now, err = readSight(ctx, q, text)
		}
		if err == nil && now.Prints == nil {
			err = errors.New("the fingerprint came back empty")
		}
		return now, err
	}
	first := last.Prints == nil
	a := asked{ties: first || last.Prints["ties"] != "", temporary: last.Temporary, roles: first}
	now, err := ask(a)
	if err != nil {
		return nil, err
	}
	if more := (asked{a.ties, a.temporary || now.Temporary, a.roles || now.Roles != last.Roles}); more != a {
		a = more
		if now, err = ask(a); err != nil {
			return nil, err
		}
	}
	if !a.roles {
		for _, part := range []string{"roles", "superusers", "owners"} {
			if rows, was := last.Prints[part]; was {
				now.Prints[part] = rows
			}
		}
	}
	return now, nil
}

// LoadSeen is the catalog statement with the whole fingerprint as one branch more: one statement has one snapshot. That the
// server is a standby no row tells; it may be promoted between the two, so the sight says what the picture does.
func (p postgres) LoadSeen(ctx context.Context, q dialect.Querier, f dialect.Filter) (*dialect.Catalog, dialect.Sight, error) {
	text := catalogText(f, "SELECT 'f', COALESCE(f.n, 0), NULL, f.part, NULL, f.print, NULL FROM (\n"+
		fingerprintText(f, asked{ties: true, temporary: true, roles: true})+") f\n")
	cat, now, err := p.load(ctx, q, text)
	if err != nil {
		return nil, "", err
	}
	delete(now.Prints, standbyPart)
	if cat.Server.Standby {
		now.add(standbyPart, 1, "")
	}
	seen, err := now.encode()
	return cat, seen, err
}

func readSight(ctx context.Context, q dialect.Querier, text string) (*sight, error) {
	rows, err := q.QueryContext(ctx, text)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	now := new(sight)
	for rows.Next() {
		var part string
		var n sql.NullInt64
		var sum sql.NullString
		if err := rows.Scan(&part, &n, &sum); err != nil {
			return nil, err
		}
		now.add(part, n.Int64, sum.String)
	}
	return now, rows.Err()
}
