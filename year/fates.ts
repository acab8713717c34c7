import type { Card, Fate, Happening } from './model/fate.js';

/** The card is changed in the month before a renewal, in time for it. */
const cardBefore = (month: number, card: Card): Happening => ({
  month: month - 1,
  day: 20,
  does: 'puts card',
  card,
});

/** What can become of a team in a year, one of each kind. Strikes come at days 0, 3 and 8 of a month. */
export const fates: readonly Fate[] = [
  { name: 'always pays', plan: 'pro', happenings: [] },
  {
    name: 'fails once each quarter',
    plan: 'pro',
    happenings: [3, 6, 9, 12].flatMap((month) => [
      cardBefore(month, 'declined'),
      { month, day: 1.5, does: 'puts card', card: 'good' },
    ]),
  },
  {
    name: 'is locked, then pays on the page of the invoice',
    plan: 'pro',
    happenings: [cardBefore(5, 'declined'), { month: 5, day: 15.5, does: 'pays on the page' }],
  },
  {
    name: 'is locked, and only changes the card, at last to a good one',
    plan: 'enterprise',
    happenings: [
      cardBefore(2, 'declined'),
      { month: 2, day: 9.5, does: 'puts card', card: 'declined' },
      { month: 2, day: 12.5, does: 'puts card', card: 'good' },
    ],
  },
  {
    name: 'is locked for months, and owes several invoices',
    plan: 'pro',
    happenings: [
      cardBefore(6, 'declined'),
      { month: 8, day: 4.5, does: 'puts card', card: 'good' },
    ],
  },
  {
    name: 'is locked to the end of the year',
    plan: 'pro',
    happenings: [cardBefore(9, 'declined')],
  },
  {
    name: 'pays out of band at the second strike',
    plan: 'enterprise',
    happenings: [
      cardBefore(4, 'declined'),
      { month: 4, day: 5.5, does: 'pays out of band' },
      { month: 4, day: 6.5, does: 'puts card', card: 'good' },
    ],
  },
  {
    name: 'confirms what the bank asks',
    plan: 'pro',
    happenings: [
      cardBefore(3, 'asking'),
      { month: 3, day: 0.5, does: 'answers the bank', agrees: true },
      { month: 4, day: 0.5, does: 'answers the bank', agrees: true },
      cardBefore(5, 'good'),
    ],
  },
  {
    name: 'confirms too late',
    plan: 'pro',
    happenings: [
      cardBefore(7, 'asking'),
      { month: 7, day: 3.5, does: 'answers the bank', agrees: true },
      cardBefore(8, 'good'),
    ],
  },
  {
    name: 'never confirms, and changes the card when it is locked',
    plan: 'pro',
    happenings: [
      cardBefore(10, 'asking'),
      { month: 10, day: 14.5, does: 'puts card', card: 'good' },
    ],
  },
  {
    name: 'tells the bank that it was not meant',
    plan: 'pro',
    happenings: [
      cardBefore(6, 'asking'),
      { month: 6, day: 0.5, does: 'answers the bank', agrees: false },
      { month: 6, day: 2.5, does: 'puts card', card: 'good' },
    ],
  },
  {
    name: 'upgrades',
    plan: 'pro',
    happenings: [{ month: 4, day: 10.5, does: 'asks for', plan: 'enterprise' }],
  },
  {
    name: 'upgrades, and pays for it later',
    plan: 'pro',
    happenings: [
      { month: 5, day: 8, does: 'puts card', card: 'declined' },
      { month: 5, day: 10, does: 'asks for', plan: 'enterprise' },
      { month: 5, day: 10.5, does: 'pays on the page' },
    ],
  },
  {
    name: 'upgrades, and never pays for it',
    plan: 'pro',
    happenings: [
      { month: 5, day: 8, does: 'puts card', card: 'declined' },
      { month: 5, day: 10, does: 'asks for', plan: 'enterprise' },
      { month: 5, day: 13, does: 'puts card', card: 'good' },
    ],
  },
  {
    name: 'downgrades, after a change of mind',
    plan: 'enterprise',
    happenings: [
      { month: 2, day: 5.5, does: 'asks for', plan: 'pro' },
      { month: 2, day: 6.5, does: 'asks for', plan: 'enterprise' },
      { month: 6, day: 5.5, does: 'asks for', plan: 'pro' },
    ],
  },
  {
    name: 'cancels, after a change of mind',
    plan: 'pro',
    happenings: [
      { month: 3, day: 5.5, does: 'asks for', plan: 'free' },
      { month: 3, day: 6.5, does: 'asks for', plan: 'pro' },
      { month: 8, day: 5.5, does: 'asks for', plan: 'free' },
    ],
  },
  {
    name: 'cancels, and comes back on another plan',
    plan: 'pro',
    happenings: [
      { month: 3, day: 5.5, does: 'asks for', plan: 'free' },
      { month: 6, day: 2.5, does: 'subscribes', plan: 'enterprise' },
    ],
  },
  {
    name: 'is cancelled at once while it owes, and comes back',
    plan: 'pro',
    happenings: [
      cardBefore(5, 'declined'),
      { month: 5, day: 4.5, does: 'cancels at once' },
      { month: 7, day: 1, does: 'puts card', card: 'good' },
      { month: 7, day: 1.5, does: 'subscribes', plan: 'pro' },
    ],
  },
  {
    name: 'disputes a charge, is refunded another, and began with a trial',
    plan: 'pro',
    trialDays: 14,
    happenings: [
      { month: 2, day: 20, does: 'disputes' },
      { month: 4, day: 1, does: 'ends dispute', as: 'won' },
      { month: 5, day: 20, does: 'refunds', amount: 4_900_000 },
    ],
  },
  {
    name: 'is helped by operators',
    plan: 'pro',
    happenings: [
      cardBefore(3, 'declined'),
      { month: 3, day: 1.5, does: 'acts', act: 'pause-dunning' },
      { month: 3, day: 6.5, does: 'acts', act: 'resume-dunning' },
      { month: 3, day: 7.5, does: 'acts', act: 'retry-payment' },
      { month: 3, day: 10.5, does: 'acts', act: 'extend-grace', graceDays: 7 },
      { month: 3, day: 20.5, does: 'acts', act: 'resync' },
      { month: 3, day: 21.5, does: 'acts', act: 'waive' },
      { month: 4, day: 1.5, does: 'makes void' },
      { month: 4, day: 2.5, does: 'puts card', card: 'good' },
    ],
  },
];
