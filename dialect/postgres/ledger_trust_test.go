package postgres_test

import (
	"context"
	"database/sql"
	"strings"
	"testing"

	"github.com/massivedb/massive-go/dialect"
)

// role creates a role for the test, with a connection.
func (s *site) role(t *testing.T, suffix, grants string) (name string, as *sql.Conn) {
	t.Helper()
	name = s.Name() + "_" + s.driver + suffix
	s.exec(t, s.pool, "CREATE ROLE "+name+"; "+strings.ReplaceAll(grants, "$role", name))
	t.Cleanup(func() { s.Exec(t, "DROP OWNED BY "+name+" CASCADE; DROP ROLE "+name) })
	as, err := s.pool.Conn(t.Context())
	noError(t, err)
	s.exec(t, as, "SET ROLE "+name)
	t.Cleanup(func() { _, _ = as.ExecContext(context.Background(), "RESET ROLE"); _ = as.Close() })
	return name, as
}

// A ledger that another role could use to run code is refused, and nothing of that role
// runs.
func TestUnsafeLedger(t *testing.T) {
	onDrivers(t, func(t *testing.T, s *site) {
		stranger, _ := s.role(t, "_stranger", `GRANT CREATE ON SCHEMA public TO $role; CREATE SCHEMA evil AUTHORIZATION $role`)
		s.exec(t, s.pool, `SET ROLE `+stranger+`; CREATE SEQUENCE evil.ran;
			CREATE FUNCTION evil.hit() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM nextval(''evil.ran''); RETURN NEW; END';
			CREATE FUNCTION evil.sly(text) RETURNS text IMMUTABLE LANGUAGE plpgsql AS 'BEGIN PERFORM nextval(''evil.ran''); RETURN $1; END';
			CREATE DOMAIN evil.text AS text CHECK (evil.sly(VALUE) IS NULL OR true); RESET ROLE`)
		for _, c := range []struct{ name, change, undo, says string }{
			{"schema's owner", `ALTER SCHEMA $l OWNER TO $s`, `ALTER SCHEMA $l OWNER TO $me`, "its schema belongs to $s"},
			{"CREATE", `GRANT CREATE ON SCHEMA $l TO $s`, `REVOKE CREATE ON SCHEMA $l FROM $s`, "$s may create objects in its schema"},
			{"CREATE for all", `GRANT CREATE ON SCHEMA $l TO PUBLIC`, `REVOKE CREATE ON SCHEMA $l FROM PUBLIC`, "every role may create objects"},
			{"table's owner", `ALTER TABLE $l.freshness OWNER TO $s`, `ALTER TABLE $l.freshness OWNER TO $me`, "its table freshness belongs to $s"},
			{"history's owner", `ALTER TABLE $l.history OWNER TO $s`, `ALTER TABLE $l.history OWNER TO $me`, "its table history belongs to $s"},
			{"right to create triggers", `GRANT ALL ON $l.freshness TO $s`, `REVOKE ALL ON $l.freshness FROM $s`, "$s has the right REFERENCES on its table freshness"},
			{"trigger", `CREATE TRIGGER x BEFORE INSERT OR UPDATE ON $l.freshness FOR EACH ROW EXECUTE FUNCTION evil.hit()`, `DROP TRIGGER x ON $l.freshness`, "its table freshness has a trigger"},
			{"rule", `CREATE RULE x AS ON INSERT TO $l.history DO ALSO SELECT evil.sly('x')`, `DROP RULE x ON $l.history`, "its table history has a rule"},
			{"policy", `CREATE POLICY x ON $l.freshness USING (evil.sly(name) IS NOT NULL)`, `DROP POLICY x ON $l.freshness`, "its table freshness has a policy"},
			{"row security", `ALTER TABLE $l.freshness ENABLE ROW LEVEL SECURITY`, `ALTER TABLE $l.freshness DISABLE ROW LEVEL SECURITY`, "row security"},
			{"index", `CREATE INDEX x ON $l.freshness (evil.sly(name))`, `DROP INDEX $l.x`, "an index with an expression"},
			{"partial index", `CREATE INDEX x ON $l.history (name) WHERE evil.sly(name) IS NOT NULL`, `DROP INDEX $l.x`, "an index with an expression or a condition"},
			{"constraint", `ALTER TABLE $l.freshness ADD CONSTRAINT x CHECK (evil.sly(name) IS NOT NULL)`, `ALTER TABLE $l.freshness DROP CONSTRAINT x`, "a constraint that is not a key"},
			{"default", `ALTER TABLE $l.freshness ALTER error SET DEFAULT evil.sly('x')`, `ALTER TABLE $l.freshness ALTER error DROP DEFAULT`, "a default"},
			{"child table", `CREATE TABLE evil.child () INHERITS ($l.freshness)`, `DROP TABLE evil.child`, "a child or a parent"},
			{"parent table", `CREATE TABLE evil.parent (error text); ALTER TABLE $l.freshness INHERIT evil.parent`,
				`ALTER TABLE $l.freshness NO INHERIT evil.parent; DROP TABLE evil.parent`, "a child or a parent"},
			{"foreign key", `CREATE TABLE evil.child (id oid REFERENCES $l.freshness)`, `DROP TABLE evil.child`, "its table freshness has a trigger"},
			{"column type", `ALTER TABLE $l.freshness ALTER error TYPE evil.text`, `ALTER TABLE $l.freshness ALTER error TYPE text`, "other columns than its layout"},
			{"column", `ALTER TABLE $l.history ADD more text`, `ALTER TABLE $l.history DROP more`, "other columns than its layout"},
			{"view", `ALTER TABLE $l.freshness RENAME TO hidden; CREATE VIEW $l.freshness AS SELECT evil.sly('x')`,
				`DROP VIEW $l.freshness; ALTER TABLE $l.hidden RENAME TO freshness`, "freshness is not a table"},
		} {
			t.Run(c.name, func(t *testing.T) {
				fill := strings.NewReplacer("$l", `"my ledger"`, "$s", stranger, "$me", "CURRENT_USER").Replace
				s.exec(t, s.pool, fill(c.change))
				defer s.exec(t, s.pool, fill(c.undo))
				s.exec(t, s.pool, "ALTER SEQUENCE evil.ran RESTART")
				before := one[string](t, s.pool, "SELECT xmin::text FROM pg_class WHERE relname = 'daily'")
				mustBe(t, d.CheckLedger(t.Context(), s.pool, ledger), dialect.ErrInvalid, `the ledger in schema "my ledger" is not safe: `, fill(c.says))
				_, err := d.RefreshMatview(t.Context(), s.pool, daily, dialect.Refresh{Record: &ledger})
				mustBe(t, err, dialect.ErrInvalid, fill(c.says))
				_, err = d.RefreshMatview(t.Context(), s.pool, daily, dialect.Refresh{Record: &ledger, IfOlder: true})
				mustBe(t, err, dialect.ErrInvalid, fill(c.says))
				mustBe(t, d.RecordFailure(t.Context(), s.pool, ledger, daily, "x"), dialect.ErrInvalid, fill(c.says))
				mustBe(t, d.CreateLedger(t.Context(), s.pool, dialect.LedgerDefinition{Ledger: ledger}), dialect.ErrInvalid, fill(c.says))
				same(t, "the view's version", one[string](t, s.pool, "SELECT xmin::text FROM pg_class WHERE relname = 'daily'"), before)
				optional := dialect.Ledger{Schema: ledger.Schema, Optional: true}
				same(t, "without a record", s.refresh(t, s.pool, daily, dialect.Refresh{Record: &optional}), dialect.Refreshed{})
				same(t, "runs of the other role's code", one[bool](t, s.pool, "SELECT is_called FROM evil.ran"), false)
				if strings.HasSuffix(c.name, "owner") {
					trusting := dialect.Ledger{Schema: ledger.Schema, Owners: []string{stranger}}
					noError(t, d.CheckLedger(t.Context(), s.pool, trusting))
					same(t, "with a trusted owner", s.refresh(t, s.pool, daily, dialect.Refresh{Record: &trusting}), dialect.Refreshed{Recorded: true})
				}
			})
		}
		noError(t, d.CheckLedger(t.Context(), s.pool, ledger))
	})
}

