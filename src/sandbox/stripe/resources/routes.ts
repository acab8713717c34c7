import type { Route } from '../route.js';
import { catalogueRoutes } from './catalogue.js';
import { checkoutRoutes } from './checkout.js';
import { customerRoutes } from './customers.js';
import { disputeRoutes } from './disputes.js';
import { eventRoutes } from './events.js';
import { invoiceItemRoutes } from './invoiceItems.js';
import { invoiceRoutes } from './invoices.js';
import { paymentMethodRoutes } from './paymentMethods.js';
import { paymentRoutes } from './payments.js';
import { portalRoutes } from './portal.js';
import { previewRoutes } from './preview.js';
import { refundRoutes } from './refunds.js';
import { scheduleRoutes } from './schedules.js';
import { subscriptionRoutes } from './subscriptions.js';
import { testClockRoutes } from './testClocks.js';

/** Every route of Stripe's API that the sandbox serves. */
export const STRIPE_ROUTES: Route[] = [
  ...catalogueRoutes,
  ...checkoutRoutes,
  ...customerRoutes,
  ...disputeRoutes,
  ...eventRoutes,
  ...invoiceItemRoutes,
  // Before the invoices, whose ids it would else be one of.
  ...previewRoutes,
  ...invoiceRoutes,
  ...paymentMethodRoutes,
  ...paymentRoutes,
  ...portalRoutes,
  ...refundRoutes,
  ...scheduleRoutes,
  ...subscriptionRoutes,
  ...testClockRoutes,
];
