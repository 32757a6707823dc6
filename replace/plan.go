package replace

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/massivedb/massive-go/dialect"
	"github.com/massivedb/massive-go/massive"
)

// settingNames are the settings that the script changes and restores. With them, the
// server prints names qualified, and reads its own texts as it printed them.
var settingNames = []string{"search_path", "standard_conforming_strings", "quote_all_identifiers", "DateStyle", "IntervalStyle",
	"extra_float_digits", "bytea_output", "transform_null_equals", "xmloption", "default_tablespace", "lock_timeout"}

const settingsText = `SET LOCAL search_path = pg_catalog, pg_temp;
SET LOCAL standard_conforming_strings = on;
SET LOCAL quote_all_identifiers = off;
SET LOCAL DateStyle = 'ISO, YMD';
SET LOCAL IntervalStyle = 'postgres';
SET LOCAL extra_float_digits = 1;
SET LOCAL bytea_output = 'hex';
SET LOCAL transform_null_equals = off;
SET LOCAL xmloption = content;
SET LOCAL default_tablespace = ''`

// A rehearsal builds the views, without data, in a transaction that is rolled back.
type rehearsal struct {
	*Replacement
	q       massive.Querier
	id      string
	views   []*view
	before  string                  // the hash of the facts before the replacement
	built   string                  // the hash of the facts about the shadows
	shadows map[massive.Name]string // of the views that were built so far
	refused RefusedError
}

// refuse adds a reason, with the names of the old views instead of their shadows'. If an
// argument is an error about a missing right, so is the refusal.
func (r *rehearsal) refuse(format string, args ...any) {
	reason := fmt.Sprintf(format, args...)
	for _, v := range r.views {
		reason = strings.ReplaceAll(reason, v.one("shadow"), v.Schema)
	}
	if slices.Contains(r.refused.Reasons, reason) {
		return
	}
	r.refused.Reasons = append(r.refused.Reasons, reason)
	for _, arg := range args {
		if err, ok := arg.(error); ok && sqlState(err) == "42501" {
			r.refused.causes = append(r.refused.causes, massive.ErrPermission)
		}
	}
}

// refusal returns the reasons so far as an error, or nil.
func (r *rehearsal) refusal() error {
	if len(r.refused.Reasons) == 0 {
		return nil
	}
	return &r.refused
}

func (r *rehearsal) exec(ctx context.Context, text string) error {
	_, err := r.q.ExecContext(ctx, text)
	return err
}

// attempt runs a statement after a savepoint. It returns the server's refusal, which has
// no other effect, or a failure of the rehearsal.
func (r *rehearsal) attempt(ctx context.Context, text string) (refusal, failure error) {
	if err := r.exec(ctx, "SAVEPOINT massive_step"); err != nil {
		return nil, err
	}
	err := r.exec(ctx, text)
	if err == nil {
		return nil, r.exec(ctx, "RELEASE SAVEPOINT massive_step")
	}
	if sqlState(err) == "" || strings.HasPrefix(sqlState(err), "57") {
		return nil, err
	}
	return err, r.exec(ctx, "ROLLBACK TO SAVEPOINT massive_step; RELEASE SAVEPOINT massive_step")
}

func sqlState(err error) string {
	var s interface{ SQLState() string }
	if errors.As(err, &s) {
		return s.SQLState()
	}
	return ""
}

// plan rehearses the replacement and writes the script. The transaction is rolled back.
func plan(ctx context.Context, p *Replacement, q massive.Querier, query string) error {
	var random [8]byte
	_, _ = rand.Read(random[:])
	r := &rehearsal{Replacement: p, q: q, id: "massive_" + hex.EncodeToString(random[:]), shadows: map[massive.Name]string{}}
	// Compiling the query of the facts takes the server much longer than running it.
	if err := r.exec(ctx, "SET LOCAL jit = off; SAVEPOINT massive_facts; "+settingsText); err != nil {
		return err
	}
	var oid int64
	err := q.QueryRowContext(ctx, `SELECT c.oid::bigint FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'm' AND n.nspname = `+literal(p.View.Schema)+` AND c.relname = `+literal(p.View.Name)).Scan(&oid)
	if errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("%w: it was dropped since the load", massive.ErrNotFound)
	}
	if err == nil {
		r.views, err = read(ctx, q, r.id, oid)
	}
	if err != nil {
		return err
	}
	r.before = hash(r.views)
	r.chooseModes()
	r.obstacles()
	if err := r.rights(ctx); err != nil {
		return err
	}
	if err := r.exec(ctx, "ROLLBACK TO SAVEPOINT massive_facts; RELEASE SAVEPOINT massive_facts"); err != nil {
		return err
	}
	if err := r.refusal(); err != nil {
		return err
	}
	after, err := r.rehearse(ctx, query)
	if err != nil {
		return err
	}
	if err := r.refusal(); err != nil {
		return err
	}
	for _, v := range r.views {
		switch v.mode {
		case rebuilt:
			p.Rebuilt = append(p.Rebuilt, v.Name)
		case replaced:
			p.Replaced = append(p.Replaced, v.Name)
		case kept:
		}
	}
	p.script = r.write(after)
	return nil
}

