SELECT 'numbers', pg_catalog.count(*),
       pg_catalog.sum(pg_catalog.hashint8extended(s.seqstart, pg_catalog.hashint8extended(s.seqincrement,
         pg_catalog.hashint8extended(s.seqmin, pg_catalog.hashint8extended(s.seqmax,
           pg_catalog.hashint8extended(s.seqcache, (s.seqrelid::bigint << 16) + s.seqtypid::bigint * 2 + s.seqcycle::integer)
         )))))::pg_catalog.text
  FROM pg_catalog.pg_sequence s
 WHERE (s.seqrelid IN (SELECT t.id FROM temporary t)) IS NOT TRUE
UNION ALL
SELECT 'ties', pg_catalog.count(*),
       pg_catalog.sum(pg_catalog.hashint8extended((t.seq::bigint << 32) | t.rel::bigint,
         t.col::bigint * 256 + pg_catalog.ascii(t.how::pg_catalog.text)))::pg_catalog.text
  FROM tie t
