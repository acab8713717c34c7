import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import type { Activities } from '../../activities/index.js';
import { pagesOfDue } from '../../src/db/usageBillings.js';
import { createLog } from '../../src/log.js';
import { startWorker } from '../../src/worker.js';
import { askToClose, closesAreOver, recordsOf, unknownTeams } from '../support/closes.js';
import { historiesOf } from '../support/histories.js';
import { monthsAgo } from '../support/months.js';
import { sharedProduct } from '../support/product.js';

const product = sharedProduct({}, { worker: false });

const TEAMS = 40;
/** One record a page, and a few pages at a time: as they are, a close asks again after 50,000 records. */
const SMALL = { size: 1, pages: 9 };

const billed: string[] = [];
let worker: Awaited<ReturnType<typeof startWorker>>;
beforeAll(async () => {
  worker = await startWorker(product.settings, createLog('silent', 'worker'), {
    workflowBundle: { codePath: inject('workflowBundle') },
    interceptors: {
      activity: [
        ({ info }) => ({
          inbound: {
            async execute(input, next) {
              const answer = await next(input);
              if (info.activityType === 'billOverage') {
                const [, page] = input.args as Parameters<Activities['billOverage']>;
                billed.push(page.first);
              }
              if (info.activityType !== 'pagesToBill') return answer;
              const [period, after] = input.args as Parameters<Activities['pagesToBill']>;
              const { counts } = answer as Awaited<ReturnType<Activities['pagesToBill']>>;
              return { counts, pages: await pagesOfDue(product.pool, period, after, SMALL) };
            },
          },
        }),
      ],
    },
  });
});
afterAll(() => worker?.close());

test('a close that has grown long goes on in a new run where it was: no page is left out, none billed twice (R32)', async () => {
  const month = monthsAgo(1);
  const teams = await unknownTeams(product, month, TEAMS, 50_007);
  await askToClose(product, month.id);
  await closesAreOver(product);
  expect(await historiesOf(product.temporal, `close:${month.id}`)).toHaveLength(2);
  expect(billed.toSorted()).toEqual(teams.toSorted());
  const records = await recordsOf(product, [month.id]);
  expect(records.map(({ team, status }) => [team, status])).toEqual(
    teams.toSorted().map((team) => [team, 'carried_forward']),
  );
});
