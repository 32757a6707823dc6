DO LANGUAGE plpgsql $guard;

CREATE TABLE $ledger.freshness (
  relid       pg_catalog.oid PRIMARY KEY,
  schema      pg_catalog.text NOT NULL,
  name        pg_catalog.text NOT NULL,
  version     pg_catalog.xid,
  as_of       pg_catalog.timestamptz,
  data_as_of  pg_catalog.timestamptz,
  started_at  pg_catalog.timestamptz,
  finished_at pg_catalog.timestamptz,
  mode        pg_catalog.text,
  by          pg_catalog.text,
  entries     bigint NOT NULL,
  failures    integer NOT NULL,
  failed_at   pg_catalog.timestamptz,
  error       pg_catalog.text
) WITH (fillfactor = 50);

CREATE TABLE $ledger.history (
  relid       pg_catalog.oid,
  number      bigint,
  schema      pg_catalog.text NOT NULL,
  name        pg_catalog.text NOT NULL,
  as_of       pg_catalog.timestamptz,
  data_as_of  pg_catalog.timestamptz,
  started_at  pg_catalog.timestamptz,
  finished_at pg_catalog.timestamptz,
  mode        pg_catalog.text,
  by          pg_catalog.text,
  error       pg_catalog.text,
  PRIMARY KEY (relid, number)
);

COMMENT ON TABLE $ledger.freshness IS '$layout';
