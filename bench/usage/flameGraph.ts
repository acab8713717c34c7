/** The parts of V8's `.cpuprofile` that are read. */
export interface CpuProfile {
  nodes: {
    id: number;
    callFrame: { functionName: string; url: string; lineNumber: number };
    children?: number[];
  }[];
  samples: number[];
  /** Microseconds before each sample. */
  timeDeltas: number[];
}

interface Frame {
  name: string;
  url: string;
  time: number;
  children: Map<string, Frame>;
}

const WIDTH = 1_200;
const ROW = 17;
/** Narrower ones can't be seen, and are most of a profile. */
const LEAST_WIDTH = 0.6;

/** A profile as a picture: each box a function, as wide as its share of the time, below its caller. */
export function flameGraph(profile: CpuProfile, title: string): string {
  const root = frames(profile);
  const boxes: string[] = [];
  const deepest = draw(root, 0, 0, WIDTH / root.time, root.time, boxes);
  const height = (deepest + 3) * ROW;
  const busy = `${(root.time / 1e6).toFixed(1)} s busy`;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="monospace" font-size="11">
<rect width="100%" height="100%" fill="#fff"/>
<text x="4" y="14">${escaped(title)}: ${busy}. Orange: Tagih, blue: packages, grey: Node</text>
${boxes.join('\n')}
</svg>
`;
}

/** The calls of all samples in one tree; time in which nothing ran is left out. */
function frames({ nodes, samples, timeDeltas }: CpuProfile): Frame {
  const own = new Map<number, number>();
  for (const [index, id] of samples.entries()) {
    own.set(id, (own.get(id) ?? 0) + (timeDeltas[index] ?? 0));
  }
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const root: Frame = { name: 'all', url: '', time: 0, children: new Map() };
  const visit = (id: number, parent: Frame): number => {
    const node = byId.get(id);
    if (node === undefined || node.callFrame.functionName === '(idle)') return 0;
    const { functionName, url, lineNumber } = node.callFrame;
    const key = `${functionName} ${url}:${lineNumber}`;
    const frame = parent.children.get(key) ?? {
      name: functionName || '(anonymous)',
      url: url === '' ? '' : `${url}:${lineNumber + 1}`,
      time: 0,
      children: new Map(),
    };
    parent.children.set(key, frame);
    const below = (node.children ?? []).reduce((sum, child) => sum + visit(child, frame), 0);
    const time = (own.get(id) ?? 0) + below;
    frame.time += time;
    return time;
  };
  const [first] = nodes;
  // V8's own root holds all others.
  for (const child of first?.children ?? []) root.time += visit(child, root);
  return root;
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
      `<g><title>${escaped(`${child.name} ${place(child.url)} ${share} %`)}</title><rect x="${left.toFixed(1)}" y="${y}" width="${(width - 0.3).toFixed(1)}" height="${ROW - 1}" fill="${colour(child.url)}"/><text x="${(left + 2).toFixed(1)}" y="${y + 12}">${escaped(label)}</text></g>`,
    );
    deepest = Math.max(deepest, draw(child, left, depth + 1, scale, total, boxes));
    left += width;
  }
  return deepest;
}

/** Without the folders of the machine that it was made on. */
const place = (url: string) => url.replace(/^file:.*\/(node_modules|\.cache\/bench)\//, '');

function colour(url: string): string {
  if (url.includes('/node_modules/')) return '#9cc3e6';
  return url.startsWith('file:') ? '#f6a04d' : '#d0d0d0';
}

const escaped = (text: string) =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
