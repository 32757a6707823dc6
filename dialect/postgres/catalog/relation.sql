), relation AS MATERIALIZED (
  SELECT c.oid, c.relkind AS kind, c.relowner AS owner, c.relnamespace AS ns, c.relacl AS acl,
         c.relispopulated AS populated, c.relname AS name
    FROM pg_catalog.pg_class c
   WHERE c.oid OPERATOR(pg_catalog.=) ANY (ARRAY($ids))
     AND c.relpersistence OPERATOR(pg_catalog.<>) 't'
