-- Usage events lie in a partition for each month of receipt (UTC), so that those past retention are
-- dropped at once. A key is unique within its partition; that none counts twice across partitions is
-- seen to by the statement that inserts. No usage table refers to teams by a foreign key: its check
-- locks the team's row for each event, and the statement looks for the team anyway.
alter table tagih.usage_events rename to usage_events_before;
alter index tagih.usage_events_pkey rename to usage_events_before_pkey;
alter table tagih.usage_events_before
  drop constraint usage_events_team_id_fkey,
  -- Who corrected usage by hand, and why (R13): { actor, reason }; null for what was metered.
  add column correction jsonb;

create table tagih.usage_events (
  like tagih.usage_events_before
) partition by range (received_at);

-- What there is already becomes one partition with the month that is open.
do $$
declare
  name text := to_char(now() at time zone 'UTC', '"usage_events_"YYYY_MM');
begin
  if exists (select from tagih.usage_events_before) then
    execute format('alter table tagih.usage_events_before rename to %I', name);
    execute format('alter index tagih.usage_events_before_pkey rename to %I', name || '_pkey');
    execute format('alter table tagih.usage_events attach partition tagih.%I
                      for values from (minvalue) to (%L)', name,
                   (date_trunc('month', now() at time zone 'UTC') + interval '1 month') at time zone 'UTC');
  else
    drop table tagih.usage_events_before;
  end if;
end $$;

-- Totals are updated all the time: room on the page lets an update leave the index alone.
alter table tagih.usage_totals
  drop constraint usage_totals_team_id_fkey, set (fillfactor = 50);
alter table tagih.usage_days
  drop constraint usage_days_team_id_fkey, set (fillfactor = 50);
alter table tagih.usage_late drop constraint usage_late_team_id_fkey;

-- Tokens by a day and a metadata key that usage can be grouped by.
create table tagih.usage_groups (
  team_id text not null,
  key     text not null,
  day     date not null,
  value   text not null,
  tokens  bigint not null,
  primary key (team_id, key, day, value)
) with (fillfactor = 50);

-- Whether a payment waits for its customer: asked for with each answer about access (R27, R30).
alter table tagih.teams add column confirming boolean not null generated always as (
  coalesce(jsonb_path_exists(state, '$.ladders[*].timer ? (@.for == "confirmation")'), false)
) stored;
