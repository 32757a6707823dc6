
BEGIN
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_namespace n WHERE n.nspname OPERATOR(pg_catalog.=) $schema::pg_catalog.name) THEN
    CREATE SCHEMA $ledger;
  END IF;
  IF EXISTS (
    SELECT FROM (
$check) p
     WHERE p.problem OPERATOR(pg_catalog.=) 'unsafe' AND p.rank OPERATOR(pg_catalog.<=) 3) THEN
    RAISE insufficient_privilege USING
      MESSAGE = pg_catalog.format('schema %I belongs to another role, or another role may create objects in it', $schema),
      HINT = 'Use another schema.';
  END IF;
END
