create view tagged_links as
select links.id, links.url, links.title, array_remove(array_agg(tags.name order by tags.name), null) as tags
from links
left join tags on tags.link_id = links.id
group by links.id;
