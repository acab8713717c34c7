/** Markup that is safe to put into a page. */
export class Html {
  constructor(readonly markup: string) {}
}
type Content = Html | string | number | null | undefined | Content[];

/** A template whose values are escaped unless they are markup themselves. */
export function html(strings: TemplateStringsArray, ...values: Content[]): Html {
  return new Html(
    strings.map((part, n) => part + (n < values.length ? render(values[n]) : '')).join(''),
  );
}

function render(value: Content): string {
  if (value instanceof Html) return value.markup;
  if (Array.isArray(value)) return value.map(render).join('');
  return String(value ?? '').replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);
}

const STYLE = `
  body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem; color: #1a1f36; }
  table { border-collapse: collapse; width: 100%; margin: .5rem 0 2rem; }
  th, td { text-align: left; padding: .4rem .6rem; border-bottom: 1px solid #e3e8ee; vertical-align: top; }
  th { font-weight: 600; color: #4f566b; }
  form { display: inline; }
  button, select, input { font: inherit; padding: .25rem .7rem; border-radius: 6px; border: 1px solid #c1c9d2; background: #fff; }
  button { cursor: pointer; background: #533afd; border-color: #533afd; color: #fff; }
  code { font-size: .85em; color: #4f566b; }
  .error { background: #fde8e8; padding: .6rem 1rem; border-radius: 6px; }
  iframe { width: 100%; height: 30rem; border: 1px solid #e3e8ee; }
  pre { white-space: pre-wrap; background: #f6f8fa; padding: 1rem; }
`;

export function page(title: string, body: Html): string {
  return html`<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${title} · Sandbox</title>
<meta name="viewport" content="width=device-width"><style>${new Html(STYLE)}</style></head>
<body><h1>${title}</h1>${body}</body></html>`.markup;
}

export function money(amount: number | null, currency: string | null): string {
  return new Intl.NumberFormat('id-ID', { style: 'currency', currency: currency ?? 'idr' }).format(
    (amount ?? 0) / 100,
  );
}

export function time(seconds: number): string {
  return new Date(seconds * 1000).toISOString().replace('T', ' ').replace('.000Z', ' UTC');
}
