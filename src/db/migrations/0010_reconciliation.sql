-- When a run of the reconciliation that listed the team's subscription began.
alter table tagih.teams add column reconciled_at timestamptz;

-- Teams are found by the subscription that Stripe lists: it may lie on another team's customer.
create index teams_subscription on tagih.teams ((state->'subscription'->>'id'));

-- When the team's workflow took the event: it remembers the last ones alone. Null, too, for those taken before.
alter table tagih.stripe_events add column taken_at timestamptz;
