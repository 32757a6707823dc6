package massive_test

import "testing"

// A view depends on the views in its range tables, at any depth of its query, even if it
// reads no column of them. A constant that names a view is no dependency.
func TestDependsOnListsOnlyReads(t *testing.T) {
	t.Parallel()
	const setup = `
		CREATE MATERIALIZED VIEW base AS SELECT 1 AS a, 2 AS b;
		CREATE VIEW columnless AS SELECT FROM base;
		CREATE VIEW naming AS SELECT 'base'::regclass AS r;
		CREATE FUNCTION twice(int) RETURNS int LANGUAGE sql AS 'SELECT 2 * $1';
		CREATE TABLE plain (n int);
		CREATE SCHEMA ":relid 1 "; CREATE TABLE ":relid 1 ".":relid 2 " (":relid 3 " int);`
	reading := map[string]string{
		"a column":                 "SELECT a FROM base",
		"a column and a constant":  "SELECT a, 'base'::regclass AS r FROM base",
		"no column":                "SELECT 1 AS x FROM base",
		"no column and a constant": "SELECT 'base'::regclass AS r FROM base",
		"a count":                  "SELECT count(*) AS n FROM base",
		"whole rows":               "SELECT base AS whole FROM base",
		"a view without columns":   "SELECT 1 AS x FROM columnless",
		"a subquery":               "SELECT (SELECT count(*) FROM base) AS n",
		"a subquery in FROM":       "SELECT 1 AS x FROM (SELECT FROM base) s",
		"EXISTS":                   "SELECT 1 AS x WHERE EXISTS (SELECT FROM base)",
		"IN":                       "SELECT n FROM plain WHERE n IN (SELECT a FROM base)",
		"a CTE":                    "WITH c AS (SELECT FROM base) SELECT count(*) AS n FROM c",
		"a recursive CTE":          "WITH RECURSIVE c AS (SELECT 1 AS n UNION ALL SELECT 2 FROM base, c WHERE n < 2) SELECT n FROM c",
		"a set operation":          "SELECT 1 AS x UNION ALL SELECT 2 FROM base",
		"a lateral join":           "SELECT 1 AS x FROM plain LEFT JOIN LATERAL (SELECT FROM base WHERE n > 0) l ON true",
		"an argument in FROM":      "SELECT t AS x FROM twice((SELECT count(*)::int FROM base)) t",
		"an argument":              "SELECT twice((SELECT count(*)::int FROM base)) AS x",
		"an aggregate's filter":    "SELECT count(*) FILTER (WHERE EXISTS (SELECT FROM base)) AS n FROM plain",
		"VALUES":                   "VALUES ((SELECT count(*) FROM base))",
		// pg_depend has the same row for it as for a column that is read.
		"a field of its row type":           "SELECT (NULL::base).a",
		"names that look like pg_node_tree": `SELECT b.":relid 3 " AS ":relid 4 " FROM ":relid 1 ".":relid 2 " AS b, base AS ":relid 5 "`,
	}
	notReading := map[string]string{
		"a constant":            "SELECT 'base'::regclass AS r",
		"a constant of a CTE":   "WITH c AS (SELECT 'base'::regclass AS r) SELECT r FROM c WHERE r = 'base'::regclass",
		"a constant's text":     "SELECT pg_catalog.pg_relation_size('base'::regclass) AS size",
		"a constant in a view":  "SELECT r FROM naming",
		"a constant's row type": "SELECT NULL::base AS nothing",
		"a table":               "SELECT 1 AS x FROM plain",
		"a system view":         "SELECT pid FROM pg_stat_activity",
	}
	onDrivers(t, setup, func(t *testing.T, e *env) {
		for what, query := range reading {
			e.Exec(t, `CREATE MATERIALIZED VIEW "reads `+what+`" AS `+query)
		}
		for what, query := range notReading {
			e.Exec(t, `CREATE MATERIALIZED VIEW "names `+what+`" AS `+query)
		}
		m := e.load(t)
		for what, query := range reading {
			equal(t, query, names(matview(t, m, "reads "+what).DependsOn()), []string{"public.base"})
		}
		for what, query := range notReading {
			equal(t, query, names(matview(t, m, "names "+what).DependsOn()), []string{})
		}
		for _, n := range m.Graph().Nodes {
			if n.Name.Schema != "public" {
				t.Errorf("the graph has %s, want no system views", n.Name)
			}
		}
		same(t, "dependents of base", len(matview(t, m, "base").Dependents()), len(reading))
	})
}
