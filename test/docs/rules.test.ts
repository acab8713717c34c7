import { globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const read = (file: string) => readFileSync(`${root}${file}`, 'utf8');
const explained = new Set(read('docs/rules.md').match(/(?<=\*\*)R\d+(?=\*\*)/g));

test('every rule that is named anywhere is explained in docs/rules.md', () => {
  const files = globSync(
    ['{src,workflows,activities,test,demo,docs}/**/*.{ts,tsx,sql,md}', '*.md'],
    { cwd: root },
  );
  const unexplained = files.flatMap((file) =>
    (read(file).match(/\bR\d+\b/g) ?? [])
      .filter((rule) => !explained.has(rule))
      .map((rule) => `${file}: ${rule}`),
  );
  expect(unexplained).toEqual([]);
});
