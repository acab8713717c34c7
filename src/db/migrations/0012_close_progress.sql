alter table tagih.closes
  -- Counts the runs of the close: each that has ended is reported once (R36).
  add column run int not null default 1,
  -- When this run came to each of its stages.
  add column stages jsonb not null default '{}',
  -- The records of the period, what their usage above the plans costs, and how many were to be put on Stripe
  -- when billing began: nobody has to go through them to tell how far the close is.
  add column records int not null default 0,
  add column overage bigint not null default 0,
  add column to_bill int not null default 0;

update tagih.closes c set (records, overage) = (
  select count(*), coalesce(sum(overage_cost), 0) from tagih.usage_billings where period = c.period);

-- One for those that a close goes through, one for those that wait for an operator.
drop index tagih.usage_billings_due;
create index usage_billings_due on tagih.usage_billings (period, team_id) where status = 'due';
create index usage_billings_failed on tagih.usage_billings (period, team_id)
  where status = 'failed';

-- What goes out by the thousands after all else: whoever is about to be locked must not wait for it.
drop index tagih.emails_waiting;
create index emails_waiting on tagih.emails ((kind = 'monthly-summary'), id)
  where sent_at is null and refused is null;

-- A mail of no team goes to operations.
alter table tagih.emails
  alter column team_id drop not null,
  drop constraint emails_team_id_kind_cause_key,
  add constraint emails_team_id_kind_cause_key unique nulls not distinct (team_id, kind, cause);
