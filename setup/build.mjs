// Fills `dist/`, or the folder that is named, with all that production runs beside its packages.
import { cpSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { bundleWorkflowCode, DefaultLogger } from '@temporalio/worker';
import { buildClient } from './client.mjs';
import { root, run } from './command.mjs';
import { step } from './printer.mjs';

const dist = resolve(process.argv[2] ?? join(root, 'dist'));
rmSync(dist, { recursive: true, force: true });

await step('Compile', 'compiling TypeScript', () =>
  run(join(root, 'node_modules/.bin/tsc'), ['-p', 'tsconfig.build.json', '--outDir', dist]),
);

cpSync(join(root, 'src/db/migrations'), join(dist, 'src/db/migrations'), { recursive: true });

await step('Client', 'compiling the client', () => buildClient(join(dist, 'client')));

await step('Workflows', 'bundling the workflows', async () => {
  const { code } = await bundleWorkflowCode({
    workflowsPath: join(root, 'workflows/index.ts'),
    logger: new DefaultLogger('WARN'),
  });
  writeFileSync(join(dist, 'workflow-bundle.js'), code);
});
