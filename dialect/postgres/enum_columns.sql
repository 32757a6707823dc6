WITH RECURSIVE made (oid, arrays, elements, through) AS (
  SELECT t.oid, t.typarray, false, ARRAY[]::pg_catalog.text[] COLLATE pg_catalog."C"
    FROM pg_catalog.pg_type t
    JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
   WHERE n.nspname = $schema AND t.typname = $name AND t.typtype = 'e'
  UNION
  SELECT t.oid, t.typarray, m.elements OR t.oid = m.arrays,
         CASE WHEN t.oid = m.arrays THEN m.through
              ELSE pg_catalog.array_cat(ARRAY[n.nspname::pg_catalog.text, t.typname::pg_catalog.text], m.through) END
    FROM made m
    JOIN pg_catalog.pg_depend d ON d.refclassid = 'pg_catalog.pg_type'::pg_catalog.regclass::pg_catalog.oid AND d.refobjid = m.oid
     AND d.classid = 'pg_catalog.pg_type'::pg_catalog.regclass::pg_catalog.oid
    JOIN pg_catalog.pg_type t ON t.oid = d.objid
    JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
   WHERE t.oid = m.arrays
      OR t.typtype = 'd' AND t.typbasetype = m.oid
      OR t.typtype = 'r' AND EXISTS (SELECT FROM pg_catalog.pg_range r WHERE r.rngtypid = t.oid AND r.rngsubtype = m.oid)
      OR t.typtype = 'm' AND d.deptype = 'i'
)
SELECT x.kind::pg_catalog.text, x.ns::pg_catalog.text, x.name::pg_catalog.text, x.col::pg_catalog.text,
       x.type::pg_catalog.text, x.elements::boolean, COALESCE(x.through::pg_catalog.text, '{}')
FROM (
SELECT 'e' AS kind, ''::pg_catalog.name AS ns, ''::pg_catalog.name AS name, ''::pg_catalog.name AS col, '' AS type,
       m.elements, ARRAY[]::pg_catalog.text[] AS through, 0 AS nr
  FROM made m WHERE NOT m.elements AND pg_catalog.cardinality(m.through) = 0
UNION ALL
SELECT c.relkind::pg_catalog.text, n.nspname, c.relname, a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod),
       m.elements,
       (SELECT pg_catalog.array_agg(m.through[i:i + 1] ORDER BY i)
          FROM pg_catalog.generate_series(1, pg_catalog.cardinality(m.through), 2) i), a.attnum
  FROM made m
  JOIN pg_catalog.pg_depend d ON d.refclassid = 'pg_catalog.pg_type'::pg_catalog.regclass::pg_catalog.oid AND d.refobjid = m.oid
   AND d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid AND d.objsubid > 0
  JOIN pg_catalog.pg_class c ON c.oid = d.objid AND c.relkind IN ('r', 'p', 'f', 'v', 'm', 'c') AND c.relpersistence <> 't'
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = d.objsubid AND a.atttypid = m.oid AND NOT a.attisdropped
) x
ORDER BY x.nr <> 0, x.ns, x.name, x.nr
