create table tags (
    link_id bigint not null references links (id) on delete cascade,
    name    text not null check (name ~ '^[a-z0-9-]+$'),
    primary key (link_id, name)
);

create index tags_name_idx on tags (name);
