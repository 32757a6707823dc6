
DECLARE
  recording boolean;
  moved pg_catalog.oid[];
BEGIN
  recording := NOT EXISTS (
$check);
  IF recording THEN
    moved := ARRAY(SELECT f.relid FROM $ledger.freshness f WHERE f.schema OPERATOR(pg_catalog.=) ANY ($schemas));
    UPDATE $ledger.freshness f SET schema = n.nspname::pg_catalog.text, version = c.xmin
      FROM pg_catalog.pg_class c
      JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
     WHERE f.relid OPERATOR(pg_catalog.=) ANY (moved) AND c.oid OPERATOR(pg_catalog.=) f.relid
       AND c.relname::pg_catalog.text OPERATOR(pg_catalog.=) f.name;
    UPDATE $ledger.history h SET schema = f.schema
      FROM $ledger.freshness f
     WHERE h.relid OPERATOR(pg_catalog.=) ANY (moved) AND f.relid OPERATOR(pg_catalog.=) h.relid;
  END IF;
EXCEPTION WHEN OTHERS THEN
  RETURN;
END
