-- What people say about a line of a revision.

create type comment_state as enum ('open', 'resolved');

create table comments (
    id          bigint generated always as identity primary key,
    document_id uuid not null,
    number      integer not null,
    line        integer not null check (line > 0),
    author_id   uuid references users (id) on delete set null,
    state       comment_state not null default 'open',
    body        text not null check (body <> ''),
    created_at  timestamptz not null default now(),
    foreign key (document_id, number) references revisions (document_id, number) on delete cascade
);

create index comments_open_idx on comments (document_id, number) where state = 'open';

comment on table comments is 'A comment stays with the revision that it was made on; later ones don''t inherit it.';
