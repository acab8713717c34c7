-- When a plan period was written last: only then can a month that was billed before cost something else (R12).
alter table tagih.plan_periods add column noted_at timestamptz not null default now();

alter table tagih.closes
  -- When the totals were found to be what the events add up to, before records were made of them (R33).
  add column verified_at timestamptz,
  -- Why the close stopped, where it did by itself.
  add column failure text;

-- For a close that goes through what is to be put on Stripe, page by page.
create index usage_billings_due on tagih.usage_billings (period, team_id)
  where status in ('due', 'failed');

-- When it was first tried to put the record on Stripe: from then on something may be there that is not known here.
alter table tagih.usage_billings add column tried_at timestamptz;
update tagih.usage_billings set tried_at = created_at where status <> 'nothing_due';

-- When the next request of a close may go to an endpoint of Stripe: one budget for all workers.
create table tagih.stripe_budget (
  endpoint text primary key,
  free_at  timestamptz not null
);
