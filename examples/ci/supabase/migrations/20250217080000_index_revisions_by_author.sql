-- PostgreSQL builds an index concurrently outside a transaction only. devflow sees that by itself: every statement of
-- this file is of that kind, so that it needs no directive.

create index concurrently revisions_author_id_created_at_idx on revisions (author_id, created_at desc);
