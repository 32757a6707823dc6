SELECT 's', s.seqrelid::bigint, c.relnamespace::bigint, c.relname::pg_catalog.text,
       pg_catalog.pg_get_userbyid(c.relowner)::pg_catalog.text,
       (SELECT d.description FROM pg_catalog.pg_description d
         WHERE d.objoid OPERATOR(pg_catalog.=) c.oid
           AND d.classoid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid
           AND d.objsubid OPERATOR(pg_catalog.=) 0),
       pg_catalog.concat(
         CASE WHEN s.seqcycle THEN 'y' END,
         CASE WHEN h.oid OPERATOR(pg_catalog.=) c.oid THEN 'v' END,
         CASE WHEN own.identity THEN 'i' END,
         CASE WHEN o.owner AND c.relacl IS NULL THEN 'rnsx'
              ELSE pg_catalog.concat(
                CASE WHEN pg_catalog.has_sequence_privilege(c.oid, 'SELECT') THEN 'r' END,
                CASE WHEN pg_catalog.has_sequence_privilege(c.oid, 'USAGE, UPDATE') THEN 'n' END,
                CASE WHEN pg_catalog.has_sequence_privilege(c.oid, 'UPDATE') THEN 's' END,
                CASE WHEN o.owner THEN 'x' END) END),
       CASE WHEN h.oid OPERATOR(pg_catalog.<>) c.oid
            THEN pg_catalog.concat(h.relkind, (SELECT n.nspname FROM pg_catalog.pg_namespace n
                                                WHERE n.oid OPERATOR(pg_catalog.=) h.ns)) END,
       ARRAY[s.seqtypid::bigint, s.seqstart, s.seqincrement, s.seqmin, s.seqmax, s.seqcache]::pg_catalog.text,
       own.col,
       (SELECT ARRAY[t.relnamespace::pg_catalog.text, t.relname::pg_catalog.text, a.attname::pg_catalog.text]::pg_catalog.text
          FROM (
$draws
          ) u
         CROSS JOIN LATERAL (
           SELECT FROM pg_catalog.pg_constraint k
            WHERE k.conrelid OPERATOR(pg_catalog.=) u.relation AND k.contype OPERATOR(pg_catalog.=) 'p'
              AND u.number OPERATOR(pg_catalog.=) ANY (k.conkey) OFFSET 0) k
         CROSS JOIN LATERAL (
           SELECT t.relnamespace, t.relname
             FROM pg_catalog.pg_class t
            WHERE t.oid OPERATOR(pg_catalog.=) u.relation
              AND t.relkind OPERATOR(pg_catalog.=) ANY ('{r,p}'::pg_catalog."char"[])
              AND t.relpersistence OPERATOR(pg_catalog.<>) 't'
              AND (t.relowner OPERATOR(pg_catalog.=) c.relowner OR t.relowner OPERATOR(pg_catalog.=) ANY ($trusted))
              AND (u.declared_by OPERATOR(pg_catalog.=) c.relowner OR u.declared_by OPERATOR(pg_catalog.=) ANY ($trusted))
           OFFSET 0) t
         CROSS JOIN LATERAL (
           SELECT a.attname FROM pg_catalog.pg_attribute a
            WHERE a.attrelid OPERATOR(pg_catalog.=) u.relation AND a.attnum OPERATOR(pg_catalog.=) u.number OFFSET 0) a
         ORDER BY u.relation, u.number LIMIT 1)
FROM pg_catalog.pg_sequence s
CROSS JOIN LATERAL (SELECT c.* FROM pg_catalog.pg_class c WHERE c.oid OPERATOR(pg_catalog.=) s.seqrelid OFFSET 0) c
CROSS JOIN LATERAL (SELECT pg_catalog.pg_has_role(c.relowner, 'USAGE') AS owner OFFSET 0) o
LEFT JOIN LATERAL (
  SELECT h.oid, h.relkind, h.relnamespace AS ns
    FROM pg_catalog.pg_class h
   WHERE h.relname OPERATOR(pg_catalog.=) c.relname
     AND h.relnamespace OPERATOR(pg_catalog.=) ANY ((SELECT p.path FROM path p)::pg_catalog.oid[])
   ORDER BY pg_catalog.array_position((SELECT p.path FROM path p), h.relnamespace) LIMIT 1) h ON true
LEFT JOIN LATERAL (
  SELECT ARRAY[oc.relnamespace::pg_catalog.text, oc.relname::pg_catalog.text, oa.attname::pg_catalog.text]::pg_catalog.text AS col,
         d.deptype OPERATOR(pg_catalog.=) 'i' AS identity
    FROM (SELECT d.refobjid, d.refobjsubid, d.deptype FROM pg_catalog.pg_depend d
           WHERE d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid
             AND d.objid OPERATOR(pg_catalog.=) s.seqrelid AND d.objsubid OPERATOR(pg_catalog.=) 0
             AND d.refclassid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid
             AND d.refobjsubid OPERATOR(pg_catalog.>) 0
             AND d.deptype OPERATOR(pg_catalog.=) ANY ('{a,i}'::pg_catalog."char"[]) OFFSET 0) d
   CROSS JOIN LATERAL (
     SELECT oc.relnamespace, oc.relname FROM pg_catalog.pg_class oc
      WHERE oc.oid OPERATOR(pg_catalog.=) d.refobjid OFFSET 0) oc
   CROSS JOIN LATERAL (
     SELECT oa.attname FROM pg_catalog.pg_attribute oa
      WHERE oa.attrelid OPERATOR(pg_catalog.=) d.refobjid AND oa.attnum OPERATOR(pg_catalog.=) d.refobjsubid OFFSET 0) oa
   OFFSET 0) own ON true
