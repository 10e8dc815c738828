create table links (
    id         bigint generated always as identity primary key,
    url        text not null unique check (url ~ '^https?://'),
    created_at timestamptz not null default now()
);
