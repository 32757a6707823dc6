package postgres

import (
	"context"
	"database/sql"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/massivedb/massive-go/dialect"
)

// A look at the database gathers a fingerprint: of each catalog that a load reads, the number of the rows concerned
// and the sum of their hashes. The hashes are of what is loaded, and not of the rows' xmin. So a refresh, which
// writes a view's row anew, moves nothing; and neither a transaction number that is given out once more after a
// failover, nor a row that is changed in place, can hide a change. docs/design.md tells what keeps it fast.
var (
	//go:embed change/head.sql
	changeHead string
	//go:embed change/server.sql
	changeServer string
	//go:embed change/relations.sql
	changeRelations string
	//go:embed change/matviews.sql
	changeMatviews string
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

// fingerprintText is the statement for the kinds that are asked for. What sequences are tied to need not be asked for
// where none is tied, and what the session's temporary tables hide where it has none: the server would plan for them
// in vain. That there are some now, the rest of the statement tells.
func fingerprintText(f dialect.Filter, tied, temporary bool) string {
	parts := []string{changeQuiet, changeServer}
	if f.Has(dialect.KindMatview) || f.Has(dialect.KindSequence) {
		parts = append(parts, changeRelations)
	}
	if f.Has(dialect.KindMatview) {
		parts = append(parts, changeMatviews)
	}
	if f.Has(dialect.KindEnum) {
		parts = append(parts, changeEnums)
	}
	if f.Has(dialect.KindSequence) {
		parts = append(parts, changeSequences)
	}
	if f.Has(dialect.KindSequence) && tied {
		parts = append(parts, changeTies)
	}
	if temporary {
		parts = append(parts, changeTemporary)
	}
	return changeHead + strings.Join(parts, "UNION ALL\n") + changeTail
}

// A sight is what was seen.
type sight struct {
	Quiet  string // the sign of quiet, empty for none
	Twice  bool   // the look before had the same
	Prints string // the fingerprint

	Temporary bool // the session had temporary tables
}

// tied tells whether some sequence was tied to a column.
func (s sight) tied() bool { return strings.Contains(s.Prints, "\nties ") }

func (s sight) encode() (dialect.Sight, error) {
	text, err := json.Marshal(s)
	return dialect.Sight(text), err
}

func decodeSight(text dialect.Sight) (s sight, err error) {
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		return s, fmt.Errorf("%w: this is no sight of the %s dialect's: %w", dialect.ErrInvalid, postgres{}.Name(), err)
	}
	return s, nil
}

// Look takes the fingerprint, or, where the last two looks saw the same sign of quiet, only asks for that once more.
// In a database that is written to all the time it would be in vain.
func (p postgres) Look(ctx context.Context, q dialect.Querier, f dialect.Filter, since dialect.Sight) (dialect.Sight, bool, error) {
	var last sight
	if since != "" {
		var err error
		if last, err = decodeSight(since); err != nil {
			return since, false, err
		}
	}
	if last.Twice {
		now, err := readSight(ctx, q, changeQuiet)
		if err != nil {
			return since, false, err
		}
		if now.Quiet == last.Quiet {
			return since, false, nil
		}
		last.Quiet = now.Quiet
	}
	now, err := fingerprint(ctx, q, f, last)
	if err == nil && now.Temporary && !last.Temporary {
		last.Temporary = true
		now, err = fingerprint(ctx, q, f, last)
	}
	if err != nil {
		return since, false, p.explain(ctx, q, err)
	}
	now.Twice = now.Quiet != "" && now.Quiet == last.Quiet
	next, err := now.encode()
	return next, now.Prints != last.Prints, err
}

func fingerprint(ctx context.Context, q dialect.Querier, f dialect.Filter, last sight) (sight, error) {
	text := fingerprintText(f, last.tied() || last.Prints == "", last.Temporary)
	now, err := readSight(ctx, q, text)
	if sqlState(err) == "XX000" && ctx.Err() == nil { // a catalog function met an object that is just dropped
		now, err = readSight(ctx, q, text)
	}
	return now, err
}

// LoadSeen is the catalog statement with the fingerprint as one branch more: one statement sees one state.
func (p postgres) LoadSeen(ctx context.Context, q dialect.Querier, f dialect.Filter) (*dialect.Catalog, dialect.Sight, error) {
	text := catalogText(f, "SELECT 'f', COALESCE(f.n, 0), NULL, f.part, NULL, f.print, NULL, NULL, NULL, NULL, NULL FROM (\n"+
		fingerprintText(f, true, true)+") f\n")
	cat, now, err := p.load(ctx, q, text)
	if err != nil {
		return nil, "", err
	}
	seen, err := now.encode()
	return cat, seen, err
}

// prints are a sight in the making.
type prints struct {
	quiet     string
	temporary bool
	text      strings.Builder
}

// add notes a part. One of no rows is like one that wasn't asked for.
func (p *prints) add(part string, n int64, sum string) {
	switch {
	case part == "quiet":
		p.quiet, p.temporary = sum, n != 0
	case n != 0:
		fmt.Fprintf(&p.text, "%s %d %s\n", part, n, sum)
	}
}

func (p *prints) sight() sight {
	return sight{Quiet: p.quiet, Prints: p.text.String(), Temporary: p.temporary}
}

func readSight(ctx context.Context, q dialect.Querier, text string) (sight, error) {
	rows, err := q.QueryContext(ctx, text)
	if err != nil {
		return sight{}, err
	}
	defer rows.Close()
	var all prints
	for rows.Next() {
		var part string
		var n sql.NullInt64
		var sum sql.NullString
		if err := rows.Scan(&part, &n, &sum); err != nil {
			return sight{}, err
		}
		all.add(part, n.Int64, sum.String)
	}
	if err := rows.Err(); err != nil {
		return sight{}, err
	}
	s := all.sight()
	if s.Prints == "" && text != changeQuiet {
		return s, errors.New("the fingerprint came back empty")
	}
	return s, nil
}
