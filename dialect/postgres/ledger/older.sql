older := true;
IF recording THEN
  known := NULL;
  data := NULL;
  SELECT f.as_of, f.data_as_of INTO known, data
    FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
    JOIN $ledger.freshness f
      ON f.relid OPERATOR(pg_catalog.=) c.oid
     AND $valid
   WHERE c.oid OPERATOR(pg_catalog.=) rel;
  older := (known OPERATOR(pg_catalog.>=) oldest) IS NOT TRUE;
  IF NOT older AND (data OPERATOR(pg_catalog.>=) oldest) IS NOT TRUE THEN
    sources := (
$upstream);
    older := sources IS NOT NULL AND (data OPERATOR(pg_catalog.>=) sources) IS NOT TRUE;
  END IF;
END IF;
