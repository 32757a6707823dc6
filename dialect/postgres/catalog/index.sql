), index AS MATERIALIZED (
  SELECT i.indisunique, i.indimmediate, i.indisvalid, i.indpred IS NOT NULL AS partial, i.indexprs IS NOT NULL AS expressions,
         i.indnkeyatts, i.indkey::pg_catalog.text AS keys,
         pg_catalog.array_agg(i.indrelid) AS views, pg_catalog.array_agg(i.indexrelid) AS ids
    FROM pg_catalog.pg_index i
   WHERE i.indrelid OPERATOR(pg_catalog.=) ANY (ARRAY(SELECT m.oid FROM member m WHERE m.kind OPERATOR(pg_catalog.=) 'm'))
   GROUP BY 1, 2, 3, 4, 5, 6, 7, NULL::pg_catalog.xid
