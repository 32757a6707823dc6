package postgres

// Refreshing (https://www.postgresql.org/docs/current/sql-refreshmaterializedview.html): as one statement where that
// does, and else as one message that looks, refreshes and tells what came of it.

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/massivedb/massive-go/dialect"
)

// RefreshMatview sends REFRESH MATERIALIZED VIEW, or the message of refreshText where it is to find out how, to wait
// only so long, or to give way.
func (postgres) RefreshMatview(
	ctx context.Context, q dialect.Querier, view dialect.Name, how dialect.Refresh,
) (dialect.Refreshed, error) {
	if !how.IfPossible && !how.SkipIfBusy && how.LockTimeout == 0 {
		_, err := q.ExecContext(ctx, refreshStatement(view, how.Concurrently, how.NoData))
		return dialect.Refreshed{Concurrently: how.Concurrently}, err
	}
	result, err := message(ctx, q, refreshText(view, how))
	if err != nil {
		return dialect.Refreshed{}, err
	}
	n, err := result.RowsAffected()
	if err != nil {
		return dialect.Refreshed{}, fmt.Errorf("the server took the refresh, and the driver doesn't tell its outcome: %w", err)
	}
	if r, ok := outcomes[n]; ok {
		return r, nil
	}
	return dialect.Refreshed{}, fmt.Errorf("the server took the refresh, and tells the unknown outcome %d", n)
}

// The outcomes of a refresh, as the number of rows that refreshText's last statement returns.
const (
	skippedBusy = iota + 1
	refreshedBlocking
	refreshedConcurrently
	blockedUnpopulated // refreshed blocking, since the view was not populated
	blockedNoUsable    // or since it had unique indexes, and none to use
	skippedWaiting     // as long as the lock timeout allows
	blockedNoUnique    // refreshed blocking, since it had no unique index
)

var outcomes = map[int64]dialect.Refreshed{
	skippedBusy:           {Busy: true},
	refreshedBlocking:     {},
	refreshedConcurrently: {Concurrently: true},
	blockedUnpopulated:    {Prevented: dialect.BlockerNotPopulated},
	blockedNoUsable:       {Prevented: dialect.BlockerNoUsableIndex},
	skippedWaiting:        {Busy: true, Waited: true},
	blockedNoUnique:       {Prevented: dialect.BlockerNoUniqueIndex},
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

// refreshKey is the first half of the advisory lock that is held while a refresh runs which others are to give way
// to: the letters mass. The second half is the view's oid; in pg_locks they are classid and objid.
const refreshKey = 0x6d617373

// refreshText is several statements for one ExecContext without arguments, which every driver sends as one message. A
// block does the work and notes the outcome in a setting of the transaction's, which the last statement turns into a
// number of rows and clears.
//
// What may fail without a fault of the caller's runs in a block of its own with an exception clause, a subtransaction:
// then it takes back its locks, and leaves the transaction alive.
func refreshText(view dialect.Name, how dialect.Refresh) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	relation := literal(view.Quoted())

	line("DECLARE")
	line("  rel pg_catalog.oid := %s::pg_catalog.regclass;", relation)
	line("  patience pg_catalog.text := pg_catalog.current_setting('lock_timeout');")
	line("  outcome integer := %d;", map[bool]int{false: refreshedBlocking, true: refreshedConcurrently}[how.Concurrently || how.IfPossible])
	if how.SkipIfBusy {
		line("  may boolean := %s;", mayRefresh)
		line("  begun pg_catalog.timestamptz := pg_catalog.clock_timestamp();")
	}
	line("BEGIN")
	if how.LockTimeout > 0 {
		line("PERFORM pg_catalog.set_config('lock_timeout', '%d', true);", (how.LockTimeout+time.Millisecond-1)/time.Millisecond)
	}
	if how.SkipIfBusy {
		line("BEGIN")
		line(refreshBusy, skippedBusy, int64(refreshKey)<<32)
	}
	if how.IfPossible {
		hindered := fmt.Sprintf(refreshHindered, blockedUnpopulated, blockedNoUsable, blockedNoUnique)
		line(refreshIfPossible, hindered, refreshedConcurrently, refreshStatement(view, true, false),
			featureNotSupported, blockedUnpopulated, blockedNoUsable, refreshStatement(view, false, false))
	} else {
		line("%s;", refreshStatement(view, how.Concurrently, how.NoData))
	}
	if how.SkipIfBusy {
		line("END IF;")
		line("EXCEPTION WHEN lock_not_available THEN")
		line(refreshNotWaited)
		line("  outcome := %d;", skippedWaiting)
		line("END;")
	}
	if how.LockTimeout > 0 {
		line("PERFORM pg_catalog.set_config('lock_timeout', patience, true);")
	}
	line("PERFORM pg_catalog.set_config('massive.outcome', outcome::pg_catalog.text, true);")
	line("END")

	return "DO LANGUAGE plpgsql " + literal(b.String()) + `;
SELECT FROM pg_catalog.generate_series(1, pg_catalog.current_setting('massive.outcome')::integer)
WHERE pg_catalog.set_config('massive.outcome', '', true) OPERATOR(pg_catalog.=) ''`
}

