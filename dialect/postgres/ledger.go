package postgres

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/internal/querier"
)

// ledgerFiles has the parts of the ledger's statements.
//
//go:embed ledger/*.sql
var ledgerFiles embed.FS

//go:embed ledger/age.sql
var ageText string

const (
	ledgerLayout = "massive ledger, layout 1" // the comment of the table freshness
	historyKept  = 100                        // the rows of a view in the history

	// The columns as ledger/check.sql prints them. An exclamation mark means NOT NULL.
	freshnessColumns = "relid oid!, schema text!, name text!, version xid, as_of timestamptz, data_as_of timestamptz, " +
		"started_at timestamptz, finished_at timestamptz, mode text, by text, entries int8!, failures int4!, failed_at timestamptz, error text"
	historyColumns = "relid oid!, number int8!, schema text!, name text!, as_of timestamptz, data_as_of timestamptz, " +
		"started_at timestamptz, finished_at timestamptz, mode text, by text, error text"

	recordedBy = `CASE WHEN pg_catalog.current_setting('application_name') OPERATOR(pg_catalog.=) ''
                THEN SESSION_USER::pg_catalog.text ELSE pg_catalog.current_setting('application_name') END`
)

// ledgerPart returns a part with its placeholders replaced. A placeholder with the name of
// another part is replaced by that part. More are further placeholders and their values.
func ledgerPart(l dialect.Ledger, name string, more ...string) string {
	file, _ := ledgerFiles.ReadFile("ledger/" + name + ".sql") // the name is a constant
	text := strings.TrimSuffix(string(file), "\n")
	for placeholder, part := range map[string]func() string{
		"$check": func() string { return ledgerPart(l, "check") }, "$valid": func() string { return ledgerPart(l, "valid") },
		"$upstream": func() string { return ledgerPart(l, "upstream") },
		"$record": func() string {
			return ledgerPart(l, "record") + "\n" + ledgerPart(l, "history", "$entry",
				"f.as_of, f.data_as_of, f.started_at, f.finished_at, f.mode, f.by, NULL")
		},
		"$failed": func() string {
			return ledgerPart(l, "history", "$entry", "NULL, NULL, NULL, f.failed_at, NULL, "+recordedBy+", f.error")
		},
	} {
		if strings.Contains(text, placeholder) {
			text = strings.ReplaceAll(text, placeholder, part())
		}
	}
	return strings.NewReplacer(slices.Concat(more, []string{
		"$ledger", dialect.Name{Name: l.Schema}.Quoted(), "$schema", literal(l.Schema), "$owners", textArray(literals(l.Owners)),
		"$by", recordedBy, "$kept", strconv.Itoa(historyKept), "$sees_commits", seesCommits, "$layout", ledgerLayout,
		"$freshness_columns", freshnessColumns, "$history_columns", historyColumns,
	})...).Replace(text)
}

func literals(all []string) []string {
	texts := make([]string, len(all))
	for i, s := range all {
		texts[i] = literal(s)
	}
	return texts
}

// LedgerDDL returns the statements of CreateLedger. Run them in one transaction.
//
// The statements check who owns the schema, and create it if it does not exist. They fail
// if a table exists. NoteOthers adds an event trigger: a database can have only one such
// ledger.
func (postgres) LedgerDDL(l dialect.LedgerDefinition) (string, error) {
	if l.Schema == "" || len(l.Schema) > maxNameBytes || strings.IndexByte(l.Schema, 0) >= 0 {
		return "", fmt.Errorf("%w: %s is not the name of a schema: it must have 1 to %d bytes, and no NUL",
			dialect.ErrInvalid, brief(l.Schema), maxNameBytes)
	}
	text := ledgerPart(l.Ledger, "create", "$guard", dollar("massive", ledgerPart(l.Ledger, "guard"))) + "\n"
	schema := dialect.Name{Name: l.Schema}.Quoted()
	for _, role := range l.Writers {
		to := dialect.Name{Name: role}.Quoted()
		text += "GRANT USAGE ON SCHEMA " + schema + " TO " + to + ";\n" +
			"GRANT SELECT, INSERT, UPDATE, DELETE ON " + schema + ".freshness, " + schema + ".history TO " + to + ";\n"
	}
	if l.NoteOthers {
		text += "\n" + noteOthers(l.Ledger)
	}
	return text, nil
}

// noteOthers returns the DO block that creates the event trigger.
func noteOthers(l dialect.Ledger) string {
	tables := []string{
		"$freshness", relid(dialect.Name{Schema: l.Schema, Name: "freshness"}),
		"$history", relid(dialect.Name{Schema: l.Schema, Name: "history"}),
	}
	body := dollar("function", ledgerPart(l, "noted", tables...)+"\n")
	return "DO LANGUAGE plpgsql " + dollar("massive", ledgerPart(l, "note", append(tables, "$body", body)...)+"\n") + ";\n"
}

