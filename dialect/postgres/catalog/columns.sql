SELECT 'column', NULL, NULL, pg_catalog.format_type(g.atttypid, g.atttypmod)::pg_catalog.text,
       CASE WHEN g.atttypid OPERATOR(pg_catalog.<) '16384' THEN 'o' ELSE '' END, g.places::pg_catalog.text, g.names
  FROM (SELECT a.atttypid, a.atttypmod,
               pg_catalog.array_agg((a.attrelid::bigint OPERATOR(pg_catalog.<<) 16) OPERATOR(pg_catalog.|) a.attnum::bigint) AS places,
               pg_catalog.string_agg(a.attname::pg_catalog.text, $separator) AS names
          FROM pg_catalog.pg_attribute a
         WHERE a.attrelid OPERATOR(pg_catalog.=) ANY (ARRAY(SELECT m.oid FROM member m WHERE m.kind OPERATOR(pg_catalog.=) 'm'))
           AND a.attnum OPERATOR(pg_catalog.>) 0
         GROUP BY a.atttypid, a.atttypmod, NULL::pg_catalog.xid) g
