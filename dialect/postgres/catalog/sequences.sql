SELECT 'number', s.seqtypid::bigint, NULL, NULL, CASE WHEN s.seqcycle THEN 'y' ELSE '' END,
       pg_catalog.array_agg(s.seqrelid)::pg_catalog.text,
       ARRAY[s.seqstart, s.seqincrement, s.seqmin, s.seqmax, s.seqcache]::pg_catalog.text
  FROM pg_catalog.pg_sequence s
 GROUP BY s.seqtypid, s.seqcycle, s.seqstart, s.seqincrement, s.seqmin, s.seqmax, s.seqcache, NULL::pg_catalog.xid
UNION ALL
SELECT 'tie', NULL, NULL, pg_catalog.pg_get_userbyid(t.declared_by)::pg_catalog.text,
       pg_catalog.concat(t.how, CASE WHEN t.declared_by OPERATOR(pg_catalog.=) ANY (ARRAY(SELECT r.oid FROM role r WHERE r.super OR r.current)) THEN 't' END),
       pg_catalog.array_agg(t.seq)::pg_catalog.text,
       pg_catalog.array_agg((t.rel::bigint OPERATOR(pg_catalog.<<) 16) OPERATOR(pg_catalog.|) t.col::bigint)::pg_catalog.text
  FROM tie t
 GROUP BY t.how, t.declared_by
UNION ALL
SELECT 'table', NULL, c.relnamespace::bigint, pg_catalog.pg_get_userbyid(c.relowner)::pg_catalog.text,
       pg_catalog.concat(c.relkind, CASE WHEN c.relpersistence OPERATOR(pg_catalog.=) 't' THEN 'T' END,
                         CASE WHEN c.relowner OPERATOR(pg_catalog.=) ANY (ARRAY(SELECT r.oid FROM role r WHERE r.super OR r.current)) THEN 't' END),
       pg_catalog.array_agg(c.oid)::pg_catalog.text, pg_catalog.string_agg(c.relname::pg_catalog.text, $separator)
  FROM pg_catalog.pg_class c
 WHERE c.oid OPERATOR(pg_catalog.=) ANY (ARRAY(SELECT t.rel FROM tie t))
 GROUP BY c.relnamespace, c.relowner, c.relkind, c.relpersistence, NULL::pg_catalog.xid
UNION ALL
SELECT 'field', NULL, NULL, NULL, NULL,
       pg_catalog.array_agg((a.attrelid::bigint OPERATOR(pg_catalog.<<) 16) OPERATOR(pg_catalog.|) a.attnum::bigint)::pg_catalog.text,
       pg_catalog.string_agg(a.attname::pg_catalog.text, $separator)
  FROM pg_catalog.pg_attribute a
 WHERE a.attrelid OPERATOR(pg_catalog.=) ANY (ARRAY(SELECT t.rel FROM tie t))
   AND a.attnum OPERATOR(pg_catalog.>=) (SELECT pg_catalog.min(t.col) FROM tie t)
   AND a.attnum OPERATOR(pg_catalog.<=) (SELECT pg_catalog.max(t.col) FROM tie t)
UNION ALL
SELECT 'key', NULL, NULL, k.conkey::pg_catalog.text, NULL, pg_catalog.array_agg(k.conrelid)::pg_catalog.text, NULL
  FROM pg_catalog.pg_constraint k
 WHERE k.conrelid OPERATOR(pg_catalog.=) ANY (ARRAY(SELECT t.rel FROM tie t)) AND k.contype OPERATOR(pg_catalog.=) 'p'
 GROUP BY k.conkey, NULL::pg_catalog.xid
