import { Command } from 'commander';
import { type Environment, readSettings } from '../config.js';
import { migrate } from '../db/migrate.js';

export const migrateCommand = (settings: () => Environment) =>
  new Command('migrate').description('bring the database schema up to date').action(async () => {
    const { DATABASE_URL } = readSettings(settings(), ['DATABASE_URL']);
    await migrate(DATABASE_URL);
    process.stdout.write('The schema is up to date.\n');
  });
