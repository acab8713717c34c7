-- Tokens that were recorded after their period's seal, by the period whose bill they land on (R12).
create table tagih.usage_late (
  team_id   text not null references tagih.teams,
  period    text not null,
  billed_in text not null,
  tokens    bigint not null,
  primary key (team_id, period, billed_in)
);

create table tagih.closes (
  period      text primary key,
  status      text not null,
  started_at  timestamptz not null,
  finished_at timestamptz,
  -- Facts that were still on their way when the close went on without them (R39).
  facts_left_behind int not null default 0
);

create table tagih.usage_billings (
  team_id        text not null references tagih.teams,
  period         text not null,
  plan           text not null,
  plan_version   text not null,
  used_tokens    bigint not null,
  token_limit    bigint not null,
  overage_tokens bigint not null,
  rate_per_1000  bigint,
  overage_cost   bigint not null,
  amount_due     bigint not null,
  -- When the period was sealed: what was committed by then is what was rated.
  watermark      timestamptz not null,
  -- What it was computed from, to the letter, and what stands for that (R33).
  inputs         json not null,
  digest         text not null,
  created_at     timestamptz not null default now(),
  -- From here on a record may change (R33).
  status         text not null,
  generation     int not null default 1,
  failure        text,
  stripe_invoice_item_id text,
  stripe_invoice_id      text,
  billed_at      timestamptz,
  primary key (team_id, period)
);
create index usage_billings_period on tagih.usage_billings (period, team_id);
create index usage_billings_open on tagih.usage_billings (team_id)
  where status in ('pending', 'carried_forward');

create table tagih.usage_billing_lines (
  team_id   text not null,
  billed_in text not null,
  kind      text not null,
  period    text not null,
  tokens    bigint not null,
  amount    bigint not null,
  primary key (team_id, billed_in, kind, period),
  foreign key (team_id, billed_in) references tagih.usage_billings (team_id, period)
);
create index usage_billing_lines_period on tagih.usage_billing_lines (team_id, period);
-- An amount is carried into one record alone.
create unique index usage_billing_lines_carried on tagih.usage_billing_lines (team_id, period)
  where kind = 'carried';

-- For a close that looks whether events of its period are still on their way.
create index stripe_events_received on tagih.stripe_events (received_at) where team_id is not null;
