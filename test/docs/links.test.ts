import { existsSync, globSync, readFileSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const pages = globSync('{README,CHANGELOG,docs/**/*}.md', { cwd: root });

test('there are pages to check', () => {
  expect(pages).toContain('docs/tour.md');
});

test.each(pages)('every relative link of %s leads to a file', (page) => {
  const url = pathToFileURL(`${root}${page}`);
  const matches = readFileSync(url, 'utf8').matchAll(/\]\((?!https?:|#)([^)\s#]+)/g);
  const links = [...matches].map(([, link = '']) => link);
  expect(links.filter((link) => !existsSync(new URL(link, url)))).toEqual([]);
});
