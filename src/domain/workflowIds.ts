/** The id of the workflow that sends mail. */
export const MAILER = 'mailer';

/** The id of a team's workflow (R21). */
export const subscriptionWorkflowId = (teamId: string) => `subscription:${teamId}`;

/** Whose workflow it is, by an id of `subscriptionWorkflowId`. */
export const teamOfWorkflow = (workflowId: string) =>
  workflowId.slice(subscriptionWorkflowId('').length);

/** The id of the workflow that finds the team of an event (R18). */
export const stripeEventWorkflowId = (eventId: string) => `stripe-event:${eventId}`;

/** The id of the workflow that closes a month (R32). */
export const closeWorkflowId = (period: string) => `close:${period}`;
