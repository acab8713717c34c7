import { sleep } from '@temporalio/workflow';
import * as unchanged from '../../workflows/index.js';

/** A workflow with one step more, which those that run already have not taken. */
function changed<Args extends unknown[], Result>(workflow: (...args: Args) => Promise<Result>) {
  return async (...args: Args): Promise<Result> => {
    await sleep(1);
    return workflow(...args);
  };
}

export const subscription = changed(unchanged.subscription);
export const mailer = changed(unchanged.mailer);
export const stripeEvent = changed(unchanged.stripeEvent);
export const monthlyCloseRun = changed(unchanged.monthlyCloseRun);
export const close = changed(unchanged.close);
export const usageRetention = changed(unchanged.usageRetention);
export const billPage = changed(unchanged.billPage);
export const closePage = changed(unchanged.closePage);
export const reconciliation = changed(unchanged.reconciliation);
