package postgres

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/massivedb/massive-go/dialect"
)

// RefreshMatview sends REFRESH MATERIALIZED VIEW
// (https://www.postgresql.org/docs/current/sql-refreshmaterializedview.html). If Analyze,
// IfPossible, SkipIfBusy, LockTimeout or Record is set, it sends the message of
// refreshText.
func (p postgres) RefreshMatview(
	ctx context.Context, q dialect.Querier, view dialect.Name, how dialect.Refresh,
) (dialect.Refreshed, error) {
	if !how.Analyze && !how.IfPossible && !how.SkipIfBusy && how.LockTimeout == 0 && how.Record == nil {
		_, err := q.ExecContext(ctx, refreshStatement(view, how.Concurrently, how.NoData))
		return dialect.Refreshed{Concurrently: how.Concurrently}, err
	}
	text := refreshText(view, how)
	if how.Record != nil {
		text = readCommitted(q) + text
	}
	result, err := message(ctx, q, text)
	if err != nil {
		return dialect.Refreshed{}, err
	}
	n, err := result.RowsAffected()
	if err != nil {
		return dialect.Refreshed{}, fmt.Errorf("the refresh is done, but the driver does not return its outcome: %w", err)
	}
	r, ok := outcomes[n&^refreshRecorded]
	r.Recorded = n&refreshRecorded != 0
	switch {
	case n == ledgerUnusable:
		return dialect.Refreshed{}, p.unusable(ctx, q, *how.Record)
	case n == keepsSnapshot:
		return dialect.Refreshed{}, errKeepsSnapshot()
	case !ok:
		return dialect.Refreshed{}, fmt.Errorf("the refresh is done, but the server returned the unknown outcome %d", n)
	}
	return r, nil
}

// errKeepsSnapshot is the error for a refresh by age in a transaction that can't see the
// records of other sessions.
func errKeepsSnapshot() error {
	return fmt.Errorf("%w: the transaction keeps one snapshot (REPEATABLE READ or SERIALIZABLE), so it can't see that another session "+
		"has refreshed the view: use READ COMMITTED or a pool", dialect.ErrUnsupported)
}

// The outcomes of a refresh. They are the row counts of refreshText's last statement.
const (
	skippedBusy = iota + 1
	refreshedBlocking
	refreshedConcurrently
	blockedUnpopulated // refreshed blocking, because the view was not populated
	blockedNoUsable    // refreshed blocking, because none of its unique indexes was usable
	skippedWaiting     // waited until the lock timeout, then skipped
	blockedNoUnique    // refreshed blocking, because it had no unique index
	wasFresh
	becameFresh    // fresh after the wait for another session
	ledgerUnusable // nothing was done
	keepsSnapshot  // nothing was done

	refreshRecorded = 16 // is added to the outcomes of a refresh that is recorded
)

var outcomes = map[int64]dialect.Refreshed{
	skippedBusy:           {Busy: true},
	refreshedBlocking:     {},
	refreshedConcurrently: {Concurrently: true},
	blockedUnpopulated:    {Prevented: dialect.BlockerNotPopulated},
	blockedNoUsable:       {Prevented: dialect.BlockerNoUsableIndex},
	skippedWaiting:        {Busy: true, Waited: true},
	blockedNoUnique:       {Prevented: dialect.BlockerNoUniqueIndex},
	wasFresh:              {Fresh: true},
	becameFresh:           {Fresh: true, Waited: true},
}

func refreshStatement(view dialect.Name, concurrently, noData bool) string {
	text := "REFRESH MATERIALIZED VIEW "
	if concurrently {
		text += "CONCURRENTLY "
	}
	text += view.Quoted()
	if noData {
		text += " WITH NO DATA"
	}
	return text
}

// refreshKey is the first half of the advisory lock that a refresh with SkipIfBusy holds:
// the ASCII letters "mass". The second half is the view's oid. In pg_locks they are
// classid and objid.
const refreshKey = 0x6d617373

