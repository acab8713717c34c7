import { z } from 'zod';
import type { TeamEmail } from '../db/emails.js';
import { formatTime } from './format.js';
import type { Content } from './layout.js';

const at = z.iso.datetime();
const trialDetails = z.object({ plan: z.string(), at });
const changeDetails = z.object({ from: z.string(), to: z.string(), at });

/** Tells that a trial ends, or that the plan is another one (R37); undefined for other kinds. */
export function subscriptionMail(
  { kind, teamName: team, details }: TeamEmail,
  zone: string,
): Content | undefined {
  if (kind === 'trial-ending') {
    const { plan, at } = trialDetails.parse(details);
    return {
      subject: `The trial of ${team} ends soon`,
      paragraphs: [
        `The trial of ${team} ends on ${formatTime(at, zone)}. From then on its ${plan} plan is paid for.`,
        'To go on, see that its card is up to date. To stop, cancel before that time.',
      ],
    };
  }
  if (kind === 'plan-changed') {
    const { from, to, at } = changeDetails.parse(details);
    return {
      subject: `${team} is on the ${to} plan`,
      paragraphs: [
        `${team} has changed from the ${from} to the ${to} plan, on ${formatTime(at, zone)}.`,
      ],
    };
  }
  return undefined;
}
