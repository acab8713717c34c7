-- Tokens by day lie in the row of the total that they add up to: an event writes one row instead of two.
-- Element n is of day n of the month, null where nothing was used; the list begins with the first day that has one.
alter table tagih.usage_totals add column days bigint[] not null default '{}';

update tagih.usage_totals t set days = used.days
  from (
    select d.team_id, to_char(d.day, 'YYYY-MM') as period,
           array(select of_day.tokens
                   from generate_series(1, 31) as n
                   left join tagih.usage_days of_day
                     on of_day.team_id = d.team_id and extract(day from of_day.day) = n
                    and to_char(of_day.day, 'YYYY-MM') = to_char(d.day, 'YYYY-MM')
                  order by n) as days
      from tagih.usage_days d
     group by 1, 2, 3
  ) used
 where used.team_id = t.team_id and used.period = t.period;

drop table tagih.usage_days;

-- So do the groups of a day: one row for each team, day and key, with the values and the tokens of each.
create table tagih.usage_groups_of_day (
  team_id text not null,
  day     date not null,
  key     text not null,
  names   text[] not null,
  tokens  bigint[] not null,
  primary key (team_id, day, key)
) with (fillfactor = 50);

insert into tagih.usage_groups_of_day
select team_id, day, key, array_agg(value order by value), array_agg(tokens order by value)
  from tagih.usage_groups group by 1, 2, 3;

drop table tagih.usage_groups;
alter table tagih.usage_groups_of_day rename to usage_groups;
alter index tagih.usage_groups_of_day_pkey rename to usage_groups_pkey;
