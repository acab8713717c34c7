-- Usage events lie in a partition for each month of receipt (UTC), so that those past retention are
-- dropped at once. What is asked of each event that comes, whether its key is new, is asked of a table
-- of keys that is not partitioned: a key counts once however late it is repeated. No usage table refers
-- to teams by a foreign key: its check locks the team's row for each event, and whoever inserts looks
-- for the team anyway.
create table tagih.usage_keys (
  team_id         text not null,
  idempotency_key text not null,
  -- Stands for what the event said: a repetition is compared with it.
  digest          bigint not null,
  occurred_at     timestamptz not null,
  billed_in       text not null,
  -- The first day of the month of receipt (UTC): the key goes after its event.
  received_in     date not null,
  primary key (team_id, idempotency_key)
);

insert into tagih.usage_keys
select team_id, idempotency_key,
       hashtextextended(tokens || '|' || coalesce(extract(epoch from stated_at)::text, '') || '|' || metadata || '|', 0),
       occurred_at, billed_in, date_trunc('month', received_at at time zone 'UTC')::date
  from tagih.usage_events;

alter table tagih.usage_events rename to usage_events_before;
alter table tagih.usage_events_before
  drop constraint usage_events_pkey,
  drop constraint usage_events_team_id_fkey,
  -- Who corrected usage by hand, and why (R13): { actor, reason }; null for what was metered.
  add column correction jsonb;

create table tagih.usage_events (
  like tagih.usage_events_before
) partition by range (received_at);

-- What there is already becomes one partition with the month that is open.
do $$
declare
  month timestamp := date_trunc('month', now() at time zone 'UTC');
  name text := to_char(month, '"usage_events_"YYYY_MM');
begin
  if exists (select from tagih.usage_events_before) then
    execute format('alter table tagih.usage_events_before rename to %I', name);
    execute format('alter table tagih.usage_events attach partition tagih.%I
                      for values from (minvalue) to (%L)', name,
                   (month + interval '1 month') at time zone 'UTC');
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
