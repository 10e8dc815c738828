-- Numbers the revisions of a document 1, 2, 3 …, also when two people save at once.

begin;

alter table documents add column revision_count integer not null default 0;

update documents
set revision_count = counted.revisions
from (select document_id, count(*) as revisions from revisions group by document_id) as counted
where counted.document_id = documents.id;

create function number_revision() returns trigger
language plpgsql as $$
begin
    update documents
    set revision_count = revision_count + 1
    where id = new.document_id
    returning revision_count into new.number;
    return new;
end;
$$;

create trigger number_revision
    before insert on revisions
    for each row execute function number_revision();

commit;