// CreateLedger sends LedgerDDL's statements in one message. If another session creates
// the ledger at the same time, it checks that one.
func (p postgres) CreateLedger(ctx context.Context, q dialect.Querier, l dialect.LedgerDefinition) error {
	text, err := p.LedgerDDL(l)
	if err != nil {
		return err
	}
	err = p.CheckLedger(ctx, q, l.Ledger)
	switch {
	case err == nil && !l.NoteOthers:
		return nil
	case err == nil:
		text = noteOthers(l.Ledger)
	case !errors.Is(err, dialect.ErrNotFound):
		return err
	}
	_, err = message(ctx, q, text)
	if _, pooled := querier.AsPool(q); err == nil || !pooled || p.CheckLedger(ctx, q, l.Ledger) != nil {
		return err
	}
	if l.NoteOthers {
		_, err = message(ctx, q, noteOthers(l.Ledger))
		return err
	}
	return nil
}

// CheckLedger reads the catalog only.
func (postgres) CheckLedger(ctx context.Context, q dialect.Querier, l dialect.Ledger) error {
	var problem, detail string
	err := q.QueryRowContext(ctx, "SELECT p.problem::pg_catalog.text, p.detail::pg_catalog.text FROM (\n"+ledgerPart(l, "check")+
		") p ORDER BY p.rank, p.detail LIMIT 1").Scan(&problem, &detail)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil
	case err != nil:
		return err
	case problem == "missing":
		return errNoLedger(l, detail)
	case problem == "denied":
		return errLedgerDenied(l, detail)
	case problem == "layout":
		return errLedgerLayout(l, "its table freshness has the comment "+brief(detail))
	default:
		return fmt.Errorf("%w: the ledger in schema %s is not safe: %s", dialect.ErrInvalid, schemaText(l), detail)
	}
}

func schemaText(l dialect.Ledger) string { return dialect.Name{Name: l.Schema}.String() }

func errNoLedger(l dialect.Ledger, detail string) error {
	return fmt.Errorf("%w: the ledger in schema %s: %s; create it with massive.CreateLedger, or in a migration with the statements of massive.LedgerDDL",
		dialect.ErrNotFound, schemaText(l), detail)
}

func errLedgerDenied(l dialect.Ledger, grant string) error {
	return fmt.Errorf("%w: the role may not use the ledger in schema %s: %s", dialect.ErrPermission, schemaText(l), grant)
}

func errLedgerLayout(l dialect.Ledger, detail string) error {
	return fmt.Errorf("%w: the ledger in schema %s has another layout: %s, and this release needs %q",
		dialect.ErrUnsupported, schemaText(l), detail, ledgerLayout)
}

// readLedger explains the error of a statement that reads the ledger without a check.
func readLedger(l dialect.Ledger, err error) error {
	table := dialect.Name{Schema: l.Schema, Name: "freshness"}
	switch sqlState(err) {
	case undefinedTable:
		if names(err, table.Schema+"."+table.Name) {
			return fmt.Errorf("%w: %w", errNoLedger(l, "it has no table freshness"), err)
		}
	case undefinedColumn:
		return fmt.Errorf("%w: %w", errLedgerLayout(l, "a column is missing"), err)
	case permissionDenied:
		if text := err.Error(); mentions(text, table.Name) || mentions(text, table.Schema) {
			return fmt.Errorf("%w: %w", errLedgerDenied(l, "GRANT USAGE ON SCHEMA "+dialect.Name{Name: l.Schema}.Quoted()+
				" and GRANT SELECT ON "+table.Quoted()), err)
		}
	}
	return err
}

// DataAge does not use ledgerPart, which takes as long as the query. It resolves the view's
// name while the statement runs, because drivers cache prepared statements.
func (postgres) DataAge(ctx context.Context, q dialect.Querier, l dialect.Ledger, view dialect.Name) (time.Duration, bool, error) {
	var micros sql.NullInt64
	err := q.QueryRowContext(ctx, fmt.Sprintf(ageFormat, dialect.Name{Name: l.Schema}.Quoted(),
		literal(view.Schema), literal(view.Name), literal(view.Quoted()))).Scan(&micros)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, false, errGone()
	}
	return time.Duration(micros.Int64) * time.Microsecond, micros.Valid, readLedger(l, err)
}

var ageFormat = strings.NewReplacer("$ledger", "%[1]s", "$schema", "%[2]s", "$name", "%[3]s", "$view", "%[4]s").Replace(ageText)

