-- Links that are there already are called by their URL.
alter table links add column title text;
update links set title = url where title is null;
alter table links alter column title set not null;
