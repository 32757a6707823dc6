SELECT 'edge', NULL, NULL, NULL, NULL, pg_catalog.array_agg(e.rule)::pg_catalog.text, pg_catalog.array_agg(e.view)::pg_catalog.text
  FROM reading e
 WHERE NOT e.own
   AND (e.col OPERATOR(pg_catalog.>) 0
        OR (SELECT pg_catalog.strpos(r.ev_action::pg_catalog.text, pg_catalog.concat(':relid ', e.view, ' ')) OPERATOR(pg_catalog.>) 0
              FROM pg_catalog.pg_rewrite r WHERE r.oid OPERATOR(pg_catalog.=) e.rule))
UNION ALL
SELECT 'rule', NULL, NULL, NULL, NULL, pg_catalog.array_agg(e.rule)::pg_catalog.text, pg_catalog.array_agg(e.view)::pg_catalog.text
  FROM reading e
 WHERE e.own AND (e.rule OPERATOR(pg_catalog.=) ANY (SELECT f.rule FROM reading f WHERE NOT f.own)) IS TRUE
