export { close, closePage, monthlyCloseRun } from './close.js';
export { mailer } from './mailer.js';
export { reconciliation } from './reconciliation.js';
export { stripeEvent } from './stripeEvent.js';
export { subscription } from './subscription.js';
export { usageRetention } from './usageRetention.js';
