create table teams (
  id                     text primary key,
  name                   text not null,
  admin_email            text not null,
  plan                   text not null,
  stripe_customer_id     text,
  stripe_subscription_id text
);

-- Its primary key (team_id, idempotency_key) is made when it is filled.
create table usage_events (
  team_id         text not null references teams,
  idempotency_key text not null,
  tokens          bigint not null,
  occurred_at     timestamptz not null,
  metadata        jsonb not null,
  period          text not null,
  received_at     timestamptz not null default now()
);

create table usage_billings (
  team_id                text not null references teams,
  period                 text not null,
  used_tokens            bigint not null,
  overage_tokens         bigint not null,
  overage_cost           bigint not null,
  created_at             timestamptz not null default now(),
  stripe_invoice_item_id text,
  mailed_at              timestamptz,
  primary key (team_id, period)
);