// Plain indexes of the ledger's owner are accepted.
func TestLedgerMayHaveMoreIndexes(t *testing.T) {
	onDrivers(t, func(t *testing.T, s *site) {
		s.exec(t, s.pool, `CREATE INDEX ON "my ledger".history (finished_at)`)
		noError(t, d.CheckLedger(t.Context(), s.pool, ledger))
	})
}

// CreateLedger fails if another role could change what it creates, and if an object has
// the name of a table.
func TestCreateLedgerInUnsafeSchema(t *testing.T) {
	onDrivers(t, func(t *testing.T, s *site) {
		stranger, _ := s.role(t, "_stranger", `CREATE SCHEMA theirs AUTHORIZATION $role; CREATE SCHEMA shared; GRANT CREATE ON SCHEMA shared TO $role;
			CREATE SCHEMA taken; CREATE VIEW taken.freshness AS SELECT 1 AS relid`)
		for schema, says := range map[string]string{
			"theirs": "its schema belongs to " + stranger, "shared": stranger + " may create objects in its schema", "taken": "freshness is not a table",
		} {
			l := dialect.LedgerDefinition{Ledger: dialect.Ledger{Schema: schema}}
			mustBe(t, d.CreateLedger(t.Context(), s.pool, l), dialect.ErrInvalid, says)
			text, err := d.LedgerDDL(l)
			noError(t, err)
			if _, err := s.pool.ExecContext(t.Context(), text); err == nil {
				t.Errorf("LedgerDDL creates a ledger in %s", schema)
			}
			same(t, "tables in "+schema, one[int](t, s.pool, "SELECT count(*) FROM pg_class WHERE relkind = 'r' AND relnamespace = '"+schema+"'::regnamespace"), 0)
		}
		for _, schema := range []string{"", "a\x00b", strings.Repeat("x", 64)} {
			_, err := d.LedgerDDL(dialect.LedgerDefinition{Ledger: dialect.Ledger{Schema: schema}})
			mustBe(t, err, dialect.ErrInvalid, "is not the name of a schema")
		}
	})
}

