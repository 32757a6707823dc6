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

// alterAdd is ALTER TYPE … ADD VALUE (https://www.postgresql.org/docs/current/sql-altertype.html).
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

// AddEnumLabel answers truly where it is tolerant, too. ADD VALUE IF NOT EXISTS says in a notice only that it added
// nothing, which database/sql doesn't show; and to look first is to be overtaken, since the server waits for whoever
// is adding the same label. So the label is added within a block that catches the error, alone in its subtransaction,
// the block leaves word in a setting of its transaction, and the last statement makes that a number of rows, and the
// setting empty again. It is one message, and leaves a caller's transaction alive.
//
// The same error may come out of an event trigger, and then the label is not there. A snapshot that is older may lack a
// label that is, and there the error is believed.
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

// The statement finds a column by what depends on the types that are made of the enum, and so costs nothing for what
// has nothing to do with it. It goes by the enum's name, not by a regtype constant, which the plan of a statement that
// a driver has prepared would keep for a type that was made anew. The enum's own row comes first.
//
//go:embed enum_columns.sql
var enumColumns string

// EnumColumns looks at tables, views of both kinds, foreign tables and composite types, less temporary ones. What a
// function or an expression does with the enum is not among it.
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
