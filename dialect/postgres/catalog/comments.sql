SELECT 'comment', NULL, NULL, NULL, NULL, pg_catalog.array_agg(d.objoid)::pg_catalog.text, pg_catalog.array_agg(d.description)::pg_catalog.text
  FROM pg_catalog.pg_description d
 WHERE d.objoid OPERATOR(pg_catalog.>=) '16384' AND d.objsubid OPERATOR(pg_catalog.=) 0
   AND d.classoid OPERATOR(pg_catalog.=) $class::pg_catalog.regclass::pg_catalog.oid
   AND (d.objoid OPERATOR(pg_catalog.=) ANY ($oids)) IS TRUE