// refreshText returns several statements for one message (see message). A DO block
// refreshes the view and stores the outcome in a transaction setting. The last statement
// returns the outcome as a row count, and clears the setting.
//
// A step that may fail without a mistake of the caller runs in a subtransaction, a block
// with an exception clause. If it fails, its locks are released and the transaction stays
// alive.
func refreshText(view dialect.Name, how dialect.Refresh) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	part := func(name string, more ...string) { b.WriteString(ledgerPart(*how.Record, name, more...) + "\n") }
	relation := literal(view.Quoted())
	skips := how.SkipIfBusy || how.IfOlder

	line("DECLARE")
	line("  rel pg_catalog.oid := %s::pg_catalog.regclass;", relation)
	line("  saved_timeout pg_catalog.text := pg_catalog.current_setting('lock_timeout');")
	line("  outcome integer := %d;", map[bool]int{false: refreshedBlocking, true: refreshedConcurrently}[how.Concurrently || how.IfPossible])
	if skips {
		line("  may boolean := %s;", mayRefresh)
		line("  started pg_catalog.timestamptz := pg_catalog.clock_timestamp();")
	}
	if how.Record != nil {
		line(recordVariables)
	}
	if how.IfOlder {
		age := max(how.OlderThan, 0)
		line(olderVariables, age/time.Second, age%time.Second/time.Microsecond)
	}
	line("BEGIN")
	if how.Record != nil {
		line("<<massive>>\nBEGIN")
		part("recording", "$optional", strconv.FormatBool(how.Record.Optional), "$unusable", strconv.Itoa(ledgerUnusable))
	}
	if how.IfOlder {
		line("IF NOT %s THEN\n  outcome := %d;\n  EXIT massive;\nEND IF;", seesCommits, keepsSnapshot)
	}
	if how.LockTimeout > 0 {
		line("PERFORM pg_catalog.set_config('lock_timeout', '%d', true);", (how.LockTimeout+time.Millisecond-1)/time.Millisecond)
	}
	if skips {
		line("BEGIN")
	}
	if how.SkipIfBusy {
		line(refreshBusy, skippedBusy, int64(refreshKey)<<32)
	}
	if how.IfOlder {
		if !how.SkipIfBusy {
			line(refreshAlone, int64(refreshKey)<<32, how.Wait, skippedBusy, settled)
		}
		part("older")
		line(refreshFresh, becameFresh, wasFresh, settled)
	}
	if how.Record != nil {
		part("begin")
	}
	if how.IfPossible {
		prevented := fmt.Sprintf(refreshPrevented, blockedUnpopulated, blockedNoUsable, blockedNoUnique)
		line(refreshIfPossible, prevented, refreshedConcurrently, refreshStatement(view, true, false),
			featureNotSupported, blockedUnpopulated, blockedNoUsable, refreshStatement(view, false, false))
	} else {
		line("%s;", refreshStatement(view, how.Concurrently, how.NoData))
	}
	if how.Analyze {
		line(refreshAnalyze, mayRefresh, view.Quoted())
	}
	if how.Record != nil {
		empty := ""
		if how.NoData {
			empty = "moment := NULL; sources := NULL; way := 'no data';"
		}
		line("way := CASE WHEN outcome OPERATOR(pg_catalog.=) %d THEN 'concurrent' ELSE 'blocking' END;", refreshedConcurrently)
		part("end", "$empty", empty)
	}
	if how.SkipIfBusy {
		line("END IF;")
	}
	if skips {
		line("EXCEPTION")
	}
	if how.SkipIfBusy {
		line("WHEN lock_not_available THEN")
		line(refreshNotTimeout)
		line("  outcome := %d;", skippedWaiting)
	}
	if how.IfOlder {
		line("WHEN SQLSTATE '%s' THEN\n  IF NOT decided THEN\n    RAISE;\n  END IF;", settled)
	}
	if skips {
		line("END;")
	}
	if how.Record != nil {
		line("END massive;")
	}
	if how.LockTimeout > 0 {
		line("PERFORM pg_catalog.set_config('lock_timeout', saved_timeout, true);")
	}
	if how.Record != nil {
		line("IF recorded THEN\n  outcome := outcome OPERATOR(pg_catalog.+) %d;\nEND IF;", refreshRecorded)
	}
	line("PERFORM pg_catalog.set_config('massive.outcome', outcome::pg_catalog.text, true);")
	line("END")

	return "DO LANGUAGE plpgsql " + literal(b.String()) + ";\n" + outcomeText
}

