/** The parts of V8's `.cpuprofile` that are read. */
export interface CpuProfile {
  nodes: {
    id: number;
    callFrame: { functionName: string; url: string; lineNumber: number };
    children?: number[];
  }[];
  /** Microseconds of the machine's monotonic clock. */
  startTime: number;
  samples: number[];
  /** Microseconds before each sample. */
  timeDeltas: number[];
}

interface Frame {
  name: string;
  /** Where it is, empty for what has no source. */
  place: string;
  kind: 'own' | 'package' | 'node' | 'native';
  time: number;
  children: Map<string, Frame>;
}

const WIDTH = 1_200;
const ROW = 17;
/** Narrower ones can't be seen, and are most of a profile. */
const LEAST_WIDTH = 0.6;

/**
 * The `seconds` of a profile up to `end` (microseconds of the monotonic clock) as a picture: each box as
 * wide as its share of the time, below its caller. Calls within a package, or within Node, are one box.
 */
export function flameGraph(
  profile: CpuProfile,
  title: string,
  seconds: number,
  end: number,
): string {
  const root = frames(profile, end - seconds * 1e6, end);
  const boxes: string[] = [];
  const deepest = draw(root, 0, 0, WIDTH / root.time, root.time, boxes);
  const height = (deepest + 3) * ROW;
  const busy = `${(root.time / 1e6).toFixed(1)} s of ${seconds} s busy`;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="monospace" font-size="11">
<title>Flame graph: ${escaped(title)}</title>
<rect width="100%" height="100%" fill="#fff"/>
<text x="4" y="14">${escaped(title)}: ${busy}. Orange: Tagih, blue: packages, grey: Node</text>
${boxes.join('\n')}
</svg>
`;
}

/** The calls of all samples of a while in one tree; time in which nothing ran is left out. */
function frames(
  { nodes, startTime, samples, timeDeltas }: CpuProfile,
  begin: number,
  end: number,
): Frame {
  const own = new Map<number, number>();
  let at = startTime;
  for (const [index, id] of samples.entries()) {
    const time = timeDeltas[index] ?? 0;
    at += time;
    if (at > begin && at <= end) own.set(id, (own.get(id) ?? 0) + time);
  }
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const root: Frame = { name: 'all', place: '', kind: 'own', time: 0, children: new Map() };
  const visit = (id: number, parent: Frame): number => {
    const node = byId.get(id);
    if (node === undefined || node.callFrame.functionName === '(idle)') return 0;
    const called = frameOf(node.callFrame);
    const key = `${called.name} ${called.place}`;
    const grouped = called.kind === 'package' || called.kind === 'node';
    const within = grouped && called.name === parent.name;
    const frame = within ? parent : (parent.children.get(key) ?? called);
    if (!within) parent.children.set(key, frame);
    const below = (node.children ?? []).reduce((sum, child) => sum + visit(child, frame), 0);
    const time = (own.get(id) ?? 0) + below;
    if (!within) frame.time += time;
    return time;
  };
  // V8's own root holds all others.
  for (const child of nodes[0]?.children ?? []) root.time += visit(child, root);
  return root;
}

function frameOf({
  functionName,
  url,
  lineNumber,
}: CpuProfile['nodes'][number]['callFrame']): Frame {
  const frame = { time: 0, children: new Map() };
  const [, packaged] = /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url) ?? [];
  if (packaged !== undefined) return { ...frame, name: packaged, place: '', kind: 'package' };
  if (url.startsWith('node:')) return { ...frame, name: 'node', place: '', kind: 'node' };
  if (url === '') return { ...frame, name: functionName, place: '', kind: 'native' };
  // Without the folders of the machine that it was made on.
  const place = `${url.replace(/^.*\/\.cache\/bench\//, '')}:${lineNumber + 1}`;
  return { ...frame, name: functionName || place.replace(/^.*\//, ''), place, kind: 'own' };
}

/** Draws a frame's children and theirs; the depth of the deepest. */
function draw(
  frame: Frame,
  x: number,
  depth: number,
  scale: number,
  total: number,
  boxes: string[],
): number {
  let left = x;
  let deepest = depth;
  for (const child of [...frame.children.values()].sort((a, b) => b.time - a.time)) {
    const width = child.time * scale;
    if (width < LEAST_WIDTH) continue;
    const y = (depth + 1.5) * ROW;
    const share = ((100 * child.time) / total).toFixed(1);
    const label = width > 30 ? child.name.slice(0, Math.floor((width - 4) / 6.6)) : '';
    boxes.push(
      `<g><title>${escaped(`${child.name} ${child.place} ${share} %`)}</title><rect x="${left.toFixed(1)}" y="${y}" width="${(width - 0.3).toFixed(1)}" height="${ROW - 1}" fill="${colours[child.kind]}"/><text x="${(left + 2).toFixed(1)}" y="${y + 12}">${escaped(label)}</text></g>`,
    );
    deepest = Math.max(deepest, draw(child, left, depth + 1, scale, total, boxes));
    left += width;
  }
  return deepest;
}

const colours = { own: '#f6a04d', package: '#9cc3e6', node: '#d0d0d0', native: '#e2e2e2' };

const escaped = (text: string) =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
