WITH RECURSIVE drawn AS (
$drawing
WHERE s.seqrelid OPERATOR(pg_catalog.=) ANY ($sequences)
), top AS (
  SELECT d.*
    FROM drawn d
   WHERE NOT EXISTS (
           SELECT FROM pg_catalog.pg_inherits i
             JOIN drawn p ON p.sequence OPERATOR(pg_catalog.=) d.sequence
                         AND p.relation OPERATOR(pg_catalog.=) i.inhparent AND p.col OPERATOR(pg_catalog.=) d.col
            WHERE i.inhrelid OPERATOR(pg_catalog.=) d.relation AND p.distrust OPERATOR(pg_catalog.=) '')
), tree (root, col, member) AS (
  SELECT t.relation, t.col, t.relation FROM top t WHERE t.distrust OPERATOR(pg_catalog.=) ''
  UNION
  SELECT r.root, r.col, i.inhrelid
    FROM tree r JOIN pg_catalog.pg_inherits i ON i.inhparent OPERATOR(pg_catalog.=) r.member
), judged AS (
  SELECT t.sequence, t.sequence_owner, t.step, t.lowest, t.highest, t.declared, t.modified, t.type, t.col,
         t.relation AS root, m.oid, m.relkind AS kind, n.oid AS namespace, n.nspname AS schema, m.relname AS name,
         CASE WHEN m.relkind OPERATOR(pg_catalog.<>) ALL ('{r,p}'::pg_catalog."char"[]) THEN 'it is not in a table'
              WHEN m.relowner OPERATOR(pg_catalog.=) ANY ($trusted) THEN ''
              WHEN m.relowner OPERATOR(pg_catalog.<>) t.sequence_owner
                THEN 'its table belongs to ' OPERATOR(pg_catalog.||) pg_catalog.pg_get_userbyid(m.relowner)::pg_catalog.text
              WHEN NOT $guarded THEN $unguarded
              ELSE '' END AS distrust
    FROM tree r
    JOIN top t ON t.relation OPERATOR(pg_catalog.=) r.root AND t.col OPERATOR(pg_catalog.=) r.col
              AND t.distrust OPERATOR(pg_catalog.=) ''
    JOIN pg_catalog.pg_class m ON m.oid OPERATOR(pg_catalog.=) r.member
    JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) m.relnamespace
   UNION ALL
  SELECT t.sequence, t.sequence_owner, t.step, t.lowest, t.highest, t.declared, t.modified, t.type, t.col,
         t.relation, t.relation, t.kind, t.namespace, t.schema, t.name, t.distrust
    FROM top t
   WHERE t.distrust OPERATOR(pg_catalog.<>) ''
), part AS (
  SELECT j.*,
         pg_catalog.bool_and(j.distrust OPERATOR(pg_catalog.=) '') OVER w AS whole,
         pg_catalog.array_agg(j.oid) OVER w AS oids
    FROM judged j WINDOW w AS (PARTITION BY j.sequence, j.root, j.col)
)
SELECT me.seqrelid::bigint AS sequence,
       COALESCE($guarded OR p.sequence_owner OPERATOR(pg_catalog.=) ANY ($trusted), true)::boolean AS safe,
       COALESCE(p.schema, '')::pg_catalog.text AS schema, COALESCE(p.name, '')::pg_catalog.text AS name, COALESCE(p.col, '')::pg_catalog.text AS col,
       COALESCE(pg_catalog.format_type(p.declared, p.modified), '')::pg_catalog.text AS type,
       COALESCE(p.distrust, '')::pg_catalog.text AS distrust,
       COALESCE(pg_catalog.has_schema_privilege(p.namespace, 'USAGE')
                AND pg_catalog.has_column_privilege(p.oid, p.col::pg_catalog.text, 'SELECT'), true)::boolean AS readable,
       COALESCE(pg_catalog.row_security_active(p.oid), false)::boolean AS guarded,
       CASE WHEN p.step OPERATOR(pg_catalog.<) 0 THEN (OPERATOR(pg_catalog.-) k.bound) OPERATOR(pg_catalog.-) 1
            ELSE k.bound END::bigint AS bound,
       me.seqincrement::bigint AS step, me.seqmin::bigint AS lowest, me.seqmax::bigint AS highest,
       CASE WHEN k.type IS NULL THEN '' ELSE pg_catalog.format(
         '%s(x.%I)%s::bigint FROM %s%I.%I x'
         ' WHERE x.%I OPERATOR(pg_catalog.>=) %L::%s AND x.%I OPERATOR(pg_catalog.<=) %L::%s%s'
         ' AND x.tableoid OPERATOR(pg_catalog.=) ANY (%L::pg_catalog.oid[])%s',
         CASE WHEN p.step OPERATOR(pg_catalog.>) 0 THEN k.highest_of ELSE k.lowest_of END, p.col, k.closing,
         CASE WHEN p.whole THEN '' ELSE 'ONLY ' END, p.schema, p.name,
         p.col, p.lowest, k.type, p.col, p.highest, k.type,
         CASE WHEN k.type OPERATOR(pg_catalog.=) 'double precision'
              THEN pg_catalog.format(' AND x.%I OPERATOR(pg_catalog.<) ''9223372036854775808''::double precision', p.col) END,
         CASE WHEN p.whole THEN p.oids ELSE ARRAY[p.oid] END,
         CASE WHEN $steps AND p.step OPERATOR(pg_catalog.<>) 1 AND p.step OPERATOR(pg_catalog.<>) (-1)
              THEN pg_catalog.format(
                ' AND pg_catalog.mod(pg_catalog.numeric_sub(pg_catalog.floor(x.%I::numeric), (SELECT q.last_value::numeric'
                ' FROM ONLY %s q WHERE q.tableoid OPERATOR(pg_catalog.=) %s)), %L::numeric) OPERATOR(pg_catalog.=) ''0''::numeric',
                p.col,
                (SELECT pg_catalog.format('%I.%I', n.nspname, c.relname)
                   FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
                  WHERE c.oid OPERATOR(pg_catalog.=) p.sequence),
                p.sequence, p.step) END)
       END::pg_catalog.text AS furthest
  FROM pg_catalog.pg_sequence me
  LEFT JOIN part p
    ON p.sequence OPERATOR(pg_catalog.=) me.seqrelid
   AND CASE WHEN p.whole THEN p.oid OPERATOR(pg_catalog.=) p.root
            ELSE p.kind OPERATOR(pg_catalog.<>) 'p' OR p.oid OPERATOR(pg_catalog.=) p.root AND p.distrust OPERATOR(pg_catalog.<>) '' END
  LEFT JOIN (VALUES
         ('pg_catalog.int2'::pg_catalog.regtype::pg_catalog.oid, 'bigint', 'pg_catalog.max', 'pg_catalog.min', '', 32767::bigint),
         ('pg_catalog.int4'::pg_catalog.regtype::pg_catalog.oid, 'bigint', 'pg_catalog.max', 'pg_catalog.min', '', 2147483647::bigint),
         ('pg_catalog.int8'::pg_catalog.regtype::pg_catalog.oid, 'bigint', 'pg_catalog.max', 'pg_catalog.min', '', NULL),
         ('pg_catalog.numeric'::pg_catalog.regtype::pg_catalog.oid, 'numeric', 'pg_catalog.floor(pg_catalog.max', 'pg_catalog.ceil(pg_catalog.min', ')', NULL),
         ('pg_catalog.float4'::pg_catalog.regtype::pg_catalog.oid, 'double precision', 'pg_catalog.floor(pg_catalog.max', 'pg_catalog.ceil(pg_catalog.min', ')', NULL),
         ('pg_catalog.float8'::pg_catalog.regtype::pg_catalog.oid, 'double precision', 'pg_catalog.floor(pg_catalog.max', 'pg_catalog.ceil(pg_catalog.min', ')', NULL)
       ) k (id, type, highest_of, lowest_of, closing, bound) ON k.id OPERATOR(pg_catalog.=) p.type
 WHERE me.seqrelid OPERATOR(pg_catalog.=) ANY ($sequences)
