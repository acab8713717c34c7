-- Changes of plan that the host has asked for. They are committed before Stripe is called, one of a team
-- at a time, and their number is part of the keys of the calls (R35).
create table tagih.plan_changes (
  team_id         text not null references tagih.teams,
  number          int not null,
  subscription_id text not null,
  from_plan       text not null,
  to_plan         text not null,
  requested_at    timestamptz not null,
  -- Until then a request is at work on it; after that the next one takes it over.
  leased_until    timestamptz not null,
  finished_at     timestamptz,
  outcome         text,
  primary key (team_id, number)
);
create unique index plan_changes_open on tagih.plan_changes (team_id) where finished_at is null;
