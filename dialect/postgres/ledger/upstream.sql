WITH RECURSIVE reads (relation, kind) AS (
    SELECT rel, 'v'::pg_catalog."char"
    UNION
    SELECT c.oid, c.relkind
      FROM reads r
      JOIN pg_catalog.pg_rewrite w ON w.ev_class OPERATOR(pg_catalog.=) r.relation
      JOIN pg_catalog.pg_depend d
        ON d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_rewrite'::pg_catalog.regclass::pg_catalog.oid
       AND d.objid OPERATOR(pg_catalog.=) w.oid
       AND d.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid
      JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) d.refobjid AND c.oid OPERATOR(pg_catalog.<>) r.relation
     WHERE r.kind OPERATOR(pg_catalog.=) 'v' AND c.relkind OPERATOR(pg_catalog.=) ANY ('{m,v}'::pg_catalog."char"[]))
  SELECT CASE WHEN pg_catalog.count(*) OPERATOR(pg_catalog.=) pg_catalog.count(f.data_as_of)
              THEN COALESCE(pg_catalog.min(f.data_as_of), 'infinity'::pg_catalog.timestamptz) END
    FROM reads r
    JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) r.relation
    JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
    LEFT JOIN $ledger.freshness f
      ON f.relid OPERATOR(pg_catalog.=) c.oid
     AND $valid
   WHERE r.kind OPERATOR(pg_catalog.=) 'm'