// chooseModes rebuilds the view, each materialized view, and each plain view that a
// rebuilt view reads. Of the other plain views, it replaces those that read a rebuilt view.
func (r *rehearsal) chooseModes() {
	for i, v := range slices.Backward(r.views) {
		feeds := slices.ContainsFunc(r.views[i+1:], func(o *view) bool {
			return o.mode == rebuilt && slices.Contains(o.all("reads"), v.Quoted())
		})
		if v.materialized() || feeds {
			v.mode = rebuilt
		}
	}
	for _, v := range r.views {
		if v.mode == kept && slices.ContainsFunc(r.views, func(o *view) bool {
			return o.mode == rebuilt && slices.Contains(v.all("reads"), o.Quoted())
		}) {
			v.mode = replaced
		}
	}
}

// obstacles refuses what can't be carried over.
func (r *rehearsal) obstacles() {
	for i, v := range r.views {
		for _, f := range v.facts {
			if f.kind == "obstacle" && (v.mode == rebuilt || f.n >= 7) ||
				f.kind == "literal" && v.mode != kept && (i > 0 || f.n > 0) {
				r.refuse("%s", f.text)
			}
		}
		if !v.populated() {
			continue
		}
		for _, o := range r.views {
			if o.materialized() && !o.populated() && r.readsThroughViews(v, o) {
				r.refuse("%s has data and can't be filled, since it reads %s, which has none", v.Name, o.Name)
			}
		}
	}
}

// readsThroughViews reports whether v reads o, directly or through plain views.
func (r *rehearsal) readsThroughViews(v, o *view) bool {
	for _, name := range v.all("reads") {
		if name == o.Quoted() {
			return true
		}
		for _, between := range r.views {
			if between.Quoted() == name && !between.materialized() && r.readsThroughViews(between, o) {
				return true
			}
		}
	}
	return false
}

// rights refuses if the current role lacks a right, with the statement that grants it.
func (r *rehearsal) rights(ctx context.Context) error {
	var schemas, roles []string
	for _, v := range r.views {
		if v.mode == kept {
			continue
		}
		schemas = append(schemas, literal(v.Schema))
		for _, role := range slices.Concat(v.all("owner"), v.all("grantor")) {
			roles = append(roles, literal(role))
		}
	}
	rows, err := r.q.QueryContext(ctx, strings.NewReplacer("$schemas", strings.Join(schemas, ", "), "$roles", strings.Join(roles, ", ")).Replace(rightsText))
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var reason string
		if err := rows.Scan(&reason); err != nil {
			return err
		}
		r.refuse("%s", reason)
		r.refused.causes = []error{massive.ErrPermission}
	}
	return rows.Err()
}

const rightsText = `WITH missing(n, reason) AS (
  SELECT 1, pg_catalog.format('the role can''t create schemas: GRANT CREATE ON DATABASE %I TO %I', pg_catalog.current_database(), current_user)
  WHERE NOT pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE')
  UNION
  SELECT 2, pg_catalog.format('the role can''t create views in schema %I: GRANT USAGE, CREATE ON SCHEMA %1$I TO %I', s, current_user)
  FROM pg_catalog.unnest(ARRAY[$schemas]::text[]) s
  WHERE NOT (pg_catalog.has_schema_privilege(s, 'USAGE') AND pg_catalog.has_schema_privilege(s, 'CREATE'))
  UNION
  SELECT 3, CASE WHEN r.rolsuper THEN pg_catalog.format('only a superuser can act as %I', r.rolname)
    ELSE pg_catalog.format('the role can''t act as %I: GRANT %1$I TO %I', r.rolname, current_user) END
  FROM pg_catalog.unnest(ARRAY[$roles]::text[]) o
  JOIN pg_catalog.pg_roles r ON pg_catalog.quote_ident(r.rolname) = o
  WHERE NOT (pg_catalog.pg_has_role(r.oid, 'USAGE') AND pg_catalog.pg_has_role(r.oid,
    CASE WHEN pg_catalog.current_setting('server_version_num')::int >= 160000 THEN 'SET' ELSE 'MEMBER' END))
)
SELECT reason FROM missing ORDER BY n, reason`

