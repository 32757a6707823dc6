package postgres

import (
	"context"
	"database/sql"
	_ "embed"
	"slices"
	"strconv"
	"strings"

	"github.com/massivedb/massive-go/dialect"
)

// alterAdd returns ALTER TYPE … ADD VALUE
// (https://www.postgresql.org/docs/current/sql-altertype.html).
func alterAdd(enum dialect.Name, label string, at dialect.LabelPlace) string {
	text := "ALTER TYPE " + enum.Quoted() + " ADD VALUE " + literal(label)
	switch at.Side {
	case dialect.BeforeLabel:
		text += " BEFORE " + literal(at.Neighbour)
	case dialect.AfterLabel:
		text += " AFTER " + literal(at.Neighbour)
	case dialect.AtEnd:
	}
	return text
}

// AddEnumLabel adds a label. If tolerant is set, it can't use ADD VALUE IF NOT EXISTS:
// that reports an existing label only by a notice, which database/sql does not show. A
// check before the statement would race with other sessions. So a DO block adds the label
// in a subtransaction and catches duplicate_object. It stores the outcome in a
// transaction setting. The last statement returns the outcome as a row count, and clears
// the setting. All this is one message, and the caller's transaction stays alive.
//
// An event trigger may raise the same error although the label does not exist. So the
// block looks for the label, and raises the error again if it is missing. If the
// transaction keeps an older snapshot, it can't look, and ignores the error.
func (postgres) AddEnumLabel(ctx context.Context, q dialect.Querier, enum dialect.Name, label string, at dialect.LabelPlace,
	tolerant bool,
) (bool, error) {
	alter := alterAdd(enum, label, at)
	if !tolerant {
		_, err := q.ExecContext(ctx, alter)
		return err == nil, err
	}
	block := "BEGIN " + alter + "; PERFORM pg_catalog.set_config('massive.added', 'yes', true); " +
		"EXCEPTION WHEN duplicate_object THEN " +
		"IF " + seesCommits + " AND NOT EXISTS (SELECT FROM pg_catalog.pg_enum e WHERE e.enumtypid OPERATOR(pg_catalog.=) " +
		literal(enum.Quoted()) + "::pg_catalog.regtype::pg_catalog.oid AND e.enumlabel OPERATOR(pg_catalog.=) " +
		literal(label) + ") THEN RAISE; END IF; END"
	result, err := message(ctx, q, "SELECT pg_catalog.set_config('massive.added', '', true); DO "+literal(block)+`;
SELECT FROM (SELECT pg_catalog.current_setting('massive.added') AS added OFFSET 0) a
CROSS JOIN LATERAL (SELECT pg_catalog.set_config('massive.added', pg_catalog.left(a.added, 0), true) AS empty OFFSET 0) b
WHERE a.added OPERATOR(pg_catalog.=) 'yes' AND b.empty OPERATOR(pg_catalog.=) ''`)
	if err != nil {
		return false, err
	}
	rows, err := result.RowsAffected()
	return rows == 1, err
}

func (postgres) RenameEnumLabel(ctx context.Context, q dialect.Querier, enum dialect.Name, from, to string) error {
	_, err := q.ExecContext(ctx, "ALTER TYPE "+enum.Quoted()+" RENAME VALUE "+literal(from)+" TO "+literal(to))
	return err
}

// enumColumns finds columns by their dependency on the enum, or on a type that is built
// on it. So its cost depends only on these. It finds the enum by name, not by a regtype
// constant: a cached plan would keep the constant after the type was recreated. The first
// row is the enum's own.
//
//go:embed enum_columns.sql
var enumColumns string

// EnumColumns reads the columns of tables, views of both kinds, foreign tables and
// composite types. It skips temporary relations. It does not find functions or
// expressions that use the enum.
func (postgres) EnumColumns(ctx context.Context, q dialect.Querier, enum dialect.Name) ([]dialect.EnumColumn, error) {
	text := strings.NewReplacer("$schema", literal(enum.Schema), "$name", literal(enum.Name)).Replace(enumColumns)
	rows, err := q.QueryContext(ctx, text)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var columns []dialect.EnumColumn
	found, major := false, 0
	for rows.Next() {
		var c dialect.EnumColumn
		var kind, through string
		err := rows.Scan(&kind, &c.Relation.Schema, &c.Relation.Name, &c.Column, &c.Type, &c.Array, &through)
		if err != nil {
			return nil, err
		}
		if kind == "e" {
			version, err := strconv.Atoi(c.Type)
			if err != nil {
				return nil, err
			}
			found, major = true, version/10000
			continue
		}
		c.Type = unquoteType(c.Type, major)
		c.Kind = relationKinds[kind[0]]
		if kind == "c" {
			c.Kind = "composite type"
		}
		names, err := parseArrays(through, 2, nil)
		if err != nil {
			return nil, err
		}
		for n := range slices.Chunk(names, 2) {
			c.Through = append(c.Through, dialect.Name{Schema: n[0], Name: n[1]})
		}
		columns = append(columns, c)
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	if !found {
		return nil, sql.ErrNoRows
	}
	return columns, nil
}