// An ordinary role with LedgerWriters' rights records refreshes. Without them the refresh
// fails before it begins, and the error has the GRANT.
func TestOrdinaryRole(t *testing.T) {
	onDrivers(t, func(t *testing.T, s *site) {
		name, as := s.role(t, "_writer", `ALTER MATERIALIZED VIEW daily OWNER TO $role; GRANT SELECT ON sales TO $role`)
		quoted := `"my ledger"`
		version := func() string {
			return one[string](t, s.pool, "SELECT xmin::text FROM pg_class WHERE relname = 'daily'")
		}
		before := version()
		all := "GRANT USAGE ON SCHEMA " + quoted + " TO " + name + "; GRANT SELECT, INSERT, UPDATE, DELETE ON " +
			quoted + ".freshness, " + quoted + ".history TO " + name
		grants := []string{"GRANT USAGE ON SCHEMA " + quoted + " TO " + name}
		for _, table := range []string{".freshness", ".history"} {
			for _, right := range []string{"INSERT", "UPDATE", "DELETE", "SELECT"} {
				grants = append(grants, "GRANT "+right+" ON "+quoted+table+" TO "+name)
			}
		}
		for i, grant := range grants {
			mustBe(t, d.CheckLedger(t.Context(), as, ledger), dialect.ErrPermission, all)
			_, err := d.RefreshMatview(t.Context(), as, daily, dialect.Refresh{Record: &ledger})
			mustBe(t, err, dialect.ErrPermission, all)
			mustBe(t, d.RecordFailure(t.Context(), as, ledger, daily, "x"), dialect.ErrPermission, all)
			if i <= 4 { // before SELECT ON freshness
				_, _, err = d.DataAge(t.Context(), as, ledger, daily)
				mustBe(t, err, dialect.ErrPermission, "GRANT")
				mustBe(t, d.Classify(dialect.Failure{Err: err}), nil)
				_, err = d.Freshness(t.Context(), as, ledger, nil)
				mustBe(t, err, dialect.ErrPermission, "GRANT")
			}
			s.exec(t, s.pool, grant)
		}
		same(t, "the view's version", version(), before)
		noError(t, d.CheckLedger(t.Context(), as, ledger))
		same(t, "refreshed", s.refresh(t, as, daily, dialect.Refresh{IfOlder: true}), dialect.Refreshed{Recorded: true})
		same(t, "fresh", s.refresh(t, as, daily, dialect.Refresh{IfOlder: true, OlderThan: 1e12}), dialect.Refreshed{Fresh: true})
		same(t, "doubt", s.fresh(t, as, daily).Doubt, 0)
		noError(t, d.RecordFailure(t.Context(), as, ledger, daily, "why"))

		other := dialect.LedgerDefinition{Ledger: dialect.Ledger{Schema: "other"}, Writers: []string{name}}
		noError(t, d.CreateLedger(t.Context(), s.pool, other))
		noError(t, d.CheckLedger(t.Context(), as, other.Ledger))
	})
}

// A ledger of another layout is ErrUnsupported.
func TestLedgerOfAnotherLayout(t *testing.T) {
	onDrivers(t, func(t *testing.T, s *site) {
		s.exec(t, s.pool, `COMMENT ON TABLE "my ledger".freshness IS 'massive ledger, layout 2'; ALTER TABLE "my ledger".freshness DROP data_as_of`)
		check := func(err error) {
			t.Helper()
			mustBe(t, err, dialect.ErrUnsupported, "layout 1", "another layout")
		}
		check(d.CheckLedger(t.Context(), s.pool, ledger))
		check(d.CreateLedger(t.Context(), s.pool, dialect.LedgerDefinition{Ledger: ledger}))
		_, err := d.RefreshMatview(t.Context(), s.pool, daily, dialect.Refresh{Record: &ledger})
		check(err)
		_, err = d.Freshness(t.Context(), s.pool, ledger, nil)
		check(err)
		_, _, err = d.DataAge(t.Context(), s.pool, ledger, daily)
		check(err)
	})
}
