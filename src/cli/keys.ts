import { Command, Option } from 'commander';
import type { Environment } from '../config.js';
import { listApiKeys, revokeApiKey, type Scope, scopes } from '../db/apiKeys.js';
import { createApiKey } from '../services/apiKeys.js';
import { withLedger } from './ledger.js';
import { print } from './print.js';

interface CreateOptions {
  name: string;
  scope: Scope[];
  team?: string;
  json?: boolean;
}

export function keysCommand(settings: () => Environment): Command {
  const keys = new Command('keys').description('keys of the API; only their hashes are kept');
  keys
    .command('create')
    .description('make a key and show it, this once')
    .requiredOption('--name <name>', 'what the key is for')
    .addOption(
      new Option('--scope <scope...>', 'what it may do; may be given several times')
        .choices([...scopes])
        .makeOptionMandatory(),
    )
    .option('--team <teamId>', 'bind it to one team')
    .option('--json', 'print JSON')
    .action(async ({ name, scope, team, json }: CreateOptions) => {
      const wanted = { name, scopes: [...new Set(scope)], teamId: team ?? null };
      const created = await withLedger(settings, (pool) => createApiKey(pool, wanted));
      const { id, key, scopes: granted, teamId } = created;
      const shown = { id, name, key, scopes: granted, teamId };
      process.stdout.write(json ? `${JSON.stringify(shown, null, 2)}\n` : `${id}\n${key}\n`);
    });
  keys
    .command('list')
    .description('all keys, without the keys themselves')
    .option('--json', 'print JSON')
    .action(async ({ json }: { json?: boolean }) => {
      print(await withLedger(settings, listApiKeys), json ?? false);
    });
  keys
    .command('revoke')
    .argument('<id>', 'the id of the key, key_…')
    .description('make a key useless, at once')
    .action(async (id: string) => {
      const known = await withLedger(settings, (pool) => revokeApiKey(pool, id));
      if (!known) throw new Error(`No key has the id ${id}.`);
      process.stdout.write(`${id} is revoked.\n`);
    });
  return keys;
}
