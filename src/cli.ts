// `npm run tagih -- COMMAND`: what operators do from a shell.
import { resolve } from 'node:path';
import { Command } from 'commander';
import { closeCommand } from './cli/closeCommand.js';
import { eventsCommand } from './cli/events.js';
import { explainCommand } from './cli/explain.js';
import { exportCommand } from './cli/export.js';
import { importCommand } from './cli/import.js';
import { keysCommand } from './cli/keys.js';
import { migrateCommand } from './cli/migrate.js';
import { resyncCommand } from './cli/resync.js';
import { type Environment, environment } from './config.js';
import { localSettings } from './dev/localSettings.js';

/** The environment, over the settings of an `npm start` that runs on `DATA_DIR`. */
function settings(): Environment {
  const given = environment();
  return { ...localSettings(resolve(given['DATA_DIR'] ?? '.tagih')), ...given };
}

const program = new Command('tagih')
  .description('Billing for software that sells AI by the token')
  .addCommand(migrateCommand(settings))
  .addCommand(keysCommand(settings))
  .addCommand(closeCommand(settings))
  .addCommand(explainCommand(settings))
  .addCommand(exportCommand(settings))
  .addCommand(resyncCommand(settings))
  .addCommand(importCommand(settings))
  .addCommand(eventsCommand(settings));

try {
  await program.parseAsync();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
