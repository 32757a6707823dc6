SELECT 'comment', NULL, NULL, NULL,
       CASE WHEN d.classoid OPERATOR(pg_catalog.=) 'pg_catalog.pg_type'::pg_catalog.regclass::pg_catalog.oid THEN 'e' ELSE '' END,
       pg_catalog.array_agg(d.objoid)::pg_catalog.text, pg_catalog.array_agg(d.description)::pg_catalog.text
  FROM pg_catalog.pg_description d
 WHERE d.objoid OPERATOR(pg_catalog.>=) '16384' AND d.objsubid OPERATOR(pg_catalog.=) 0
   AND d.classoid OPERATOR(pg_catalog.=) ANY (ARRAY['pg_catalog.pg_class'::pg_catalog.regclass, 'pg_catalog.pg_type'::pg_catalog.regclass]::pg_catalog.oid[])
   AND (d.objoid OPERATOR(pg_catalog.=) ANY ($oids)) IS TRUE
 GROUP BY d.classoid, NULL::pg_catalog.xid
