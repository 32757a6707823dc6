c.relispopulated AND f.version OPERATOR(pg_catalog.=) c.xmin
     AND f.schema OPERATOR(pg_catalog.=) n.nspname::pg_catalog.text AND f.name OPERATOR(pg_catalog.=) c.relname::pg_catalog.text
     AND f.as_of OPERATOR(pg_catalog.<=) pg_catalog.clock_timestamp()
