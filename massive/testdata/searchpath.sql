-- The schema evil, owned by the role $attacker, has an object of the same name for each type, relation, function and
-- operator of pg_catalog. Each of them takes a value of the sequence evil.executed when it runs; a rollback keeps that.

CREATE SCHEMA evil AUTHORIZATION $attacker;
SET ROLE $attacker;
CREATE SEQUENCE evil.executed;
CREATE FUNCTION evil.spy() RETURNS boolean LANGUAGE plpgsql AS
  $$ BEGIN PERFORM pg_catalog.nextval('evil.executed'); RETURN true; END $$;
CREATE FUNCTION evil.sqlite_version() RETURNS pg_catalog.text LANGUAGE sql AS 'SELECT evil.spy()::pg_catalog.text';

-- Types, as domains whose CHECK counts casts. Pseudo-types become domains over text.
DO $$
DECLARE t record;
BEGIN
  FOR t IN SELECT y.typname AS name, CASE y.typtype WHEN 'p' THEN 'text' ELSE y.typname END AS base
             FROM pg_type y
            WHERE y.typnamespace = 'pg_catalog'::regnamespace AND y.typtype IN ('b', 'p')
              AND y.typcategory <> 'A' AND y.typname NOT LIKE '\_%' LOOP
    EXECUTE format('CREATE DOMAIN evil.%I AS pg_catalog.%I CHECK (evil.spy())', t.name, t.base);
  END LOOP;
END $$;

-- Relations, as views whose WHERE counts reads.
DO $$
DECLARE v record;
BEGIN
  FOR v IN SELECT c.relname AS name, (
                    SELECT string_agg(CASE WHEN format_type(a.atttypid, -1) IN ('anyarray', 'pg_statistic[]')
                                           THEN format('x.%1$I::pg_catalog.text AS %1$I', a.attname)
                                           ELSE format('x.%I', a.attname) END, ', ' ORDER BY a.attnum)
                      FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0) AS columns
             FROM pg_class c WHERE c.relnamespace = 'pg_catalog'::regnamespace AND c.relkind IN ('r', 'v') LOOP
    EXECUTE format('CREATE VIEW evil.%I AS SELECT %s FROM pg_catalog.%1$I x WHERE evil.spy()', v.name, v.columns);
  END LOOP;
END $$;

-- A type to which every other type has an implicit cast.
CREATE TYPE evil.hook AS (sharp boolean);
DO $$
DECLARE t record;
BEGIN
  FOR t IN SELECT typname AS name FROM pg_type
            WHERE typname = ANY ('{text,name,oid,int2,int4,int8,char,bool,numeric,float8,regclass,regtype,timestamptz,interval}')
              AND typnamespace = 'pg_catalog'::regnamespace LOOP
    EXECUTE format('CREATE FUNCTION evil.hooked(pg_catalog.%I) RETURNS evil.hook LANGUAGE plpgsql AS
      ''BEGIN PERFORM pg_catalog.nextval(''''evil.executed''''); END''', t.name);
    EXECUTE format('CREATE CAST (pg_catalog.%I AS evil.hook) WITH FUNCTION evil.hooked(pg_catalog.%1$I) AS IMPLICIT', t.name);
  END LOOP;
END $$;
RESET ROLE;

-- Functions and operators are inserted into the catalogs, which takes a tenth of the time of commands. Each function and
-- aggregate of pg_catalog is copied in another language, with anyelement (2283) instead of "any" (2276).
CREATE TEMPORARY SEQUENCE number MINVALUE 2000000000;
CREATE TEMPORARY TABLE made AS
SELECT * FROM pg_proc
 WHERE pronamespace = 'pg_catalog'::regnamespace
   AND proargtypes::oid[] <@ ARRAY(SELECT oid FROM pg_type WHERE typtype <> 'p' OR typname = 'record' OR typname LIKE 'any%');
UPDATE made
   SET prokind = 'f', prosupport = 0, proretset = false, proisstrict = false, probin = NULL, proconfig = NULL, proacl = NULL,
       provariadic = CASE provariadic WHEN 2276 THEN 0 ELSE provariadic END,
       prorettype = CASE prorettype WHEN 2276 THEN 2283 ELSE prorettype END,
       proargtypes = array_to_string(array_replace(proargtypes::oid[], '2276', '2283'), ' ')::oidvector,
       proallargtypes = NULL, proargmodes = NULL, proargnames = NULL;

-- Operators: those of pg_catalog, and operators for pairs of types without one.
CREATE TEMPORARY TABLE wanted AS
WITH types AS (
  SELECT oid FROM pg_type
   WHERE typnamespace = 'pg_catalog'::regnamespace
     AND typname = ANY ('{text,name,oid,int2,int4,int8,char,bool,numeric,float4,float8,regclass,regtype,regproc,regnamespace,regrole,
           timestamptz,interval,xid,varchar,aclitem,pg_node_tree,int2vector,oidvector,record,anyelement,anyarray,
           _text,_name,_oid,_int2,_int4,_int8,_char,_aclitem}')
      OR oid = 'evil.hook'::regtype)
SELECT oprname AS name, oprkind AS kind, oprleft AS l, oprright AS r, oprresult AS result
  FROM pg_operator WHERE oprnamespace = 'pg_catalog'::regnamespace
UNION ALL
SELECT o, 'b', l.oid, r.oid, CASE WHEN o = ANY ('{+,-,*,/,%,||,#,|,&,<<,>>}') THEN l.oid ELSE 'bool'::regtype END
  FROM unnest('{=,<>,<,>,<=,>=,+,-,*,/,%,||,#,|,&,<<,>>,~,~~,!~}'::name[]) o CROSS JOIN types l CROSS JOIN types r
 WHERE NOT EXISTS (SELECT FROM pg_operator p
                    WHERE p.oprnamespace = 'pg_catalog'::regnamespace AND p.oprname = o AND p.oprleft = l.oid AND p.oprright = r.oid);
CREATE TEMPORARY TABLE behind AS
SELECT 'behind_' || row_number() OVER () AS name, w.* FROM (SELECT DISTINCT l, r, result FROM wanted) w;
INSERT INTO made
SELECT spy.* FROM behind CROSS JOIN pg_proc spy WHERE spy.oid = 'evil.spy'::regproc;
UPDATE made
   SET oid = nextval('number'), pronamespace = 'evil'::regnamespace, proowner = '$attacker'::regrole, prolang = spy.prolang,
       prosrc = 'BEGIN PERFORM pg_catalog.nextval(''evil.executed''); END'
  FROM pg_proc spy WHERE spy.oid = 'evil.spy'::regproc;
UPDATE made
   SET proname = b.name, prorettype = b.result, pronargs = CASE b.l WHEN 0 THEN 1 ELSE 2 END,
       proargtypes = concat_ws(' ', NULLIF(b.l, 0), b.r)::oidvector
  FROM behind b, (SELECT oid, row_number() OVER () AS nr FROM made WHERE proname = 'spy') m
 WHERE made.oid = m.oid AND b.name = 'behind_' || m.nr;
INSERT INTO pg_proc SELECT * FROM made;
INSERT INTO pg_operator (oid, oprname, oprnamespace, oprowner, oprkind, oprcanmerge, oprcanhash, oprleft, oprright, oprresult,
                         oprcom, oprnegate, oprcode, oprrest, oprjoin)
SELECT nextval('number'), w.name, 'evil'::regnamespace, '$attacker'::regrole, w.kind, false, false, w.l, w.r, w.result, 0, 0, m.oid, 0, 0
  FROM wanted w JOIN behind b USING (l, r, result) JOIN made m ON m.proname = b.name;
