SELECT 'roles', pg_catalog.count(*),
       pg_catalog.sum(pg_catalog.hashnameextended(r.rolname,
         (r.oid::bigint * 4 + r.rolsuper::integer * 2 + r.rolinherit::integer) # a.how))::pg_catalog.text
  FROM (WITH RECURSIVE acting AS (
          SELECT u.oid, 0::bigint AS how FROM pg_catalog.pg_roles u WHERE u.rolname = CURRENT_USER
          UNION
          SELECT m.roleid, pg_catalog.hashtextextended(m::pg_catalog.text, 1)
            FROM acting u JOIN pg_catalog.pg_auth_members m ON m.member = u.oid)
        SELECT u.oid, u.how FROM acting u) a
  JOIN pg_catalog.pg_roles r ON r.oid = a.oid
UNION ALL
SELECT 'owners', pg_catalog.count(*),
       pg_catalog.sum(pg_catalog.hashnameextended(r.rolname, r.oid::bigint))::pg_catalog.text
  FROM pg_catalog.pg_roles r
 WHERE (r.oid IN (SELECT c.owner FROM relation c WHERE c.kind IN ('m', 'S') AND c.persistence <> 't'
                  UNION ALL
                  SELECT t.typowner FROM pg_catalog.pg_type t WHERE t.typtype = 'e')) IS TRUE
