package replace

import (
	"fmt"
	"slices"
	"strings"

	"github.com/massivedb/massive-go/massive"
)

// A script has the statements of each phase.
type script struct {
	build, fill, refill, index, guard, swap []string
	restore, look                           string
	id                                      string
	refreshes                               map[string]massive.Name // the views that statements of fill and refill refresh
	schemas                                 []string                // the shadow schemas
}

// String returns the replacement as an SQL script, from BEGIN to COMMIT, for review and for
// migration tools. If the views are not as they were planned, or were refreshed during the
// build, the script fails with the SQLSTATE 55000, and nothing has changed. The script
// tries the swap once, and does not wait for older transactions first.
func (r *Replacement) String() string {
	var b strings.Builder
	phase := func(title string, parts ...[]string) {
		fmt.Fprintf(&b, "\n-- %s\n", title)
		for _, text := range slices.Concat(parts...) {
			b.WriteString(text + ";\n")
		}
	}
	b.WriteString("-- Replaces the query of " + strings.NewReplacer("\n", " ", "\r", " ").Replace(r.View.Quoted()) + ".\nBEGIN ISOLATION LEVEL READ COMMITTED;\n")
	phase("1. Build: the views a second time, without data", r.script.build)
	phase("2. Fill, while readers read the old views", r.script.fill, r.script.index)
	phase("3. Guard: no refresh and no DDL; readers don't notice it", r.script.guard)
	phase("4. Swap: readers wait from here", r.script.swap)
	b.WriteString("COMMIT;\n")
	return b.String()
}

// guardTimeout is longer than deadlock_timeout, after which the server cancels an
// autovacuum that blocks the guard.
const guardTimeout = "SET LOCAL lock_timeout = '5s'"

func (r *rehearsal) write(after []*view) (s script) {
	s.id = r.id
	s.restore = fmt.Sprintf("SELECT pg_catalog.count(pg_catalog.set_config(s.name, s.value, true)) FROM %s.settings s", r.id)
	stamp := r.stamp()

	var values []string
	for _, name := range settingNames {
		values = append(values, "("+literal(name)+")")
	}
	s.build = append([]string{
		"CREATE SCHEMA " + r.id,
		fmt.Sprintf("CREATE TABLE %s.settings AS SELECT n.name, pg_catalog.current_setting(n.name) AS value FROM (VALUES %s) n(name)",
			r.id, strings.Join(values, ", ")),
		settingsText,
		r.facts(),
	}, slices.Concat(r.checkEarly(), r.schemas())...)
	r.shadows = map[massive.Name]string{}
	for _, v := range after {
		if v.mode == rebuilt {
			s.build = append(s.build, r.create(v))
			// The owner is set before the indexes, whose functions the server runs as the owner.
			s.build = append(s.build, v.all("shape")...)
			s.build = append(s.build, v.all("index")...)
			r.shadows[v.Name] = v.one("shadow")
		}
	}
	// Names may mean other objects than in the rehearsal. Nothing has run yet.
	s.build = append(s.build, r.check(r.views[0].shadow(), nil, r.built), fmt.Sprintf("CREATE TABLE %s.filled AS SELECT %s AS refreshed, pg_catalog.clock_timestamp() AS at", r.id, stamp))

	s.refill = []string{fmt.Sprintf("UPDATE %s.filled SET refreshed = %s, at = pg_catalog.clock_timestamp()", r.id, stamp), s.restore}
	s.fill, s.refreshes = []string{s.restore}, map[string]massive.Name{}
	for _, v := range after {
		if v.mode != rebuilt || !v.materialized() {
			continue
		}
		if v.populated() {
			refresh := "REFRESH MATERIALIZED VIEW " + v.shadow()
			s.refreshes[refresh] = massive.Name{Schema: v.one("shadow"), Name: v.Name.Name}
			s.fill = append(s.fill, refresh, "ANALYZE "+v.shadow())
			s.refill = append(s.refill, refresh, "ANALYZE "+v.shadow())
		}
	}
	s.refill = append(s.refill, settingsText)
	s.index = []string{settingsText}

	var guards, locks []string
	for _, v := range slices.Backward(r.views) {
		if v.mode == rebuilt {
			guards = append(guards, v.all("guard")...)
		}
		// It locks the view and changes nothing: the option is one of indexes. It writes the
		// row of pg_class, so that a GRANT, which takes no lock, can't follow the check.
		if v.mode != kept {
			locks = append(locks, fmt.Sprintf("ALTER %s %s RESET (fastupdate)", v.word(), v.Quoted()))
		}
	}
	s.guard = append(append([]string{guardTimeout}, r.checkEarly()...), r.raise(guards, fmt.Sprintf("(SELECT f.refreshed FROM %s.filled f) <> %s", r.id, stamp),
		"a view was refreshed during the build: run the script again"))
	s.swap = []string{fmt.Sprintf("SET LOCAL lock_timeout = '%dms'", r.lockTimeout.Milliseconds()), r.check(r.views[0].Quoted(), locks, r.before)}
	for _, v := range after {
		if v.mode == replaced {
			s.swap = append(s.swap, "CREATE OR REPLACE VIEW "+v.Quoted()+v.one("options")+" AS\n"+rewrite(v.one("definition"), r.shadows))
		}
	}
	for _, v := range slices.Backward(r.views) {
		if v.mode == rebuilt {
			s.swap = append(s.swap, fmt.Sprintf("DROP %s %s", v.word(), v.Quoted()))
		}
	}
	var oids []string
	for _, v := range after {
		if v.mode == rebuilt {
			s.swap = append(s.swap, fmt.Sprintf("ALTER %s %s SET SCHEMA %s", v.word(), v.shadow(), massive.Name{Name: v.Schema}.Quoted()))
			s.swap = append(s.swap, v.all("move")...)
		}
		if v.mode != kept {
			s.schemas = append(s.schemas, v.all("shadow")...)
			oids = append(oids, fmt.Sprint(v.oid))
		}
	}
	s.swap = append(s.swap, r.check(r.views[0].Quoted(), nil, hash(after)), s.restore)
	slices.Sort(s.schemas)
	s.schemas = slices.Compact(s.schemas)
	for _, schema := range s.schemas {
		s.swap = append(s.swap, "DROP SCHEMA "+schema)
	}
	s.swap = append(s.swap, fmt.Sprintf("DROP FUNCTION %s.facts(pg_catalog.oid)", r.id),
		fmt.Sprintf("DROP TABLE %[1]s.settings, %[1]s.filled", r.id), "DROP SCHEMA "+r.id)
	s.look = fmt.Sprintf(`SELECT coalesce(pg_catalog.string_agg(DISTINCT l.virtualtransaction, ','), '')
FROM pg_catalog.pg_locks l
WHERE l.locktype = 'relation' AND l.granted AND l.mode <> 'ShareUpdateExclusiveLock' AND l.pid IS DISTINCT FROM pg_catalog.pg_backend_pid()
  AND l.database = (SELECT d.oid FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()) AND l.relation IN (%s)`, strings.Join(oids, ", "))
	return s
}

