// `npm run bench`: the benchmarks, each beside its baseline in the same run.
import { existsSync } from 'node:fs';
import { Command, InvalidArgumentError } from 'commander';
import { type CloseOptions, close, parts as closeParts } from './close/close.js';
import { type CrashOptions, crash } from './usage/crash.js';
import { scenarios } from './usage/scenarios.js';
import { type UsageOptions, usage } from './usage/usage.js';
import { parts, type WebhookOptions, webhooks } from './webhooks/webhooks.js';

function positive(text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new InvalidArgumentError('It must be a number above 0.');
  return value;
}

function wholePositive(text: string): number {
  if (!/^[1-9]\d*$/.test(text))
    throw new InvalidArgumentError('It must be a whole number above 0.');
  return Number(text);
}

const names = scenarios.map(({ name }) => name).join(', ');
const usageCommand = new Command('usage')
  .description('recording usage, against the obvious implementation')
  .option('--only <names...>', `scenarios to run, of ${names}`, [])
  .option('--rounds <n>', 'how often each is measured', wholePositive, 5)
  .option('--seconds <n>', 'how long each time', positive, 4)
  .option('--results <folder>', 'where results are written', 'bench/results')
  .option('--growth', 'how cost grows with what is stored, with teams and with servers', false)
  .option('--profile', 'leave a CPU profile and a flame graph of the server', false)
  .action((options: UsageOptions) => usage(options));

const crashCommand = new Command('crash')
  .description('recording usage while the server and Postgres are killed, again and again')
  .option('--servers <n>', 'how often the server is killed', wholePositive, 20)
  .option('--postgres <n>', 'how often Postgres is killed', wholePositive, 12)
  .action((options: CrashOptions) => crash(options));

const webhooksCommand = new Command('webhooks')
  .description('events of Stripe: accepting them, against a bare webhook; a burst; the relay')
  .option('--only <names...>', `parts to run, of ${parts.join(', ')}`, [])
  .option('--rounds <n>', 'how often each is measured', wholePositive, 5)
  .option('--seconds <n>', 'how long each time', positive, 4)
  .option('--results <folder>', 'where results are written', 'bench/results')
  .action((options: WebhookOptions) => webhooks(options));

const closeCommand = new Command('close')
  .description("a month's close by the number of teams, against the obvious implementation")
  .option('--only <names...>', `parts to run, of ${closeParts.join(', ')}`, [])
  .option(
    '--teams <n...>',
    'of how many teams a month is closed (default: 1000 10000 100000)',
    (text, before: number[] = []) => [...before, wholePositive(text)],
  )
  .option('--results <folder>', 'where results are written', 'bench/results')
  .action((options: CloseOptions) => close(options));

const program = new Command('npm run bench --')
  .description('The benchmarks; without a name, all of them.')
  .addCommand(usageCommand)
  .addCommand(webhooksCommand)
  .addCommand(closeCommand)
  .addCommand(crashCommand)
  .action(async () => {
    for (const command of [usageCommand, webhooksCommand, closeCommand, crashCommand]) {
      await command.parseAsync([], { from: 'user' });
    }
  });

try {
  if (!existsSync('/proc/self/stat')) {
    throw new Error('Processor time and memory are read from /proc: run this on Linux.');
  }
  await program.parseAsync();
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
// A run that was interrupted leaves promises that nothing will settle.
process.exit();
