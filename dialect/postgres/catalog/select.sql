)
SELECT x.kind, x.id, x.ns,
       CASE WHEN $raw THEN pg_catalog.encode(pg_catalog.convert_to(x.owner, 'SQL_ASCII'), 'escape') ELSE x.owner END,
       x.flags,
       CASE WHEN $raw THEN pg_catalog.encode(pg_catalog.convert_to(x.a, 'SQL_ASCII'), 'escape') ELSE x.a END,
       CASE WHEN $raw THEN pg_catalog.encode(pg_catalog.convert_to(x.b, 'SQL_ASCII'), 'escape') ELSE x.b END
FROM (
