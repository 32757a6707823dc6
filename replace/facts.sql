-- All facts about the view with the oid $1 and about the views that depend on it. The
-- search path must be pg_catalog, pg_temp: all printed names are then qualified, and all
-- operators are those of pg_catalog. Facts that are statements name the view in its shadow
-- schema, so that a view and its shadow have equal facts.
WITH RECURSIVE member(oid) AS (
  SELECT $1::pg_catalog.oid
  UNION
  SELECT r.ev_class
  FROM member m
  JOIN pg_catalog.pg_depend d ON d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid = m.oid
    AND d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass
  JOIN pg_catalog.pg_rewrite r ON r.oid = d.objid AND r.rulename = '_RETURN'
),
shadow(schema, name) AS (
  SELECT n.oid, CASE WHEN pg_catalog.starts_with(n.nspname::text, '$id') THEN n.nspname::text ELSE '$id_' || n.oid END
  FROM pg_catalog.pg_namespace n
),
rel AS (
  SELECT c.*, n.nspname, pg_catalog.format('%I.%I', s.name, c.relname) AS target,
    CASE c.relkind WHEN 'm' THEN 'MATERIALIZED VIEW' ELSE 'VIEW' END AS word,
    pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(c.relowner)) AS owner
  FROM member m
  JOIN pg_catalog.pg_class c ON c.oid = m.oid
  JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
  JOIN shadow s ON s.schema = n.oid
),
col AS (
  SELECT a.*, r.target, r.word, r.relkind, r.relowner, pg_catalog.to_jsonb(a) ->> 'attcompression' AS compression
  FROM rel r
  JOIN pg_catalog.pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
),
ix AS (
  SELECT i.indrelid, i.indexrelid, i.indisunique, i.indisclustered, i.indisvalid AND i.indisready AS valid,
    c.relname, pg_catalog.format('%I.%I', s.name, c.relname) AS shadow, t.spcname, r.target,
    pg_catalog.format('%I.%I', r.nspname, r.relname) AS source,
    pg_catalog.pg_get_indexdef(i.indexrelid) AS def
  FROM rel r
  JOIN pg_catalog.pg_index i ON i.indrelid = r.oid
  JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
  JOIN shadow s ON s.schema = c.relnamespace
  LEFT JOIN pg_catalog.pg_tablespace t ON t.oid = c.reltablespace
),
st AS (
  SELECT e.oid, e.stxrelid, pg_catalog.to_jsonb(e) ->> 'stxstattarget' AS stattarget, r.target, n.nspname,
    pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(e.stxowner)) AS owner, s.name AS schema,
    pg_catalog.format('%I.%I', n.nspname, e.stxname) AS name, pg_catalog.format('%I.%I', s.name, e.stxname) AS shadow,
    pg_catalog.format('%I.%I', r.nspname, r.relname) AS source, pg_catalog.pg_get_statisticsobjdef(e.oid) AS def
  FROM rel r
  JOIN pg_catalog.pg_statistic_ext e ON e.stxrelid = r.oid
  JOIN pg_catalog.pg_namespace n ON n.oid = e.stxnamespace
  JOIN shadow s ON s.schema = n.oid
),
-- The rights on views (attnum 0) and columns. Without a list of rights, a view has the
-- default rights.
acl AS (
  SELECT r.oid, 0 AS attnum, NULL::text AS attname, r.target, r.relowner, x.grantor, x.grantee, x.privilege_type, x.is_grantable
  FROM rel r
  CROSS JOIN LATERAL pg_catalog.aclexplode(coalesce(r.relacl, pg_catalog.acldefault('r', r.relowner))) x
  UNION ALL
  SELECT c.attrelid, c.attnum, c.attname::text, c.target, c.relowner, x.grantor, x.grantee, x.privilege_type, x.is_grantable
  FROM col c
  CROSS JOIN LATERAL pg_catalog.aclexplode(c.attacl) x
),
-- The default privileges that new views of the current role get.
given AS (
  SELECT DISTINCT x.grantee
  FROM pg_catalog.pg_default_acl a
  JOIN pg_catalog.pg_roles r ON r.oid = a.defaclrole AND r.rolname = current_user
  CROSS JOIN LATERAL pg_catalog.aclexplode(a.defaclacl) x
  WHERE a.defaclobjtype = 'r' AND a.defaclnamespace = 0
),
-- The views whose owner has the default rights, if new views get these, too.
plain(oid) AS (
  SELECT r.oid FROM rel r
  WHERE NOT EXISTS (SELECT FROM given) AND (
    SELECT pg_catalog.string_agg(pg_catalog.concat(x.privilege_type, x.is_grantable), ',' ORDER BY x.privilege_type)
    FROM pg_catalog.aclexplode(pg_catalog.acldefault('r', r.relowner)) x) = (
    SELECT pg_catalog.string_agg(pg_catalog.concat(a.privilege_type, a.is_grantable), ',' ORDER BY a.privilege_type)
    FROM acl a WHERE a.oid = r.oid AND a.attnum = 0 AND a.grantee = r.relowner)
),
-- The views and the objects that belong to them.
part(rel, classid, objid) AS (
  SELECT r.oid, 'pg_catalog.pg_class'::pg_catalog.regclass, r.oid FROM rel r
  UNION ALL
  SELECT i.indrelid, 'pg_catalog.pg_class'::pg_catalog.regclass, i.indexrelid FROM ix i
  UNION ALL
  SELECT r.oid, 'pg_catalog.pg_type'::pg_catalog.regclass, r.reltype FROM rel r
  UNION ALL
  SELECT r.oid, 'pg_catalog.pg_type'::pg_catalog.regclass, t.typarray FROM rel r JOIN pg_catalog.pg_type t ON t.oid = r.reltype
  UNION ALL
  SELECT r.oid, 'pg_catalog.pg_rewrite'::pg_catalog.regclass, w.oid
  FROM rel r JOIN pg_catalog.pg_rewrite w ON w.ev_class = r.oid AND w.rulename = '_RETURN'
  UNION ALL
  SELECT r.oid, 'pg_catalog.pg_attrdef'::pg_catalog.regclass, d.oid FROM rel r JOIN pg_catalog.pg_attrdef d ON d.adrelid = r.oid
  UNION ALL
  SELECT r.oid, 'pg_catalog.pg_trigger'::pg_catalog.regclass, t.oid
  FROM rel r JOIN pg_catalog.pg_trigger t ON t.tgrelid = r.oid
  WHERE NOT t.tgisinternal AND t.tgtype & 65 = 65 -- INSTEAD OF, for each row
  UNION ALL
  SELECT s.stxrelid, 'pg_catalog.pg_statistic_ext'::pg_catalog.regclass, s.oid FROM st s
),
-- The types of the literals in the views, by the part that has the literal.
literal(rel, classid, objid, type) AS (
  SELECT DISTINCT p.rel, p.classid, p.objid, m.m[1]::pg_catalog.oid
  FROM part p
  LEFT JOIN pg_catalog.pg_rewrite w ON p.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass AND w.oid = p.objid
  LEFT JOIN pg_catalog.pg_attrdef d ON p.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass AND d.oid = p.objid
  LEFT JOIN pg_catalog.pg_index i ON p.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND i.indexrelid = p.objid
  LEFT JOIN pg_catalog.pg_statistic_ext e ON p.classid = 'pg_catalog.pg_statistic_ext'::pg_catalog.regclass AND e.oid = p.objid
  CROSS JOIN LATERAL pg_catalog.regexp_matches(
    pg_catalog.concat(w.ev_action, d.adbin, i.indexprs, i.indpred, pg_catalog.to_jsonb(e) ->> 'stxexprs'),
    ':consttype (\d{5,}) :consttypmod \S+ :constcollid \S+ :constlen \S+ :constbyval \S+ :constisnull false', 'g') m(m)
),
inside(literal, type) AS (
  SELECT l.type, l.type FROM literal l
  UNION
  SELECT i.literal, x.type
  FROM inside i
  JOIN pg_catalog.pg_type t ON t.oid = i.type
  CROSS JOIN LATERAL (
    SELECT t.typelem UNION ALL SELECT t.typbasetype
    UNION ALL
    SELECT CASE t.typtype WHEN 'r' THEN r.rngsubtype ELSE r.rngtypid END FROM pg_catalog.pg_range r
    WHERE t.typtype IN ('r', 'm') AND t.oid::text IN (r.rngtypid::text, pg_catalog.to_jsonb(r) ->> 'rngmultitypid')
    UNION ALL
    SELECT a.atttypid FROM pg_catalog.pg_attribute a WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped) x(type)
),
-- The role to return to after SET LOCAL ROLE.
back(role) AS (
  SELECT CASE s WHEN 'none' THEN 'NONE' ELSE pg_catalog.quote_ident(s) END
  FROM pg_catalog.current_setting('role') s
),
fact(rel, kind, n, fact) AS (
  -- What describes a view.
  SELECT r.oid, 'schema', 0, r.nspname::text FROM rel r
  UNION ALL
  SELECT r.oid, 'name', 0, r.relname::text FROM rel r
  UNION ALL
  SELECT r.oid, 'relkind', 0, r.relkind::text FROM rel r
  UNION ALL
  SELECT r.oid, 'owner', 0, r.owner FROM rel r
  UNION ALL
  SELECT r.oid, 'populated', 0, r.relispopulated::text FROM rel r WHERE r.relkind = 'm'
  UNION ALL
  SELECT r.oid, 'definition', 0, pg_catalog.rtrim(pg_catalog.pg_get_viewdef(r.oid), ';') FROM rel r
  UNION ALL
  SELECT c.attrelid, 'column', c.attnum, pg_catalog.format('%I %s%s', c.attname, pg_catalog.format_type(c.atttypid, c.atttypmod),
    (SELECT pg_catalog.format(' COLLATE %I.%I', n.nspname, o.collname)
     FROM pg_catalog.pg_collation o JOIN pg_catalog.pg_namespace n ON n.oid = o.collnamespace WHERE o.oid = c.attcollation))
  FROM col c
  UNION ALL
  SELECT DISTINCT w.ev_class, 'reads', 0, pg_catalog.concat('"', pg_catalog.replace(r.nspname::text, '"', '""'), '"."',
    pg_catalog.replace(r.relname::text, '"', '""'), '"')
  FROM rel r
  JOIN pg_catalog.pg_depend d ON d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.refobjid = r.oid
    AND d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass
  JOIN pg_catalog.pg_rewrite w ON w.oid = d.objid AND w.rulename = '_RETURN' AND w.ev_class <> r.oid
  UNION ALL
  SELECT r.oid, 'options', 0, pg_catalog.concat(' USING ' || pg_catalog.quote_ident(m.amname), (
      SELECT ' WITH (' || pg_catalog.string_agg(o.prefix || pg_catalog.split_part(o.o, '=', 1) || '=' ||
        pg_catalog.quote_literal(pg_catalog.substr(o.o, pg_catalog.strpos(o.o, '=') + 1)), ', ' ORDER BY o.prefix, o.n) || ')'
      FROM (SELECT '' AS prefix, o, n FROM pg_catalog.unnest(r.reloptions) WITH ORDINALITY u(o, n)
            UNION ALL
            SELECT 'toast.', o, n FROM pg_catalog.unnest(t.reloptions) WITH ORDINALITY u(o, n)) o),
    ' TABLESPACE ' || pg_catalog.quote_ident(s.spcname))
  FROM rel r
  LEFT JOIN pg_catalog.pg_am m ON m.oid = r.relam
  LEFT JOIN pg_catalog.pg_class t ON t.oid = r.reltoastrelid
  LEFT JOIN pg_catalog.pg_tablespace s ON s.oid = r.reltablespace
  UNION ALL

  -- Statements that carry over what hangs on a view, before it is filled.
  SELECT c.attrelid, 'shape', 10, pg_catalog.format('ALTER MATERIALIZED VIEW %s ALTER COLUMN %I SET STATISTICS %s', c.target, c.attname, c.attstattarget)
  FROM col c WHERE c.relkind = 'm' AND c.attstattarget >= 0
  UNION ALL
  SELECT c.attrelid, 'shape', 11, pg_catalog.format('ALTER MATERIALIZED VIEW %s ALTER COLUMN %I SET (%s)', c.target, c.attname,
    pg_catalog.array_to_string(c.attoptions, ', '))
  FROM col c WHERE c.relkind = 'm' AND c.attoptions IS NOT NULL
  UNION ALL
  SELECT c.attrelid, 'shape', 12, pg_catalog.format('ALTER MATERIALIZED VIEW %s ALTER COLUMN %I SET STORAGE %s', c.target, c.attname,
    CASE c.attstorage WHEN 'p' THEN 'PLAIN' WHEN 'e' THEN 'EXTERNAL' WHEN 'm' THEN 'MAIN' ELSE 'EXTENDED' END)
  FROM col c JOIN pg_catalog.pg_type t ON t.oid = c.atttypid
  WHERE c.relkind = 'm' AND c.attstorage <> t.typstorage
  UNION ALL
  SELECT c.attrelid, 'shape', 13, pg_catalog.format('ALTER MATERIALIZED VIEW %s ALTER COLUMN %I SET COMPRESSION %s', c.target, c.attname,
    CASE c.compression WHEN 'l' THEN 'lz4' ELSE 'pglz' END)
  FROM col c WHERE c.relkind = 'm' AND c.compression <> ''
  UNION ALL
  SELECT r.oid, 'shape', 14, pg_catalog.format('ALTER MATERIALIZED VIEW %s REPLICA IDENTITY %s', r.target,
    CASE r.relreplident WHEN 'n' THEN 'NOTHING' ELSE 'FULL' END)
  FROM rel r WHERE r.relkind = 'm' AND r.relreplident IN ('n', 'f')
  UNION ALL
  SELECT c.attrelid, 'shape', 15, pg_catalog.format('ALTER VIEW %s ALTER COLUMN %I SET DEFAULT %s', c.target, c.attname,
    pg_catalog.pg_get_expr(d.adbin, d.adrelid))
  FROM col c JOIN pg_catalog.pg_attrdef d ON d.adrelid = c.attrelid AND d.adnum = c.attnum
  UNION ALL
  SELECT t.tgrelid, 'shape', 16, pg_catalog.format('%s ON %s%s', pg_catalog.left(x.def, x.at - 1), x.target,
    pg_catalog.substr(x.def, x.at + pg_catalog.length(x.source) + 4))
  FROM pg_catalog.pg_trigger t
  JOIN part p ON p.classid = 'pg_catalog.pg_trigger'::pg_catalog.regclass AND p.objid = t.oid
  CROSS JOIN LATERAL (
    SELECT d.def, r.target, d.source, d.skip + pg_catalog.strpos(pg_catalog.substr(d.def, d.skip + 1), ' ON ' || d.source || ' ') AS at
    FROM rel r
    CROSS JOIN LATERAL (SELECT pg_catalog.pg_get_triggerdef(t.oid) AS def, pg_catalog.format('%I.%I', r.nspname, r.relname) AS source,
      pg_catalog.length(pg_catalog.format('CREATE TRIGGER %I', t.tgname)) AS skip) d
    WHERE r.oid = t.tgrelid) x
  UNION ALL
  SELECT t.tgrelid, 'shape', 17, pg_catalog.format('COMMENT ON TRIGGER %I ON %s IS %L', t.tgname, r.target, d.description)
  FROM rel r
  JOIN pg_catalog.pg_trigger t ON t.tgrelid = r.oid
  JOIN pg_catalog.pg_description d ON d.classoid = 'pg_catalog.pg_trigger'::pg_catalog.regclass AND d.objoid = t.oid
  UNION ALL
  SELECT r.oid, 'shape', 18, pg_catalog.format('COMMENT ON %s %s IS %L', r.word, r.target, d.description)
  FROM rel r JOIN pg_catalog.pg_description d ON d.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objoid = r.oid AND d.objsubid = 0
  UNION ALL
  SELECT c.attrelid, 'shape', 19, pg_catalog.format('COMMENT ON COLUMN %s.%I IS %L', c.target, c.attname, d.description)
  FROM col c JOIN pg_catalog.pg_description d ON d.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objoid = c.attrelid AND d.objsubid = c.attnum
  UNION ALL
  SELECT r.oid, 'shape', 20, pg_catalog.format('SECURITY LABEL FOR %I ON %s %s IS %L', l.provider, r.word, r.target, l.label)
  FROM rel r JOIN pg_catalog.pg_seclabel l ON l.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass AND l.objoid = r.oid AND l.objsubid = 0
  UNION ALL
  SELECT c.attrelid, 'shape', 21, pg_catalog.format('SECURITY LABEL FOR %I ON COLUMN %s.%I IS %L', l.provider, c.target, c.attname, l.label)
  FROM col c JOIN pg_catalog.pg_seclabel l ON l.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass AND l.objoid = c.attrelid AND l.objsubid = c.attnum
  UNION ALL
  SELECT r.oid, 'shape', 22, pg_catalog.format('ALTER MATERIALIZED VIEW %s DEPENDS ON EXTENSION %I', r.target, e.extname)
  FROM rel r
  JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = r.oid AND d.deptype = 'x'
  JOIN pg_catalog.pg_extension e ON d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass AND e.oid = d.refobjid
  WHERE r.relkind = 'm'
  UNION ALL
  SELECT r.oid, 'shape', 30, pg_catalog.format('ALTER %s %s OWNER TO %s', r.word, r.target, r.owner) FROM rel r
  UNION ALL
  -- The owner's own rights are stated only if they are not the default, or if new views get
  -- other rights.
  SELECT r.oid, 'shape', 31, pg_catalog.format('REVOKE ALL ON %s FROM %s', r.target,
    CASE g.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(g.grantee)) END)
  FROM rel r
  CROSS JOIN LATERAL (SELECT r.relowner AS grantee UNION SELECT g.grantee FROM given g) g
  WHERE r.oid NOT IN (SELECT p.oid FROM plain p)
  UNION ALL
  SELECT a.oid, 'shape', CASE WHEN a.grantee = a.relowner THEN 32 WHEN a.grantor = a.relowner THEN 33 ELSE 34 END,
    pg_catalog.concat(CASE WHEN a.grantor <> a.relowner THEN pg_catalog.format('SET LOCAL ROLE %I; ', pg_catalog.pg_get_userbyid(a.grantor)) END,
      pg_catalog.format('GRANT %s ON %s TO %s%s',
        pg_catalog.string_agg(pg_catalog.concat(a.privilege_type, ' (' || pg_catalog.quote_ident(a.attname) || ')'), ', ' ORDER BY a.privilege_type), a.target,
        CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(a.grantee)) END,
        CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' END),
      CASE WHEN a.grantor <> a.relowner THEN '; SET LOCAL ROLE ' || (SELECT b.role FROM back b) END)
  FROM acl a
  WHERE a.grantee <> a.relowner OR a.attnum > 0 OR a.oid NOT IN (SELECT p.oid FROM plain p)
  GROUP BY a.oid, a.target, a.relowner, a.attnum, a.attname, a.grantor, a.grantee, a.is_grantable
  UNION ALL

  -- Statements after a view is filled.
  SELECT i.indrelid, 'index', 40, pg_catalog.concat('SET LOCAL default_tablespace = ' || pg_catalog.quote_literal(i.spcname) || '; ', x.head, i.target,
    pg_catalog.substr(i.def, pg_catalog.length(x.head || i.source) + 1), CASE WHEN i.spcname IS NOT NULL THEN '; SET LOCAL default_tablespace = ''''' END)
  FROM ix i
  CROSS JOIN LATERAL pg_catalog.format('CREATE %sINDEX %I ON ', CASE WHEN i.indisunique THEN 'UNIQUE ' END, i.relname) x(head)
  UNION ALL
  SELECT i.indrelid, 'index', 41, pg_catalog.format('COMMENT ON INDEX %s IS %L', i.shadow, d.description)
  FROM ix i JOIN pg_catalog.pg_description d ON d.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objoid = i.indexrelid
  UNION ALL
  SELECT i.indrelid, 'index', 42, pg_catalog.format('ALTER INDEX %s ALTER COLUMN %s SET STATISTICS %s', i.shadow, a.attnum, a.attstattarget)
  FROM ix i JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indexrelid AND a.attstattarget >= 0
  UNION ALL
  SELECT i.indrelid, 'index', 43, pg_catalog.format('ALTER INDEX %s DEPENDS ON EXTENSION %I', i.shadow, e.extname)
  FROM ix i
  JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = i.indexrelid AND d.deptype = 'x'
  JOIN pg_catalog.pg_extension e ON d.refclassid = 'pg_catalog.pg_extension'::pg_catalog.regclass AND e.oid = d.refobjid
  UNION ALL
  SELECT i.indrelid, 'index', 44, pg_catalog.format('ALTER MATERIALIZED VIEW %s CLUSTER ON %I', i.target, i.relname) FROM ix i WHERE i.indisclustered
  UNION ALL
  SELECT s.stxrelid, 'index', 50, pg_catalog.concat('CREATE STATISTICS ', s.shadow,
    pg_catalog.substr(pg_catalog.left(s.def, -pg_catalog.length(s.source)), pg_catalog.length('CREATE STATISTICS ' || s.name) + 1), s.target)
  FROM st s
  UNION ALL
  SELECT s.stxrelid, 'index', 51, pg_catalog.format('ALTER STATISTICS %s OWNER TO %s', s.shadow, s.owner) FROM st s
  UNION ALL
  SELECT s.stxrelid, 'index', 52, pg_catalog.format('ALTER STATISTICS %s SET STATISTICS %s', s.shadow, s.stattarget) FROM st s WHERE s.stattarget::int >= 0
  UNION ALL
  SELECT s.stxrelid, 'index', 53, pg_catalog.format('COMMENT ON STATISTICS %s IS %L', s.shadow, d.description)
  FROM st s JOIN pg_catalog.pg_description d ON d.classoid = 'pg_catalog.pg_statistic_ext'::pg_catalog.regclass AND d.objoid = s.oid
  UNION ALL

  -- The objects that the expressions use, without views. Some operators and casts are not in
  -- the text: a changed search path or a new cast would change them.
  SELECT p.rel, CASE WHEN p.objid = p.rel OR p.classid IN ('pg_catalog.pg_rewrite'::pg_catalog.regclass, 'pg_catalog.pg_type'::pg_catalog.regclass)
      THEN 'uses' ELSE 'part uses' END, 0, x.text
  FROM part p
  JOIN pg_catalog.pg_depend d ON d.classid = p.classid AND d.objid = p.objid
    AND d.refclassid NOT IN ('pg_catalog.pg_namespace'::pg_catalog.regclass, 'pg_catalog.pg_extension'::pg_catalog.regclass)
  LEFT JOIN pg_catalog.pg_class c ON d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass AND c.oid = d.refobjid
  CROSS JOIN LATERAL pg_catalog.format('%s (%s)', pg_catalog.pg_describe_object(d.refclassid, d.refobjid, 0), d.refobjid) x(text)
  WHERE (c.relkind IN ('v', 'm')) IS NOT TRUE
    AND NOT EXISTS (SELECT FROM part o WHERE o.classid = d.refclassid AND o.objid = d.refobjid)
  GROUP BY 1, 2, 4
  UNION ALL
  -- Reading such a literal checks domains, with the rights of the current role. The label of
  -- an enum that reads like a row is one if its type is recreated meanwhile.
  SELECT l.rel, 'literal', CASE l.classid WHEN 'pg_catalog.pg_rewrite'::pg_catalog.regclass THEN 0 ELSE 1 END,
    pg_catalog.format('%s has a literal of type %s, and another role owns this type or a part of it: write ARRAY[...] or ROW(...), or act as this role',
      pg_catalog.pg_describe_object(l.classid, l.objid, 0), pg_catalog.format_type(l.type, NULL))
  FROM literal l
  JOIN pg_catalog.pg_type t ON t.oid = l.type
  WHERE (t.typtype IN ('c', 'r', 'm') OR t.typcategory = 'A'
      OR EXISTS (SELECT FROM pg_catalog.pg_enum e WHERE e.enumtypid = t.oid AND e.enumlabel::text ~ '^\s*[[({]'))
    AND EXISTS (
      SELECT FROM inside i
      JOIN pg_catalog.pg_type o ON o.oid = i.type
      JOIN pg_catalog.pg_roles r ON r.oid = o.typowner
      WHERE i.literal = l.type AND NOT r.rolsuper AND r.rolname <> current_user)
  UNION ALL

  -- What the script needs.
  SELECT s.stxrelid, 'move', 0, pg_catalog.format('ALTER STATISTICS %s SET SCHEMA %I', s.shadow, s.nspname) FROM st s
  UNION ALL
  SELECT r.oid, 'shadow', 0, s.name FROM rel r JOIN shadow s ON s.schema = r.relnamespace
  UNION ALL
  SELECT s.stxrelid, 'shadow', 1, s.schema FROM st s
  UNION ALL
  SELECT s.stxrelid, 'owner', 1, s.owner FROM st s
  UNION ALL
  SELECT DISTINCT a.oid, 'grantor', 0, pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(a.grantor)) FROM acl a WHERE a.grantor <> a.relowner
  UNION ALL
  -- It takes SHARE UPDATE EXCLUSIVE and changes nothing: the options that a column has are set again. It
  -- writes the row of each column, so that a GRANT on a column, which takes no lock, can't follow.
  SELECT r.oid, 'guard', 0, pg_catalog.format('ALTER MATERIALIZED VIEW %I.%I %s', r.nspname, r.relname, g.actions)
  FROM rel r
  CROSS JOIN LATERAL (
    SELECT pg_catalog.string_agg(pg_catalog.format('ALTER COLUMN %I %s', c.attname, CASE WHEN c.attoptions IS NULL THEN 'RESET (n_distinct)'
      ELSE pg_catalog.format('SET (%s)', pg_catalog.array_to_string(c.attoptions, ', ')) END), ', ' ORDER BY c.attnum) AS actions
    FROM col c WHERE c.attrelid = r.oid AND c.relkind = 'm') g
  WHERE g.actions IS NOT NULL
  UNION ALL

  -- Whatever can't be carried over, in words.
  SELECT p.rel, 'obstacle', 0, pg_catalog.format('%s depends on %s', pg_catalog.pg_describe_object(d.classid, d.objid, d.objsubid),
    pg_catalog.pg_describe_object(d.refclassid, d.refobjid, d.refobjsubid))
  FROM part p
  JOIN pg_catalog.pg_depend d ON d.refclassid = p.classid AND d.refobjid = p.objid
  WHERE (NOT EXISTS (SELECT FROM part o WHERE o.classid = d.classid AND o.objid = d.objid)
         OR (d.refclassid = 'pg_catalog.pg_type'::pg_catalog.regclass AND d.classid <> 'pg_catalog.pg_type'::pg_catalog.regclass))
    AND NOT EXISTS (SELECT FROM rel r WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objid = r.reltoastrelid)
  UNION ALL
  SELECT p.rel, 'obstacle', 1, pg_catalog.format('%s belongs to %s', pg_catalog.pg_describe_object(d.classid, d.objid, 0),
    pg_catalog.pg_describe_object(d.refclassid, d.refobjid, 0))
  FROM part p
  JOIN pg_catalog.pg_depend d ON d.classid = p.classid AND d.objid = p.objid AND d.deptype = 'e'
  UNION ALL
  SELECT p.rel, 'obstacle', 2, pg_catalog.format('%s depends on %s', pg_catalog.pg_describe_object(d.classid, d.objid, 0),
    pg_catalog.pg_describe_object(d.refclassid, d.refobjid, 0))
  FROM part p
  JOIN rel r ON r.oid = p.rel
  JOIN pg_catalog.pg_depend d ON d.classid = p.classid AND d.objid = p.objid AND d.deptype = 'x'
  WHERE d.refclassid <> 'pg_catalog.pg_extension'::pg_catalog.regclass OR d.classid <> 'pg_catalog.pg_class'::pg_catalog.regclass OR r.relkind <> 'm'
  UNION ALL
  SELECT p.rel, 'obstacle', 3, pg_catalog.format('%s has a comment', pg_catalog.pg_describe_object(p.classid, p.objid, 0))
  FROM part p
  JOIN pg_catalog.pg_description d ON d.classoid = p.classid AND d.objoid = p.objid
  WHERE p.classid IN ('pg_catalog.pg_type'::pg_catalog.regclass, 'pg_catalog.pg_rewrite'::pg_catalog.regclass)
  UNION ALL
  SELECT p.rel, 'obstacle', 4, pg_catalog.format('%s has rights of its own', pg_catalog.pg_describe_object(p.classid, p.objid, 0))
  FROM part p
  JOIN pg_catalog.pg_type t ON p.classid = 'pg_catalog.pg_type'::pg_catalog.regclass AND t.oid = p.objid AND t.typacl IS NOT NULL
  UNION ALL
  SELECT p.rel, 'obstacle', 5, pg_catalog.format('%s has a security label', pg_catalog.pg_describe_object(p.classid, p.objid, 0))
  FROM part p
  JOIN pg_catalog.pg_seclabel l ON l.classoid = p.classid AND l.objoid = p.objid
  WHERE p.classid <> 'pg_catalog.pg_class'::pg_catalog.regclass
  UNION ALL
  SELECT i.indrelid, 'obstacle', 6, pg_catalog.format('%s is not valid', pg_catalog.pg_describe_object('pg_catalog.pg_class'::pg_catalog.regclass, i.indexrelid, 0))
  FROM ix i WHERE NOT i.valid
  UNION ALL
  SELECT r.oid, 'obstacle', 7, pg_catalog.format('%s belongs to a session: it is temporary', pg_catalog.pg_describe_object('pg_catalog.pg_class'::pg_catalog.regclass, r.oid, 0))
  FROM rel r WHERE r.relpersistence = 't'
  UNION ALL
  SELECT r.oid, 'obstacle', 8, pg_catalog.format('%s is not a view', pg_catalog.pg_describe_object('pg_catalog.pg_class'::pg_catalog.regclass, r.oid, 0))
  FROM rel r WHERE r.relkind NOT IN ('m', 'v')
)
SELECT f.rel::bigint AS rel, r.nspname::text AS schema, r.relname::text AS name, f.kind::text, f.n::bigint, f.fact::text
FROM fact f JOIN rel r ON r.oid = f.rel
