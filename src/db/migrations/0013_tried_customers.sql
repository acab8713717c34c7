-- The customer at Stripe that an item was tried to be made for: where nobody heard the end of it, that is where
-- it is looked for, whoever pays for the team by now (R34, R35).
alter table tagih.usage_billings add column tried_customer text;
