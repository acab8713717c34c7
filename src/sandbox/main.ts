import { parseArgs } from 'node:util';
import { startSandbox } from './sandbox.js';

const { values } = parseArgs({
  options: {
    port: { type: 'string', default: '4000' },
    host: { type: 'string', default: '127.0.0.1' },
    file: { type: 'string' },
    'webhook-url': { type: 'string' },
  },
});
const url = values['webhook-url'];
const secret = process.env.SANDBOX_WEBHOOK_SECRET;
if (url !== undefined && !secret)
  throw new Error('--webhook-url needs SANDBOX_WEBHOOK_SECRET in the environment.');

const sandbox = await startSandbox({
  host: values.host,
  port: Number(values.port),
  ...(values.file === undefined ? {} : { file: values.file }),
  ...(url !== undefined && secret ? { webhook: { url, secret } } : {}),
});
process.send?.('ready');

for (const signal of ['SIGTERM', 'SIGINT'] as const)
  process.once(signal, () => {
    void sandbox.close().then(() => process.exit(0));
  });
