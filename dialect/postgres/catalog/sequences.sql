SELECT 's', s.seqrelid::bigint, c.relnamespace::bigint, c.relname::pg_catalog.text,
       pg_catalog.pg_get_userbyid(c.relowner)::pg_catalog.text,
       (SELECT d.description FROM pg_catalog.pg_description d
         WHERE d.objoid = c.oid AND d.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid AND d.objsubid = 0),
       CASE WHEN s.seqcycle THEN 'y' ELSE '' END
       || CASE WHEN h.oid = c.oid THEN 'v' ELSE '' END
       || CASE WHEN own.identity THEN 'i' ELSE '' END
       || CASE WHEN o.owner AND c.relacl IS NULL THEN 'rnsx'
               ELSE CASE WHEN pg_catalog.has_sequence_privilege(c.oid, 'SELECT') THEN 'r' ELSE '' END
                    || CASE WHEN pg_catalog.has_sequence_privilege(c.oid, 'USAGE, UPDATE') THEN 'n' ELSE '' END
                    || CASE WHEN pg_catalog.has_sequence_privilege(c.oid, 'UPDATE') THEN 's' ELSE '' END
                    || CASE WHEN o.owner THEN 'x' ELSE '' END END,
       CASE WHEN h.oid <> c.oid THEN h.relkind::pg_catalog.text 
         || (SELECT n.nspname::pg_catalog.text FROM pg_catalog.pg_namespace n WHERE n.oid = h.ns) END,
       ARRAY[s.seqtypid::bigint, s.seqstart, s.seqincrement, s.seqmin, s.seqmax, s.seqcache]::pg_catalog.text,
       own.col,
       CASE WHEN own.key THEN own.col ELSE
       (SELECT ARRAY[kc.relnamespace::pg_catalog.text, kc.relname::pg_catalog.text, ka.attname::pg_catalog.text]::pg_catalog.text
          FROM (SELECT d.objid FROM pg_catalog.pg_depend d
                 WHERE d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid AND d.refobjid = s.seqrelid
                   AND d.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass::pg_catalog.oid OFFSET 0) d
         CROSS JOIN LATERAL (SELECT f.adrelid, f.adnum FROM pg_catalog.pg_attrdef f WHERE f.oid = d.objid OFFSET 0) f
         CROSS JOIN LATERAL (SELECT FROM pg_catalog.pg_constraint k
                              WHERE k.conrelid = f.adrelid AND k.contype = 'p' AND f.adnum = ANY (k.conkey) OFFSET 0) k
         CROSS JOIN LATERAL (SELECT kc.relnamespace, kc.relname FROM pg_catalog.pg_class kc
                              WHERE kc.oid = f.adrelid AND kc.relpersistence <> 't' OFFSET 0) kc
         CROSS JOIN LATERAL (SELECT ka.attname FROM pg_catalog.pg_attribute ka
                              WHERE ka.attrelid = f.adrelid AND ka.attnum = f.adnum OFFSET 0) ka
         ORDER BY f.adrelid, f.adnum LIMIT 1) END
FROM pg_catalog.pg_sequence s
CROSS JOIN LATERAL (SELECT c.* FROM pg_catalog.pg_class c WHERE c.oid = s.seqrelid OFFSET 0) c
CROSS JOIN LATERAL (SELECT pg_catalog.pg_has_role(c.relowner, 'USAGE') AS owner OFFSET 0) o
LEFT JOIN LATERAL (
  SELECT h.oid, h.relkind, h.relnamespace AS ns
    FROM pg_catalog.pg_class h
   WHERE h.relname = c.relname AND h.relnamespace = ANY ((SELECT p.path FROM path p)::pg_catalog.oid[])
   ORDER BY pg_catalog.array_position((SELECT p.path FROM path p), h.relnamespace) LIMIT 1) h ON true
LEFT JOIN LATERAL (
  SELECT ARRAY[oc.relnamespace::pg_catalog.text, oc.relname::pg_catalog.text, oa.attname::pg_catalog.text]::pg_catalog.text AS col,
         d.deptype = 'i' AS identity,
         EXISTS (SELECT FROM pg_catalog.pg_constraint k
                  WHERE k.conrelid = d.refobjid AND k.contype = 'p' AND d.refobjsubid = ANY (k.conkey)) AS key
    FROM (SELECT d.refobjid, d.refobjsubid, d.deptype FROM pg_catalog.pg_depend d
           WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid AND d.objid = s.seqrelid AND d.objsubid = 0
             AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid AND d.refobjsubid > 0
             AND d.deptype IN ('a', 'i') OFFSET 0) d
   CROSS JOIN LATERAL (SELECT oc.relnamespace, oc.relname FROM pg_catalog.pg_class oc WHERE oc.oid = d.refobjid OFFSET 0) oc
   CROSS JOIN LATERAL (SELECT oa.attname FROM pg_catalog.pg_attribute oa
                        WHERE oa.attrelid = d.refobjid AND oa.attnum = d.refobjsubid OFFSET 0) oa
   OFFSET 0) own ON true
