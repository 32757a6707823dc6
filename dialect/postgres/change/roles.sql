SELECT 'roles', pg_catalog.count(*),
       pg_catalog.sum(pg_catalog.hashnameextended(r.rolname,
         ((r.oid::bigint OPERATOR(pg_catalog.*) 4) OPERATOR(pg_catalog.+)
          (r.rolsuper::integer OPERATOR(pg_catalog.*) 2) OPERATOR(pg_catalog.+)
          r.rolinherit::integer) OPERATOR(pg_catalog.#) a.how))::pg_catalog.text
  FROM (WITH RECURSIVE acting AS (
          SELECT u.oid, 0::bigint AS how FROM pg_catalog.pg_roles u WHERE u.rolname OPERATOR(pg_catalog.=) CURRENT_USER
          UNION
          SELECT m.roleid, pg_catalog.hashtextextended(m::pg_catalog.text, 1)
            FROM acting u JOIN pg_catalog.pg_auth_members m ON m.member OPERATOR(pg_catalog.=) u.oid)
        SELECT u.oid, u.how FROM acting u) a
  JOIN pg_catalog.pg_roles r ON r.oid OPERATOR(pg_catalog.=) a.oid
UNION ALL
SELECT 'superusers', pg_catalog.count(*), pg_catalog.sum(pg_catalog.hashint8extended(r.oid::bigint, r.itself))::pg_catalog.text
  FROM (WITH RECURSIVE mighty AS (
          SELECT s.oid, 1::bigint AS itself FROM pg_catalog.pg_roles s WHERE s.rolsuper
          UNION
          SELECT m.member, 0::bigint FROM mighty s JOIN pg_catalog.pg_auth_members m ON m.roleid OPERATOR(pg_catalog.=) s.oid)
        SELECT s.oid, s.itself FROM mighty s) r
UNION ALL
SELECT 'owners', pg_catalog.count(*),
       pg_catalog.sum(pg_catalog.hashnameextended(r.rolname, r.oid::bigint))::pg_catalog.text
  FROM pg_catalog.pg_roles r
 WHERE (r.oid OPERATOR(pg_catalog.=) ANY (
         SELECT c.owner FROM relation c
          WHERE c.kind OPERATOR(pg_catalog.=) ANY ('{m,S}') AND c.persistence OPERATOR(pg_catalog.<>) 't'
         UNION ALL
         SELECT t.typowner FROM pg_catalog.pg_type t WHERE t.typtype OPERATOR(pg_catalog.=) 'e')) IS TRUE