// outcomeText returns the outcome of a DO block as a row count, and clears the setting.
const outcomeText = `SELECT FROM pg_catalog.generate_series(1, pg_catalog.current_setting('massive.outcome')::integer)
WHERE pg_catalog.set_config('massive.outcome', '', true) OPERATOR(pg_catalog.=) ''`

// The variables of a refresh that is recorded, and of one by age.
const (
	recordVariables = `  recording boolean; recorded boolean := false; noted pg_catalog.text; way pg_catalog.text; entry bigint;
  moment pg_catalog.timestamptz; sources pg_catalog.timestamptz; before pg_catalog.timestamptz;
  begun pg_catalog.timestamptz; ended pg_catalog.timestamptz;`
	olderVariables = `  older boolean; waited boolean := false; decided boolean := false;
  known pg_catalog.timestamptz; data pg_catalog.timestamptz;
  oldest pg_catalog.timestamptz := started OPERATOR(pg_catalog.-) pg_catalog.make_interval(secs => %d.%06d);`
)

// settled is the SQLSTATE that ends the subtransaction of a refresh by age without a
// refresh, so that its advisory lock is released. A view's query may raise it, too: the
// variable decided says who did.
const settled = "MV001"

// refreshAlone takes the advisory lock of refreshBusy, or waits for it. A role without
// the right to refresh never takes it.
const refreshAlone = `IF may AND NOT pg_catalog.pg_try_advisory_xact_lock(%[1]d OPERATOR(pg_catalog.+) rel::bigint) THEN
  IF %[2]t THEN
    waited := true;
    PERFORM pg_catalog.pg_advisory_xact_lock(%[1]d OPERATOR(pg_catalog.+) rel::bigint);
  ELSE
    outcome := %[3]d;
    decided := true;
    RAISE SQLSTATE '%[4]s';
  END IF;
END IF;`

const refreshFresh = `IF NOT older THEN
  outcome := CASE WHEN waited THEN %[1]d ELSE %[2]d END;
  decided := true;
  RAISE SQLSTATE '%[3]s';
END IF;`

// mayRefresh is the server's own rule for the right to refresh. The right to ANALYZE
// follows from it.
const mayRefresh = `(
    SELECT CASE WHEN pg_catalog.current_setting('server_version_num')::integer OPERATOR(pg_catalog.>=) 170000
                THEN pg_catalog.has_table_privilege(c.oid, 'MAINTAIN') ELSE pg_catalog.pg_has_role(c.relowner, 'USAGE') END
      FROM pg_catalog.pg_class c WHERE c.oid OPERATOR(pg_catalog.=) rel)`

// refreshBusy checks whether another session, of any client, refreshes the view or waits
// to. The refresh follows in its ELSE. Every refresh takes an EXCLUSIVE or ACCESS
// EXCLUSIVE lock, and readers take neither. If several sessions find no lock at the same
// moment, only one gets the advisory lock. A role without the right to refresh skips
// these checks, so that it never holds the advisory lock. The refresh then fails.
const refreshBusy = `IF may AND EXISTS (
  SELECT FROM pg_catalog.pg_locks l
   WHERE l.locktype OPERATOR(pg_catalog.=) 'relation' AND l.relation OPERATOR(pg_catalog.=) rel
     AND l.database OPERATOR(pg_catalog.=) (
           SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database())
     AND l.mode OPERATOR(pg_catalog.=) ANY ('{ExclusiveLock,AccessExclusiveLock}')
     AND (l.pid OPERATOR(pg_catalog.=) pg_catalog.pg_backend_pid()) IS NOT TRUE
) THEN
  outcome := %[1]d;
ELSIF may AND NOT pg_catalog.pg_try_advisory_xact_lock(%[2]d OPERATOR(pg_catalog.+) rel::bigint) THEN
  outcome := %[1]d;
ELSE`

