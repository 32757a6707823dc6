-- The database that the program expects. massive_gen.go was generated from it:
-- massive generate --out examples/enums/db
CREATE TYPE order_status AS ENUM ('placed', 'paid', 'packed', 'shipped', 'returned');
CREATE DOMAIN open_status AS order_status CHECK (VALUE <> 'shipped');
CREATE TABLE orders (
  id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  status  order_status,
  past    order_status[] NOT NULL DEFAULT '{}'
);
CREATE TABLE reminders (status open_status);
CREATE MATERIALIZED VIEW tallies AS SELECT status, count(*) AS orders FROM orders GROUP BY status;
