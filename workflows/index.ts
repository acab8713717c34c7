export { billPage, close, monthlyCloseRun } from './close.js';
export { closePage } from './closeByPages.js';
export { mailer } from './mailer.js';
export { reconciliation } from './reconciliation.js';
export { stripeEvent } from './stripeEvent.js';
export { subscription } from './subscription.js';
export { usageRetention } from './usageRetention.js';
