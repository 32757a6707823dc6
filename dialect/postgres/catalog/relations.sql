SELECT CASE WHEN r.ours THEN r.kind::pg_catalog.text ELSE 'relation' END, NULL::bigint, r.ns::bigint,
       pg_catalog.pg_get_userbyid(r.owner)::pg_catalog.text,
       pg_catalog.concat(
         CASE WHEN NOT r.ours THEN r.kind END,
         CASE WHEN r.populated AND r.kind OPERATOR(pg_catalog.=) 'm' THEN 'p' END,
         CASE WHEN r.owner OPERATOR(pg_catalog.=) ANY (ARRAY(
                     WITH RECURSIVE mighty AS (
                       SELECT r.oid FROM role r WHERE r.super
                       UNION
                       SELECT m.member FROM mighty s JOIN pg_catalog.pg_auth_members m ON m.roleid OPERATOR(pg_catalog.=) s.oid)
                     SELECT s.oid FROM mighty s))
              THEN 'a' END,
         CASE WHEN r.kind OPERATOR(pg_catalog.=) 'm' THEN
           CASE WHEN CASE WHEN pg_catalog.current_setting('server_version_num')::integer OPERATOR(pg_catalog.<) 170000 THEN o.owns
                          ELSE pg_catalog.has_table_privilege(o.one, 'MAINTAIN') END THEN 'm' END
         END,
         CASE WHEN r.kind OPERATOR(pg_catalog.=) 'S' THEN
           pg_catalog.concat(
             CASE WHEN pg_catalog.has_sequence_privilege(o.one, 'SELECT') THEN 'r' END,
             CASE WHEN pg_catalog.has_sequence_privilege(o.one, 'USAGE, UPDATE') THEN 'n' END,
             CASE WHEN pg_catalog.has_sequence_privilege(o.one, 'UPDATE') THEN 's' END,
             CASE WHEN o.owns THEN 'x' END)
         END),
       r.ids::pg_catalog.text, r.names
  FROM relation r
 CROSS JOIN LATERAL (
   SELECT pg_catalog.pg_has_role(r.owner, 'USAGE') AS owns,
          CASE WHEN pg_catalog.has_table_privilege(r.ids[1], 'SELECT') IS NOT NULL THEN r.ids[1]
               ELSE (SELECT u.id FROM pg_catalog.unnest(r.ids) u (id)
                      WHERE pg_catalog.has_table_privilege(u.id, 'SELECT') IS NOT NULL LIMIT 1) END AS one
   OFFSET 0) o
