import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createPool, type Pool } from '../../src/db/pool.js';
import { createDatabase, type Database } from '../support/database.js';

const COUNT = 1_300;
/** Exact as a number; what thirteen hundred of them add up to is not. */
const LARGE = 9_007_199_254_740_991n - BigInt(COUNT);

let database: Database;
let pool: Pool;
beforeAll(async () => {
  database = await createDatabase();
  pool = createPool(database.url, () => {});
  await pool.query(
    `insert into tagih.teams (id, name, admin_email)
     select 'team_' || lpad(n::text, 5, '0'), 'Acme', 'a@b.example' from generate_series(1, ${COUNT}) n
     union all select '-team', 'Acme', 'a@b.example'`,
  );
  await pool.query(
    `insert into tagih.usage_billings (team_id, period, plan, plan_version, used_tokens, token_limit,
       overage_tokens, rate_per_1000, overage_cost, amount_due, watermark, inputs, digest, status)
     select id, '2031-01', 'pro', '2026-11', 60000, 50000, 10000, 1000,
            ${LARGE} + right(id, 5)::int, ${LARGE} + right(id, 5)::int, now(), '{}'::json, '', 'pending'
       from tagih.teams where id like 'team%'
     union all
     select '-team', '2031-01', 'free', '2026-11', 7, 500, 0, null, 0, -11234, now(), '{}'::json, '', 'due'`,
  );
  await pool.query(
    `insert into tagih.usage_billing_lines (team_id, billed_in, kind, period, tokens, amount)
     select team_id, period, 'overage', period, overage_tokens, overage_cost
       from tagih.usage_billings where overage_cost > 0
     union all select * from (values
       ('-team', '2031-01', 'late', '2030-11', -10, -12000), ('-team', '2031-01', 'late', '2030-10', 1, 66),
       ('-team', '2031-01', 'carried', '2030-12', 0, 700)) line`,
  );
  await pool.query(
    `insert into tagih.closes (period, status, started_at) values
       ('2031-01', 'completed', now()), ('2031-02', 'running', now())`,
  );
  await pool.query(
    `update tagih.usage_billings
        set stripe_invoice_item_id = '=ii', stripe_invoice_id = 'in,"1"', billed_at = '2031-02-01T00:00:00Z'
      where team_id = '-team'`,
  );
});
afterAll(async () => {
  await pool.end();
  await database.drop();
});

const program = fileURLToPath(new URL('../../src/cli.ts', import.meta.url));
const tagih = `"${process.execPath}" --import tsx "${program}"`;

/** What a command line with `tagih` in it prints. */
const shell = async (command: string) =>
  promisify(execFile)('bash', ['--norc', '-o', 'pipefail', '-c', command.replace('tagih', tagih)], {
    env: { PATH: process.env['PATH'], DATABASE_URL: database.url },
    maxBuffer: 64 * 1024 * 1024,
  });

/** By hand: 1 + 2 + … + COUNT. */
const total = BigInt(COUNT) * LARGE + (BigInt(COUNT) * BigInt(COUNT + 1)) / 2n;
const major = (minor: bigint) => `${minor / 100n}.${String(minor % 100n).padStart(2, '0')}`;

const HEADER =
  'team_id,period,plan,plan_version,status,used_tokens,token_limit,overage_tokens,' +
  'rate_per_1000_minor,rate_per_1000,currency,overage_minor,overage,late_minor,late,' +
  'carried_minor,carried,amount_due_minor,amount_due,stripe_invoice_item_id,stripe_invoice_id,billed_at';

describe('tagih export', () => {
  test('gives a row for each record, of as many pages as there are, and their totals, to the last digit', async () => {
    const { stdout } = await shell('tagih export 2031-01 --format csv');
    const rows = stdout.split('\r\n');
    expect(rows[0]).toBe(HEADER);
    expect(rows).toHaveLength(COUNT + 4);
    const amount = LARGE + 7n;
    const row = `team_00007,2031-01,pro,2026-11,pending,60000,50000,10000,1000,10.00,idr`;
    expect(rows).toContain(
      `${row},${amount},${major(amount)},0,0.00,0,0.00,${amount},${major(amount)},,,`,
    );
    const due = total - 11_234n;
    expect(rows.at(-2)).toBe(
      `TOTAL,,,,,${60_000 * COUNT + 7},,${10_000 * COUNT},,,idr,${total},${major(total)},-11934,-119.34,700,7.00,${due},${major(due)},,,`,
    );
    expect(rows.at(-1)).toBe('');
  });

  test('takes no text for a formula, and leaves numbers as they are (RFC 4180)', async () => {
    const { stdout } = await shell('tagih export 2031-01 --status due');
    expect(stdout.split('\r\n')[1]).toBe(
      `'-team,2031-01,free,2026-11,due,7,500,0,,,idr,0,0.00,-11934,-119.34,700,7.00,-11234,-112.34,` +
        `'=ii,"in,""1""",2031-02-01T00:00:00.000Z`,
    );
  });

  test('is one document as JSON', async () => {
    const { stdout } = await shell('tagih export 2031-01 --format json');
    const { records, totals } = JSON.parse(stdout);
    expect(records).toHaveLength(COUNT + 1);
    expect(records[0]).toMatchObject({ teamId: '-team', lateMinor: -11_934, late: '-119.34' });
    expect(totals).toMatchObject({ records: COUNT + 1, overage: major(total) });
    expect(stdout).toContain(`"overageMinor":${total},`);
    const nothing = JSON.parse((await shell('tagih export 2031-02 --format json')).stdout);
    expect(nothing).toMatchObject({ records: [], totals: { records: 0, amountDue: '0.00' } });
  });

  test('ends without a word when nobody reads any more', async () => {
    const { stdout, stderr } = await shell('tagih export 2031-01 | head -n 1');
    expect({ stdout, stderr }).toEqual({ stdout: `${HEADER}\r\n`, stderr: '' });
  });

  test('waits for whoever reads slowly, and loses nothing', async () => {
    const { stdout } = await shell('tagih export 2031-01');
    // A shell reads from a pipe byte by byte.
    const slow = await shell(
      `tagih export 2031-01 | while IFS= read -r line; do printf '%s\\n' "$line"; done`,
    );
    expect(slow.stdout).toBe(stdout);
  });

  test('says so where the records may not be all', async () => {
    const stderr = async (period: string) => (await shell(`tagih export ${period}`)).stderr;
    const warning = 'these may not be all its records, and they may change.\n';
    expect(await stderr('2031-01')).toBe('');
    expect(await stderr('2031-02')).toBe(`The close of 2031-02 is running: ${warning}`);
    expect(await stderr('2031-03')).toBe(`The close of 2031-03 has not begun: ${warning}`);
  });

  test('refuses what is no month', async () => {
    await expect(shell('tagih export 2031-13')).rejects.toMatchObject({
      code: 1,
      stderr: '2031-13 is no month, YYYY-MM.\n',
    });
  });
});
