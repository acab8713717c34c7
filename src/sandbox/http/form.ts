export type FormValue = string | FormValue[] | { [key: string]: FormValue };
type Tree = { [key: string]: string | Tree };

/** Reads a form body or a query as Stripe does: `items[0][price]=x`, `expand[]=a`, `metadata[k]=v`. */
export function parseForm(text: string): { [key: string]: FormValue } {
  const root: Tree = {};
  for (const [name, value] of new URLSearchParams(text)) {
    const keys = [
      name.replace(/\[.*$/s, ''),
      ...[...name.matchAll(/\[([^\]]*)\]/g)].map((m) => m[1] ?? ''),
    ];
    put(root, keys, value);
  }
  return Object.fromEntries(Object.entries(root).map(([key, value]) => [key, settle(value)]));
}

function put(node: Tree, [first = '', ...rest]: string[], value: string): void {
  const key = first === '' ? String(Object.keys(node).length) : first;
  if (rest.length === 0) {
    node[key] = value;
    return;
  }
  const child = node[key];
  const next: Tree = typeof child === 'object' ? child : Object.create(null);
  node[key] = next;
  put(next, rest, value);
}

function settle(value: string | Tree): FormValue {
  if (typeof value === 'string') return value;
  const entries = Object.entries(value).map(([key, child]) => [key, settle(child)] as const);
  const isList = entries.every(([key]) => /^\d+$/.test(key));
  return isList ? entries.map(([, child]) => child) : Object.fromEntries(entries);
}
