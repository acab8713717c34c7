create table tagih.teams (
  id                 text primary key,
  name               text not null,
  admin_email        text not null,
  stripe_customer_id text unique,
  tier               text not null default 'free',
  subscription_status text not null default 'none',
  strike             smallint not null default 0,
  -- The workflow's whole state (TeamState), null until its first turn: a lost Temporal cluster is rebuilt from it.
  state              jsonb,
  turn               bigint not null default 0,
  created_at         timestamptz not null default now(),
  updated_at         timestamptz not null default now()
);

create table tagih.plan_periods (
  team_id         text not null references tagih.teams,
  subscription_id text not null,
  plan            text not null,
  starts_at       timestamptz not null,
  ends_at         timestamptz,
  primary key (team_id, subscription_id, starts_at)
);

create table tagih.usage_events (
  team_id         text not null references tagih.teams,
  idempotency_key text not null,
  tokens          bigint not null,
  occurred_at     timestamptz not null,
  -- What the caller said, null when it said nothing: a repetition is compared with it.
  stated_at       timestamptz,
  metadata        jsonb not null,
  period          text not null,
  billed_in       text not null,
  received_at     timestamptz not null,
  primary key (team_id, idempotency_key)
);

create table tagih.usage_totals (
  team_id     text not null references tagih.teams,
  period      text not null,
  used_tokens bigint not null,
  primary key (team_id, period)
);

create table tagih.usage_days (
  team_id text not null references tagih.teams,
  day     date not null,
  tokens  bigint not null,
  primary key (team_id, day)
);

create table tagih.api_keys (
  id         text primary key,
  name       text not null,
  key_hash   bytea not null unique,
  scopes     text[] not null,
  team_id    text,
  created_at timestamptz not null default now(),
  revoked_at timestamptz
);

create table tagih.timeline (
  id      bigint generated always as identity primary key,
  team_id text not null references tagih.teams,
  at      timestamptz not null,
  kind    text not null,
  summary text not null,
  cause   text not null,
  actor   text not null,
  details jsonb not null
);
create index timeline_team on tagih.timeline (team_id, id);

-- A period whose bills are being or have been computed: what is committed later is billed later (R38).
create table tagih.seals (
  period    text primary key,
  sealed_at timestamptz not null
);
