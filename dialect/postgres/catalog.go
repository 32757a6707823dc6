package postgres

import (
	"context"
	"crypto/rand"
	"database/sql"
	_ "embed"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/massivedb/massive-go/dialect"
)

// The parts of the catalog statement. It is a UNION of branches with the same columns.
// Each row has a group of objects that have most properties in common. resolve.go builds
// the catalog from the rows. docs/catalog.md explains each part. The columns are:
//
//	kind      the branch
//	id, ns    a number; the oid of the group's schema
//	owner     a role's name, or another text
//	flags     letters
//	a, b      arrays, mostly of oids and of names, one for each object in the group
var (
	//go:embed catalog/head.sql
	catalogHead string
	//go:embed catalog/relation.sql
	catalogRelation string
	//go:embed catalog/reading.sql
	catalogReading string
	//go:embed catalog/index.sql
	catalogIndex string
	//go:embed catalog/tie.sql
	catalogTie string
	//go:embed catalog/enum.sql
	catalogEnum string
	//go:embed catalog/select.sql
	catalogSelect string
	//go:embed catalog/server.sql
	catalogServer string
	//go:embed catalog/relations.sql
	catalogRelations string
	//go:embed catalog/columns.sql
	catalogColumns string
	//go:embed catalog/indexes.sql
	catalogIndexes string
	//go:embed catalog/edges.sql
	catalogEdges string
	//go:embed catalog/enums.sql
	catalogEnums string
	//go:embed catalog/sequences.sql
	catalogSequences string
	//go:embed catalog/comments.sql
	catalogComments string
	//go:embed catalog/tail.sql
	catalogTail string
)

// The relations that are loaded: queries for their oids, and conditions on pg_class.
const (
	viewIDs = "SELECT w.ev_class FROM pg_catalog.pg_rewrite w" +
		" WHERE w.ev_class OPERATOR(pg_catalog.>=) '16384' AND w.rulename OPERATOR(pg_catalog.=) '_RETURN'"
	sequenceIDs = "SELECT s.seqrelid FROM pg_catalog.pg_sequence s"

	isView = "c.relkind OPERATOR(pg_catalog.=) 'm' OR c.relkind OPERATOR(pg_catalog.=) 'v'" +
		" AND c.oid OPERATOR(pg_catalog.>=) '16384'"
	// isRaw is true if texts may not be UTF-8.
	isRaw = "pg_catalog.current_setting('server_encoding') OPERATOR(pg_catalog.=) 'SQL_ASCII'"

	isSequence = "c.relkind OPERATOR(pg_catalog.=) 'S'"
)

// serverBranch includes the sign of the current session.
var serverBranch = strings.Replace(catalogServer, "$sign", signOf("pg_catalog.pg_backend_pid()"), 1)

// The server joins names by a separator, which is faster than an array. A name may
// contain the separator. Then the row has more names than numbers, and Load uses the rare
// separator, which nobody can guess.
const separator = "\x1f"

var (
	rareSeparator = rand.Text()
	errMiscounted = errors.New("names and numbers do not match")
)

// catalogText returns the catalog statement for the kinds in the filter.
func catalogText(f dialect.Filter, separator string) string {
	views, enums, sequences := f.Has(dialect.KindMatview), f.Has(dialect.KindEnum), f.Has(dialect.KindSequence)
	text := catalogHead
	branches := []string{serverBranch}
	var oids []string // of the structures that may have comments
	if views || sequences {
		ids, ours := viewIDs, isView
		switch {
		case views && sequences:
			ids += " UNION ALL " + sequenceIDs
			ours += " OR " + isSequence
		case sequences:
			ids, ours = sequenceIDs, isSequence
		}
		text += strings.NewReplacer("$ids", ids, "$ours", ours).Replace(catalogRelation)
		branches = append(branches, catalogRelations)
		oids = append(oids, "SELECT m.oid FROM member m")
	}
	if enums {
		text += catalogEnum
		branches = append(branches, catalogEnums)
		oids = append(oids, "SELECT pg_catalog.unnest(t.ids) FROM type t WHERE t.kind OPERATOR(pg_catalog.=) 'e'")
	}
	branches = append(branches, strings.Replace(catalogComments, "$oids", strings.Join(oids, " UNION ALL "), 1))
	if views {
		text += catalogReading + catalogIndex
		branches = append(branches, catalogColumns, catalogIndexes, catalogEdges)
	}
	if sequences {
		text += strings.Replace(catalogTie, "$defaults", defaults, 1)
		branches = append(branches, catalogSequences)
	}
	text += catalogSelect + strings.Join(branches, "UNION ALL\n") + catalogTail
	quoted := "E'" + strings.Trim(strconv.Quote(separator), `"`) + "'"
	return strings.NewReplacer("$separator", quoted, "$raw", isRaw).Replace(text)
}

// A row is a row of the catalog statement. Its RawBytes are valid until the next row is
// read.
type row struct {
	kind, owner, flags, a sql.RawBytes
	id, ns                sql.NullInt64
	b                     sql.NullString // a string, since names are slices of it
}

// has reports whether the row has the flag.
func (r *row) has(flag byte) bool { return strings.IndexByte(string(r.flags), flag) >= 0 }

func readCatalog(ctx context.Context, q dialect.Querier, f dialect.Filter, separator string) (*dialect.Catalog, error) {
	rows, err := q.QueryContext(ctx, catalogText(f, separator))
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	rd := reading{separator: separator}
	var r row
	dest := []any{&r.kind, &r.id, &r.ns, &r.owner, &r.flags, &r.a, &r.b}
	for rows.Next() {
		if err := rows.Scan(dest...); err != nil {
			return nil, err
		}
		if err := rd.decode(&r); err != nil {
			return nil, err
		}
		if err := rd.add(&r); err != nil {
			return nil, fmt.Errorf("catalog row %s: %w", r.kind, err)
		}
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	if rd.schemas == nil {
		return nil, errors.New("the catalog query returned no rows")
	}
	return rd.resolve()
}
