create table tagih.api_keys (
  id text not null,
  name text not null,
  key_hash bytea not null,
  scopes text[] not null,
  team_id text,
  created_at timestamp with time zone default now() not null,
  revoked_at timestamp with time zone,
  constraint api_keys_pkey PRIMARY KEY (id),
  constraint api_keys_key_hash_key UNIQUE (key_hash)
);

create table tagih.closes (
  period text not null,
  status text not null,
  started_at timestamp with time zone not null,
  finished_at timestamp with time zone,
  facts_left_behind integer default 0 not null,
  teams integer default 0 not null,
  verified_at timestamp with time zone,
  failure text,
  run integer default 1 not null,
  stages jsonb default '{}'::jsonb not null,
  records integer default 0 not null,
  overage bigint default 0 not null,
  to_bill integer default 0 not null,
  constraint closes_pkey PRIMARY KEY (period)
);

create table tagih.emails (
  id bigint generated always as identity not null,
  team_id text,
  kind text not null,
  cause text not null,
  details jsonb not null,
  created_at timestamp with time zone default now() not null,
  sent_at timestamp with time zone,
  refused text,
  constraint emails_pkey PRIMARY KEY (id),
  constraint emails_team_id_fkey FOREIGN KEY (team_id) REFERENCES tagih.teams(id),
  constraint emails_team_id_kind_cause_key UNIQUE NULLS NOT DISTINCT (team_id, kind, cause)
);
CREATE INDEX emails_waiting ON tagih.emails USING btree (((kind = 'monthly-summary'::text)), id) WHERE ((sent_at IS NULL) AND (refused IS NULL));

create table tagih.invoice_links (
  invoice_id text not null,
  team_id text not null,
  hosted_invoice_url text not null,
  constraint invoice_links_pkey PRIMARY KEY (invoice_id),
  constraint invoice_links_team_id_fkey FOREIGN KEY (team_id) REFERENCES tagih.teams(id)
);

create table tagih.outbox (
  id bigint generated always as identity not null,
  workflow_id text not null,
  fact jsonb not null,
  created_at timestamp with time zone default now() not null,
  claimed_until timestamp with time zone default '-infinity'::timestamp with time zone not null,
  attempts integer default 0 not null,
  constraint outbox_pkey PRIMARY KEY (id)
);
CREATE INDEX outbox_claimed ON tagih.outbox USING btree (claimed_until);
CREATE INDEX outbox_workflow ON tagih.outbox USING btree (workflow_id, id);

create table tagih.plan_changes (
  team_id text not null,
  number integer not null,
  subscription_id text not null,
  from_plan text not null,
  to_plan text not null,
  requested_at timestamp with time zone not null,
  leased_until timestamp with time zone not null,
  finished_at timestamp with time zone,
  outcome text,
  constraint plan_changes_pkey PRIMARY KEY (team_id, number),
  constraint plan_changes_team_id_fkey FOREIGN KEY (team_id) REFERENCES tagih.teams(id)
);
CREATE UNIQUE INDEX plan_changes_open ON tagih.plan_changes USING btree (team_id) WHERE (finished_at IS NULL);

create table tagih.plan_periods (
  team_id text not null,
  subscription_id text not null,
  plan text not null,
  starts_at timestamp with time zone not null,
  ends_at timestamp with time zone,
  noted_at timestamp with time zone default now() not null,
  constraint plan_periods_pkey PRIMARY KEY (team_id, subscription_id, starts_at, plan),
  constraint plan_periods_team_id_fkey FOREIGN KEY (team_id) REFERENCES tagih.teams(id)
);

create table tagih.seals (
  period text not null,
  sealed_at timestamp with time zone not null,
  constraint seals_pkey PRIMARY KEY (period)
);

create table tagih.stripe_budget (
  endpoint text not null,
  free_at timestamp with time zone not null,
  constraint stripe_budget_pkey PRIMARY KEY (endpoint)
);

create table tagih.stripe_events (
  id text not null,
  type text not null,
  api_version text,
  object_id text,
  team_hint text,
  customer_id text,
  team_id text,
  ignored boolean not null,
  created_at timestamp with time zone not null,
  received_at timestamp with time zone default now() not null,
  taken_at timestamp with time zone,
  constraint stripe_events_pkey PRIMARY KEY (id),
  constraint stripe_events_team_id_fkey FOREIGN KEY (team_id) REFERENCES tagih.teams(id)
);
CREATE INDEX stripe_events_parked ON tagih.stripe_events USING btree (received_at, id) WHERE ((team_id IS NULL) AND (NOT ignored));
CREATE INDEX stripe_events_received ON tagih.stripe_events USING btree (received_at) WHERE (team_id IS NOT NULL);

