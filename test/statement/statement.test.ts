import { describe, expect, test } from 'vitest';
import { explainRecord } from '../../src/domain/explanation.js';
import { parsePeriod } from '../../src/domain/period.js';
import { type Catalogue, catalogue, type PlanId } from '../../src/domain/plans.js';
import { type BillingInputs, computeRecord, type PastMonth } from '../../src/domain/record.js';
import { renderPdf } from '../../src/statement/pdf.js';
import { statementOf } from '../../src/statement/statement.js';
import { readPdf, textOf } from '../support/pdf.js';

const ZONE = 'Asia/Jakarta';

/** Prices that do not come out even. */
const odd: Catalogue = {
  ...catalogue,
  version: 'odd',
  plans: { ...catalogue.plans, pro: { ...catalogue.plans.pro, ratePer1000: 333 } },
};
const versions = new Map([catalogue, odd].map((of) => [of.version, of]));

/** The statement of March 2031, of a record of these inputs. */
function statement(given: Partial<BillingInputs> & { name?: string } = {}): Promise<Buffer> {
  const month = { period: '2031-03', usedTokens: 62_345, plansHeld: ['pro' as const] };
  const { name = 'Acme', ...more } = given;
  const inputs: BillingInputs = { month, earlier: [], carried: [], ...more };
  const record = {
    ...computeRecord(inputs, catalogue, versions),
    teamId: 'acme',
    digest: 'd1ge57'.repeat(10),
    status: 'pending' as const,
    generation: 1,
    tried: true,
    triedCustomer: 'cus_1',
    stripeInvoiceItemId: 'ii_1',
    stripeInvoiceId: null,
    watermark: new Date('2031-03-31T23:00:05Z'),
    createdAt: new Date('2031-03-31T23:00:09Z'),
    billedAt: null,
    failure: null,
  };
  const period = parsePeriod('2031-03', ZONE);
  if (period === undefined) throw new Error('March is a month');
  const steps = explainRecord(record, inputs, undefined, versions);
  return renderPdf(statementOf({ team: { id: 'acme', name }, record, steps }, period, ZONE));
}

const used = (usedTokens: number, plan: PlanId): Partial<BillingInputs> => ({
  month: { period: '2031-03', usedTokens, plansHeld: [plan] },
});

const past = (period: string, planVersion = catalogue.version): PastMonth => ({
  period,
  usedTokens: 50_500,
  plansHeld: ['pro'],
  planVersion,
  billedTokens: 100,
  billedAmount: 100,
});