// refreshNotTimeout raises the error again if the lock timeout did not cause it: there is
// no timeout, or it has not passed yet. Then the view's query raised it, for example by
// LOCK TABLE … NOWAIT. The timeout is in milliseconds. One millisecond is subtracted for
// rounding.
const refreshNotTimeout = `IF (SELECT s.setting OPERATOR(pg_catalog.=) '0' OR
              (pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() OPERATOR(pg_catalog.-) started)
               OPERATOR(pg_catalog.*) '1000') OPERATOR(pg_catalog.<) (s.setting::double precision OPERATOR(pg_catalog.-) '1')
       FROM pg_catalog.pg_settings s WHERE s.name OPERATOR(pg_catalog.=) 'lock_timeout') THEN
  RAISE;
END IF;`

// refreshAnalyze checks the right again, because a role may lose it while the refresh
// runs. ANALYZE would then only warn, and the statistics would be missing.
const refreshAnalyze = `IF %[1]s IS NOT TRUE THEN
  RAISE insufficient_privilege USING MESSAGE = 'the right to analyze the view was revoked during its refresh';
END IF;
ANALYZE %[2]s;`

// refreshPrevented sets the outcome to the reason that prevents a concurrent refresh, if
// there is one.
const refreshPrevented = `IF NOT (SELECT c.relispopulated FROM pg_catalog.pg_class c WHERE c.oid OPERATOR(pg_catalog.=) rel) THEN
  outcome := %[1]d;
ELSIF NOT EXISTS (
  SELECT FROM pg_catalog.pg_index i
   WHERE i.indrelid OPERATOR(pg_catalog.=) rel AND i.indisunique AND i.indimmediate AND i.indisvalid
     AND i.indpred IS NULL AND i.indexprs IS NULL
) THEN
  outcome := CASE WHEN EXISTS (SELECT FROM pg_catalog.pg_index i WHERE i.indrelid OPERATOR(pg_catalog.=) rel AND i.indisunique)
                  THEN %[2]d ELSE %[3]d END;
END IF;`

// refreshIfPossible checks the view's current state, not the loaded one. Others may
// change the view after the check. So if the concurrent refresh fails, it checks again.
// If still nothing prevents it, the error came from the view's query, for example from
// another view without data. The caller then gets the error, and no blocking refresh
// follows. If the transaction keeps one snapshot, the second check may be outdated, and
// the blocking refresh follows.
const refreshIfPossible = `%[1]s
IF outcome OPERATOR(pg_catalog.=) %[2]d THEN
  BEGIN
    %[3]s;
  EXCEPTION WHEN feature_not_supported OR object_not_in_prerequisite_state THEN
    %[1]s
    IF outcome OPERATOR(pg_catalog.=) %[2]d THEN
      IF ` + seesCommits + ` THEN
        RAISE;
      END IF;
      outcome := CASE WHEN SQLSTATE OPERATOR(pg_catalog.=) '%[4]s' THEN %[5]d ELSE %[6]d END;
    END IF;
  END;
END IF;
IF outcome OPERATOR(pg_catalog.<>) %[2]d THEN
  %[7]s;
END IF;`

