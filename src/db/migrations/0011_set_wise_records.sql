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
