import { expect, test } from 'vitest';
import { type CpuProfile, flameGraph } from '../../bench/usage/flameGraph.js';

const node = (id: number, functionName: string, url: string, children: number[] = []) => ({
  id,
  callFrame: { functionName, url, lineNumber: 6 },
  children,
});

const profile: CpuProfile = {
  nodes: [
    node(1, '(root)', '', [2, 3]),
    node(2, '(idle)', ''),
    node(3, 'record', 'file:///home/me/tagih/.cache/bench/src/services/a.js', [4]),
    node(4, 'query', 'file:///home/me/tagih/node_modules/pg/lib/client.js', [5]),
    node(5, 'submit', 'file:///home/me/tagih/node_modules/pg/lib/query.js'),
  ],
  // The first second is before what is asked for, the last one after it.
  startTime: 5e6,
  samples: [3, 2, 3, 4, 5, 3],
  timeDeltas: [1e6, 4e5, 3e5, 2e5, 1e5, 1e6],
};

test('a flame graph shows functions by their share of the busy time that was measured', () => {
  const picture = flameGraph(profile, 'a <load>', 1, 7e6);
  expect(picture).toContain('a &lt;load>: 0.6 s of 1 s busy');
  const boxes = [...picture.matchAll(/<title>(.*?)<\/title>.*? width="(.*?)"/g)];
  expect(boxes.map(([, title, width]) => [title, width])).toEqual([
    ['record src/services/a.js:7 100.0 %', '1199.7'],
    ['pg  50.0 %', '599.7'],
  ]);
});
