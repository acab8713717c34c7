-- How many teams have a record of the period, known when it is sealed: most records come later.
alter table tagih.closes add column teams integer not null default 0;
update tagih.closes c set teams =
  (select count(*) from tagih.usage_billings b where b.period = c.period);