describe('a statement says', () => {
  test('whose, of when and of which plan it is, and what became of its record (R33)', async () => {
    const text = await textOf(await statement());
    for (const part of [
      'Usage statement, 2031-03 Team Acme Team id acme ',
      'From 1 March 2031 at 00:00:00 GMT+7 Until 1 April 2031 at 00:00:00 GMT+7, ',
      'Time zone Asia/Jakarta Plan pro, at the prices of 2026-11 Monthly price Rp 299.000, ',
      'Tokens included 50.000 Tokens above them Rp 10 per 1.000 tokens Tokens used 62.345 ',
      "Status waits for the subscription's next invoice Stripe's invoice item ii_1 Usage counted up to ",
      'Usage counted up to 1 April 2031 at 06:00:05 GMT+7 (watermark) Written 1 April 2031 at 06:00:09 GMT+7 ',
      `Digest ${'d1ge57'.repeat(10)}`,
    ]) {
      expect(text).toContain(part);
    }
    expect(text).not.toContain("Stripe's invoice in_");
    expect(text).not.toContain('Billed ');
  });

  test('what overage costs, as one computes it on paper (R2)', async () => {
    const text = await textOf(await statement());
    expect(text).toContain(
      'Usage above the plan, 2031-03 (62.345 – 50.000) ÷ 1.000 × Rp 10 = Rp 123,45 Rp 123,45 Total Rp 123,45',
    );
    expect(text).toContain('A cost is rounded half up to Rp 0,01, once.');
  });

  test('that nothing is due, and why (R3)', async () => {
    expect(await textOf(await statement(used(700, 'pro')))).toContain(
      '2031-03 700 used of 50.000: Rp 0 Rp 0 Total Rp 0 ',
    );
    const free = await textOf(await statement(used(9_000, 'free')));
    expect(free).toContain('9.000 used; above 500 nothing is charged Rp 0 Total Rp 0 ');
    expect(free).toContain('Tokens above them never charged');
  });

  test('late lines with what was billed before, amounts carried forward, and their sum (R12, R34)', async () => {
    const more = await statement({
      earlier: [past('2031-01'), { ...past('2031-02'), billedAmount: 90_000 }],
      carried: [{ period: '2030-12', amount: 700 }],
    });
    const text = await textOf(more);
    const cost = 'pro at the prices of 2026-11: (50.500 – 50.000) ÷ 1.000 × Rp 10 = Rp 5';
    expect(text).toContain(
      `Usage recorded late, 2031-01 ${cost} less Rp 1 billed before Rp 4 ` +
        `Usage recorded late, 2031-02 ${cost} less Rp 900 billed before -Rp 895 ` +
        'Carried forward, 2030-12 That record was too small for an invoice of its own. Rp 7 ' +
        'Total -Rp 760,55 ',
    );
  });

  test('an amount before it was rounded, and after (R2)', async () => {
    const text = await textOf(await statement({ earlier: [past('2031-01', 'odd')] }));
    expect(text).toContain(
      'pro at the prices of odd: (50.500 – 50.000) ÷ 1.000 × Rp 3,33 = Rp 1,665, half up = Rp 1,67 ' +
        'less Rp 1 billed before Rp 0,67 ',
    );
  });
});

describe('its PDF', () => {
  test('is one page with a title, a language, the time of its record and a structure', async () => {
    const { pages, info, structure } = await readPdf(await statement({ name: 'Acme & Söhne' }));
    expect(pages).toHaveLength(1);
    expect(info).toMatchObject({
      Title: 'Usage statement of Acme & Söhne, 2031-03',
      Author: 'Tagih',
      Language: 'en',
      CreationDate: 'D:20310331230009Z',
    });
    const roles = ['H1', 'Table', 'H2', 'Table', 'P', 'H2', 'Table'];
    const children = roles.map((role) => ({ role }));
    expect(structure).toMatchObject({ children: [{ role: 'Document', children }] });
  });

  test('is the same, byte for byte, of the same record', async () => {
    expect(await statement()).toEqual(await statement());
    expect(await statement(used(62_346, 'pro'))).not.toEqual(await statement());
  });

  test('prints what its fonts hold of a name, and tells all of it to a reader', async () => {
    const content = await statement({ name: 'Ünïted “Łódź” 株式会社' });
    expect(await textOf(content)).toContain('Team Ünïted “?ódz” ???? Team id acme');
    const { info, structure } = await readPdf(content);
    expect(info['Title']).toContain('Ünïted “Łódź” 株式会社');
    expect(JSON.stringify(structure)).toContain('Ünïted “Łódź” 株式会社');
  });

  test('has further pages where there are very many amounts, and loses none', async () => {
    const months = Array.from({ length: 120 }, (_, index) =>
      past(`${2021 + Math.floor(index / 12)}-${String((index % 12) + 1).padStart(2, '0')}`),
    );
    const { pages } = await readPdf(await statement({ earlier: months }));
    expect(pages.length).toBeGreaterThan(1);
    // No row is torn in two.
    const countOf = (part: RegExp) => pages.map((page) => page.match(part)?.length ?? 0);
    expect(countOf(/Rp 4$/gm)).toEqual(countOf(/Usage recorded late/g));
    for (const { period } of months) expect(pages.join('\n')).toContain(period);
    expect(pages.at(-1)).toContain('Digest');
  });
});