// rehearse builds the shadows of all views that change, without data. It returns the facts
// that must hold after the swap.
func (r *rehearsal) rehearse(ctx context.Context, query string) ([]*view, error) {
	root := r.views[0]
	owner := root.one("owner")
	err := r.exec(ctx, "CREATE SCHEMA "+r.id+"; GRANT USAGE, CREATE ON SCHEMA "+r.id+" TO "+owner)
	if err != nil {
		return nil, err
	}
	refusal, err := r.attempt(ctx, "CREATE VIEW "+r.id+".query AS "+query+"\n")
	if err != nil || refusal != nil {
		return nil, cmpOr(err, refusal)
	}
	// The owner's code, which the probe may run, could replace the view.
	if err := r.exec(ctx, "SAVEPOINT massive_facts; "+settingsText); err != nil {
		return nil, err
	}
	definition, err := r.definition(ctx, r.id+".query")
	if err != nil {
		return nil, err
	}
	setDefinition(root, definition)
	if err := r.exec(ctx, "ROLLBACK TO SAVEPOINT massive_facts; RELEASE SAVEPOINT massive_facts"); err != nil {
		return nil, err
	}
	if root.populated() { // with the owner's rights, as a refresh
		refusal, err = r.attempt(ctx, fmt.Sprintf("ALTER VIEW %[1]s.query OWNER TO %[2]s; CREATE MATERIALIZED VIEW %[1]s.probe AS "+
			"SELECT * FROM %[1]s.query LIMIT 0 WITH NO DATA; ALTER MATERIALIZED VIEW %[1]s.probe OWNER TO %[2]s; REFRESH MATERIALIZED VIEW %[1]s.probe", r.id, owner))
		if err != nil {
			return nil, err
		}
		if refusal != nil {
			r.refuse("%s, the owner of %s, can't fill it: %v", owner, root.Name, refusal)
		}
	}
	if err := r.exec(ctx, settingsText); err != nil {
		return nil, err
	}
	for _, text := range r.schemas() {
		if err := r.exec(ctx, text); err != nil {
			return nil, err
		}
	}
	broken := map[string]bool{}
	for i, v := range r.views {
		if v.mode == kept {
			continue
		}
		if slices.ContainsFunc(v.all("reads"), func(name string) bool { return broken[name] }) {
			broken[v.Quoted()] = true
			continue
		}
		reasons := len(r.refused.Reasons)
		if err := r.build(ctx, v, i == 0); err != nil {
			return nil, err
		}
		broken[v.Quoted()] = len(r.refused.Reasons) > reasons
	}
	if len(r.refused.Reasons) > 0 {
		return nil, nil
	}
	return r.compare(ctx)
}

