SELECT 'enum', NULL, t.typnamespace::bigint, pg_catalog.pg_get_userbyid(t.typowner)::pg_catalog.text, NULL,
       pg_catalog.array_agg(t.oid)::pg_catalog.text, pg_catalog.array_agg(t.typname)::pg_catalog.text
  FROM enum t
 GROUP BY t.typnamespace, t.typowner, NULL::pg_catalog.xid
UNION ALL
SELECT 'label', NULL, NULL, NULL, NULL, pg_catalog.array_agg(e.enumtypid)::pg_catalog.text, pg_catalog.array_agg(e.enumlabel)::pg_catalog.text
  FROM (SELECT e.enumtypid, e.enumlabel FROM pg_catalog.pg_enum e ORDER BY e.enumtypid, e.enumsortorder OFFSET 0) e
UNION ALL
SELECT 'type', NULL, t.typnamespace::bigint, NULL, t.typtype::pg_catalog.text, NULL, pg_catalog.array_agg(t.typname)::pg_catalog.text
  FROM type t
 WHERE t.typnamespace OPERATOR(pg_catalog.=) ANY ((SELECT p.earlier FROM path p)::pg_catalog.oid[])
   AND (t.typname OPERATOR(pg_catalog.=) ANY (SELECT e.typname FROM enum e)) IS TRUE
 GROUP BY t.typnamespace, t.typtype, NULL::pg_catalog.xid
