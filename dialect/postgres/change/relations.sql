SELECT 'relations', pg_catalog.sum(r.n)::bigint,
       pg_catalog.sum(pg_catalog.hashtextextended(r.print::pg_catalog.text,
         (r.owner::bigint OPERATOR(pg_catalog.<<) 16) OPERATOR(pg_catalog.+)
         (pg_catalog.ascii(r.kind::pg_catalog.text) OPERATOR(pg_catalog.<<) 1) OPERATOR(pg_catalog.+)
         r.populated::integer))::pg_catalog.text
  FROM relation r
 WHERE r.persistence OPERATOR(pg_catalog.<>) 't'