func cmpOr(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// definition returns a view's query as the server prints it.
func (r *rehearsal) definition(ctx context.Context, name string) (text string, err error) {
	err = r.q.QueryRowContext(ctx, "SELECT pg_catalog.rtrim(pg_catalog.pg_get_viewdef("+literal(name)+"::pg_catalog.regclass), ';')").Scan(&text)
	return text, err
}

func setDefinition(v *view, text string) {
	for i := range v.facts {
		if v.facts[i].kind == "definition" {
			v.facts[i].text = text
		}
	}
}

// build builds the shadow of a view. A dependent is also created from its old query on the
// old views: the server may print that query differently from the original, in the same
// way as the new one.
func (r *rehearsal) build(ctx context.Context, v *view, root bool) error {
	if !root {
		twin := fmt.Sprintf("%s.twin_%d", r.id, v.oid)
		refusal, err := r.attempt(ctx, "CREATE VIEW "+twin+" AS\n"+v.one("definition"))
		if err != nil {
			return err
		}
		if refusal != nil {
			r.refuse("%s can't be created again: %v", v.Name, refusal)
			return nil
		}
		definition, err := r.definition(ctx, twin)
		if err != nil {
			return err
		}
		setDefinition(v, definition)
	}
	refusal, err := r.attempt(ctx, r.create(v))
	if err != nil {
		return err
	}
	if refusal != nil {
		r.refuse("%s can't be created on the new query: %v", v.Name, refusal)
		return nil
	}
	if v.mode == rebuilt {
		r.shadows[v.Name] = v.one("shadow")
	}
	got, err := r.definition(ctx, v.shadow())
	if err != nil {
		return err
	}
	definition, ok := got, true
	if !root {
		definition, ok = extended(v.one("definition"), rewrite(v.one("definition"), r.shadows), got)
	}
	if !ok {
		r.refuse("%s would have another query: a column that it needs has another type, or its query can't be rewritten", v.Name)
		return nil
	}
	setDefinition(v, definition)
	if v.mode == rebuilt {
		return r.carry(ctx, v, root)
	}
	return nil
}

// create returns the statement that creates a view in its shadow schema.
func (r *rehearsal) create(v *view) string {
	text := "CREATE " + v.word() + " " + v.shadow() + v.one("options") + " AS\n" + rewrite(v.one("definition"), r.shadows)
	if v.materialized() {
		text += "\nWITH NO DATA"
	}
	return text
}

// carry runs the statements that carry over what hangs on a view. Those of the root that
// no longer fit are refused or dropped.
func (r *rehearsal) carry(ctx context.Context, v *view, root bool) error {
	kept := v.facts[:0:0]
	for _, kind := range []string{"shape", "index"} {
		for _, f := range v.facts {
			if f.kind != kind {
				continue
			}
			refusal, err := r.attempt(ctx, f.text)
			if err != nil {
				return err
			}
			switch {
			case refusal == nil:
				kept = append(kept, f)
			case root && r.dropUnfit && sqlState(refusal) != "42501":
				r.Dropped = append(r.Dropped, strings.ReplaceAll(f.text, v.one("shadow"), massive.Name{Name: v.Schema}.Quoted()))
			default:
				r.refuse("%s: %s: %v", v.Name, strings.ReplaceAll(f.text, v.one("shadow"), massive.Name{Name: v.Schema}.Quoted()), refusal)
			}
		}
	}
	for _, f := range v.facts {
		if f.kind != "shape" && f.kind != "index" {
			kept = append(kept, f)
		}
	}
	v.facts = kept
	return nil
}

// compare checks that each shadow has the facts of its view, and that nothing new depends
// on the old views. It returns the facts that must hold after the swap.
func (r *rehearsal) compare(ctx context.Context) ([]*view, error) {
	var oid int64
	err := r.q.QueryRowContext(ctx, "SELECT "+literal(r.views[0].shadow())+"::pg_catalog.regclass::pg_catalog.oid::bigint").Scan(&oid)
	if err != nil {
		return nil, err
	}
	built, err := read(ctx, r.q, r.id, oid)
	if err != nil {
		return nil, err
	}
	for i, v := range r.views {
		if v.mode == kept {
			continue
		}
		at := slices.IndexFunc(built, func(b *view) bool { return b.Quoted() == v.shadow() })
		if at < 0 {
			r.refuse("%s does not read the new view, since its query can't be rewritten", v.Name)
			continue
		}
		kinds := []string{"column", "uses"}
		if v.mode == rebuilt {
			kinds = []string{"column", "uses", "relkind", "owner", "options", "shape", "index", "part uses"}
		}
		for _, kind := range kinds {
			got := built[at].all(kind)
			if i == 0 && (kind == "column" || kind == "uses" || kind == "part uses" && r.Dropped != nil) {
				replaceFacts(v, built[at], kind)
				continue
			}
			r.differences(v, kind, v.all(kind), got)
		}
	}
	r.differences(r.views[0], "query", r.views[0].all("definition"), built[0].all("definition"))
	for _, f := range built[0].facts {
		if f.kind == "literal" && f.n == 0 {
			r.refuse("%s", f.text)
		}
	}
	r.built = hash(slices.DeleteFunc(built, func(b *view) bool {
		return !slices.ContainsFunc(r.views, func(v *view) bool { return v.mode == rebuilt && v.shadow() == b.Quoted() })
	}))
	if err := r.expectations(ctx); err != nil {
		return nil, err
	}
	return r.views, r.unreferenced(ctx)
}

// expectations refuses if the new columns are not as the program expects. Dependents keep
// their columns.
func (r *rehearsal) expectations(ctx context.Context) error {
	loaded, err := r.db.Dialect().Load(ctx, r.q, dialect.Filter{Kinds: []dialect.Kind{dialect.KindMatview}})
	if err != nil {
		return err
	}
	shadow := massive.Name{Schema: r.views[0].one("shadow"), Name: r.View.Name}
	i := slices.IndexFunc(loaded.Matviews, func(d dialect.MatviewDef) bool { return d.Name == shadow })
	if i < 0 {
		return fmt.Errorf("the view %s of the rehearsal is missing", shadow)
	}
	err = r.db.VerifyColumns(r.View, loaded.Matviews[i].Columns)
	var drifts massive.Drifts
	if !errors.As(err, &drifts) {
		return err
	}
	for _, d := range drifts {
		r.refuse("%v", d)
		r.refused.causes = append(r.refused.causes, d)
	}
	return nil
}

func replaceFacts(v, by *view, kind string) {
	v.facts = slices.DeleteFunc(v.facts, func(f fact) bool { return f.kind == kind })
	for _, f := range by.facts {
		if f.kind == kind {
			v.facts = append(v.facts, f)
		}
	}
}

func (r *rehearsal) differences(v *view, kind string, want, got []string) {
	for _, text := range want {
		if !slices.Contains(got, text) {
			r.refuse("%s: %s %s would be lost", v.Name, kind, text)
		}
	}
	for _, text := range got {
		if !slices.Contains(want, text) {
			r.refuse("%s: %s %s would be added", v.Name, kind, text)
		}
	}
}

// unreferenced refuses if a shadow, or what belongs to it, depends on an old view that
// will be dropped.
func (r *rehearsal) unreferenced(ctx context.Context) error {
	if err := r.exec(ctx, "DROP VIEW IF EXISTS "+r.twins()); err != nil {
		return err
	}
	again, err := read(ctx, r.q, r.id, r.views[0].oid)
	var refused *RefusedError
	if errors.As(err, &refused) {
		r.refused.Reasons = append(r.refused.Reasons, refused.Reasons...)
		return nil
	}
	if err != nil {
		return err
	}
	for _, a := range again {
		at := slices.IndexFunc(r.views, func(v *view) bool { return v.oid == a.oid })
		if at < 0 {
			for _, v := range r.views {
				if a.Schema != r.id && slices.Contains(a.all("reads"), v.Quoted()) {
					r.refuse("the new %s would read the old %s: the new query reads the view itself or its dependents, "+
						"or a query mentions a view as a regclass constant", a, v)
				}
			}
			continue
		}
		if r.views[at].mode == rebuilt {
			r.differences(r.views[at], "obstacle", r.views[at].all("obstacle"), a.all("obstacle"))
		}
	}
	return nil
}

func (r *rehearsal) twins() string {
	names := []string{r.id + ".nothing"}
	for _, v := range r.views[1:] {
		if v.mode != kept {
			names = append(names, fmt.Sprintf("%s.twin_%d", r.id, v.oid))
		}
	}
	return strings.Join(names, ", ")
}

// schemas returns the statements that create the shadow schemas.
func (r *rehearsal) schemas() (texts []string) {
	roles := map[string][]string{}
	for _, v := range r.views {
		if v.mode == kept {
			continue
		}
		for _, schema := range v.all("shadow") {
			roles[schema] = append(roles[schema], slices.Concat(v.all("owner"), v.all("grantor"))...)
		}
	}
	for schema, all := range roles {
		slices.Sort(all)
		texts = append(texts, fmt.Sprintf("CREATE SCHEMA %s; GRANT USAGE, CREATE ON SCHEMA %[1]s TO %s", schema, strings.Join(slices.Compact(all), ", ")))
	}
	slices.Sort(texts)
	return texts
}

func literal(s string) string {
	if strings.Contains(s, `\`) {
		return "E" + dialect.Quote(strings.ReplaceAll(s, `\`, `\\`), '\'')
	}
	return dialect.Quote(s, '\'')
}
