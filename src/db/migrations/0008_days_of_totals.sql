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
