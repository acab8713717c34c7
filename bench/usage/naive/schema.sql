create table teams (
  id          text primary key,
  name        text not null,
  admin_email text not null,
  plan        text not null
);

create table api_keys (
  key_hash   text primary key,
  revoked_at timestamptz
);

create table usage_events (
  team_id         text not null references teams,
  idempotency_key text not null,
  tokens          bigint not null,
  occurred_at     timestamptz not null,
  metadata        jsonb not null,
  period          text not null,
  received_at     timestamptz not null default now(),
  primary key (team_id, idempotency_key)
);

create table usage_totals (
  team_id     text not null references teams,
  period      text not null,
  used_tokens bigint not null,
  primary key (team_id, period)
);

create table emails (
  id         bigint generated always as identity primary key,
  team_id    text not null references teams,
  kind       text not null,
  period     text not null,
  created_at timestamptz not null default now(),
  sent_at    timestamptz,
  unique (team_id, kind, period)
);