// RefreshBlockers uses the loaded state only.
func (postgres) RefreshBlockers(view *dialect.MatviewDef, on dialect.Server, concurrently bool) ([]dialect.Blocker, error) {
	var all []dialect.Blocker
	if on.Standby {
		all = append(all, dialect.Blocker{Reason: dialect.BlockerOnStandby, Detail: "it replicates the primary; refresh it there"})
	}
	role := dialect.Name{Name: on.User}.Quoted()
	if !view.Reachable {
		all = append(all, dialect.Blocker{
			Reason: dialect.BlockerNotAllowed, Detail: "the role lacks USAGE on its schema",
			Fix: "GRANT USAGE ON SCHEMA " + dialect.Name{Name: view.Name.Schema}.Quoted() + " TO " + role,
		})
	}
	if !view.MayRefresh && view.Reachable {
		all = append(all, notAllowed(view, on, role))
	}
	if !concurrently {
		return all, nil
	}
	if !view.Populated {
		all = append(all, dialect.Blocker{
			Reason: dialect.BlockerNotPopulated, Detail: "a concurrent refresh needs its previous rows",
			Fix: refreshStatement(view.Name, false, false),
		})
	}
	if !slices.ContainsFunc(view.Indexes, usable) {
		all = append(all, noIndex(view))
	}
	return all, nil
}

// maintain is the first major with the privilege MAINTAIN.
const maintain = 17

func notAllowed(view *dialect.MatviewDef, on dialect.Server, role string) dialect.Blocker {
	if on.Major >= maintain {
		return dialect.Blocker{
			Reason: dialect.BlockerNotAllowed, Detail: "the role neither owns it nor has MAINTAIN on it",
			Fix: "GRANT MAINTAIN ON " + view.Name.Quoted() + " TO " + role,
		}
	}
	h := dialect.Blocker{
		Reason: dialect.BlockerNotAllowed, Detail: "the role doesn't own it; before PostgreSQL " + strconv.Itoa(maintain) + " only its owner may refresh it",
		Fix: "GRANT " + dialect.Name{Name: view.Owner}.Quoted() + " TO " + role,
	}
	if view.SuperOwner {
		h.Detail += "; members of its owner can become superuser, so transfer it to a role that may read its sources"
		h.Fix = "ALTER MATERIALIZED VIEW " + view.Name.Quoted() + " OWNER TO " + role
	}
	return h
}

// maxIndexColumns is the server's INDEX_MAX_KEYS.
const maxIndexColumns = 32

// invalidIndex is the Unfit text for an index that a failed CREATE INDEX CONCURRENTLY
// left.
const invalidIndex = "it is invalid (its build failed)"

// noIndex returns the blocker of a view without a usable unique index. If a unique index
// is invalid, Fix rebuilds it. If not, Fix creates an index on all columns, because only
// the caller knows which of them identify a row.
func noIndex(view *dialect.MatviewDef) dialect.Blocker {
	h := dialect.Blocker{Reason: dialect.BlockerNoUniqueIndex}
	var unfit []dialect.Index
	for _, i := range view.Indexes {
		if i.Unique {
			h.Reason = dialect.BlockerNoUsableIndex
		}
		if i.Unfit != "" {
			unfit = append(unfit, i)
		}
		if i.Unique && i.Unfit == invalidIndex && h.Fix == "" {
			h.Fix = "REINDEX INDEX " + dialect.Name{Schema: view.Name.Schema, Name: i.Name}.Quoted()
		}
	}
	h.Detail = dialect.Few(unfit, "; ", func(i dialect.Index) string {
		return "index " + dialect.Name{Name: i.Name}.String() + " can't be used: " + i.Unfit
	})
	if h.Fix != "" {
		return h
	}
	var columns []string
	for _, c := range view.Columns {
		if !unordered[strings.TrimRight(c.Type, "[]")] {
			columns = append(columns, dialect.Name{Name: c.Name}.Quoted())
		}
	}
	if len(columns) > 0 {
		columns = columns[:min(len(columns), maxIndexColumns)]
		h.Fix = "CREATE UNIQUE INDEX ON " + view.Name.Quoted() + " (" + strings.Join(columns, ", ") + ")"
	}
	return h
}

// unordered has the types without an order. They can't be in a unique index.
var unordered = map[string]bool{
	"json": true, "xml": true, "point": true, "line": true, "lseg": true, "box": true, "path": true, "polygon": true, "circle": true,
}

func usable(i dialect.Index) bool { return i.Unfit == "" }
