import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';

const page = new URL('../../docs/tour.md', import.meta.url);

/** Each file that the tour links with symbols to read: [`file`](link): `symbol`, `symbol`. */
const stops = [...readFileSync(page, 'utf8').matchAll(/\]\(([^)]+)\): ((?:`\w+`(?:, )?)+)/g)].map(
  ([, link = '', names = '']) => ({ link, symbols: names.match(/\w+/g) ?? [] }),
);

describe('docs/tour.md', () => {
  test('has stops', () => {
    expect(stops.length).toBeGreaterThan(8);
  });

  test.each(stops)('names what is defined in $link', ({ link, symbols }) => {
    const source = readFileSync(new URL(link, page), 'utf8');
    expect(symbols.filter((name) => !isDefined(name, source))).toEqual([]);
  });
});

/** As a declaration, or as a method: two spaces in, and not the end of a statement. */
function isDefined(name: string, source: string): boolean {
  const declaration = `\\b(function|class|const|interface|type) ${name}\\b`;
  const method = `^  ((private|async|get) )*${name}\\(.*[^;]$`;
  return new RegExp(`${declaration}|${method}`, 'm').test(source);
}
