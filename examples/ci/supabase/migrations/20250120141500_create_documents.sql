-- A project's files, and every version of them.

create type document_kind as enum ('source', 'prose', 'data');

create table documents (
    id         uuid primary key default gen_random_uuid(),
    project_id uuid not null references projects (id) on delete cascade,
    path       text not null check (path <> '' and left(path, 1) <> '/'),
    kind       document_kind not null default 'source',
    created_at timestamptz not null default now(),
    unique (project_id, path)
);

create table revisions (
    document_id uuid not null references documents (id) on delete cascade,
    number      integer not null check (number > 0),
    author_id   uuid references users (id) on delete set null,
    body        text not null,
    message     text not null default '',
    created_at  timestamptz not null default now(),
    primary key (document_id, number)
);

create view current_revisions as
select distinct on (document_id) document_id, number, author_id, body, created_at
from revisions
order by document_id, number desc;