// Freshness reads pg_locks to find the refreshes that are running: of the library, by
// their advisory lock, and of other clients, by their lock on the view.
func (postgres) Freshness(ctx context.Context, q dialect.Querier, l dialect.Ledger, views []dialect.Name) ([]dialect.Freshness, error) {
	wanted := "true"
	if views != nil {
		schemas, viewNames := make([]string, len(views)), make([]string, len(views))
		for i, n := range views {
			schemas[i], viewNames[i] = n.Schema, n.Name
		}
		wanted = "EXISTS (SELECT FROM ROWS FROM (pg_catalog.unnest(" + textArray(literals(schemas)) + "), pg_catalog.unnest(" + textArray(literals(viewNames)) + `)) w (schema, name)
        WHERE w.schema OPERATOR(pg_catalog.=) n.nspname::pg_catalog.text AND w.name OPERATOR(pg_catalog.=) c.relname::pg_catalog.text)`
	}
	doubt := func(d dialect.Doubt) string { return strconv.Itoa(int(d)) }
	text := ledgerPart(l, "freshness", "$wanted", wanted, "$key", strconv.Itoa(refreshKey),
		"$empty", doubt(dialect.DoubtEmpty), "$unrecorded", doubt(dialect.DoubtUnrecorded),
		"$touched", doubt(dialect.DoubtTouched), "$clock", doubt(dialect.DoubtClock))
	rows, err := q.QueryContext(ctx, microseconds.ReplaceAllString(text, microsOf))
	if err != nil {
		return nil, readLedger(l, err)
	}
	defer rows.Close()
	all := []dialect.Freshness{}
	for rows.Next() {
		var f dialect.Freshness
		var doubt int64
		var now, asOf, dataAsOf, started, finished, failed, since sql.NullInt64
		var running sql.NullString
		if err := rows.Scan(&f.ID, &f.Name.Schema, &f.Name.Name, &now, &doubt, &asOf, &dataAsOf, &started, &finished,
			&f.Concurrently, &f.By, &f.Failures, &failed, &f.Error, &running, &since); err != nil {
			return nil, err
		}
		f.Now, f.Doubt, f.Started, f.Finished, f.FailedAt = moment(now), dialect.Doubt(doubt), moment(started), moment(finished), moment(failed)
		if f.Doubt == 0 {
			f.AsOf, f.DataAsOf = moment(asOf), moment(dataAsOf)
		}
		if running.Valid {
			f.Running = &dialect.RunningRefresh{By: running.String, Since: moment(since)}
		}
		all = append(all, f)
	}
	return all, readLedger(l, rows.Err())
}

// In ledger/freshness.sql, $micros(t) is the time t in microseconds since 1970, or NULL.
var microseconds = regexp.MustCompile(`\$micros\(([a-z_.]+)\)`)

const microsOf = `(pg_catalog.date_part('epoch', $1) OPERATOR(pg_catalog.*) '1000000')::bigint`

// moment converts microseconds since 1970.
func moment(micros sql.NullInt64) time.Time {
	if !micros.Valid {
		return time.Time{}
	}
	return time.UnixMicro(micros.Int64)
}

// RecordFailure checks the ledger and writes the failure in one message.
func (p postgres) RecordFailure(ctx context.Context, q dialect.Querier, l dialect.Ledger, view dialect.Name, why string) error {
	why = strings.ReplaceAll(strings.ToValidUTF8(dialect.Cut(why, dialect.MaxText), "?"), "\x00", "?")
	result, err := message(ctx, q, readCommitted(q)+"DO LANGUAGE plpgsql "+literal(ledgerPart(l, "failure", "$view", literal(view.Quoted()),
		"$why", literal(why), "$unusable", strconv.Itoa(ledgerUnusable),
		"$same", "f.schema OPERATOR(pg_catalog.=) EXCLUDED.schema AND f.name OPERATOR(pg_catalog.=) EXCLUDED.name"))+";\n"+outcomeText)
	if err != nil {
		return err
	}
	n, err := result.RowsAffected()
	if err != nil || n == 0 {
		return err
	}
	return p.unusable(ctx, q, l)
}

// MoveRecords returns a statement after which the records of views that were moved out of
// these schemas, in the same transaction, are those of the moved views. If the ledger can't
// be used, it does nothing. It is no part of the contract: package replace calls it.
func (postgres) MoveRecords(l dialect.Ledger, schemas []string) string {
	return "DO LANGUAGE plpgsql " + dollar("massive", ledgerPart(l, "move", "$schemas", textArray(literals(schemas)))+"\n")
}

// unusable says why a message found the ledger not usable.
func (p postgres) unusable(ctx context.Context, q dialect.Querier, l dialect.Ledger) error {
	if err := p.CheckLedger(ctx, q, l); err != nil {
		return err
	}
	return fmt.Errorf("the ledger in schema %s was changed meanwhile; try again", schemaText(l))
}

// readCommitted is the first statement of a message on a pool, for sessions whose default
// is another isolation level. It ends with the message.
func readCommitted(q dialect.Querier) string {
	if _, pooled := querier.AsPool(q); pooled {
		return "SET TRANSACTION ISOLATION LEVEL READ COMMITTED;\n"
	}
	return ""
}
