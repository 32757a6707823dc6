    DELETE FROM $ledger.history h
     WHERE h.relid OPERATOR(pg_catalog.=) rel
       AND (h.number OPERATOR(pg_catalog.<=) (entry OPERATOR(pg_catalog.-) $kept) OR h.number OPERATOR(pg_catalog.>=) entry);
    INSERT INTO $ledger.history (relid, number, schema, name, as_of, data_as_of, started_at, finished_at, mode, by, error)
    SELECT f.relid, f.entries, f.schema, f.name, $entry
      FROM $ledger.freshness f WHERE f.relid OPERATOR(pg_catalog.=) rel;
    IF entry OPERATOR(pg_catalog.=) 1 THEN
      WITH gone AS (
        DELETE FROM $ledger.freshness f
         WHERE f.relid OPERATOR(pg_catalog.=) ANY (ARRAY(
               SELECT d.relid FROM $ledger.freshness d
                WHERE NOT EXISTS (SELECT FROM pg_catalog.pg_class c
                                   WHERE c.oid OPERATOR(pg_catalog.=) d.relid AND c.relkind OPERATOR(pg_catalog.=) 'm')
                  FOR UPDATE SKIP LOCKED))
        RETURNING f.relid)
      DELETE FROM $ledger.history h USING gone g WHERE h.relid OPERATOR(pg_catalog.=) g.relid;
    END IF;
