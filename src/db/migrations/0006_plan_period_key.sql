-- Two changes of plan within one second begin at the same time: neither may take the other's row.
alter table tagih.plan_periods
  drop constraint plan_periods_pkey,
  add primary key (team_id, subscription_id, starts_at, plan);
