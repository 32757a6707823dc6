-- A database with awkward names and every kind of column, for the generator's tests.
CREATE TYPE mood AS ENUM (
  '', ' ', '1', '-', '#', '*', 'A+', 'A-', 'type', 'foo-bar','foo_bar','foo bar','fooBar','ok','OK','Ok','naïve','日本','🙂','ñ', E'n\u0303','select','it''s','"q"','back`tick', E'new\nline','null','String','init','empty','Labels', E'tab\t','Expected', 'a=b', 'a,b');
CREATE TYPE "order" AS ENUM ('status', 'paid');
CREATE TYPE order_status AS ENUM ('placed','paid');
CREATE TYPE "2fa" AS ENUM ('sms');
CREATE TYPE none AS ENUM ();
CREATE SCHEMA stats;
CREATE TYPE stats.mood AS ENUM ('happy');
CREATE TYPE a AS ENUM ('b_c');
CREATE TYPE a_b AS ENUM ('c');
CREATE TYPE "x
func init() { panic(1) } //" AS ENUM ('y');
COMMENT ON TYPE a IS E'A line.\nfunc init() {}';
CREATE DOMAIN positive AS int CHECK (VALUE > 0);
CREATE MATERIALIZED VIEW daily AS SELECT
  true AS b,
  1::smallint AS s,
  1::int AS i,
  1::bigint AS l,
  1.5::real AS r,
  1.5::float8 AS d,
  1.5::numeric(10,2) AS n,
  't'::text AS t,
  'c'::char(3) AS c,
  'v'::varchar(5) AS v,
  '2026-03-01'::date AS day,
  '2026-03-01 10:00+00'::timestamptz AS ts,
  '2026-03-01 10:00'::timestamp(3) AS lt,
  '1'::bytea AS by,
  'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid AS u,
  '{}'::json AS j,
  '{}'::jsonb AS jb,
  '1 day'::interval day AS iv,
  '10:00'::time AS tm,
  '10:00+01'::timetz AS tz,
  1::oid AS o,
  'n'::name AS nm,
  '1.2.3.4'::inet AS ip,
  '{1,2}'::int[] AS ints,
  'sms'::"2fa" AS e,
  '{sms}'::"2fa"[] AS es,
  'happy'::stats.mood AS sm,
  1::positive AS p,
  B'101' AS bits,
  '[1,2]'::int4range AS rg,
  'x'::"char" AS ch,
  1 AS "user id",
  2 AS user_id,
  3 AS "9lives",
  4 AS "back`tick",
  5 AS "select",
  6 AS "日",
  '(1,2)'::point AS pt,
  '1'::money AS mo;
CREATE MATERIALIZED VIEW empties AS SELECT
  CASE WHEN false THEN true END AS b,
  CASE WHEN false THEN 1::smallint END AS s,
  CASE WHEN false THEN 1::int END AS i,
  CASE WHEN false THEN 1::bigint END AS l,
  CASE WHEN false THEN 1.5::real END AS r,
  CASE WHEN false THEN 1.5::float8 END AS d,
  CASE WHEN false THEN 1.5::numeric(10,2) END AS n,
  CASE WHEN false THEN 't'::text END AS t,
  CASE WHEN false THEN 'c'::char(3) END AS c,
  CASE WHEN false THEN 'v'::varchar(5) END AS v,
  CASE WHEN false THEN '2026-03-01'::date END AS day,
  CASE WHEN false THEN '2026-03-01 10:00+00'::timestamptz END AS ts,
  CASE WHEN false THEN '2026-03-01 10:00'::timestamp(3) END AS lt,
  CASE WHEN false THEN '1'::bytea END AS by,
  CASE WHEN false THEN 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid END AS u,
  CASE WHEN false THEN '{}'::json END AS j,
  CASE WHEN false THEN '{}'::jsonb END AS jb,
  CASE WHEN false THEN '1 day'::interval day END AS iv,
  CASE WHEN false THEN '10:00'::time END AS tm,
  CASE WHEN false THEN '10:00+01'::timetz END AS tz,
  CASE WHEN false THEN 1::oid END AS o,
  CASE WHEN false THEN 'n'::name END AS nm,
  CASE WHEN false THEN '1.2.3.4'::inet END AS ip,
  CASE WHEN false THEN '{1,2}'::int[] END AS ints,
  CASE WHEN false THEN 'sms'::"2fa" END AS e,
  CASE WHEN false THEN '{sms}'::"2fa"[] END AS es,
  CASE WHEN false THEN 'happy'::stats.mood END AS sm,
  CASE WHEN false THEN 1::positive END AS p,
  CASE WHEN false THEN B'101' END AS bits,
  CASE WHEN false THEN '[1,2]'::int4range END AS rg,
  CASE WHEN false THEN 'x'::"char" END AS ch,
  CASE WHEN false THEN 1 END AS "user id",
  CASE WHEN false THEN 2 END AS user_id,
  CASE WHEN false THEN 3 END AS "9lives",
  CASE WHEN false THEN 4 END AS "back`tick",
  CASE WHEN false THEN 5 END AS "select",
  CASE WHEN false THEN 6 END AS "日",
  CASE WHEN false THEN '(1,2)'::point END AS pt,
  CASE WHEN false THEN '1'::money END AS mo;
