SELECT 'relations', pg_catalog.sum(r.n)::bigint,
       pg_catalog.sum(pg_catalog.hashtextextended(r.print::pg_catalog.text,
         (r.owner::bigint << 16) + (pg_catalog.ascii(r.kind::pg_catalog.text) << 1) + r.populated::integer))::pg_catalog.text
  FROM relation r
 WHERE r.persistence <> 't'
