-- devflow: compatible-with 0004
alter table links add notes text;
