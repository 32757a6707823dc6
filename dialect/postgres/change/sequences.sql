SELECT 'sequences', pg_catalog.sum(s.n)::bigint, pg_catalog.sum(s.print)::pg_catalog.text FROM relation s WHERE s.kind = 'S'
UNION ALL
SELECT 'numbers', pg_catalog.count(*),
       pg_catalog.sum(pg_catalog.hashint8extended(s.seqstart, pg_catalog.hashint8extended(s.seqincrement,
         pg_catalog.hashint8extended(s.seqmin, pg_catalog.hashint8extended(s.seqmax,
           pg_catalog.hashint8extended(s.seqcache, (s.seqrelid::bigint << 16) + s.seqtypid::bigint * 2 + s.seqcycle::integer)
         )))))::pg_catalog.text
  FROM pg_catalog.pg_sequence s
 WHERE (s.seqrelid IN (SELECT pg_catalog.unnest(r.ids) FROM relation r WHERE r.kind = 'S')) IS TRUE
UNION ALL
SELECT 'ties', pg_catalog.count(*),
       pg_catalog.sum(pg_catalog.hashint8extended((t.seq::bigint << 32) | t.rel::bigint,
         t.col::bigint * 256 + pg_catalog.ascii(t.how::pg_catalog.text)))::pg_catalog.text
  FROM tie t
UNION ALL
SELECT 'tied columns', pg_catalog.count(*),
       pg_catalog.sum(pg_catalog.hashnameextended(a.attname, (t.rel::bigint << 16) | t.col::bigint))::pg_catalog.text
  FROM tie t
  CROSS JOIN LATERAL (SELECT a.attname FROM pg_catalog.pg_attribute a
                       WHERE a.attrelid = t.rel AND a.attnum = t.col OFFSET 0) a
 WHERE t.how <> 'd' OR ((t.rel, t.col) IN (SELECT o.rel, o.col FROM tie o WHERE o.how <> 'd')) IS NOT TRUE
UNION ALL
SELECT 'tied tables', pg_catalog.count(*),
       pg_catalog.sum(pg_catalog.hashnameextended(c.relname, (c.oid::bigint << 32) | c.relnamespace::bigint))::pg_catalog.text
  FROM pg_catalog.pg_class c
 WHERE EXISTS (SELECT FROM tie t) AND c.relkind IN ('r', 'p', 'f') AND (c.oid IN (SELECT t.rel FROM tie t)) IS TRUE
UNION ALL
SELECT 'keys', pg_catalog.count(*),
       pg_catalog.sum(pg_catalog.hashint8extended(k.oid::bigint, k.conrelid::bigint))::pg_catalog.text
  FROM pg_catalog.pg_constraint k
 WHERE EXISTS (SELECT FROM tie t) AND k.contype = 'p' AND (k.conrelid IN (SELECT t.rel FROM tie t)) IS TRUE
