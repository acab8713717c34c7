// node setup/downloadTemporal.mjs VERSION FOLDER: lets Temporal's SDK download the CLI, and prints
// the file's path. A process of its own, for the SDK's runtime stays in the one that it is used in.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { TestWorkflowEnvironment } from '@temporalio/testing';

const [version = 'default', downloadDir = '.'] = process.argv.slice(2);
const environment = await TestWorkflowEnvironment.createLocal({
  server: { executable: { type: 'cached-download', version, downloadDir } },
});
await environment.teardown();
const [file = ''] = readdirSync(downloadDir).filter((name) => name.startsWith('temporal-'));
process.stdout.write(join(downloadDir, file));
