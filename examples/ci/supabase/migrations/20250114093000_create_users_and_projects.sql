-- Who may sign in, and what they work on.

create table users (
    id           uuid primary key default gen_random_uuid(),
    email        text not null,
    display_name text not null check (display_name <> ''),
    created_at   timestamptz not null default now()
);

create unique index users_email_key on users (lower(email));

create table projects (
    id          uuid primary key default gen_random_uuid(),
    owner_id    uuid not null references users (id) on delete restrict,
    slug        text not null check (slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$'),
    title       text not null,
    is_public   boolean not null default false,
    created_at  timestamptz not null default now(),
    archived_at timestamptz,
    unique (owner_id, slug)
);
