import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { type Happening, ladderTable, type Stage } from '../../src/domain/dunning.js';

const page = fileURLToPath(new URL('../../docs/architecture.md', import.meta.url));

test('the ladder in docs/architecture.md is the one in the code; `vitest -u` prints it anew', async () => {
  const printed = readFileSync(page, 'utf8').replace(
    /(<!-- ladder:.*?-->\n).*(<!-- \/ladder -->)/s,
    (_, begin, end) => `${begin}\n${table()}\n\n${end}`,
  );
  expect(printed).toContain(table());
  await expect(printed).toMatchFileSnapshot(page);
});

function table(): string {
  const stages = Object.keys(ladderTable) as Stage[];
  const happenings = Object.keys(ladderTable.none) as Happening[];
  const rows = stages.map((stage) => [`**${stage}**`, ...happenings.map((h) => cell(stage, h))]);
  const lines = [
    ['stage', ...happenings.map((h) => `\`${h}\``)],
    ['', ...happenings].map(() => '---'),
  ];
  return [...lines, ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

function cell(stage: Stage, happening: Happening): string {
  const { to, mail } = ladderTable[stage][happening];
  return [to === stage ? 'stays' : to, mail && `\`${mail}\``].filter(Boolean).join(', ');
}
