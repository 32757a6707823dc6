SELECT (pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() OPERATOR(pg_catalog.-) f.data_as_of)
       OPERATOR(pg_catalog.*) '1000000')::bigint
  FROM pg_catalog.pg_class c
  LEFT JOIN $ledger.freshness f
    ON f.relid OPERATOR(pg_catalog.=) c.oid AND f.version OPERATOR(pg_catalog.=) c.xmin AND c.relispopulated
   AND f.schema OPERATOR(pg_catalog.=) $schema AND f.name OPERATOR(pg_catalog.=) $name
   AND f.as_of OPERATOR(pg_catalog.<=) pg_catalog.clock_timestamp()
 WHERE c.oid OPERATOR(pg_catalog.=) pg_catalog.to_regclass($view) AND c.relkind OPERATOR(pg_catalog.=) 'm'
