export { close, closePage, monthlyCloseRun } from './close.js';
export { mailer } from './mailer.js';
export { subscription } from './subscription.js';
