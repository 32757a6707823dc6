WITH RECURSIVE made (oid, arrays, elements, through) AS (
  SELECT t.oid, t.typarray, false, ARRAY[]::pg_catalog.text[] COLLATE pg_catalog."C"
    FROM pg_catalog.pg_type t
    JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) t.typnamespace
   WHERE n.nspname OPERATOR(pg_catalog.=) $schema AND t.typname OPERATOR(pg_catalog.=) $name
     AND t.typtype OPERATOR(pg_catalog.=) 'e'
  UNION
  SELECT t.oid, t.typarray, m.elements OR t.oid OPERATOR(pg_catalog.=) m.arrays,
         CASE WHEN t.oid OPERATOR(pg_catalog.=) m.arrays THEN m.through
              ELSE pg_catalog.array_cat(ARRAY[n.nspname::pg_catalog.text, t.typname::pg_catalog.text], m.through) END
    FROM made m
    JOIN pg_catalog.pg_depend d ON d.refobjid OPERATOR(pg_catalog.=) m.oid
     AND d.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_type'::pg_catalog.regclass::pg_catalog.oid
     AND d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_type'::pg_catalog.regclass::pg_catalog.oid
    JOIN pg_catalog.pg_type t ON t.oid OPERATOR(pg_catalog.=) d.objid
    JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) t.typnamespace
   WHERE t.oid OPERATOR(pg_catalog.=) m.arrays
      OR t.typtype OPERATOR(pg_catalog.=) 'd' AND t.typbasetype OPERATOR(pg_catalog.=) m.oid
      OR t.typtype OPERATOR(pg_catalog.=) 'r'
         AND EXISTS (SELECT FROM pg_catalog.pg_range r
                      WHERE r.rngtypid OPERATOR(pg_catalog.=) t.oid AND r.rngsubtype OPERATOR(pg_catalog.=) m.oid)
      OR t.typtype OPERATOR(pg_catalog.=) 'm' AND d.deptype OPERATOR(pg_catalog.=) 'i'
)
SELECT x.kind::pg_catalog.text, x.ns::pg_catalog.text, x.name::pg_catalog.text, x.col::pg_catalog.text,
       x.type::pg_catalog.text, x.elements::boolean, COALESCE(x.through::pg_catalog.text, '{}')
FROM (
SELECT 'e' AS kind, ''::pg_catalog.name AS ns, ''::pg_catalog.name AS name, ''::pg_catalog.name AS col,
       pg_catalog.current_setting('server_version_num') AS type,
       m.elements, ARRAY[]::pg_catalog.text[] AS through, 0 AS nr
  FROM made m WHERE NOT m.elements AND pg_catalog.cardinality(m.through) OPERATOR(pg_catalog.=) 0
UNION ALL
SELECT c.relkind::pg_catalog.text, n.nspname, c.relname, a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod),
       m.elements,
       (SELECT pg_catalog.array_agg(m.through[i:i OPERATOR(pg_catalog.+) 1] ORDER BY i)
          FROM pg_catalog.generate_series(1, pg_catalog.cardinality(m.through), 2) i), a.attnum
  FROM made m
  JOIN pg_catalog.pg_depend d ON d.refobjid OPERATOR(pg_catalog.=) m.oid
   AND d.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_type'::pg_catalog.regclass::pg_catalog.oid
   AND d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid
   AND d.objsubid OPERATOR(pg_catalog.>) 0
  JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) d.objid
   AND c.relkind OPERATOR(pg_catalog.=) ANY ('{r,p,f,v,m,c}') AND c.relpersistence OPERATOR(pg_catalog.<>) 't'
  JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
  JOIN pg_catalog.pg_attribute a ON a.attrelid OPERATOR(pg_catalog.=) c.oid
   AND a.attnum OPERATOR(pg_catalog.=) d.objsubid AND a.atttypid OPERATOR(pg_catalog.=) m.oid AND NOT a.attisdropped
) x
ORDER BY x.nr OPERATOR(pg_catalog.<>) 0, x.ns, x.name, x.nr