// stamp is an SQL expression that changes with each refresh of the old views.
func (r *rehearsal) stamp() string {
	oids := []string{"0"}
	for _, v := range r.views {
		if v.mode == rebuilt && v.materialized() {
			oids = append(oids, fmt.Sprint(v.oid))
		}
	}
	return fmt.Sprintf("(SELECT coalesce(pg_catalog.string_agg(pg_catalog.concat(c.oid, ' ', c.xmin), ',' ORDER BY c.oid), '') FROM pg_catalog.pg_class c WHERE c.oid IN (%s))",
		strings.Join(oids, ", "))
}

const changed = "the views, or what depends on them, have changed since the plan: plan again"

// check returns a statement that runs statements, and then fails if the hash of the facts
// about a view is not as wanted.
func (r *rehearsal) check(view string, statements []string, want string) string {
	got := strings.NewReplacer("$id", r.id, "$view", "pg_catalog.to_regclass("+literal(view)+")").Replace(hashText)
	return r.raise(statements, got+" IS DISTINCT FROM "+literal(want), changed)
}

// checkEarly returns statements that check before there is a lock. The server plans the
// check then, and not while readers wait. Printing a view locks the views that it reads,
// which would block a refresh, which would block readers: the savepoint unlocks them.
func (r *rehearsal) checkEarly() []string {
	return []string{"SAVEPOINT massive_check", r.check(r.views[0].Quoted(), nil, r.before), "ROLLBACK TO SAVEPOINT massive_check", "RELEASE SAVEPOINT massive_check"}
}

// facts returns a statement that creates the function of the facts. It is in PL/pgSQL, which
// keeps the plan of the query.
func (r *rehearsal) facts() string {
	return fmt.Sprintf(`CREATE FUNCTION %s.facts(pg_catalog.oid) RETURNS TABLE (rel bigint, schema text, name text, kind text, n bigint, fact text)
LANGUAGE plpgsql STABLE SET plan_cache_mode = force_generic_plan SET jit = off AS $facts$
#variable_conflict use_column
BEGIN
RETURN QUERY
%s;
END
$facts$`, r.id, strings.ReplaceAll(factsText, "$id", r.id))
}

// raise returns a statement that runs statements, and then fails if the condition is true.
func (r *rehearsal) raise(statements []string, condition, message string) string {
	fail := func(message string) string {
		return "RAISE EXCEPTION USING ERRCODE = 'object_not_in_prerequisite_state', MESSAGE = " + literal("massive: "+message) + ";\n"
	}
	// No name contains the tag, which is random.
	text := "DO $" + r.id + "$\nBEGIN\n"
	for _, statement := range statements {
		text += "  " + statement + ";\n"
	}
	text += "  IF " + condition + " THEN\n    " + fail(message) + "  END IF;\n"
	if len(statements) > 0 {
		text += "EXCEPTION WHEN undefined_table OR undefined_column OR invalid_schema_name OR wrong_object_type THEN\n  " + fail(changed)
	}
	return text + "END\n$" + r.id + "$"
}
