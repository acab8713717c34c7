/** The id of the workflow that sends mail. */
export const MAILER = 'mailer';

/** The id of a team's workflow (R21). */
export const subscriptionWorkflowId = (teamId: string) => `subscription:${teamId}`;

/** The id of the workflow that finds the team of an event (R18). */
export const stripeEventWorkflowId = (eventId: string) => `stripe-event:${eventId}`;

/** The id of the workflow that closes a month (R32). */
export const closeWorkflowId = (period: string) => `close:${period}`;
