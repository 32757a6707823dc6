SELECT $columns, d.words::pg_catalog.text
FROM (
  SELECT pg_catalog.current_setting('row_security') AS security,
         pg_catalog.current_setting('restrict_nonsystem_relation_kind', true) AS kinds OFFSET 0) b
CROSS JOIN LATERAL (
$facts
  OFFSET 0) r
CROSS JOIN LATERAL (
  SELECT pg_catalog.set_config('row_security', 'off', true) AS security,
         CASE WHEN b.kinds IS NOT NULL
              THEN pg_catalog.set_config('restrict_nonsystem_relation_kind', 'view, foreign-table', true)
              ELSE '' END AS kinds OFFSET 0) c
CROSS JOIN LATERAL (
  SELECT ARRAY(SELECT w.word
                 FROM pg_catalog.ts_stat(CASE WHEN c.security IS NOT NULL AND c.kinds IS NOT NULL THEN $query END) w) AS words
  OFFSET 0) d
CROSS JOIN LATERAL (
  SELECT pg_catalog.set_config('row_security', b.security, true) AS security,
         CASE WHEN b.kinds IS NOT NULL
              THEN pg_catalog.set_config('restrict_nonsystem_relation_kind', b.kinds, true)
              ELSE '' END AS kinds
   WHERE d.words IS NOT NULL OFFSET 0) e
WHERE e.security IS NOT NULL AND e.kinds IS NOT NULL
