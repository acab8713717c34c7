-- What Stripe told us: ids and types only, for the object itself is read when the event is acted on.
create table tagih.stripe_events (
  id          text primary key,
  type        text not null,
  api_version text,
  object_id   text,
  -- The team that the event names, and its customer; which of them is known decides (R18).
  team_hint   text,
  customer_id text,
  team_id     text references tagih.teams,
  -- Nothing is to be done about it: a type that Tagih does not act on.
  ignored     boolean not null,
  created_at  timestamptz not null,
  received_at timestamptz not null default now()
);
create index stripe_events_parked on tagih.stripe_events (received_at, id)
  where team_id is null and not ignored;

-- Facts on their way to Temporal. A row leaves when its workflow was signalled.
create table tagih.outbox (
  id            bigint generated always as identity primary key,
  workflow_id   text not null,
  fact          jsonb not null,
  created_at    timestamptz not null default now(),
  claimed_until timestamptz not null default '-infinity',
  attempts      int not null default 0
);
create index outbox_workflow on tagih.outbox (workflow_id, id);
create index outbox_claimed on tagih.outbox (claimed_until);

create table tagih.emails (
  id         bigint generated always as identity primary key,
  team_id    text not null references tagih.teams,
  kind       text not null,
  cause      text not null,
  details    jsonb not null,
  created_at timestamptz not null default now(),
  sent_at    timestamptz,
  -- Postmark's code where it refused the message for good (R36).
  refused    text,
  unique (team_id, kind, cause)
);
create index emails_waiting on tagih.emails (id) where sent_at is null and refused is null;

-- Where a customer pays an unpaid invoice. Whoever has the link can see the invoice, so it stays out of Temporal.
create table tagih.invoice_links (
  invoice_id         text primary key,
  team_id            text not null references tagih.teams,
  hosted_invoice_url text not null
);
