import { executeChild, setCurrentDetails } from '@temporalio/workflow';
import { forEach } from '../src/domain/forEach.js';
import type { Page } from '../src/domain/page.js';
import { closing, overage } from './proxies.js';

const PAGES = 4;

/** How closes go on that began before `records-set-wise`: a child wrote the records of its page, and billed them. */
export async function closeByPages(period: string): Promise<void> {
  const pages = await closing.sealPeriod(period);
  let done = 0;
  await forEach(pages, PAGES, async (page, index) => {
    await executeChild(closePage, {
      workflowId: `close:${period}:${index + 1}`,
      args: [period, page],
      staticSummary: `Teams ${page.first} to ${page.last}`,
    });
    done += 1;
    setCurrentDetails(`${done} of ${pages.length} pages of teams are billed`);
  });
}

/** A page of such a close. */
export async function closePage(period: string, page: Page): Promise<void> {
  await closing.writeRecords(period, page);
  await closing.writeSummaries(period, page);
  await overage().billOverage(period, page);
}
