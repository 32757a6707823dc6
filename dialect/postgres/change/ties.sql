SELECT 'tied columns', pg_catalog.count(*),
       pg_catalog.sum(pg_catalog.hashnameextended(a.attname,
         (a.attrelid::bigint OPERATOR(pg_catalog.<<) 16) OPERATOR(pg_catalog.|) a.attnum::bigint))::pg_catalog.text
  FROM pg_catalog.pg_attribute a
 WHERE a.attrelid OPERATOR(pg_catalog.=) ANY (ARRAY(SELECT t.rel FROM tie t))
   AND a.attnum OPERATOR(pg_catalog.>=) (SELECT pg_catalog.min(t.col) FROM tie t)
   AND a.attnum OPERATOR(pg_catalog.<=) (SELECT pg_catalog.max(t.col) FROM tie t)
UNION ALL
SELECT 'keys', pg_catalog.count(*),
       pg_catalog.sum(pg_catalog.hashint8extended(k.oid::bigint, k.conrelid::bigint))::pg_catalog.text
  FROM pg_catalog.pg_constraint k
 WHERE EXISTS (SELECT FROM tie t) AND k.contype OPERATOR(pg_catalog.=) 'p'
   AND (k.conrelid OPERATOR(pg_catalog.=) ANY (SELECT t.rel FROM tie t)) IS TRUE