create table tagih.teams (
  id text not null,
  name text not null,
  admin_email text not null,
  stripe_customer_id text,
  tier text default 'free'::text not null,
  subscription_status text default 'none'::text not null,
  strike smallint default 0 not null,
  state jsonb,
  turn bigint default 0 not null,
  created_at timestamp with time zone default now() not null,
  updated_at timestamp with time zone default now() not null,
  confirming boolean generated always as (COALESCE(jsonb_path_exists(state, '$."ladders"[*]."timer"?(@."for" == "confirmation")'::jsonpath), false)) stored not null,
  reconciled_at timestamp with time zone,
  constraint teams_pkey PRIMARY KEY (id),
  constraint teams_stripe_customer_id_key UNIQUE (stripe_customer_id)
);
CREATE INDEX teams_in_dunning ON tagih.teams USING btree (id) WHERE (strike > 0);
CREATE INDEX teams_subscription ON tagih.teams USING btree ((((state -> 'subscription'::text) ->> 'id'::text)));

create table tagih.timeline (
  id bigint generated always as identity not null,
  team_id text not null,
  at timestamp with time zone not null,
  kind text not null,
  summary text not null,
  cause text not null,
  actor text not null,
  details jsonb not null,
  constraint timeline_pkey PRIMARY KEY (id),
  constraint timeline_team_id_fkey FOREIGN KEY (team_id) REFERENCES tagih.teams(id)
);
CREATE INDEX timeline_team ON tagih.timeline USING btree (team_id, id);

create table tagih.usage_billing_lines (
  team_id text not null,
  billed_in text not null,
  kind text not null,
  period text not null,
  tokens bigint not null,
  amount bigint not null,
  constraint usage_billing_lines_pkey PRIMARY KEY (team_id, billed_in, kind, period),
  constraint usage_billing_lines_team_id_billed_in_fkey FOREIGN KEY (team_id, billed_in) REFERENCES tagih.usage_billings(team_id, period)
);
CREATE INDEX usage_billing_lines_period ON tagih.usage_billing_lines USING btree (team_id, period);
CREATE UNIQUE INDEX usage_billing_lines_carried ON tagih.usage_billing_lines USING btree (team_id, period) WHERE (kind = 'carried'::text);

create table tagih.usage_billings (
  team_id text not null,
  period text not null,
  plan text not null,
  plan_version text not null,
  used_tokens bigint not null,
  token_limit bigint not null,
  overage_tokens bigint not null,
  rate_per_1000 bigint,
  overage_cost bigint not null,
  amount_due bigint not null,
  watermark timestamp with time zone not null,
  inputs json not null,
  digest text not null,
  created_at timestamp with time zone default now() not null,
  status text not null,
  generation integer default 1 not null,
  failure text,
  stripe_invoice_item_id text,
  stripe_invoice_id text,
  billed_at timestamp with time zone,
  tried_at timestamp with time zone,
  tried_customer text,
  constraint usage_billings_pkey PRIMARY KEY (team_id, period),
  constraint usage_billings_team_id_fkey FOREIGN KEY (team_id) REFERENCES tagih.teams(id)
);
CREATE INDEX usage_billings_due ON tagih.usage_billings USING btree (period, team_id) WHERE (status = 'due'::text);
CREATE INDEX usage_billings_failed ON tagih.usage_billings USING btree (period, team_id) WHERE (status = 'failed'::text);
CREATE INDEX usage_billings_open ON tagih.usage_billings USING btree (team_id) WHERE (status = ANY (ARRAY['pending'::text, 'carried_forward'::text]));
CREATE INDEX usage_billings_period ON tagih.usage_billings USING btree (period, team_id);

create table tagih.usage_events (
  team_id text not null,
  idempotency_key text not null,
  tokens bigint not null,
  occurred_at timestamp with time zone not null,
  stated_at timestamp with time zone,
  metadata jsonb not null,
  period text not null,
  billed_in text not null,
  received_at timestamp with time zone not null,
  correction jsonb
) partition by RANGE (received_at);

create table tagih.usage_groups (
  team_id text not null,
  day date not null,
  key text not null,
  names text[] not null,
  tokens bigint[] not null,
  constraint usage_groups_pkey PRIMARY KEY (team_id, day, key)
);

create table tagih.usage_keys (
  team_id text not null,
  idempotency_key text not null,
  digest bigint not null,
  occurred_at timestamp with time zone not null,
  billed_in text not null,
  received_in date not null,
  constraint usage_keys_pkey PRIMARY KEY (team_id, idempotency_key)
);

create table tagih.usage_late (
  team_id text not null,
  period text not null,
  billed_in text not null,
  tokens bigint not null,
  constraint usage_late_pkey PRIMARY KEY (team_id, period, billed_in)
);

create table tagih.usage_totals (
  team_id text not null,
  period text not null,
  used_tokens bigint not null,
  days bigint[] default '{}'::bigint[] not null,
  constraint usage_totals_pkey PRIMARY KEY (team_id, period)
);
