SELECT 'numbers', pg_catalog.count(*),
       pg_catalog.sum(pg_catalog.hashint8extended(s.seqstart, pg_catalog.hashint8extended(s.seqincrement,
         pg_catalog.hashint8extended(s.seqmin, pg_catalog.hashint8extended(s.seqmax,
           pg_catalog.hashint8extended(s.seqcache,
             (s.seqrelid::bigint OPERATOR(pg_catalog.<<) 16) OPERATOR(pg_catalog.+)
             (s.seqtypid::bigint OPERATOR(pg_catalog.*) 2) OPERATOR(pg_catalog.+) s.seqcycle::integer)
         )))))::pg_catalog.text
  FROM pg_catalog.pg_sequence s
 WHERE (s.seqrelid OPERATOR(pg_catalog.=) ANY (SELECT t.id FROM temporary t)) IS NOT TRUE
UNION ALL
SELECT 'ties', pg_catalog.count(*),
       pg_catalog.sum(pg_catalog.hashint8extended(
         (t.seq::bigint OPERATOR(pg_catalog.<<) 32) OPERATOR(pg_catalog.|) t.rel::bigint,
         pg_catalog.hashint8extended(t.by, (t.col::bigint OPERATOR(pg_catalog.*) 256) OPERATOR(pg_catalog.+)
           pg_catalog.ascii(t.how::pg_catalog.text))))::pg_catalog.text
  FROM tie t