// mayRefresh is the server's own rule.
const mayRefresh = `(
    SELECT CASE WHEN pg_catalog.current_setting('server_version_num')::integer OPERATOR(pg_catalog.>=) 170000
                THEN pg_catalog.has_table_privilege(c.oid, 'MAINTAIN') ELSE pg_catalog.pg_has_role(c.relowner, 'USAGE') END
      FROM pg_catalog.pg_class c WHERE c.oid OPERATOR(pg_catalog.=) rel)`

// refreshBusy finds out whether somebody else refreshes the view or waits to, with whatever client; the refresh goes
// into its ELSE. A refresh of either kind takes an EXCLUSIVE lock, and most changes of the view's definition an ACCESS
// EXCLUSIVE one; a reader takes neither. Of those who find nobody at the same moment only one gets the advisory lock. A
// role that may not refresh the view goes on to the refresh, which refuses it: with the lock it would keep others away.
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

// refreshNotWaited raises the error again where the time limit can't have been what ended: there is none, or it is not over yet.
// Then something in the view's query raised it, such as a LOCK TABLE … NOWAIT. The limit is in milliseconds; one is for
// what clocks round off.
const refreshNotWaited = `IF (SELECT s.setting OPERATOR(pg_catalog.=) '0' OR
              (pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() OPERATOR(pg_catalog.-) begun)
               OPERATOR(pg_catalog.*) '1000') OPERATOR(pg_catalog.<) (s.setting::double precision OPERATOR(pg_catalog.-) '1')
       FROM pg_catalog.pg_settings s WHERE s.name OPERATOR(pg_catalog.=) 'lock_timeout') THEN
  RAISE;
END IF;`

// refreshHindered is what is in the way of a concurrent refresh.
const refreshHindered = `IF NOT (SELECT c.relispopulated FROM pg_catalog.pg_class c WHERE c.oid OPERATOR(pg_catalog.=) rel) THEN
  outcome := %[1]d;
ELSIF NOT EXISTS (
  SELECT FROM pg_catalog.pg_index i
   WHERE i.indrelid OPERATOR(pg_catalog.=) rel AND i.indisunique AND i.indimmediate AND i.indisvalid
     AND i.indpred IS NULL AND i.indexprs IS NULL
) THEN
  outcome := CASE WHEN EXISTS (SELECT FROM pg_catalog.pg_index i WHERE i.indrelid OPERATOR(pg_catalog.=) rel AND i.indisunique)
                  THEN %[2]d ELSE %[3]d END;
END IF;`

// refreshIfPossible looks at the view as it is now, not as it was loaded. Others may change it right behind that look, so
// a refusal is looked into: it may as well come out of the view's query, from a view that this one reads and that has
// no data, for instance, and is then the caller's to know, and no reason to shut readers out. In a transaction with a
// snapshot of its own both looks may be old ones, and a refusal is believed.
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

// RefreshBlockers goes by what was loaded.
func (postgres) RefreshBlockers(view *dialect.MatviewDef, on dialect.Server, concurrently bool) ([]dialect.Blocker, error) {
	var all []dialect.Blocker
	if on.Standby {
		all = append(all, dialect.Blocker{Reason: dialect.BlockerOnStandby, Detail: "it takes the primary's rows; refresh it there"})
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
			Reason: dialect.BlockerNotPopulated, Detail: "it has no rows to keep for readers",
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
		Reason: dialect.BlockerNotAllowed, Detail: "the role doesn't own it, which before PostgreSQL " + strconv.Itoa(maintain) + " it must",
		Fix: "GRANT " + dialect.Name{Name: view.Owner}.Quoted() + " TO " + role,
	}
	if view.SuperOwner {
		h.Detail += "; its owner's members can act as superusers, so give it to a role that may read what it reads"
		h.Fix = "ALTER MATERIALIZED VIEW " + view.Name.Quoted() + " OWNER TO " + role
	}
	return h
}

// maxIndexColumns is the server's INDEX_MAX_KEYS.
const maxIndexColumns = 32

// invalidIndex is why an index is unfit that a failed CREATE INDEX CONCURRENTLY left.
const invalidIndex = "it is invalid (its build failed)"

// noIndex says that a concurrent refresh has no index to use, and which statement helps.
// An invalid unique index is built again, since a second one beside it would be in vain.
// Else the statement makes one on all columns: only the caller knows which of them
// identify a row.
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
		return "index " + dialect.Name{Name: i.Name}.String() + " is no help: " + i.Unfit
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

// unordered are the types that no unique index can be on, since they have no order.
var unordered = map[string]bool{
	"json": true, "xml": true, "point": true, "line": true, "lseg": true, "box": true, "path": true, "polygon": true, "circle": true,
}

func usable(i dialect.Index) bool { return i.Unfit == "" }
