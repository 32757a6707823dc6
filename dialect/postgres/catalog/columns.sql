SELECT 'column', NULL, NULL, pg_catalog.format_type(g.atttypid, g.atttypmod)::pg_catalog.text,
       CASE WHEN g.atttypid OPERATOR(pg_catalog.<) '16384' THEN 'o' ELSE '' END,
       g.places::pg_catalog.text, g.names::pg_catalog.text
  FROM (SELECT a.atttypid, a.atttypmod, pg_catalog.array_agg(a.attname) AS names,
               pg_catalog.array_agg((a.attrelid::bigint OPERATOR(pg_catalog.<<) 16) OPERATOR(pg_catalog.|) a.attnum::bigint) AS places
          FROM pg_catalog.pg_attribute a
         WHERE a.attrelid OPERATOR(pg_catalog.=) ANY (ARRAY(SELECT r.oid FROM relation r WHERE r.kind OPERATOR(pg_catalog.=) 'm'))
           AND a.attnum OPERATOR(pg_catalog.>) 0
         GROUP BY a.atttypid, a.atttypmod, NULL::pg_catalog.xid) g
